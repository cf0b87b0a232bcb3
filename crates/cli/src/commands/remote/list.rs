//! `ps`, and which containers `--all` and `--filter` mean.

use std::collections::BTreeMap;

use client_docker::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::stats::Row;
use super::super::{list, several};
use super::{Far, filters};
use crate::arguments::Matches;
use crate::failure::Failure;

/// `ContainerSummary` of the API, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Summary {
    id: String,
    names: Option<Vec<String>>,
    image: String,
    command: String,
    created: i64,
    ports: Option<Vec<Port>>,
    labels: Option<BTreeMap<String, String>>,
    state: String,
    status: String,
    size_rw: Option<u64>,
    size_root_fs: Option<u64>,
    network_settings: Option<Settings>,
    mounts: Option<Vec<Mount>>,
    #[serde(skip)]
    shown_ports: String,
    #[serde(skip)]
    no_labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Settings {
    networks: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Mount {
    r#type: String,
    name: String,
    source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Port {
    #[serde(rename = "IP")]
    ip: String,
    private_port: u16,
    public_port: u16,
    r#type: String,
}

pub(in crate::commands) fn ps(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let last = matches.value("last").and_then(|text| text.parse::<i64>().ok());
    let last = last.filter(|last| *last > 0).or(matches.on("latest").then_some(1));
    list::show(matches, |all, sizes, see| {
        let request = Request::get(&["containers", "json"])
            .with_on("all", all)
            .with_on("size", sizes)
            .with_some("limit", last.map(|last| last.to_string()))
            .with_some("filters", filters(matches.values("filter")));
        let all: Vec<Summary> = read(far, request)?;
        let _enough = all.into_iter().try_for_each(|one| see(one.settled()));
        Ok(())
    })
}

pub(super) fn read<T: DeserializeOwned>(
    far: &Far,
    request: Request<'_>,
) -> Result<Vec<T>, Failure> {
    let all: Option<Vec<T>> = far.client.send(request)?.document()?;
    Ok(all.unwrap_or_default())
}

/// The containers of the line: those that are named, or of those that flags choose the ones whose state is one of `states`; without any, all.
pub(super) fn chosen(
    far: &Far,
    matches: &Matches,
    command: &'static str,
    states: &[&str],
) -> Result<Vec<String>, Failure> {
    if let Some(names) = several::named(matches, command)? {
        return Ok(names);
    }
    let request = Request::get(&["containers", "json"])
        .with_on("all", true)
        .with_some("filters", filters(matches.values("filter")));
    let all: Vec<Summary> = read(far, request)?;
    let suits = |one: &Summary| states.is_empty() || states.contains(&one.state.as_str());
    Ok(all.into_iter().filter(suits).map(|one| one.name()).collect())
}

impl Summary {
    fn settled(mut self) -> Self {
        let ports = self.ports.take().unwrap_or_default();
        let shown = ports.iter().map(|port| {
            let own = format!("{}/{}", port.private_port, port.r#type);
            match (port.ip.as_str(), port.public_port) {
                (_, 0) => own,
                ("", public) => format!("{public}->{own}"),
                (ip, public) if ip.contains(':') => format!("[{ip}]:{public}->{own}"),
                (ip, public) => format!("{ip}:{public}->{own}"),
            }
        });
        self.shown_ports = shown.collect::<Vec<_>>().join(", ");
        self
    }

    /// The beginning of its id.
    pub(super) fn short(&self) -> String {
        self.id.get(..12).unwrap_or(&self.id).to_owned()
    }

    /// Who it is.
    pub(super) fn row(&self) -> Row {
        Row { id: self.id.clone(), name: self.name() }
    }

    /// Its own name: those of old links have a slash more.
    pub(super) fn name(&self) -> String {
        let names = self.names.as_deref().unwrap_or_default();
        let mut own = names.iter().map(|name| name.strip_prefix('/').unwrap_or(name));
        own.find(|name| !name.contains('/')).unwrap_or(&self.id).to_owned()
    }
}

impl list::Listed for Summary {
    fn id(&self) -> &str {
        &self.id
    }

    fn image(&self) -> &str {
        &self.image
    }

    fn command(&self) -> &str {
        &self.command
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn status(&self) -> String {
        self.status.clone()
    }

    fn state(&self) -> &str {
        &self.state
    }

    fn ports(&self) -> &str {
        &self.shown_ports
    }

    fn names(&self) -> String {
        let names = self.names.iter().flatten();
        names.map(|name| name.strip_prefix('/').unwrap_or(name)).collect::<Vec<_>>().join(",")
    }

    fn labels(&self) -> &BTreeMap<String, String> {
        self.labels.as_ref().unwrap_or(&self.no_labels)
    }

    fn mounts(&self) -> Vec<String> {
        let shown = |mount: &Mount| {
            if mount.name.is_empty() { mount.source.clone() } else { mount.name.clone() }
        };
        self.mounts.iter().flatten().filter(|mount| mount.r#type != "tmpfs").map(shown).collect()
    }

    fn local_volumes(&self) -> usize {
        self.mounts.iter().flatten().filter(|mount| mount.r#type == "volume").count()
    }

    fn networks(&self) -> String {
        let networks = self.network_settings.as_ref().and_then(|own| own.networks.as_ref());
        let names = networks.into_iter().flatten().map(|(name, _)| name.as_str());
        names.collect::<Vec<_>>().join(",")
    }

    fn sizes(&self) -> Option<(u64, u64)> {
        self.size_root_fs.map(|all| (self.size_rw.unwrap_or(0), all))
    }
}
