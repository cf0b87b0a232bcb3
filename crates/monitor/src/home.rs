//! The control group that monitors live in. Not their maker's: who ends a service or a session ends all that is in its group
//! (systemd.kill(5)), and a monitor belongs to its container alone.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, open, statfs};
use rustix::io::Errno as Raw;

/// Where the unified hierarchy is mounted, which systemd keeps its services in: beside those of version 1, or alone.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
/// Beside the group of the containers, which holds nothing but groups.
const NAME: &str = "corten-monitors";
/// linux/magic.h.
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;

/// The group, made where it is not there; nothing where there is no unified hierarchy that may be written.
pub(crate) fn group() -> Option<OwnedFd> {
    MOUNTS.iter().find_map(|mount| {
        let path = Path::new(mount).join(NAME);
        let directory =
            || open(&path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        match directory() {
            Err(Raw::NOENT) if is_unified(mount) => {
                // Another command may be doing the same.
                let _there = mkdirat(CWD, &path, Mode::from_raw_mode(0o755));
                directory().ok()
            }
            found => found.ok(),
        }
    })
}

fn is_unified(mount: &str) -> bool {
    statfs(mount).is_ok_and(|about| u64::try_from(about.f_type) == Ok(CGROUP2_SUPER_MAGIC))
}
