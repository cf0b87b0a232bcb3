//! What the engine tells the monitor, as a file in the state directory: all that is needed to start a container, again and again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use libcontainer::Plan;
use serde::{Deserialize, Serialize};

use crate::console::ConsoleRules;
use crate::events::Events;
use crate::health::HealthRules;
use crate::keeper::KeeperRules;
use crate::log::LogRules;
use crate::plugged::CniRules;
use crate::restart::RestartPolicy;
use crate::restore::RestoreRules;

/// Version of the form that this program writes; it reads this and every earlier one.
pub const HANDOFF_VERSION: u32 = 1;

/// File name in the state directory.
pub(crate) const FILE: &str = "handoff.json";
/// The places in networks that it is to have from now on.
pub(crate) const NETWORKS: &str = "networks.json";

/// Everything that a monitor knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandOff {
    /// [`HANDOFF_VERSION`] of the program that wrote it.
    pub version: u32,
    /// The container's id.
    pub id: String,
    /// What to start.
    pub plan: Plan,
    /// Directory for what does not survive a reboot: socket, state, this file.
    pub state_dir: PathBuf,
    /// Directory for what does: log, exit status.
    pub container_dir: PathBuf,
    /// Its places in networks; nothing where it has no network of its own, or one that nobody is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<NetworkPlan>,
    /// Interfaces of its network namespace that nobody's records know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<network::OwnInterface>,
    /// The namespaces of the user whose container it is, if he is not root of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<KeeperRules>,
    /// Whether its filter asks this process for calls, see `emulation.rs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emulates: bool,
    /// Whether its first process is an init, whose reboot is the container's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_system: bool,
    /// What there is about its console.
    #[serde(default, skip_serializing_if = "is_default")]
    pub console: ConsoleRules,
    /// Whether standard input is a pipe that clients can write to; else it is empty.
    pub open_stdin: bool,
    /// Whether standard input ends with the first client that writes to it.
    pub stdin_once: bool,
    /// What is logged.
    pub log: LogRules,
    /// When it is started again.
    #[serde(default)]
    pub restart: RestartPolicy,
    /// How its health is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthRules>,
    /// Variables whose values are not here but among the contents that come beside it: the name, and which one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<(String, u32)>,
    /// How it is stopped.
    #[serde(default)]
    pub stop: StopRules,
    /// After this a run is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// File that the pid of each run is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_file: Option<PathBuf>,
    /// Where its life is told, and as what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventRules>,
    /// What its first run goes on from; those after it begin anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreRules>,
    /// Arguments with which this program removes the container when no client has done so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_remove: Option<Vec<String>>,
}

fn is_default(rules: &ConsoleRules) -> bool {
    *rules == ConsoleRules::default()
}

/// The hand-off of a container that runs, as its monitor has it.
///
/// # Errors
/// When it is gone, or is being written anew.
pub fn read_handoff(state_dir: &std::path::Path) -> std::io::Result<HandOff> {
    Ok(serde_json::from_slice(&std::fs::read(state_dir.join(FILE))?)?)
}

/// A container's places in networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// Name of the machine's tables that know of them.
    pub tables: String,
    /// State directory of all containers.
    #[serde(default)]
    pub state_dir: PathBuf,
    /// The one that leads out first.
    pub places: Vec<network::Attachment>,
    /// What it asks for names, where it does not ask the host's servers itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<NameRules>,
    /// Places in networks of plugins. They are taken when a run begins, and stay as they are until its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cni: Option<CniRules>,
    /// State directory of a user who is not root: processes of his own lead the host's ports in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarder: Option<PathBuf>,
    /// Arguments with which this program brings the places in line with the records, after who changed them was killed in between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settle: Vec<String>,
}

impl NetworkPlan {
    /// The machine's ports that lead to the container.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &network::PortMapping> {
        let plugged = self.cni.iter().flat_map(|rules| &rules.places);
        let own = self.places.iter().flat_map(|place| &place.ports);
        own.chain(plugged.flat_map(|place| &place.ports))
    }
}

/// What a container is called in its networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRules {
    /// Directory of the resolver's socket.
    pub state_dir: PathBuf,
    /// Names, networks and whom unknown names are asked of.
    pub member: network::resolver::Member,
    /// Whether others are to know it. Who is not known needs no resolver before it asks for something itself.
    pub is_known: bool,
}

/// How a container is stopped by its monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRules {
    /// The signal that asks.
    pub signal: i32,
    /// After this it is killed; nothing is patience without end.
    pub patience: Option<Duration>,
}

impl Default for StopRules {
    /// Docker's: SIGTERM, and ten seconds.
    fn default() -> Self {
        Self { signal: libc::SIGTERM, patience: Some(Duration::from_secs(10)) }
    }
}

/// Where a container's life is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRules {
    /// The file.
    pub to: Events,
    /// What each event says of the container: name, image, labels.
    pub attributes: BTreeMap<String, String>,
}
