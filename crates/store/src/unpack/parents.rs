//! The directories that entries are created in: opened below the root, made where they are missing, and kept open for a
//! while, because an archive's entries come directory by directory.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};
use sys::{Errno, open_in_root};

/// Directories that stay open. The last one of a path and its ancestors on the way back up are enough.
const MOST_OPEN: usize = 16;
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An open directory and what decides what new files in it are like.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) fd: OwnedFd,
    /// A new file has this group when the directory has the set-group-id bit, see inode(7).
    pub(super) gid: u32,
    /// Whether a new directory gets the set-group-id bit.
    pub(super) set_gid: bool,
}

/// Open directories by path, the latest last.
#[derive(Debug, Default)]
pub(super) struct Parents {
    open: Vec<(Vec<u8>, Rc<Parent>)>,
}

impl Parent {
    pub(super) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Self { fd, gid: stat.st_gid, set_gid: stat.st_mode & 0o2000 != 0 })
    }
}

impl Parents {
    /// The directory `path`, opened as a process would whose root is `root`.
    ///
    /// ENOENT when it is missing, ENOTDIR when it is none.
    pub(super) fn open(&mut self, root: BorrowedFd<'_>, path: &[u8]) -> Result<Rc<Parent>, Errno> {
        if let Some(index) = self.open.iter().rposition(|(known, _)| known == path) {
            let parent = Rc::clone(&self.open[index].1);
            // To the end: the one that was not used for longest goes first.
            self.open[index..].rotate_left(1);
            return Ok(parent);
        }
        let shown = if path.is_empty() { b"." } else { path };
        let parent = Rc::new(Parent::new(open_in_root(root, shown, DIRECTORY, Mode::empty())?)?);
        let mut known =
            if self.open.len() < MOST_OPEN { Vec::new() } else { self.open.remove(0).0 };
        known.clear();
        known.extend_from_slice(path);
        self.open.push((known, Rc::clone(&parent)));
        Ok(parent)
    }

    /// Forgets all: something was removed or its group changed, so a path may lead elsewhere now.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
