//! From a container's configuration to the request by which the engine starts it, on this machine. Start at [`prepare`].
//!
//! What the mapping wants of the machine is looked up here, each thing only where the configuration asks for it: a start has a few
//! milliseconds.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use libcontainer::seccomp::Architecture;

use crate::config::{Config, Document};
use crate::containers::is_there;
use crate::mapping::{GroupVersion, Mapped, Purpose, Refusals, Surroundings, map};

/// The label that says in which directory a container is.
pub const PATH_LABEL: &str = "corten.lxc.path";
/// The label that says by which configuration its record was made.
pub const CONFIG_LABEL: &str = "corten.lxc.config";
/// Where version 2 of control groups has the machine's controllers.
const CONTROLLERS: &str = "/sys/fs/cgroup/cgroup.controllers";

/// A container that is to be started.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// LXC's directory, absolute.
    pub directory: &'a Path,
    /// What is to run in it.
    pub purpose: Purpose<'a>,
    /// A variable of whoever starts it.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wanted").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a container cannot be started as it is written.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Its configuration is refused.
    #[error(transparent)]
    Refused(#[from] Refusals),
    /// A file that it names.
    #[error("read {}, which {key} names", path.display())]
    File {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

/// What a configuration becomes on this machine, with the labels of its container.
///
/// # Errors
/// With every key that nobody heeds; when a file that it names cannot be read.
pub fn prepare(document: &Document, wanted: &Wanted<'_>) -> Result<Mapped, PrepareError> {
    let config = document.values();
    let fstab = text("lxc.mount.fstab", config.mounts.fstab.as_deref())?;
    let seccomp = text("lxc.seccomp.profile", config.security.seccomp_profile.as_deref())?;
    let own_group = own_group(config);
    let directory = wanted.directory.join(wanted.name);
    let host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let around = Surroundings {
        name: wanted.name,
        directory: &directory,
        purpose: wanted.purpose,
        host_name: &host_name,
        groups: group_version(),
        own_group: own_group.as_deref(),
        architecture: Architecture::native(),
        fstab: fstab.as_deref(),
        seccomp: seccomp.as_deref(),
        variable: wanted.variable,
        is_there: &is_there,
    };
    let mut mapped = map(config, &around)?;
    label(&mut mapped, wanted.directory);
    Ok(mapped)
}

/// Whose the container is, and by what it was made. Another release may hash otherwise: the record is made anew then.
fn label(mapped: &mut Mapped, directory: &Path) {
    let mut hasher = DefaultHasher::new();
    // Every field can be JSON; one that could not would make the record anew each time.
    serde_json::to_string(&mapped.request.config).unwrap_or_default().hash(&mut hasher);
    let labels = &mut mapped.request.config.labels;
    labels.insert(CONFIG_LABEL.to_owned(), format!("{:016x}", hasher.finish()));
    labels.insert(PATH_LABEL.to_owned(), directory.display().to_string());
}

fn text(key: &'static str, path: Option<&Path>) -> Result<Option<String>, PrepareError> {
    let read = |path: &Path| {
        let failed = |cause| PrepareError::File { key, path: path.to_owned(), cause };
        std::fs::read_to_string(path).map_err(failed)
    };
    path.map(read).transpose()
}

/// Which version has the machine's controllers. Where both are mounted it is the first: a controller is in one of them alone.
#[must_use]
pub fn group_version() -> GroupVersion {
    if is_there(Path::new(CONTROLLERS)) { GroupVersion::Two } else { GroupVersion::One }
}

/// The caller's group, where the configuration asks for it and it is the same everywhere.
fn own_group(config: &Config) -> Option<PathBuf> {
    config.resources.relative.filter(|relative| relative.0)?;
    let membership = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut groups = membership.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let first = groups.next()?;
    groups.all(|group| group == first).then(|| PathBuf::from(first))
}

/// Whether the first process of a container holds back SIGRTMIN+3, as systemd does, which asks it by that to stop. proc(5), "SigBlk".
#[must_use]
pub fn stops_like_systemd(pid: i32) -> bool {
    const BIT: u32 = 37 - 1;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = blocked.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> BIT & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> Result<Mapped, PrepareError> {
        let mut nothing = |_: &Path, _: u64| Err(crate::config::Unreadable::Kind);
        let limits = crate::config::Limits::default();
        let document = Document::read(Path::new("config"), text.as_bytes(), &limits, &mut nothing)
            .expect(text);
        let wanted = Wanted {
            name: "web",
            directory: Path::new("/var/lib/lxc"),
            purpose: Purpose::Start,
            variable: &|_| None,
        };
        prepare(&document, &wanted)
    }

    #[test]
    fn a_record_is_known_by_its_configuration() {
        let label =
            |text: &str, key: &str| prepared(text).expect(text).request.config.labels[key].clone();
        let plain = "lxc.net.0.type = empty\n";
        assert_eq!(label(plain, PATH_LABEL), "/var/lib/lxc");
        assert_eq!(label(plain, CONFIG_LABEL), label(plain, CONFIG_LABEL));
        assert_ne!(label(plain, CONFIG_LABEL), label("lxc.uts.name = b\n", CONFIG_LABEL));
    }
}
