//! A directory of the host as the root of a container, by a mount of its own that covers the root of the container's mount namespace.
//!
//! Where the container has users of its own its maker mounts it and lends it: their root may not even reach the directory, and could
//! not map its ids. What is mounted in it comes along, with ids as they are. Sources: open_tree(2), mount_setattr(2).

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use sys::{Errno, MountAttributes, mount_setattr};

use crate::error::StartError;
use crate::mapped_root::refused;
use crate::prepared::path;
use crate::rootfs::clone_tree;

/// One, ready to be made.
pub(crate) struct DirectoryRoot {
    path: CString,
    /// Whether the child is lent it.
    pub(crate) is_lent: bool,
    is_mapped: bool,
}

impl DirectoryRoot {
    /// Of what [`crate::Step::DirectoryRoot`] says.
    pub(crate) fn new(
        directory: &Path,
        root_ids: Option<(u32, u32)>,
        shifted: bool,
    ) -> Result<Self, StartError> {
        let is_lent = root_ids.is_some();
        Ok(Self { path: path(directory)?, is_lent, is_mapped: is_lent && !shifted })
    }

    /// Makes it for the user namespace `users`; it is attached nowhere yet.
    ///
    /// # Errors
    /// Names the directory that is not there, or whose file system cannot map ids.
    pub(crate) fn lend(&self, users: BorrowedFd<'_>) -> Result<OwnedFd, StartError> {
        let tree = self.clone_whole().map_err(StartError::parent("use the directory as a root"))?;
        if self.is_mapped {
            let map = MountAttributes { user_namespace: Some(users), ..MountAttributes::default() };
            mount_setattr(tree.as_fd(), c"", false, map).map_err(refused(&self.path))?;
        }
        Ok(tree)
    }

    /// In the child: what it was lent, or, where it is its own to make, makes. Nothing here allocates.
    pub(crate) fn take(&self, lent: Option<OwnedFd>) -> Result<OwnedFd, Errno> {
        match lent {
            Some(tree) => Ok(tree),
            None if self.is_lent => Err(Errno::from_raw(libc::EBADF)),
            None => self.clone_whole(),
        }
    }

    fn clone_whole(&self) -> Result<OwnedFd, Errno> {
        let tree = clone_tree(&self.path, true)?;
        // Its own as well: a copy of a shared mount would pass on to the host what is mounted in it.
        let private =
            MountAttributes { propagation: libc::MS_PRIVATE, ..MountAttributes::default() };
        mount_setattr(tree.as_fd(), c"", true, private)?;
        Ok(tree)
    }
}
