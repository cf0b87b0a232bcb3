//! A group in the v2 tree: all that works there whether or not it carries the controllers.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno as Raw;

use super::directory::{Directory, timespec};
use super::{CgroupError, DeviceRules, device_program};

/// A descriptor for `CLONE_INTO_CGROUP`.
pub(super) fn entrance(group: &Directory) -> Result<OwnedFd, CgroupError> {
    rustix::io::fcntl_dupfd_cloexec(group.fd(), 3)
        .map_err(|errno| CgroupError::Open { path: group.path().to_owned(), errno: errno.into() })
}

/// The same in place of what the group has: systemd's program, or that of whoever prepared it.
pub(super) fn refilter_devices(group: &Directory, rules: &DeviceRules) -> Result<(), CgroupError> {
    sys::replace_device_programs(group.fd(), &device_program::assemble(rules))
        .map_err(|errno| CgroupError::DeviceFilter { path: group.path().to_owned(), errno })
}

/// Attaches the device program. cgroups(7) has no page for it: kernel Documentation/admin-guide/cgroup-v2.rst, "Device controller".
pub(super) fn filter_devices(group: &Directory, rules: &DeviceRules) -> Result<(), CgroupError> {
    sys::attach_device_program(group.fd(), &device_program::assemble(rules))
        .map_err(|errno| CgroupError::DeviceFilter { path: group.path().to_owned(), errno })
}

/// Gives the group, and the files that groups inside are made with, to `owner`. cgroups(7), "Cgroups delegation".
pub(super) fn give_tree(group: &Directory, owner: u32) -> Result<(), CgroupError> {
    let delegated = std::fs::read_to_string("/sys/kernel/cgroup/delegate");
    // Before Linux 4.15 nothing tells.
    let delegated = delegated
        .unwrap_or_else(|_old| "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n".to_owned());
    give(group, owner, std::iter::once(".").chain(delegated.lines()))
}

/// Gives these files of a group to `owner`, as far as they are there.
pub(super) fn give<'a>(
    group: &Directory,
    owner: u32,
    files: impl IntoIterator<Item = &'a str>,
) -> Result<(), CgroupError> {
    let user = Some(rustix::fs::Uid::from_raw(owner));
    for file in files {
        match rustix::fs::chownat(group.fd(), file, user, None, AtFlags::SYMLINK_NOFOLLOW) {
            // The kernel's list is of all files that one of its version may have.
            Ok(()) | Err(Raw::NOENT) => {}
            Err(errno) => {
                let path = group.path().join(file);
                return Err(CgroupError::Owner { path, owner, errno: errno.into() });
            }
        }
    }
    Ok(())
}

/// Kills all processes at once; `false` when the kernel cannot (before Linux 5.14).
pub(super) fn kill(group: &Directory) -> Result<bool, CgroupError> {
    match group.write("cgroup.kill", "1") {
        Ok(()) => Ok(true),
        Err(errno) if errno == Raw::NOENT.into() => Ok(false),
        Err(errno) => {
            Err(CgroupError::Set { file: "cgroup.kill".to_owned(), value: "1".to_owned(), errno })
        }
    }
}

/// Freezes and waits for the kernel's event; thaws again when it does not come in time.
pub(super) fn freeze(group: &Directory, deadline: Duration) -> Result<(), CgroupError> {
    let until = Instant::now() + deadline;
    let fault = |errno: Raw| CgroupError::Read {
        path: group.path().join("cgroup.events"),
        errno: errno.into(),
    };
    let events = rustix::fs::openat(
        group.fd(),
        "cgroup.events",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(fault)?;
    group.command("cgroup.freeze", "1")?;
    let mut text = [0; 128];
    loop {
        // Reading from the start is what re-arms the event. kernfs_notify.
        let length = rustix::io::pread(&events, &mut text, 0).map_err(fault)?;
        if text[..length].split(|byte| *byte == b'\n').any(|line| line == b"frozen 1") {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            thaw(group)?;
            let millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
            return Err(CgroupError::TimedOut {
                operation: "freeze",
                path: group.path().to_owned(),
                millis,
            });
        }
        match poll(&mut [PollFd::new(&events, PollFlags::PRI)], timespec(left).as_ref()) {
            Ok(_) | Err(Raw::INTR) => {}
            Err(errno) => return Err(fault(errno)),
        }
    }
}

pub(super) fn thaw(group: &Directory) -> Result<(), CgroupError> {
    group.command("cgroup.freeze", "0")
}

pub(super) fn is_frozen(group: &Directory) -> Result<bool, CgroupError> {
    Ok(group.read("cgroup.events")?.lines().any(|line| line == "frozen 1"))
}
