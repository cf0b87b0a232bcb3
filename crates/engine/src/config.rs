//! What a container is to the person who made it: the options of `run` and `create`, kept as JSON in its record.
//!
//! Fields only ever grow, and a missing one has its default, so that a newer release reads what an older one wrote. A default never
//! changes: what has it is not written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use monitor::{OnFailure, RestartPolicy};
pub use network::OwnInterface;
use serde::{Deserialize, Serialize};
use spec::Digest;
pub use spec::runtime::TimeOffset;
use store::FrozenId;

mod access;
mod autostart;
mod block_io;
mod group_files;
mod health;
mod hooks;
mod hosts;
mod id_ranges;
mod networks;
mod root;
mod secrets;
mod security;
mod selinux;
mod sharing;
mod terminals;
mod users;

pub use crate::landlock::Landlock;
pub use access::{Access, KernelAccess};
pub use autostart::{Autostart, AutostartChange};
pub use block_io::{BlockIoLimits, DeviceRate};
pub use group_files::GroupFile;
pub use health::HealthCheck;
pub use hooks::InsideHooks;
pub use hosts::HostRules;
pub use id_ranges::{IdRange, IdRanges};
pub use monitor::ConsoleFile;
pub use networks::{NetworkWish, PublishedPort};
pub use root::{RootFiles, RootInPlace, RootPlace};
pub use secrets::{HiddenContent, SecretConfig, SecretPlace};
pub use security::{SeccompChoice, Security};
pub use selinux::SelinuxLabels;
pub use sharing::{IpcMode, PidMode, Sharing};
pub use terminals::{MOST_TERMINALS, TerminalConfig};
pub(crate) use users::text as map_text;
pub use users::{AutoUsers, KeptUser, UserMaps, UserMode};

/// A container's configuration, image and options merged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerConfig {
    /// Program and its leading arguments.
    pub entrypoint: Vec<String>,
    /// Its further arguments, or the program.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Absolute.
    pub workdir: String,
    /// `user[:group]`, names or numbers.
    pub user: String,
    /// Empty is the short id.
    pub hostname: String,
    /// A terminal is wanted.
    pub tty: bool,
    /// Standard input stays open for clients.
    pub open_stdin: bool,
    /// It ends with the first client.
    pub stdin_once: bool,
    /// Its output was wanted by the command that made it.
    pub attached: bool,
    /// Removed when it ends.
    pub auto_remove: bool,
    /// Words of this program's command line that its monitor becomes once it has ended for good. They remove it, too, where that is wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub end_command: Vec<String>,
    /// Programs that are run in its namespaces on its way.
    #[serde(skip_serializing_if = "InsideHooks::is_empty")]
    pub inside_hooks: InsideHooks,
    /// Labels of image and options.
    pub labels: BTreeMap<String, String>,
    /// Signal by which `stop` asks.
    pub stop_signal: i32,
    /// Seconds that `stop` waits; below zero without end.
    pub stop_timeout_s: i64,
    /// Bind mounts, volumes and tmpfs.
    pub mounts: Vec<MountConfig>,
    /// Containers whose mounts it has too, as they were given: `NAME[:ro|:rw]`.
    pub volumes_from: Vec<String>,
    /// Whether the root is read-only.
    pub read_only: bool,
    /// Whose network it has.
    pub network: NetworkMode,
    /// Networks that it wants to be in when it is made. Afterwards they are records of their own: they come and go.
    #[serde(skip)]
    pub networks: Vec<NetworkWish>,
    /// Networks of plugins that it is in; each is called `cni:NAME`.
    pub cni: Vec<NetworkWish>,
    /// Ports of the machine that lead to it.
    pub ports: Vec<PublishedPort>,
    /// Whether every port that it exposes gets one of the machine's.
    pub publish_all: bool,
    /// Limits.
    pub limits: Limits,
    /// Devices of the host.
    pub devices: Vec<DeviceConfig>,
    /// Capabilities added to the default ones, `CAP_…` or `ALL`.
    pub cap_add: Vec<String>,
    /// Capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Everything that protects the host from it is off.
    pub privileged: bool,
    /// Confinement.
    pub security: Security,
    /// Resource limits of processes.
    pub ulimits: Vec<Ulimit>,
    /// Kernel parameters of its namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// Whether it is a whole system, see `whole_system.rs`.
    pub system: bool,
    /// Its terminals.
    pub terminals: TerminalConfig,
    /// Whether process 1 stays ours.
    pub init: bool,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// Whether it is started with the machine.
    pub autostart: Autostart,
    /// How its health is checked; nothing where nobody says so.
    pub health: Option<HealthCheck>,
    /// What happens when it is unhealthy.
    pub health_on_failure: OnFailure,
    /// Which namespaces it shares.
    pub sharing: Sharing,
    /// What it finds in `/etc/hosts` and its like.
    pub hosts: HostRules,
    /// NIS domain name.
    pub domainname: String,
    /// For hooks and for whoever inspects it.
    pub annotations: BTreeMap<String, String>,
    /// The control group that its own is made in; empty is `/corten`.
    pub cgroup_parent: String,
    /// Further groups of its processes, names or numbers.
    pub groups: Vec<String>,
    /// `PORT/PROTOCOL`, beside those of the image.
    pub exposed_ports: Vec<String>,
    /// How readily the kernel ends it when memory runs out, −1000 to 1000.
    pub oom_score_adj: i32,
    /// Size of `/dev/shm`.
    pub shm_bytes: Option<u64>,
    /// Rules such as `c 1:3 rwm`, beside those of its devices.
    pub device_rules: Vec<String>,
    /// Names of CDI devices, `vendor.com/class=name`.
    pub cdi_devices: Vec<String>,
    /// Which of input, output and errors the command that made it was attached to, where that was said.
    pub attach: Option<[bool; 3]>,
    /// Seconds after which a run is killed; 0 is never.
    pub timeout_s: u64,
    /// File of the host that the pid of each run is written to.
    pub pid_file: Option<PathBuf>,
    /// Mode bits that its processes do not give to new files.
    pub umask: Option<u32>,
    /// File of the host that is its time zone.
    pub time_zone: Option<PathBuf>,
    /// What is its root in the place of an image.
    pub rootfs: Option<RootPlace>,
    /// What it may write in file systems of the kernel's.
    pub kernel_access: KernelAccess,
    /// Interfaces beside those of networks, which nobody's records know.
    pub interfaces: Vec<OwnInterface>,
    /// Whether its network is as the kernel makes it: no parameter of ours, and `/etc/resolv.conf` stays the root's.
    pub plain_network: bool,
    /// Files of its control groups that are written after its limits, in this order.
    pub group_files: Vec<GroupFile>,
    /// Whether uname(2) says that the machine has 32 bits.
    pub bits_32: bool,
    /// Whether no other container's processes run beside its own on the threads of a core.
    pub own_cores: bool,
    /// How far its clocks are ahead of the machine's: `monotonic` and `boottime`, time_namespaces(7).
    pub clocks: BTreeMap<String, TimeOffset>,
    /// Layers that are its root in the place of an image, the lowest first: a step of a build, whose lease holds them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Digest>,
    /// What it or those whose clone it is had written before: layers above its image, the lowest first. A list of the store holds them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<FrozenId>,
    /// Ids of the containers that are started before it.
    pub requires: Vec<String>,
    /// Where its output is logged.
    pub log: LogConfig,
    /// Secrets and configs that it is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretConfig>,
    /// What bounds its writable layer: `size`, as given.
    pub storage_options: BTreeMap<String, String>,
}

impl ContainerConfig {
    /// As it is kept: without what has its default, which is most of it. Every list reads the records of thousands.
    ///
    /// # Errors
    /// None that is known of: every field can be JSON.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        let (mut own, default) =
            (serde_json::to_value(self)?, serde_json::to_value(Self::default())?);
        if let (Some(own), Some(default)) = (own.as_object_mut(), default.as_object()) {
            own.retain(|name, value| default.get(name) != Some(value));
        }
        serde_json::to_string(&own)
    }

    /// Whether its control groups are its own to divide.
    pub(crate) fn divides_groups(&self) -> bool {
        self.kernel_access.groups.map_or(self.system, |access| access == Access::Writable)
    }

    /// Bytes that it may write on its own layer; nothing is without end.
    pub(crate) fn bound_bytes(&self) -> Option<u64> {
        self.storage_options.get("size").and_then(|size| spec::bytes::parse(size).ok())
    }
}

/// A log driver and what it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// Its name; empty is `json-file`.
    pub driver: String,
    /// Its options, as given.
    pub options: BTreeMap<String, String>,
}

/// Whose network a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Its own, with a loopback interface and nothing else.
    #[default]
    None,
    /// The host's.
    Host,
    /// That of another container, by its id.
    Container(String),
    /// Its own, with a place in networks; the name of the first one as it was given.
    Networks(String),
}

/// A mount beyond those that every container has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountConfig {
    /// What is mounted.
    pub source: MountSource,
    /// Where, absolute.
    pub target: PathBuf,
    /// Whether it is read-only.
    pub read_only: bool,
    /// Options as in fstab(5).
    #[serde(default)]
    pub options: Vec<String>,
    /// What of the source is mounted; empty is all of it. Links in it end inside the source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// What becomes of the mounts below a bind.
    #[serde(default)]
    pub below: Below,
    /// Whether the source is given to the container's user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub give: bool,
    /// Whether the container's user and the owner of the source change places.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub id_mapped: bool,
    /// Which ids of the source are which instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_ranges: Option<IdRanges>,
    /// Whether the source is to be labelled for the container (`:z`, `:Z`), where there is SELinux.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relabel: bool,
    /// Whether the label is for this container alone (`:Z`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relabel_private: bool,
    /// Whether it was written out as `--mount` has it, and is shown so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_written_out: bool,
}

impl MountConfig {
    /// What of its directory is mounted; an image's part is found before.
    pub(crate) fn part(&self) -> &str {
        if matches!(self.source, MountSource::Image { .. }) { "" } else { &self.subpath }
    }

    /// How its source is labelled, in Podman's word; empty where it is not.
    pub(crate) const fn relabel_word(&self) -> &'static str {
        match (self.relabel, self.relabel_private) {
            (false, _) => "",
            (true, false) => "shared",
            (true, true) => "private",
        }
    }

    /// One without more.
    #[must_use]
    pub const fn new(source: MountSource, target: PathBuf) -> Self {
        Self {
            source,
            target,
            read_only: false,
            options: Vec::new(),
            subpath: String::new(),
            below: Below::Included,
            give: false,
            id_mapped: false,
            id_ranges: None,
            relabel: false,
            relabel_private: false,
            is_written_out: false,
        }
    }
}

/// What becomes of the mounts below a bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Below {
    /// They are there, read-only where the bind is.
    #[default]
    Included,
    /// They are not there.
    Left,
    /// They are there, and stay writable.
    Writable,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountSource {
    /// A file or directory of the host.
    Bind {
        /// Absolute.
        path: PathBuf,
        /// Whether a missing directory is made, as `-v` does.
        create: bool,
    },
    /// A volume.
    Volume {
        /// Its name; one without was given a random one.
        name: String,
        /// Whether it belongs to this container alone.
        anonymous: bool,
        /// Whether a new one is filled with what the image has there.
        copy: bool,
        /// Labels of a new one.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<String, String>,
        /// Options of a new one.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        driver_options: BTreeMap<String, String>,
    },
    /// What an image shows.
    Image {
        /// As it was asked for.
        name: String,
        /// Its id; empty until it was looked up.
        #[serde(default)]
        id: String,
        /// Layers in its place, the lowest first: of a build, whose lease holds them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<Digest>,
    },
    /// Memory.
    Tmpfs,
}

impl MountSource {
    /// A volume without more; no name is a new one of the container's own.
    #[must_use]
    pub fn volume(name: &str, copy: bool) -> Self {
        Self::Volume {
            name: name.to_owned(),
            anonymous: name.is_empty(),
            copy,
            labels: BTreeMap::new(),
            driver_options: BTreeMap::new(),
        }
    }
}

/// Limits; nothing is no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// Memory and swap together; −1 is no limit of swap.
    pub memory_swap_bytes: Option<i64>,
    /// Thousand-millionths of a CPU.
    pub nano_cpus: Option<u64>,
    /// Relative weight.
    pub cpu_shares: Option<u64>,
    /// CPU list.
    pub cpuset_cpus: String,
    /// Processes.
    pub pids: Option<i64>,
    /// Memory that it is pressed down to when the machine has none left.
    pub memory_reservation_bytes: Option<u64>,
    /// How readily its memory is written to swap, 0 to 100.
    pub memory_swappiness: Option<u64>,
    /// Whether it waits for memory instead of being killed.
    pub oom_kill_disable: bool,
    /// Microseconds in which the quota is counted out.
    pub cpu_period_us: Option<u64>,
    /// Microseconds of a CPU in each period.
    pub cpu_quota_us: Option<i64>,
    /// Microseconds in which real-time quota is counted out.
    pub cpu_rt_period_us: Option<u64>,
    /// Microseconds of real-time scheduling in each of those.
    pub cpu_rt_runtime_us: Option<i64>,
    /// List of memory nodes.
    pub cpuset_mems: String,
    /// Block devices.
    pub block_io: BlockIoLimits,
}

/// A device of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConfig {
    /// On the host.
    pub host: PathBuf,
    /// In the container.
    pub container: PathBuf,
    /// Any of `r`, `w`, `m`.
    pub access: String,
}

/// A resource limit of processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// As ulimit(1p) calls it: `nofile` …
    pub name: String,
    /// Soft limit; −1 is none.
    pub soft: i64,
    /// Hard limit; −1 is none.
    pub hard: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_its_default_is_not_kept_and_comes_back() {
        let mut config = ContainerConfig {
            command: vec!["true".to_owned()],
            stop_signal: 15,
            ..ContainerConfig::default()
        };
        config.limits.pids = Some(7);
        let json = config.to_json().unwrap();
        assert!(json.len() < 1000 && !json.contains("annotations"), "{json}");
        assert_eq!(serde_json::from_str::<ContainerConfig>(&json).unwrap(), config);
        assert_eq!(ContainerConfig::default().to_json().unwrap(), "{}");
    }
}
