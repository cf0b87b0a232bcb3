//! The mounts of a container: those that every one has, the files of its names, and those that were asked for.

use std::path::{Path, PathBuf};

use libcontainer::{Plan, Step};
use spec::runtime::{IdMapping, Mount};
use sys::MountAttributes;

use super::{Users, host_files};
use crate::config::{Access, Below, ContainerConfig, IpcMode, MountConfig, MountSource};
use crate::mounts::Origin;

const SHM: &str = "/dev/shm";
/// Bytes of `/dev/shm` unless somebody says otherwise.
pub(crate) const SHM_BYTES: u64 = 64 << 20;

/// Docker's mounts: target, type, options.
const STANDARD: &[(&str, &str, &[&str])] = &[
    ("/proc", "proc", &["nosuid", "noexec", "nodev"]),
    ("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
    (
        "/dev/pts",
        "devpts",
        &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    ),
    ("/sys", "sysfs", &["nosuid", "noexec", "nodev"]),
    ("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev"]),
    ("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
    (SHM, "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777"]),
];

pub(super) fn standard(config: &ContainerConfig) -> Vec<Mount> {
    let replaced =
        |target: &str| config.mounts.iter().any(|mount| mount.target == Path::new(target));
    let mounts = STANDARD.iter().filter(|(target, _, _)| !replaced(target));
    let mounts = mounts.filter_map(|standard| one_standard(config, *standard));
    let selinux = crate::labels::is_nested(config).then(selinux);
    mounts.chain(selinux).chain(crate::nesting::mounts(config)).collect()
}

/// Where a process asks SELinux: without it the container is as on a machine that has none. selinux(8).
fn selinux() -> Mount {
    let place = PathBuf::from("/sys/fs/selinux");
    Mount {
        destination: place.clone(),
        kind: Some("bind".to_owned()),
        source: Some(place),
        options: ["bind", "rprivate", "nosuid", "noexec"].map(str::to_owned).into(),
        ..Mount::default()
    }
}

fn one_standard(
    config: &ContainerConfig,
    (target, kind, options): (&str, &str, &[&str]),
) -> Option<Mount> {
    let mut options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
    if is_read_only(config, target) {
        options.push("ro".to_owned());
    }
    if let Some(most) = config.terminals.most_pseudo.filter(|_| kind == "devpts") {
        options.push(format!("max={most}"));
    }
    if kind == "proc" {
        options.extend(config.security.proc_options.iter().cloned());
    }
    let shares_ipc = config.sharing.ipc == IpcMode::Host;
    let joins_ipc = matches!(config.sharing.ipc, IpcMode::Container(_));
    let (kind, source) = match target {
        SHM if config.sharing.ipc == IpcMode::None => return None,
        SHM | "/dev/mqueue" if shares_ipc && Path::new(target).exists() => {
            options = ["rbind", "rprivate"].map(str::to_owned).into();
            ("bind", target)
        }
        // Message queues come with the namespace, memory from where the other has it.
        SHM if joins_ipc => {
            options = ["rbind", "rprivate"].map(str::to_owned).into();
            ("bind", SHM)
        }
        SHM => {
            let bytes = config.shm_bytes.unwrap_or(SHM_BYTES);
            options.push(if bytes.is_multiple_of(1024) {
                format!("size={}k", bytes / 1024)
            } else {
                format!("size={bytes}")
            });
            (kind, "shm")
        }
        _ => (kind, kind),
    };
    Some(Mount {
        destination: target.into(),
        kind: Some(kind.to_owned()),
        source: Some(source.into()),
        options,
        ..Mount::default()
    })
}

fn is_read_only(config: &ContainerConfig, target: &str) -> bool {
    let access = config.kernel_access;
    match target {
        "/sys/fs/cgroup" if config.divides_groups() => false,
        "/sys/fs/cgroup" => access.groups.is_some() || !config.privileged,
        "/sys" => access.sys.map_or(!config.privileged, |access| access == Access::ReadOnly),
        _ => false,
    }
}

/// Takes `/dev/shm` from the container whose IPC namespace is joined.
pub(crate) fn share_memory(plan: &mut Plan, joined: super::Joined) {
    let Some(pid) = joined.ipc else { return };
    for step in &mut plan.steps {
        if let Step::Bind { source, target, of_process, .. } = step
            && [source, target] == [Path::new(SHM); 2]
        {
            *of_process = Some(pid);
        }
    }
}

/// Makes `/dev/shm` a directory of the tmpfs at `/dev`, which has the same size. A file system less: see libcontainer's `cover.rs`.
pub(crate) fn share_devices_memory(plan: &mut Plan) {
    let is_memory = |step: &Step, at: &str| matches!(step, Step::Mount { kind, target, .. } if kind == "tmpfs" && target == Path::new(at));
    if !plan.steps.iter().any(|step| is_memory(step, "/dev")) {
        return;
    }
    if let Some(memory) = plan.steps.iter_mut().find(|step| is_memory(step, SHM)) {
        let set = MountAttributes::NOSUID | MountAttributes::NODEV | MountAttributes::NOEXEC;
        *memory = Step::Part { target: SHM.into(), set, mode: Some(0o1777) };
    }
}

/// Everything in a container that something is mounted on.
pub(crate) fn targets(config: &ContainerConfig) -> Vec<PathBuf> {
    let standard = STANDARD.iter().map(|(target, _, _)| PathBuf::from(target));
    let files = host_files::NAMES.iter().map(|name| Path::new("/etc").join(name));
    let requested = config.mounts.iter().map(|mount| mount.target.clone());
    let secrets = crate::secrets::targets(&config.secrets);
    standard.chain(files).chain(requested).chain(secrets).collect()
}

/// Names of the volumes, in the order of the mounts: and whether each is anonymous and takes the image's content.
pub(crate) fn volume_names(
    config: &ContainerConfig,
) -> impl Iterator<Item = (&str, bool, bool, &Path)> {
    config.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { name, anonymous, copy, .. } => {
            Some((name.as_str(), *anonymous, *copy, mount.target.as_path()))
        }
        MountSource::Bind { .. } | MountSource::Image { .. } | MountSource::Tmpfs => None,
    })
}

/// The mounts that were asked for; `origins` says of each where it comes from.
pub(super) fn requested(
    config: &ContainerConfig,
    origins: &[Origin],
    user: ((u32, u32), Option<&Users>),
) -> Vec<Mount> {
    let mounts = config.mounts.iter().zip(origins);
    let requested = mounts.map(|(mount, origin)| one(mount, origin, user));
    requested.chain(time_zone(config)).collect()
}

/// The host's description of a time zone, as the container's own.
fn time_zone(config: &ContainerConfig) -> Option<Mount> {
    let target = Path::new("/etc/localtime");
    let file = config.time_zone.as_ref()?;
    let is_taken = config.mounts.iter().any(|mount| mount.target == target);
    (!is_taken).then(|| Mount {
        destination: target.into(),
        kind: Some("bind".to_owned()),
        source: Some(file.clone()),
        options: ["rbind", "rprivate", "ro"].map(str::to_owned).into(),
        ..Mount::default()
    })
}

fn one(mount: &MountConfig, origin: &Origin, (user, users): ((u32, u32), Option<&Users>)) -> Mount {
    let new = |kind: &str, source: &str, options: Vec<String>| Mount {
        destination: mount.target.clone(),
        kind: Some(kind.to_owned()),
        source: Some(source.into()),
        options,
        ..Mount::default()
    };
    let mut options = mount.options.clone();
    match origin {
        Origin::Memory => {
            options.extend(mount.read_only.then(|| "ro".to_owned()));
            let defaults = ["nosuid", "nodev", "noexec"].map(str::to_owned);
            new("tmpfs", "tmpfs", defaults.into_iter().chain(options).collect())
        }
        Origin::FileSystem { kind, device, options: own } => {
            let read_only = mount.read_only.then(|| "ro".to_owned());
            new(kind, device, own.iter().cloned().chain(read_only).collect())
        }
        Origin::Layers(layers) => {
            let escaped = |path: &PathBuf| {
                let path = path.to_string_lossy();
                path.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
            };
            let lower: Vec<String> = layers.iter().map(escaped).collect();
            let mut options = vec![format!("lowerdir={}", lower.join(":")), "ro".to_owned()];
            // As the root's own overlay.
            options.extend((!sys::has_machines_users()).then(|| "userxattr".to_owned()));
            new("overlay", "overlay", options)
        }
        Origin::Path { path, owner, of_containers } => {
            if mount.read_only {
                options.push(if mount.below == Below::Writable { "ro" } else { "rro" }.to_owned());
            }
            if !options.iter().any(|option| {
                option.trim_start_matches('r').starts_with("private")
                    || option.contains("slave")
                    || option.contains("shared")
            }) {
                options.push("rprivate".to_owned());
            }
            options.push(if mount.below == Below::Left { "bind" } else { "rbind" }.to_owned());
            let source =
                if mount.part().is_empty() { path.clone() } else { path.join(mount.part()) };
            let mut bind = new("bind", &source.to_string_lossy(), options);
            bind.source = Some(source);
            if let Some(ranges) = &mount.id_ranges {
                bind.options.push("idmap".to_owned());
                [bind.uid_mappings, bind.gid_mappings] =
                    users.map_or_else(|| ranges.mappings(), |users| users.of_mount(ranges));
            } else if users.is_some_and(|users| mount.id_mapped || *of_containers && !users.shifted)
            {
                // With the maps of the container's own namespace.
                bind.options.push("idmap".to_owned());
            } else if users.is_none() && mount.id_mapped && *owner != user {
                bind.options.push("idmap".to_owned());
                bind.uid_mappings = exchange(owner.0, user.0);
                bind.gid_mappings = exchange(owner.1, user.1);
            }
            bind
        }
    }
}

/// A map of all ids to themselves, but for two that change places.
fn exchange(one: u32, other: u32) -> Vec<IdMapping> {
    let (low, high) = (one.min(other), one.max(other));
    let range = |inside: u32, outside: u32, size: u32| IdMapping {
        container_id: inside,
        host_id: outside,
        size,
    };
    if low == high {
        return vec![range(0, 0, u32::MAX)];
    }
    let ranges = [
        range(0, 0, low),
        range(low, high, 1),
        range(low + 1, low + 1, high - low - 1),
        range(high, low, 1),
        range(high.saturating_add(1), high.saturating_add(1), u32::MAX - high - 1),
    ];
    ranges.into_iter().filter(|range| range.size > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_one_place() {
        for (one, other) in [(0, 1000), (1000, 0), (5, 5), (0, 1), (65534, 7)] {
            let map = exchange(one, other);
            let total: u64 = map.iter().map(|range| u64::from(range.size)).sum();
            assert_eq!(total, u64::from(u32::MAX));
            let mut next = 0;
            for range in &map {
                assert_eq!(range.container_id, next);
                next += range.size;
            }
            if one != other {
                assert!(
                    map.iter().any(|range| (range.container_id, range.host_id) == (one, other))
                );
            }
        }
    }
}
