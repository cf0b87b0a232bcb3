//! The mounts of a container: those that every one has, the files of its names, and those that were asked for.

use std::path::{Path, PathBuf};

use spec::runtime::Mount;

use crate::config::{ContainerConfig, MountConfig, MountSource, NetworkMode};
use crate::error::EngineError;

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
    ("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
];

pub(super) fn standard(config: &ContainerConfig) -> Vec<Mount> {
    let replaced =
        |target: &str| config.mounts.iter().any(|mount| mount.target == Path::new(target));
    let mounts = STANDARD.iter().filter(|(target, _, _)| !replaced(target));
    mounts
        .map(|(target, kind, options)| {
            let mut options: Vec<String> =
                options.iter().map(|&option| option.to_owned()).collect();
            if target.starts_with("/sys") && !config.privileged {
                options.push("ro".to_owned());
            }
            let source = if *target == "/dev/shm" { "shm" } else { kind };
            Mount {
                destination: target.into(),
                kind: Some((*kind).to_owned()),
                source: Some(source.into()),
                options,
                ..Mount::default()
            }
        })
        .collect()
}

/// `/etc/hosts` and its like, kept in the container's directory.
#[derive(Clone, Debug)]
pub(crate) struct HostFiles {
    directory: PathBuf,
    names: Vec<&'static str>,
}

const NAMES: [&str; 3] = ["hostname", "hosts", "resolv.conf"];

impl HostFiles {
    /// The files of that directory, for targets that nothing else is mounted on.
    pub(crate) fn of(directory: &Path, config: &ContainerConfig) -> Self {
        let taken = |name: &str| {
            config.mounts.iter().any(|mount| mount.target == Path::new("/etc").join(name))
        };
        Self {
            directory: directory.to_owned(),
            names: NAMES.into_iter().filter(|name| !taken(name)).collect(),
        }
    }

    /// Writes them. A start writes them again: they hold nothing that the container may keep.
    pub(crate) fn write(&self, hostname: &str, network: &NetworkMode) -> Result<(), EngineError> {
        let hosts = format!(
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.1.1\t{hostname}\n"
        );
        for name in &self.names {
            let path = self.directory.join(name);
            let text = match *name {
                "hostname" => format!("{hostname}\n"),
                // In the host's network the host's names hold.
                "hosts" if *network == NetworkMode::Host => {
                    std::fs::read_to_string("/etc/hosts").unwrap_or_else(|_absent| hosts.clone())
                }
                "hosts" => hosts.clone(),
                // A host without one has no name servers to tell.
                _ => std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "read by nobody before the container starts"
            )]
            std::fs::write(&path, text).map_err(EngineError::file("write", &path))?;
        }
        Ok(())
    }

    pub(super) fn mounts(&self) -> impl Iterator<Item = Mount> {
        let options = ["rbind", "rprivate"].map(str::to_owned);
        self.names.iter().map(move |name| Mount {
            destination: Path::new("/etc").join(name),
            kind: Some("bind".to_owned()),
            source: Some(self.directory.join(name)),
            options: options.to_vec(),
            ..Mount::default()
        })
    }
}

/// Everything in a container that something is mounted on.
pub(crate) fn targets(config: &ContainerConfig) -> Vec<PathBuf> {
    let standard = STANDARD.iter().map(|(target, _, _)| PathBuf::from(target));
    let files = NAMES.iter().map(|name| Path::new("/etc").join(name));
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
    config.mounts.iter().map(|mount| one(mount, &mut volumes)).collect()
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
