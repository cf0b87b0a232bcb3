//! The door into a group: descriptors opened before the fork, used by the child itself.
//!
//! See the module page for why the child enters by itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::Errno;

/// Open descriptors of one group.
#[derive(Debug)]
pub struct Entry {
    /// The directory in the v2 tree, if there is one.
    pub(crate) tree: Option<OwnedFd>,
    /// The `tasks` file of every v1 hierarchy.
    pub(crate) tasks: Vec<OwnedFd>,
    /// Whether a process that may not enter stays outside.
    pub(crate) optional: bool,
}

impl Entry {
    pub(super) const fn new(tree: Option<OwnedFd>, tasks: Vec<OwnedFd>) -> Self {
        Self { tree, tasks, optional: false }
    }

    /// Into no group.
    pub(crate) const fn nowhere() -> Self {
        Self::new(None, Vec::new())
    }

    /// The same for a process that stays outside where it may not enter.
    pub(crate) fn or_outside(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Whether this answer means that the process stays outside.
    pub(crate) fn passes_over(&self, errno: Errno) -> bool {
        self.optional && matches!(errno.raw(), libc::EACCES | libc::EPERM)
    }

    /// What `clone3` with `CLONE_INTO_CGROUP` takes: the group in the v2 tree (unified and hybrid layout).
    pub fn into_cgroup(&self) -> Option<BorrowedFd<'_>> {
        self.tree.as_ref().map(AsFd::as_fd)
    }

    /// Moves the calling thread into the group's v1 hierarchies; nothing to do on v2.
    ///
    /// For the new child, first thing: alone in its process, before it makes a cgroup namespace or changes its user.
    /// Async-signal-safe: system calls only, no allocation.
    ///
    /// # Errors
    /// The first refused write, for example `ENOSPC` for a cpuset without CPUs.
    pub fn enter(&self) -> Result<(), Errno> {
        self.tasks.iter().try_for_each(|tasks| match enter(tasks.as_fd()) {
            Err(errno) if self.passes_over(errno) => Ok(()),
            entered => entered,
        })
    }

    /// The `tasks` file of every v1 hierarchy.
    pub(crate) fn doors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.tasks.iter().map(AsFd::as_fd)
    }
}

/// Moves the calling thread in through one `tasks` file.
pub(crate) fn enter(tasks: BorrowedFd<'_>) -> Result<(), Errno> {
    Ok(rustix::io::write(tasks, b"0").map(drop)?)
}
