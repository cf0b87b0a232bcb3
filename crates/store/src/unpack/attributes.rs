//! Owner, mode, extended attributes and times of what was just created, in the order in which none undoes another: writing
//! and chown(2) clear set-id bits and file capabilities, everything changes times.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::Errno;

use super::later::times;
use super::name::refused;
use super::parents::Parent;
use super::{UnpackError, printable};
use crate::tar::Metadata;

pub(super) const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";

/// What the process that unpacks is: what new files get without being asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    uid: u32,
    gid: u32,
    /// Bits that the kernel takes from each mode.
    umask: u32,
}

impl Caller {
    pub(super) fn current() -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            umask: umask().unwrap_or(0o777),
        }
    }

    /// Whether something new in `parent` has another owner than `metadata` says.
    pub(super) fn is_foreign(&self, metadata: &Metadata, parent: &Parent) -> bool {
        // Whether a new file takes its group from the process or from the directory depends on the directory's set-group-id
        // bit and on the mount's options, so both must be right to save the call.
        metadata.uid != self.uid || metadata.gid != self.gid || parent.gid != self.gid
    }

    /// Whether a mode given at creation does not arrive whole.
    pub(super) const fn is_masked(&self, mode: u32) -> bool {
        mode & (self.umask | 0o7000) != 0
    }
}

/// The process's umask, which can only be read here without changing it for all threads: proc_pid_status(5), Linux 4.7.
fn umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// Owner, mode and attributes of an open file or directory.
pub(super) fn set_open(
    file: BorrowedFd<'_>,
    metadata: &Metadata,
    owner: bool,
    mode: bool,
) -> Result<(), UnpackError> {
    let step = |step, outcome: Result<(), Errno>| at_step(step, &metadata.path, outcome);
    if owner {
        step(
            "change owner of",
            rustix::fs::fchown(file, Some(uid(metadata)), Some(gid(metadata))),
        )?;
    }
    if mode {
        step("change mode of", rustix::fs::fchmod(file, Mode::from_raw_mode(metadata.mode)))?;
    }
    for xattr in allowed_xattrs(metadata)? {
        let outcome =
            rustix::fs::fsetxattr(file, &xattr.name[..], &xattr.value, XattrFlags::empty());
        step("set extended attribute of", outcome)?;
    }
    Ok(())
}

/// Owner, mode, attributes and times of what cannot be opened: a symbolic link, a device, a pipe. It was created a moment ago
/// and nobody else writes into the directory.
pub(super) fn set_named(
    parent: &Parent,
    name: &[u8],
    metadata: &Metadata,
    owner: bool,
    mode: bool,
) -> Result<(), UnpackError> {
    let step = |step, outcome: Result<(), Errno>| at_step(step, &metadata.path, outcome);
    if owner {
        let (uid, gid) = (Some(uid(metadata)), Some(gid(metadata)));
        step(
            "change owner of",
            rustix::fs::chownat(&parent.fd, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW),
        )?;
    }
    if mode {
        let mode = Mode::from_raw_mode(metadata.mode);
        step("change mode of", rustix::fs::chmodat(&parent.fd, name, mode, AtFlags::empty()))?;
    }
    if !metadata.xattrs.is_empty() {
        let file =
            open_path(parent, name).map_err(|errno| failed("open", &metadata.path, errno))?;
        // fsetxattr(2) refuses an O_PATH descriptor. This magic link leads to exactly the file that is open, even to a
        // symbolic link itself: proc_pid_fd(5).
        let shown = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(&file.as_fd()));
        for xattr in allowed_xattrs(metadata)? {
            let outcome =
                rustix::fs::setxattr(&shown, &xattr.name[..], &xattr.value, XattrFlags::empty());
            step("set extended attribute of", outcome)?;
        }
    }
    let outcome =
        rustix::fs::utimensat(&parent.fd, name, &times(metadata.mtime), AtFlags::SYMLINK_NOFOLLOW);
    step("set times of", outcome)
}

fn open_path(parent: &Parent, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(
        &parent.fd,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// The attributes to set now. What overlayfs reads is ours to write: an image that could, would redirect or reveal
/// directories of lower layers. SELinux labels are the host's policy; default ACLs come at the end.
fn allowed_xattrs(
    metadata: &Metadata,
) -> Result<impl Iterator<Item = &crate::tar::Xattr>, UnpackError> {
    for xattr in &metadata.xattrs {
        if [&b"trusted.overlay."[..], b"user.overlay."]
            .iter()
            .any(|prefix| xattr.name.starts_with(prefix))
        {
            return Err(refused(&metadata.path, "extended attribute of overlayfs in an archive"));
        }
    }
    Ok(metadata
        .xattrs
        .iter()
        .filter(|xattr| xattr.name != b"security.selinux" && xattr.name != DEFAULT_ACL))
}

pub(super) fn default_acl(metadata: &Metadata) -> Option<&[u8]> {
    metadata.xattrs.iter().find(|xattr| xattr.name == DEFAULT_ACL).map(|xattr| &xattr.value[..])
}

fn uid(metadata: &Metadata) -> Uid {
    Uid::from_raw(metadata.uid)
}

fn gid(metadata: &Metadata) -> Gid {
    Gid::from_raw(metadata.gid)
}

pub(super) fn at_step<T>(
    step: &'static str,
    path: &[u8],
    outcome: Result<T, Errno>,
) -> Result<T, UnpackError> {
    outcome.map_err(|errno| failed(step, path, errno))
}

pub(super) fn failed(step: &'static str, path: &[u8], errno: impl Into<sys::Errno>) -> UnpackError {
    UnpackError::Step { step, path: printable(path), errno: errno.into() }
}
