//! The mounts of a container: those that every one has, the files of its names, and those that were asked for.

use std::path::{Path, PathBuf};

use spec::runtime::Mount;

use super::host_files;
use crate::config::{ContainerConfig, IpcMode, MountConfig, MountSource};

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
    mounts.filter_map(|standard| one_standard(config, *standard)).collect()
}

fn one_standard(
    config: &ContainerConfig,
    (target, kind, options): (&str, &str, &[&str]),
) -> Option<Mount> {
    let mut options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
    if target.starts_with("/sys") && !config.privileged {
        options.push("ro".to_owned());
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

/// Takes `/dev/shm` from the container whose IPC namespace is joined.
pub(crate) fn share_memory(plan: &mut libcontainer::Plan, joined: super::Joined) {
    let Some(pid) = joined.ipc else { return };
    for step in &mut plan.steps {
        if let libcontainer::Step::Bind { source, target, of_process, .. } = step
            && [source, target] == [Path::new(SHM); 2]
        {
            *of_process = Some(pid);
        }
    }
}

/// Everything in a container that something is mounted on.
pub(crate) fn targets(config: &ContainerConfig) -> Vec<PathBuf> {
    let standard = STANDARD.iter().map(|(target, _, _)| PathBuf::from(target));
    let files = host_files::NAMES.iter().map(|name| Path::new("/etc").join(name));
    let requested = config.mounts.iter().map(|mount| mount.target.clone());
    standard.chain(files).chain(requested).collect()
}

/// Names of the volumes, in the order of the mounts: and whether each is anonymous and takes the image's content.
pub(crate) fn volume_names(
    config: &ContainerConfig,
) -> impl Iterator<Item = (&str, bool, bool, &Path)> {
    config.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { name, anonymous, copy } => {
            Some((name.as_str(), *anonymous, *copy, mount.target.as_path()))
        }
        MountSource::Bind { .. } | MountSource::Tmpfs => None,
    })
}

pub(super) fn requested(config: &ContainerConfig, volumes: &[PathBuf]) -> Vec<Mount> {
    let mut volumes = volumes.iter();
    let requested = config.mounts.iter().map(|mount| one(mount, &mut volumes));
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

fn one<'a>(mount: &MountConfig, volumes: &mut impl Iterator<Item = &'a PathBuf>) -> Mount {
    let mut options = mount.options.clone();
    if mount.read_only {
        options.push("ro".to_owned());
    }
    let source = match &mount.source {
        MountSource::Tmpfs => {
            let defaults = ["nosuid", "nodev", "noexec"].map(str::to_owned);
            let options = defaults.into_iter().chain(options).collect();
            return Mount {
                destination: mount.target.clone(),
                kind: Some("tmpfs".to_owned()),
                source: Some("tmpfs".into()),
                options,
                ..Mount::default()
            };
        }
        MountSource::Bind { path, .. } => path.clone(),
        MountSource::Volume { .. } => volumes.next().cloned().unwrap_or_default(),
    };
    if !options.iter().any(|option| {
        option.trim_start_matches('r').starts_with("private")
            || option.contains("slave")
            || option.contains("shared")
    }) {
        options.push("rprivate".to_owned());
    }
    options.push("rbind".to_owned());
    Mount {
        destination: mount.target.clone(),
        kind: Some("bind".to_owned()),
        source: Some(source),
        options,
        ..Mount::default()
    }
}
