//! CNI: interfaces that programs of others make. A list of plugins is run for a network namespace, one after the other, and backwards at its end.
//!
//! What a container was attached to is written down before the first plugin runs and goes when the last one has taken back what it did, so
//! that a crash at any moment leaves a record for [`detach_all`]. Start at [`attach`]. Source: the Container Network Interface
//! specification 1.0.0, "Section 2" and "Section 4".

mod answer;
mod config;
mod error;
mod plugin;
mod record;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use spec::network::HardwareAddress;

use crate::attachment::PortMapping;

pub use answer::{Answer, Dns};
pub use config::ConfigList;
pub use error::CniError;
pub use record::Record;

use plugin::Command;

/// A container's place in a network of plugins, as plain data: hand-offs hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The plugins.
    pub list: ConfigList,
    /// Where their programs are.
    pub programs: Vec<PathBuf>,
    /// The container's id.
    pub container: String,
    /// Its name.
    pub name: String,
    /// Name of the interface in it.
    pub interface: String,
    /// Addresses that it wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// The hardware address that it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareAddress>,
    /// Further names of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Ports of the machine that lead to it; the container's address is not known before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortMapping>,
}

/// Attaches a container's network namespace by its plugins, and writes that down in `directory`. When one of them fails, all take back what
/// they did.
///
/// # Errors
/// What the plugin says; when the record cannot be written; when the container is given another address than it wants.
pub fn attach(place: &Place, namespace: &Path, directory: &Path) -> Result<Answer, CniError> {
    // Before anything is done that one that is missing could not take back.
    for plugin in &place.list.plugins {
        plugin::find(config::kind(plugin), &place.programs)?;
    }
    let mut record = Record { place: place.clone(), answer: None };
    record.write(directory)?;
    let added = add(place, namespace).and_then(|answer| {
        record.answer = Some(answer);
        record.write(directory)?;
        record.answer()?.meets(place)
    });
    match added {
        Ok(answer) => Ok(answer),
        Err(error) => {
            // The first error tells more; a record that is kept is tried again.
            let _kept = detach(&record, Some(namespace), directory);
            Err(error)
        }
    }
}

/// Has the plugins take back what every record in `directory` says that they did; each record that they did so for goes.
///
/// # Errors
/// The first one. All are tried.
pub fn detach_all(namespace: Option<&Path>, directory: &Path) -> Result<(), CniError> {
    let mut outcome = Ok(());
    for record in Record::all(directory)?.iter().rev() {
        outcome = outcome.and(detach(record, namespace, directory));
    }
    outcome
}

/// Every plugin once, in their order; each is given what the one before it said.
fn add(place: &Place, namespace: &Path) -> Result<Value, CniError> {
    let mut previous = None;
    for plugin in &place.list.plugins {
        let said = place.call(plugin, Command::Add, Some(namespace), previous.as_ref())?;
        previous = Some(said.ok_or_else(|| CniError::Answer {
            plugin: config::kind(plugin).to_owned(),
            why: "it said nothing".to_owned(),
        })?);
    }
    previous.ok_or_else(|| CniError::Config {
        path: place.list.name.clone(),
        why: "it has no plugins".to_owned(),
    })
}

/// All of them, backwards, whether one fails or not: specification, "Deleting attachments".
fn detach(record: &Record, namespace: Option<&Path>, directory: &Path) -> Result<(), CniError> {
    let place = &record.place;
    // Before 0.4.0 they were not told.
    let previous = record.answer.as_ref().filter(|_| place.list.version != config::OLDEST);
    let mut outcome = Ok(());
    for plugin in place.list.plugins.iter().rev() {
        let deleted = place.call(plugin, Command::Delete, namespace, previous);
        outcome = outcome.and(deleted.map(drop));
    }
    outcome.and_then(|()| record.forget(directory))
}

impl Place {
    /// What people call it.
    #[must_use]
    pub fn network(&self) -> String {
        format!("cni:{}", self.list.name)
    }

    fn call(
        &self,
        plugin: &Map<String, Value>,
        command: Command,
        namespace: Option<&Path>,
        previous: Option<&Value>,
    ) -> Result<Option<Value>, CniError> {
        let kind = config::kind(plugin);
        let program = plugin::find(kind, &self.programs)?;
        let environment = [
            ("CNI_COMMAND", command.word().to_owned()),
            ("CNI_CONTAINERID", self.container.clone()),
            ("CNI_NETNS", namespace.map(|path| path.display().to_string()).unwrap_or_default()),
            ("CNI_IFNAME", self.interface.clone()),
            ("CNI_ARGS", self.arguments()),
            ("CNI_PATH", plugin::path(&self.programs)),
        ];
        let input = Value::Object(self.input(plugin, previous)).to_string();
        plugin::run(kind, &program, &environment, input.as_bytes())
    }

    /// A plugin's configuration as it reads it: specification, "Deriving execution configuration from plugin configuration".
    fn input(&self, plugin: &Map<String, Value>, previous: Option<&Value>) -> Map<String, Value> {
        let mut input = plugin.clone();
        input.remove("capabilities");
        input.insert("name".to_owned(), self.list.name.clone().into());
        input.insert("cniVersion".to_owned(), self.list.version.clone().into());
        let offered = self.capabilities();
        let wanted: Map<String, Value> =
            offered.into_iter().filter(|(name, _)| config::wants(plugin, name)).collect();
        if !wanted.is_empty() {
            input.insert("runtimeConfig".to_owned(), wanted.into());
        }
        if let Some(previous) = previous {
            input.insert("prevResult".to_owned(), previous.clone());
        }
        input
    }

    /// CONVENTIONS.md of the specification, "Dynamic Plugin specific fields".
    fn capabilities(&self) -> Map<String, Value> {
        let mut all = Map::new();
        let mut offer = |name: &str, value: Value| all.insert(name.to_owned(), value);
        if !self.ports.is_empty() {
            let ports = self.ports.iter().map(|port| {
                let host = port.host_address.map(|address| address.to_string());
                json!({
                    "hostPort": port.host_port,
                    "containerPort": port.port,
                    "protocol": port.transport.word(),
                    "hostIP": host.unwrap_or_default(),
                })
            });
            offer("portMappings", ports.collect());
        }
        if !self.addresses.is_empty() {
            offer("ips", self.addresses.iter().map(ToString::to_string).collect());
        }
        if let Some(hardware) = self.hardware {
            offer("mac", hardware.to_string().into());
        }
        if !self.aliases.is_empty() {
            offer("aliases", json!({ self.list.name.clone(): self.aliases }));
        }
        all
    }

    /// `CNI_ARGS`, the older way to say it, for plugins that know no other.
    fn arguments(&self) -> String {
        let mut arguments = format!("IgnoreUnknown=1;K8S_POD_NAME={}", self.name);
        let mut add = |name: &str, value: String| {
            arguments.push(';');
            arguments.push_str(name);
            arguments.push('=');
            arguments.push_str(&value);
        };
        // It holds one address alone.
        if let ([address], false) = (self.addresses.as_slice(), self.list.has_capability("ips")) {
            add("IP", address.to_string());
        }
        if let (Some(hardware), false) = (self.hardware, self.list.has_capability("mac")) {
            add("MAC", hardware.to_string());
        }
        arguments
    }
}

#[cfg(test)]
mod tests;
