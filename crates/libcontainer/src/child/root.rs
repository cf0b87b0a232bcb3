//! The root of a container: how it comes to be, and how it becomes the one of its first process.

use std::ffi::CString;
use std::os::fd::AsFd;

use rustix::io::Errno as Raw;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::mount::{mount, mount_move, unmount};
use rustix::process::pivot_root;
use sys::Errno;

use super::Walk;
use crate::prepared::{Action, Prepared};
use crate::rootfs::Root;

impl Walk<'_> {
    pub(super) fn root(&self) -> Result<&Root, Errno> {
        self.root.as_ref().ok_or(Errno::from_raw(libc::ENOENT))
    }

    pub(super) fn stand_in_root(&self) -> Result<(), Errno> {
        Ok(rustix::process::fchdir(self.root()?.directory())?)
    }

    /// The root that one of the four steps makes which do.
    pub(super) fn make_root(&self, action: &Action, prepared: &Prepared) -> Result<Root, Errno> {
        if let Action::OverlayRoot { options, at, shared } = action {
            return Root::overlay(options, at, shared.as_deref());
        }
        if let Action::BindRoot { path } = action {
            return Root::bind(path);
        }
        let lent = prepared.ahead.take(self.number);
        if let Action::DirectoryRoot(directory) = action {
            return Root::lent(directory.take(lent)?.as_fd());
        }
        Root::lent(lent.ok_or(Errno::from_raw(libc::EBADF))?.as_fd())
    }

    /// The old root stays below the new one, and a whole procfs or sysfs in it would let a user namespace mount another without
    /// the covers of this one: fs/namespace.c, mount_too_revealing. Hence these go first.
    pub(super) fn move_over(&mut self, revealing: &[CString]) -> Result<(), Errno> {
        for at in revealing {
            match unmount(at.as_c_str(), UnmountFlags::DETACH) {
                // One above it was taken away before.
                Ok(()) | Err(Raw::NOENT) => {}
                // Locked, in a user namespace, or no longer a mount.
                Err(Raw::INVAL | Raw::PERM) => {
                    mount(c"tmpfs", at.as_c_str(), c"tmpfs", MountFlags::RDONLY, None)?;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        rustix::process::fchdir(self.root()?.directory())?;
        mount_move(c".", c"/")?;
        self.change_root()
    }

    pub(super) fn change_root(&mut self) -> Result<(), Errno> {
        rustix::process::fchdir(self.root()?.directory())?;
        rustix::process::chroot(c".")?;
        Ok(rustix::process::chdir(c"/")?)
    }

    pub(super) fn pivot(&mut self) -> Result<(), Errno> {
        rustix::process::fchdir(self.root()?.directory())?;
        // Both on ".": the old root lands on top of the new one, so no spare directory is needed. pivot_root(2), NOTES.
        pivot_root(c".", c".")?;
        // Nothing of this reaches the host: its mounts lost their peers, or became their slaves, in the first step.
        unmount(c".", UnmountFlags::DETACH)?;
        Ok(rustix::process::chdir(c"/")?)
    }
}
