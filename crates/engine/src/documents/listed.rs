//! A container in a list, as the API's `GET /containers/json` has it. Source: Docker Engine API 1.41, `ContainerSummary`.

use serde_json::{Value, json};

use super::{Content, Document};
use crate::config::MountSource;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::list::{Row, network_name};
use crate::places::{host_address, networks_document, ports_of, said_to_be_there};

impl Containers<'_> {
    /// Docker's document of a row.
    ///
    /// # Errors
    /// When a volume's record cannot be read.
    pub fn listed(&self, row: &Row) -> Result<Document, EngineError> {
        let (record, config) = (&row.container.record, &row.container.config);
        let mounts = config.mounts.iter();
        let mounts =
            mounts.filter(|mount| mount.source != MountSource::Tmpfs || mount.is_written_out);
        let mounts = mounts.map(|mount| self.mount(mount)).collect::<Result<_, _>>()?;
        let host = Document::new()
            .with("NetworkMode", network_name(&row.container.config))
            .with_filled("Annotations", json!(config.annotations));
        let networks = Document::new().with("Networks", networks_document(&row.places));
        Ok(Document::new()
            .with("Id", record.id.as_str())
            .with("Names", vec![format!("/{}", record.name)])
            .with("Image", record.image_name.clone())
            .with("ImageID", record.image.as_ref().map(ToString::to_string).unwrap_or_default())
            .with("Command", row.command.clone())
            .with("Created", record.created_ns / 1_000_000_000)
            .with("Ports", ports(row))
            .with_asked("SizeRw", row.size_bytes)
            .with_asked("SizeRootFs", row.virtual_size_bytes)
            .with("Labels", json!(config.labels))
            .with("State", row.container.state.word())
            .with("Status", row.status())
            .with("HostConfig", host)
            .with("NetworkSettings", networks)
            .with("Mounts", Content::List(mounts)))
    }
}

/// Those that lead in, then those that are only said to be there.
fn ports(row: &Row) -> Value {
    let given = ports_of(&row.places);
    let published = given.iter().map(|port| {
        let mut shown = serde_json::Map::new();
        if port.host_port != 0 {
            shown.insert("IP".to_owned(), host_address(port).into());
        }
        shown.insert("PrivatePort".to_owned(), port.port.into());
        if port.host_port != 0 {
            shown.insert("PublicPort".to_owned(), port.host_port.into());
        }
        shown.insert("Type".to_owned(), port.transport.word().into());
        Value::Object(shown)
    });
    let is_published = |number: u16, word: &str| {
        given.iter().any(|port| port.port == number && port.transport.word() == word)
    };
    let exposed = said_to_be_there(&row.container).iter().filter_map(|text| {
        let (number, word) = text.split_once('/')?;
        let number = number.parse().ok()?;
        (!is_published(number, word)).then(|| json!({"PrivatePort": number, "Type": word}))
    });
    published.chain(exposed).collect()
}
