//! Paths that the container shall see empty or read-only, covered once the root is its own.
//!
//! Runs in the child: nothing here allocates. Every path is opened first, looked at, and covered by its descriptor. Sources:
//! open_tree(2), move_mount(2), mount_setattr(2).

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, makedev, open};
use rustix::io::Errno as Raw;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags};
use rustix::mount::{fsconfig_create, fsconfig_set_string, fsmount, fsopen, open_tree};
use sys::{Errno, MountAttributes, mount_setattr};

use crate::prepared::Masked;
use crate::rootfs::{PROC_SUPER_MAGIC, attach_to};

/// statfs(2).
const SYSFS_MAGIC: i64 = 0x6265_6572;

const CLONE: OpenTreeFlags = OpenTreeFlags::OPEN_TREE_CLONE
    .union(OpenTreeFlags::OPEN_TREE_CLOEXEC)
    .union(OpenTreeFlags::AT_EMPTY_PATH);

/// What masked paths are covered with; each is made when the first path needs it.
#[derive(Default)]
pub(crate) struct Covers {
    null: Option<OwnedFd>,
    empty: Option<OwnedFd>,
}

impl Covers {
    /// Covers a file with `/dev/null` and a directory with an empty file system. What is not there needs no cover.
    pub(crate) fn mask(&mut self, masked: &Masked) -> Result<(), Errno> {
        let Some(at) = open_protected(&masked.path)? else { return Ok(()) };
        if FileType::from_raw_mode(fstat(&at)?.st_mode) == FileType::Directory {
            return self.cover_directory(&at, masked.label.as_deref());
        }
        let null = match self.null.take() {
            Some(null) => null,
            None => null_device()?,
        };
        let cover = open_tree(&null, c"", CLONE)?;
        self.null = Some(null);
        attach_to(cover.as_fd(), at.as_fd())
    }

    /// All directories share one cover: nothing can be written into it.
    fn cover_directory(&mut self, at: &OwnedFd, label: Option<&CStr>) -> Result<(), Errno> {
        let Some(empty) = &self.empty else {
            let empty = match label {
                None => KEPT_EMPTY.iter().find_map(|path| empty_directory_of_sysfs(path).ok()),
                Some(_) => None,
            };
            let empty = empty.map_or_else(|| empty_file_system(label), Ok)?;
            attach_to(empty.as_fd(), at.as_fd())?;
            self.empty = Some(empty);
            return Ok(());
        };
        attach_to(open_tree(empty, c"", CLONE)?.as_fd(), at.as_fd())
    }
}

/// Opened and looked at before it is used: an image may have put something else in its place (CVE-2025-31133).
fn null_device() -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let null = open(c"/dev/null", flags, Mode::empty())?;
    let stat = fstat(&null)?;
    let is_character = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    if is_character && stat.st_rdev == makedev(1, 3) {
        Ok(null)
    } else {
        Err(Errno::from_raw(libc::ENODEV))
    }
}

/// Directories that sysfs keeps empty for ever, since they are there to be mounted on: fs/sysfs/mount.c, `sysfs_create_mount_point`, by debugfs,
/// tracefs, FUSE, pstore and BPF.
const KEPT_EMPTY: [&CStr; 5] = [
    c"/sys/kernel/debug",
    c"/sys/kernel/tracing",
    c"/sys/fs/fuse/connections",
    c"/sys/fs/pstore",
    c"/sys/fs/bpf",
];

/// One of them in the container's own `/sys` is a file system less in each container. In every control group of memory the kernel keeps
/// 16 bytes for each file system of the machine (mm/shrinker.c): of thousands of containers it is the greater part of what they take.
fn empty_directory_of_sysfs(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty())?;
    // Where something is mounted on it, that is another one.
    if fstatfs(&directory)?.f_type != SYSFS_MAGIC {
        return Err(Errno::from_raw(libc::EXDEV));
    }
    protected_copy(&directory)
}

/// A mount of one file or directory alone, attached nowhere yet, that nothing can be written to, run from or used as a device.
pub(crate) fn protected_copy(of: &OwnedFd) -> Result<OwnedFd, Errno> {
    let copy = open_tree(of, c"", CLONE)?;
    let protected = MountAttributes::RDONLY
        | MountAttributes::NOSUID
        | MountAttributes::NODEV
        | MountAttributes::NOEXEC;
    let set = MountAttributes { set: protected, ..MountAttributes::default() };
    mount_setattr(copy.as_fd(), c"", false, set)?;
    Ok(copy)
}

pub(crate) fn empty_file_system(label: Option<&CStr>) -> Result<OwnedFd, Errno> {
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    file_system(label, attributes)
}

/// One in memory, attached nowhere yet.
pub(crate) fn file_system(
    label: Option<&CStr>,
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Errno> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    if let Some(label) = label {
        fsconfig_set_string(context.as_fd(), c"context", label)?;
    }
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(Errno::from)
}

/// Makes a path read-only by a mount of itself, which is read-only before it is attached.
pub(crate) fn read_only(path: &CStr) -> Result<(), Errno> {
    let Some(at) = open_protected(path)? else { return Ok(()) };
    let cover = open_tree(&at, c"", CLONE | OpenTreeFlags::AT_RECURSIVE)?;
    // What else the mount has, it keeps: a program of a read-only directory may still be executed.
    let set = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
    mount_setattr(cover.as_fd(), c"", false, set)?;
    attach_to(cover.as_fd(), at.as_fd())
}

/// The path without following a link at its end; nothing where it does not exist.
fn open_protected(path: &CStr) -> Result<Option<OwnedFd>, Errno> {
    let at = match open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(at) => at,
        Err(Raw::NOENT | Raw::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    // Below /proc it must be procfs indeed, not what a mount of the image's choice shows there (CVE-2023-27561).
    if path.to_bytes().starts_with(b"/proc/") && fstatfs(&at)?.f_type != PROC_SUPER_MAGIC {
        return Err(Errno::from_raw(libc::EXDEV));
    }
    Ok(Some(at))
}

/// The root and nothing below it.
pub(crate) fn read_only_root() -> Result<(), Errno> {
    let set = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(c"/", flags, Mode::empty())?;
    mount_setattr(root.as_fd(), c"", false, set)
}
