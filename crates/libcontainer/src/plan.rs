//! What a container is, as data: the kernel's steps in the kernel's order.
//!
//! Nothing here acts. [`crate::plan`] makes a [`Plan`] out of an OCI configuration, [`crate::create`] walks one, and its
//! `Display` prints one for people. A plan travels in a file from the engine to the monitor, so its fields only ever grow.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spec::runtime::{ConsoleSize, Hooks, IdMapping, NamespaceKind};

use crate::cgroup::CgroupPlan;
use crate::given::GivenFile;
use crate::landlock::LandlockPlan;
use crate::lent::Lent;
use crate::net_devices::NetDevicePlan;
use crate::resctrl::ResctrlPlan;
use crate::scheduling::SchedulingPlan;
use crate::seccomp::Program;

mod told;

/// Version of the form that this program writes; it reads this and every earlier one.
pub const PLAN_VERSION: u32 = 1;

/// A container, from its namespaces to its first program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the program that made it.
    pub version: u32,
    /// Namespaces, made or joined.
    pub namespaces: NamespacePlan,
    /// Control groups and limits.
    pub cgroup: CgroupPlan,
    /// What the child does inside its namespaces before the gate.
    pub steps: Vec<Step>,
    /// What it becomes after the gate.
    pub process: ProcessPlan,
    /// Programs that run at fixed moments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<HookPlan>,
    /// SELinux label of its mounts; without SELinux it has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_label: Option<String>,
    /// Its class of service, of caches and memory bandwidth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resctrl: Option<ResctrlPlan>,
    /// Interfaces of the host that move into its network namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub net_devices: Vec<NetDevicePlan>,
}

/// Programs that run at fixed moments, and what they are told about the container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookPlan {
    /// The programs.
    pub hooks: Hooks,
    /// Version of the specification that the configuration follows.
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// Absolute path of the bundle.
    pub bundle: PathBuf,
    /// The configuration's annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The namespaces of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespacePlan {
    /// Kinds that are made anew.
    pub create: Vec<NamespaceKind>,
    /// Kinds that are joined, by a file such as `/proc/PID/ns/net`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub join: Vec<(NamespaceKind, PathBuf)>,
    /// User ids of a new user namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdMapping>,
    /// Group ids of a new user namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdMapping>,
}

/// One step of the child. Paths are absolute inside the container, unless a comment says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    /// Keep this namespace's mounts from spreading to the host. mount_namespaces(7), "SHARED SUBTREES".
    DetachPropagation {
        /// MS_PRIVATE, or MS_SLAVE where mounts of the host shall still arrive.
        flags: u64,
    },
    /// Mount layers and a writable directory as the new root.
    OverlayRoot {
        /// Host directories, the top layer first.
        lower: Vec<PathBuf>,
        /// Host directory that takes the changes.
        upper: PathBuf,
        /// Host directory that overlayfs works in.
        work: PathBuf,
        /// Host directory that it is mounted on.
        at: PathBuf,
        /// Whether the changes may be lost by a crash of the machine: for a container that is removed at its end.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        volatile: bool,
        /// Where the host may have mounted the same: it is used then, in place of a second one. See `host_mounts.rs`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shared: Option<PathBuf>,
        /// User and group of the machine that are the container's root, where ids on the disk are the container's: those of its
        /// user namespace. See `mapped_root.rs`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root_ids: Option<(u32, u32)>,
        /// Whether ids on the disk are the machine's all the same, in copies of layers that were made for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shifted: bool,
    },
    /// Use a host directory as the new root by a mount of its own, with what is mounted in it; it may be the host's root.
    DirectoryRoot {
        /// The host directory.
        path: PathBuf,
        /// As of [`Step::OverlayRoot`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root_ids: Option<(u32, u32)>,
        /// Whether ids on the disk are the machine's; else they are mapped, but those of what is mounted in it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shifted: bool,
    },
    /// Change what the root's own mount has.
    RootAttributes {
        /// `MOUNT_ATTR_…` bits to set.
        set: u64,
        /// `MOUNT_ATTR_…` bits to clear.
        clear: u64,
    },
    /// Use a host directory as the new root.
    BindRoot {
        /// The host directory.
        path: PathBuf,
    },
    /// Mount a directory of the new root over itself, so that it has attributes of its own, and stays writable when the root
    /// is made read-only. It is made when it is missing.
    Part {
        /// Which directory.
        target: PathBuf,
        /// `MOUNT_ATTR_…` bits to set.
        set: u64,
        /// Its permissions where it is made: 0755 unless this says otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// Mount a file system.
    Mount {
        /// Type as in `/proc/filesystems`.
        kind: String,
        /// Source, often just a name.
        source: String,
        /// Where.
        target: PathBuf,
        /// `MS_…` bits.
        flags: u64,
        /// Options for the file system.
        data: String,
        /// Copy into it what the directory held before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        copy_up: bool,
        /// Whether its root gets the mode of the directory that it covers.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_mode: bool,
        /// Who else mounts it, where the root of a user namespace cannot. See `lent.rs`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lent: Option<Lent>,
    },
    /// Bind a file or directory of the host.
    Bind {
        /// On the host, or below `within`.
        source: PathBuf,
        /// A directory of the host that links on the way to the source cannot lead out of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<PathBuf>,
        /// Where.
        target: PathBuf,
        /// With the mounts below it.
        recursive: bool,
        /// `MOUNT_ATTR_…` bits to set.
        set: u64,
        /// `MOUNT_ATTR_…` bits to clear.
        clear: u64,
        /// Whether the bits also reach the mounts below it. Plans of older releases only; now `tree_set` says it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        set_recursive: bool,
        /// `MOUNT_ATTR_…` bits to clear where the kernel lets them go: what the source has and nobody asked for.
        #[serde(default, skip_serializing_if = "is_nothing")]
        clear_unless_locked: u64,
        /// `MOUNT_ATTR_…` bits to set on the mount and on all below it.
        #[serde(default, skip_serializing_if = "is_nothing")]
        tree_set: u64,
        /// `MOUNT_ATTR_…` bits to clear on the mount and on all below it.
        #[serde(default, skip_serializing_if = "is_nothing")]
        tree_clear: u64,
        /// Whether it stays in the peer group of the source, so that a later step can make it a slave of it or share with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_peers: bool,
        /// Process in whose mount namespace the source is, below its root: another container's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of_process: Option<i32>,
        /// Whether ids are mapped between its source and it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id_map: Option<IdMapPlan>,
    },
    /// Change how mounts spread from and to a mount.
    Propagation {
        /// Which mount.
        target: PathBuf,
        /// MS_SHARED, MS_SLAVE …, perhaps with MS_REC.
        flags: u64,
    },
    /// Fill `/dev`, which is a file system of ours, with nodes and links.
    Devices {
        /// Nodes.
        nodes: Vec<DeviceNode>,
        /// Name in `/dev`, and where it points.
        links: Vec<(String, String)>,
        /// Nodes by their whole path.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        elsewhere: Vec<DeviceNode>,
    },
    /// Open a pseudo-terminal of the container's own, bind it to `/dev/console` and hand its master to the parent.
    Console {
        /// Name of the directory below `/dev` that it is in, with a link in its usual place; empty is none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        directory: String,
    },
    /// The same for so many more, at `/dev/tty1` and so on.
    Terminals {
        /// How many.
        count: u16,
        /// As of the console.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        directory: String,
    },
    /// Bring the loopback interface up.
    LoopbackUp,
    /// Set the host name.
    HostName {
        /// The name.
        name: String,
    },
    /// Set the NIS domain name.
    DomainName {
        /// The name.
        name: String,
    },
    /// Make a new time namespace with these offsets, in the form of `/proc/PID/timens_offsets`, and enter it.
    TimeNamespace {
        /// Lines of the file.
        offsets: String,
    },
    /// Enter the control groups, which the parent makes while the child takes the steps before. A plan without this step has
    /// the child enter them first of all.
    EnterGroups,
    /// Make a new cgroup namespace; its root is the group that the child has entered.
    CgroupNamespace,
    /// Bind the container's own group of each v1 hierarchy below a directory.
    CgroupV1 {
        /// Where, usually `/sys/fs/cgroup`.
        target: PathBuf,
        /// The hierarchies.
        hierarchies: Vec<V1Hierarchy>,
        /// Whether the container sees them read-only.
        read_only: bool,
    },
    /// Run the hooks of the creation: the parent those of the runtime's namespaces, then the child those of the container's.
    Hooks,
    /// Mount the v2 tree, or bind the host's where the kernel refuses that to a user namespace.
    CgroupV2 {
        /// Where, usually `/sys/fs/cgroup`.
        target: PathBuf,
        /// `MS_…` bits.
        flags: u64,
        /// Options for the file system.
        data: String,
        /// What is bound instead: the container's own group, or without a cgroup namespace the whole tree. A group that could
        /// not be made is shown as an empty directory.
        group: PathBuf,
        /// `MOUNT_ATTR_…` bits of what is bound instead.
        set: u64,
    },
    /// Mount files in memory, whose contents are given beside the plan: a directory with all of them, or one file.
    Give {
        /// Where.
        target: PathBuf,
        /// The files.
        files: Vec<GivenFile>,
    },
    /// Cover files of procfs and sysfs by those of a file system that is given beside the plan. See `shown.rs`.
    Show {
        /// The files.
        targets: Vec<PathBuf>,
    },
    /// Cover the kernel's name of the machine's boot by one of the container's. See `boot_id.rs`.
    NameBoot {
        /// Whether it is in the container's own `/dev`; otherwise it takes a file system of its own.
        beside_devices: bool,
    },
    /// Make a mount read-only that had to be filled first.
    Seal {
        /// Where it is mounted.
        target: PathBuf,
    },
    /// Make the new root the root of this mount namespace and forget the old one. pivot_root(2).
    PivotRoot,
    /// The same where pivot_root(2) cannot: the new root is moved over the old one, which stays below it.
    MoveRoot,
    /// Without a mount namespace of its own: make the new root this process's root, and leave the mounts to the host.
    ChangeRoot,
    /// Set a kernel parameter.
    Sysctl {
        /// Path below `/proc/sys`.
        path: String,
        /// What is written.
        value: String,
    },
    /// Make a path read as empty.
    Mask {
        /// The path.
        path: PathBuf,
    },
    /// Make a path read-only.
    ReadOnly {
        /// The path.
        path: PathBuf,
    },
    /// Make the root itself read-only.
    ReadOnlyRoot,
    /// Adjust how readily the kernel ends this process when memory runs out, −1000 to 1000.
    OomScoreAdjust {
        /// The adjustment.
        value: i32,
    },
}

/// The ids of an id-mapped mount, see mount_setattr(2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMapPlan {
    /// User ids; none for the maps of the container's own user namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdMapping>,
    /// Group ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdMapping>,
    /// Whether the mounts below are mapped too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
}

/// A v1 hierarchy as the container sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct V1Hierarchy {
    /// The container's group on the host.
    pub source: PathBuf,
    /// The caller's own group there, shown read-only where the container is in it because none could be made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers: Option<PathBuf>,
    /// Its directory below the target.
    pub name: String,
    /// Links to that directory: one for each controller of a hierarchy that carries several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// A device node in `/dev`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNode {
    /// Path below `/dev`, or below the root for one that is elsewhere.
    pub name: String,
    /// Whether it is a block device; otherwise it is a character device.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block: bool,
    /// Whether it is a pipe with a name instead, fifo(7).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fifo: bool,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What the child, or a process that joins, becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessPlan {
    /// Program's name and arguments; nothing for a container that can be created but not started.
    pub args: Vec<String>,
    /// Paths that are tried in turn: one, or one for each directory of PATH.
    pub programs: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Whether HOME is missing from the environment, and is looked up in the container's own `/etc/passwd`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub home_missing: bool,
    /// Working directory; made when it is missing.
    pub cwd: PathBuf,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// File mode creation mask.
    pub umask: u32,
    /// Capability sets; nothing changes none.
    pub capabilities: Option<CapabilityPlan>,
    /// What is told about what was asked for and cannot be given, or has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Resource limits.
    pub rlimits: Vec<RlimitPlan>,
    /// See PR_SET_NO_NEW_PRIVS.
    pub no_new_privileges: bool,
    /// System call filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<Program>,
    /// Files and ports that it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landlock: Option<LandlockPlan>,
    /// AppArmor profile entered at exec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apparmor_profile: Option<String>,
    /// SELinux label entered at exec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selinux_label: Option<String>,
    /// Whether it gets a pseudo-terminal.
    pub terminal: bool,
    /// Whether the terminal stays free for a session of its own: an init has it as the console, on which one of its services is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves_terminal: bool,
    /// First size of the terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_size: Option<ConsoleSize>,
    /// Whether process 1 stays ours: it reaps orphans and forwards signals to the program, its child.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init: bool,
    /// So many descriptors of the caller's, from 3 on, stay open.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub preserved_descriptors: u32,
    /// Whether it keeps the caller's session keyring instead of getting the container's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_keyring: bool,
    /// Name of the container's session keyring, by which further processes find it; without a name each has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring: Option<String>,
    /// When and where it runs.
    #[serde(default, skip_serializing_if = "SchedulingPlan::is_empty")]
    pub scheduling: SchedulingPlan,
    /// Execution domain, see personality(2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personality: Option<u32>,
}

/// Capability sets as bits, see capabilities(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of capabilities(7)")]
pub struct CapabilityPlan {
    pub bounding: u64,
    pub effective: u64,
    pub inheritable: u64,
    pub permitted: u64,
    pub ambient: u64,
}

/// One resource limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RlimitPlan {
    /// Which, as the kernel names it without `RLIMIT_`, in lower case.
    pub resource: String,
    /// Soft limit; nothing is no limit.
    pub soft: Option<u64>,
    /// Hard limit; nothing is no limit.
    pub hard: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_nothing(bits: &u64) -> bool {
    *bits == 0
}
