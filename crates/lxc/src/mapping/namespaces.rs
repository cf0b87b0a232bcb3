//! Namespaces: which are new, which are the host's or another container's, and the ids in a new user namespace.

use std::collections::BTreeMap;

use engine::config::{IpcMode, NetworkMode, PidMode, TimeOffset, UserMaps, UserMode};
use spec::runtime::{IdMapping, NamespaceKind};

use crate::config::ClockOffset;
use crate::config::namespaces::{IdKind, KINDS};
use crate::config::network::{Network, NetworkType};

use super::Draft;

const CLONE: &str = "lxc.namespace.clone";
const KEEP: &str = "lxc.namespace.keep";
const MAP: &str = "lxc.idmap";

/// Whose a namespace is.
enum Whose {
    Own,
    /// The host's, by this key.
    Hosts(&'static str),
    /// Another container's.
    Others(String),
}

pub(super) fn map(draft: &mut Draft<'_>) {
    network_of_types(draft);
    core(draft);
    draft.engine.sharing.users = UserMode::Host;
    for (name, kind) in KINDS {
        let whose = whose(draft, name, *kind);
        match whose {
            Whose::Own => own(draft, *kind),
            Whose::Hosts(key) => hosts(draft, *kind, key),
            Whose::Others(container) => join(draft, (name, *kind), container),
        }
    }
}

/// What another container's is, is so whatever else is said; then those that are new count, or those that are not.
fn whose(draft: &mut Draft<'_>, name: &str, kind: NamespaceKind) -> Whose {
    let namespaces = &draft.config.namespaces;
    if let Some(setting) = namespaces.share.of(name).next() {
        return Whose::Others(setting.0.clone());
    }
    if !namespaces.clone.0.is_empty() {
        return if namespaces.clone.0.contains(&kind) { Whose::Own } else { Whose::Hosts(CLONE) };
    }
    if namespaces.keep.0.contains(&kind) { Whose::Hosts(KEEP) } else { Whose::Own }
}

fn own(draft: &mut Draft<'_>, kind: NamespaceKind) {
    if kind == NamespaceKind::Time {
        draft.engine.clocks = clocks(draft);
    }
    if kind != NamespaceKind::User {
        return;
    }
    let maps = maps(draft);
    if maps != UserMaps::default() {
        draft.engine.sharing.users = UserMode::Private(maps);
    } else if draft.config.namespaces.clone.0.contains(&kind) {
        draft.refuse(CLONE, "a user namespace needs ids: lxc.idmap");
    }
}

/// Clocks that are ahead of the machine's; a namespace without any would change nothing.
fn clocks(draft: &Draft<'_>) -> BTreeMap<String, TimeOffset> {
    let namespaces = &draft.config.namespaces;
    let offsets =
        [("boottime", namespaces.boot_offset), ("monotonic", namespaces.monotonic_offset)];
    let offsets = offsets.into_iter().filter(|(_, offset)| *offset != ClockOffset::default());
    offsets.map(|(name, offset)| (name.to_owned(), time_offset(offset))).collect()
}

/// The kernel counts nanoseconds from a whole second before.
fn time_offset(ClockOffset { seconds, nanoseconds }: ClockOffset) -> TimeOffset {
    const BILLION: i64 = 1_000_000_000;
    let secs = seconds.saturating_add(nanoseconds.div_euclid(BILLION));
    TimeOffset { secs, nanosecs: u32::try_from(nanoseconds.rem_euclid(BILLION)).unwrap_or(0) }
}

fn maps(draft: &Draft<'_>) -> UserMaps {
    let of = |kind| {
        let own = draft.config.namespaces.id_maps.iter().filter(move |map| map.kind == kind);
        own.map(|map| IdMapping { container_id: map.inside, host_id: map.outside, size: map.count })
            .collect()
    };
    UserMaps { uids: of(IdKind::User), gids: of(IdKind::Group) }
}

fn hosts(draft: &mut Draft<'_>, kind: NamespaceKind, key: &'static str) {
    let is_mapped = !draft.config.namespaces.id_maps.is_empty();
    let sharing = &mut draft.engine.sharing;
    match kind {
        NamespaceKind::Pid => sharing.pid = PidMode::Host,
        NamespaceKind::Ipc => sharing.ipc = IpcMode::Host,
        NamespaceKind::Uts => {
            sharing.uts_host = true;
            // The name is the host's to set.
            if draft.config.init.host_name.is_some() {
                draft.tell("lxc.uts.name", format!("{key} leaves the host its name"));
            }
        }
        NamespaceKind::Cgroup => sharing.cgroup_host = true,
        NamespaceKind::Network => {
            draft.engine.network = NetworkMode::Host;
            refuse_interfaces(draft, key);
        }
        NamespaceKind::Mount => draft.refuse(key, "every container has mounts of its own"),
        NamespaceKind::User if is_mapped => {
            draft.refuse(MAP, format!("{key} leaves the container the host's ids"));
        }
        NamespaceKind::Time if !clocks(draft).is_empty() => {
            let namespaces = &draft.config.namespaces;
            let is_boot = namespaces.boot_offset != ClockOffset::default();
            let offset = if is_boot { "lxc.time.offset.boot" } else { "lxc.time.offset.monotonic" };
            draft.refuse(offset, format!("{key} leaves the container the host's clocks"));
        }
        NamespaceKind::User | NamespaceKind::Time => {}
    }
}

/// Interfaces cannot be the container's own in a network that is not.
fn refuse_interfaces(draft: &mut Draft<'_>, key: &str) {
    let is_one = |network: &Network| {
        !matches!(network.kind, None | Some(NetworkType::None | NetworkType::Empty))
    };
    let networks = &draft.config.networks;
    for (number, _) in networks.iter().filter(|(_, network)| is_one(network)) {
        let why = format!("the container's network is not its own: {key}");
        draft.refuse(format!("lxc.net.{number}.type"), why);
    }
}

fn join(draft: &mut Draft<'_>, (name, kind): (&str, NamespaceKind), container: String) {
    let key = format!("lxc.namespace.share.{name}");
    if container.bytes().all(|byte| byte.is_ascii_digit()) || container.contains('/') {
        draft.refuse(key, "it is joined by the name of a container of the same directory");
        return;
    }
    let is_mapped = !draft.config.namespaces.id_maps.is_empty();
    let sharing = &mut draft.engine.sharing;
    match kind {
        NamespaceKind::Network => {
            draft.engine.network = NetworkMode::Container(container);
            refuse_interfaces(draft, &key);
        }
        NamespaceKind::Pid => sharing.pid = PidMode::Container(container),
        NamespaceKind::Ipc => sharing.ipc = IpcMode::Container(container),
        NamespaceKind::User if is_mapped => {
            draft.refuse(MAP, format!("{key} gives the container the other's ids"));
        }
        NamespaceKind::User => sharing.users = UserMode::Container(container),
        NamespaceKind::Mount | NamespaceKind::Uts | NamespaceKind::Cgroup | NamespaceKind::Time => {
            draft.refuse(key, "of another container net, pid, ipc and user are joined, no others");
        }
    }
}

/// Processes find those that they may run beside by the first process of their pid namespace.
fn core(draft: &mut Draft<'_>) {
    const KEY: &str = "lxc.sched.core";
    if !draft.config.namespaces.core_scheduling.is_some_and(|switch| switch.0) {
        return;
    }
    if matches!(whose(draft, "pid", NamespaceKind::Pid), Whose::Own) {
        draft.engine.own_cores = true;
    } else {
        draft.refuse(KEY, "the container's pid namespace is not its own");
    }
}

/// The host's network where nothing is said but that.
fn network_of_types(draft: &mut Draft<'_>) {
    let networks = &draft.config.networks;
    let none = networks.iter().find(|(_, network)| network.kind == Some(NetworkType::None));
    let has_others = networks.values().any(|network| network.kind != Some(NetworkType::None));
    match none {
        Some((number, _)) if has_others => {
            let why = "beside others it gives the container nothing";
            draft.tell(format!("lxc.net.{number}.type"), why);
        }
        Some(_) => draft.engine.network = NetworkMode::Host,
        None => {}
    }
}
