//! From a container's configuration to what the engine runs for it, and to what its tools do themselves. Start at [`map`].
//!
//! Nothing of the machine is looked at: what a configuration needs of it is in [`Surroundings`]. What is not said is as LXC has it: no
//! capability is taken away, no system call filtered, no device refused, and nothing of `/proc` hidden.
//!
//! No key and no value is passed over: each becomes a field, or is refused by its name with all others that are
//! ([`crate::config::support`] says which key becomes what). Sources: lxc.container.conf(5), and what LXC does.

use std::path::Path;

use engine::CreateRequest;
use engine::config::{ContainerConfig, HostRules, RootFiles};
use libcontainer::seccomp::Architecture;

use crate::config::Config;
use crate::config::check;
use crate::config::support::{Support, support_of};

mod carried;
mod devices;
mod interfaces;
mod limits;
mod mounts;
mod namespaces;
mod process;
mod root;
pub mod seccomp;
mod security;
mod terminals;

pub use carried::{Console, ConsolePlace, SignalNumbers, Tools};

/// Seconds that lxc-stop(1) waits before it kills.
const STOP_TIMEOUT_S: i64 = 60;

/// What a configuration does not say of its container and its machine.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The container's name.
    pub name: &'a str,
    /// Its directory below LXC's, absolute.
    pub directory: &'a Path,
    /// What is to run in it.
    pub purpose: Purpose<'a>,
    /// What uname(2) calls the machine: the name inside where the configuration has none.
    pub host_name: &'a str,
    /// Which version of control groups has the machine's controllers.
    pub groups: GroupVersion,
    /// The group of whoever starts the container, from the root; nothing where it is not the same in all hierarchies.
    pub own_group: Option<&'a Path>,
    /// What the program's architecture is, [`Architecture::native`] but in tests.
    pub architecture: Architecture,
    /// The text of the file that `lxc.mount.fstab` names.
    pub fstab: Option<&'a str>,
    /// The text of the file that `lxc.seccomp.profile` names.
    pub seccomp: Option<&'a str>,
    /// A variable of whoever starts the container.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a path of the machine is there: an optional mount of one that is not is left out.
    pub is_there: &'a dyn Fn(&Path) -> bool,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Surroundings").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is to run in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A system: `lxc.init.cmd`.
    Start,
    /// These words, or without any `lxc.execute.cmd`, below a small first process.
    Execute(&'a [String]),
}

/// A version of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupVersion {
    /// A hierarchy for each controller: `lxc.cgroup`.
    One,
    /// One for all: `lxc.cgroup2`.
    Two,
}

impl GroupVersion {
    /// The key whose names are its files.
    const fn key(self) -> &'static str {
        match self {
            Self::One => "lxc.cgroup",
            Self::Two => "lxc.cgroup2",
        }
    }
}

/// What a configuration becomes.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// What the engine runs.
    pub request: CreateRequest,
    /// What whoever starts, stops and lists containers does.
    pub tools: Tools,
    /// What is as it was written and means nothing here; people are told.
    pub told: Vec<Remark>,
}

/// Something of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The key as it was written.
    pub key: String,
    /// What there is to say of it.
    pub why: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.key, self.why)
    }
}

/// A container cannot be as its configuration has it. Each reason names its key.
#[derive(Debug, thiserror::Error)]
#[error("run {name} as its configuration says: {}", joined(.refusals))]
pub struct Refusals {
    /// The container.
    pub name: String,
    /// At least one.
    pub refusals: Vec<Remark>,
}

fn joined(refusals: &[Remark]) -> String {
    refusals.iter().map(Remark::to_string).collect::<Vec<_>>().join("; ")
}

/// What a configuration becomes in these surroundings.
///
/// # Errors
/// With every key that nobody heeds and every value that nobody can, each with a reason.
pub fn map(config: &Config, around: &Surroundings<'_>) -> Result<Mapped, Refusals> {
    let mut draft = Draft {
        config,
        around,
        engine: start_of(config),
        tools: Tools::of(config),
        told: Vec::new(),
        refusals: Vec::new(),
    };
    draft.refuse_keys();
    process::map(&mut draft);
    security::map(&mut draft);
    interfaces::map(&mut draft);
    namespaces::map(&mut draft);
    security::nesting(&mut draft);
    root::map(&mut draft);
    mounts::map(&mut draft);
    limits::map(&mut draft);
    terminals::map(&mut draft);
    draft.tools.hook_environment = process::hook_environment(&mut draft);
    process::inside_hooks(&mut draft);
    let Draft { engine: config, tools, told, refusals, .. } = draft;
    let name = around.name.to_owned();
    if !refusals.is_empty() {
        return Err(Refusals { name, refusals });
    }
    let request = CreateRequest {
        name: Some(name),
        entrypoint: Some(Vec::new()),
        stop_timeout_s: Some(STOP_TIMEOUT_S),
        config,
        ..CreateRequest::default()
    };
    Ok(Mapped { request, tools, told })
}

/// What every such container is. Its names are in files of its own, and its network is its own to configure: a system does both itself.
fn start_of(config: &Config) -> ContainerConfig {
    let hosts = HostRules { no_hosts: true, no_hostname: true, ..HostRules::default() };
    let has_console = carried::console_place(config) != ConsolePlace::None;
    ContainerConfig { tty: has_console, hosts, plain_network: true, ..ContainerConfig::default() }
}

/// What a configuration has become so far.
struct Draft<'a> {
    config: &'a Config,
    around: &'a Surroundings<'a>,
    engine: ContainerConfig,
    tools: Tools,
    told: Vec<Remark>,
    refusals: Vec<Remark>,
}

impl Draft<'_> {
    fn refuse(&mut self, key: impl Into<String>, why: impl Into<String>) {
        let refusal = Remark { key: key.into(), why: why.into() };
        // What hooks and the first process both have is looked at twice.
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    fn tell(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.told.push(Remark { key: key.into(), why: why.into() });
    }

    /// Refuses keys that nobody heeds, and what keeps any container from starting.
    fn refuse_keys(&mut self) {
        let mut keys: Vec<String> = self.config.entries().into_iter().map(|(key, _)| key).collect();
        keys.dedup();
        for key in keys {
            if let Some(why) = support_of(&key).and_then(Support::refusal) {
                self.refuse(key, why);
            }
        }
        for finding in check::findings(self.config) {
            self.refuse(finding.key(), finding.to_string());
        }
    }

    /// The directory that is its root; nothing where several are merged to one.
    fn root_directory(&self) -> Option<&Path> {
        match &self.engine.rootfs.as_ref()?.in_place()?.files {
            RootFiles::Directory(path) => Some(path),
            RootFiles::Overlay { .. } => None,
        }
    }
}
