//! What a plan of a group is made for: where, by whom it is made, and what is done about what stands in the way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Layout, Systemd};

/// What to plan for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `/corten/ID`, or without the leading slash below the caller's own group. `..` is refused. For systemd
    /// `SLICE:PREFIX:NAME`, each of which may be empty but the last; a name alone gets [`Systemd`]'s defaults.
    pub path: &'a str,
    /// The machine.
    pub layout: &'a Layout,
    /// Whether the device rules of every OCI container (null, zero, full, random, urandom, tty, ptmx, pts) follow the given ones.
    pub default_devices: bool,
    /// What to do about a setting whose controller is missing.
    pub when_missing: WhenMissing,
    /// Who makes the group.
    pub manager: &'a Manager,
    /// What to do about a group of the same name.
    pub existing: Existing,
    /// Whether the caller is no user who may do everything: device rules that the kernel does not let it set are left out.
    pub unprivileged: bool,
    /// Whether a container that may have no group does without, as long as no limit is asked for.
    pub optional: bool,
    /// Host user that gets the group of the v2 tree, to make groups inside. config-linux.md, "Cgroup ownership".
    pub owner: Option<u32>,
    /// Whether he gets those of v1 hierarchies, too, whose limits hold for groups inside.
    pub gives_v1: bool,
    /// The container's annotations: `org.systemd.property.NAME` sets properties of a systemd unit.
    pub annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Request<'a> {
    /// A request with the default devices that refuses what the machine cannot do.
    pub fn new(path: &'a str, layout: &'a Layout) -> Self {
        Self {
            path,
            layout,
            default_devices: true,
            when_missing: WhenMissing::Refuse,
            manager: &Manager::Direct,
            existing: Existing::Replace,
            unprivileged: false,
            optional: false,
            owner: None,
            gives_v1: false,
            annotations: None,
        }
    }
}

/// What to do about a setting whose controller or file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenMissing {
    /// Refuse, as OCI runtimes do.
    Refuse,
    /// Leave it out and say so in [`CgroupPlan::warnings`](super::CgroupPlan::warnings), as Docker does.
    Warn,
}

/// What to do about a group of the same name that has no processes; one that has some is never touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// Make it anew: what is there was left by a crash.
    #[default]
    Replace,
    /// Use it with the limits that it has, as OCI runtimes do: somebody has prepared it. One that is frozen is refused, for
    /// the container would never start.
    Join,
}

/// Who makes a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manager {
    /// We do, in the file system.
    #[default]
    Direct,
    /// systemd, as a transient unit: on machines whose groups it does not share with anybody.
    Systemd(Systemd),
}

/// How the groups of containers are made, for [`Context`](crate::Context); the default is how an engine does it as root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Who makes them.
    pub manager: Manager,
    /// What to do about a group of the same name.
    pub existing: Existing,
    /// Whether the caller is an ordinary user: a container whose configuration names no path, and asks for no limit, then
    /// does without a group where none can be made.
    pub unprivileged: bool,
    /// Whether a container's root that may write to its groups makes groups inside those of v1 hierarchies, too.
    pub gives_v1: bool,
}
