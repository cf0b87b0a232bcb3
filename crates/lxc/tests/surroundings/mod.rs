//! A machine that is the same everywhere, for tests of the mapping.

use std::path::Path;

use libcontainer::seccomp::Architecture;
use lxc::mapping::{GroupVersion, Purpose, Surroundings};

/// A container `web` in `/var/lib/lxc`, on a machine with groups of version 2; optional mounts are of things that are not there.
pub(crate) fn surroundings() -> Surroundings<'static> {
    Surroundings {
        name: "web",
        directory: Path::new("/var/lib/lxc/web"),
        purpose: Purpose::Start,
        host_name: "machine",
        groups: GroupVersion::Two,
        own_group: Some(Path::new("/user.slice/a")),
        architecture: Architecture::X86_64,
        fstab: Some("# what is mounted\n\nproc proc proc nodev,noexec,nosuid 0 0\n"),
        seccomp: Some("2\ndenylist\nkexec_load errno 1\n"),
        variable: &|name| (name == "TERM").then(|| "linux".to_owned()),
        is_there: &|_| false,
    }
}
