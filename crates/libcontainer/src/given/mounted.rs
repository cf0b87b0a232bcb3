//! The child's part: a tmpfs of its own for each target, filled, made read-only, and only then mounted where it can be seen.
//!
//! Runs in the child: nothing here allocates. Sources: fsopen(2), fsmount(2), open_tree(2), tmpfs(5).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fchmod, fchown, fstat, mkdirat, openat, sendfile};
use rustix::io::Errno as Raw;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, open_tree, unmount,
};
use rustix::process::{Gid, Uid};
use sys::{Errno, MountAttributes, mount_setattr};

use super::{PreparedFile, PreparedGift, place_of};
use crate::descriptor_path::DescriptorPath;
use crate::rootfs::{Root, attach_to};
use crate::target::Kind;

impl Root {
    /// Mounts files with contents that are given.
    pub(crate) fn give(
        &self,
        gift: &PreparedGift,
        contents: Option<BorrowedFd<'_>>,
    ) -> Result<(), Errno> {
        let contents = contents.ok_or(Errno::from_raw(libc::EBADF))?;
        let system = file_system(gift.label.as_deref())?;
        for file in &gift.files {
            fill(system.as_fd(), file, contents)?;
        }
        let set = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
        mount_setattr(system.as_fd(), c"", false, set)?;
        let kind = if gift.is_file { Kind::File } else { Kind::Directory };
        let place = self.place(&gift.target, kind)?;
        match gift.files.first().filter(|_| gift.is_file) {
            Some(file) => {
                let there = FileType::from_raw_mode(fstat(&place.at)?.st_mode);
                if there == FileType::Directory {
                    return Err(Errno::from_raw(libc::EISDIR));
                }
                let file = self.clone_file(system.as_fd(), &file.path)?;
                attach_to(file.as_fd(), place.at.as_fd())
            }
            None => attach_to(system.as_fd(), place.at.as_fd()),
        }
    }

    /// A mount of one file. Before Linux 6.15 nothing is cloned of what is mounted nowhere: for that moment the file system covers
    /// the container's root, where nobody is yet and where our own descriptors lead below it.
    fn clone_file(&self, system: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
        attach_to(system, self.directory())?;
        let file = openat(system, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        let clone = open_tree(&file, c"", flags)?;
        unmount(DescriptorPath::of(system).as_c_str(), UnmountFlags::DETACH)?;
        Ok(clone)
    }
}

/// An empty tmpfs, mounted nowhere.
fn file_system(label: Option<&CStr>) -> Result<OwnedFd, Errno> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"mode", c"755")?;
    // Since Linux 6.4, and not for user namespaces: elsewhere its pages may be written to swap. tmpfs(5).
    let _swapped = fsconfig_set_flag(context.as_fd(), c"noswap");
    if let Some(label) = label {
        fsconfig_set_string(context.as_fd(), c"context", label)?;
    }
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(Errno::from)
}

fn fill(
    system: BorrowedFd<'_>,
    file: &PreparedFile,
    contents: BorrowedFd<'_>,
) -> Result<(), Errno> {
    for parent in &file.parents {
        match mkdirat(system, parent.as_c_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Raw::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let made = openat(system, file.path.as_c_str(), flags, Mode::from_raw_mode(0o600))?;
    let (mut offset, length) = place_of(contents, file.content)?;
    let end = offset + length;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
        match sendfile(&made, contents, Some(&mut offset), left) {
            Ok(0) => return Err(Errno::from_raw(libc::EIO)),
            Ok(_) | Err(Raw::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    // In this order: a change of the owner takes set-user-id bits away, chown(2).
    fchown(&made, Some(Uid::from_raw(file.uid)), Some(Gid::from_raw(file.gid)))?;
    fchmod(&made, Mode::from_raw_mode(file.mode & 0o7777)).map_err(Errno::from)
}
