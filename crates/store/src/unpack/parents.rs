//! The directories that entries are created in: opened below the root, made where they are missing, and kept open for a
//! while, because an archive's entries come directory by directory.

use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};
use sys::{Errno, open_in_root, open_without_links};

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
    /// Whether its path goes through a symbolic link.
    linked: bool,
}

/// Open directories by path, the latest last.
#[derive(Debug, Default)]
pub(super) struct Parents {
    open: Vec<(Vec<u8>, Rc<Parent>)>,
}

impl Parent {
    fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<Self, Errno> {
        let path = if path.is_empty() { b"." } else { path };
        let (fd, linked) = match open_without_links(root, path, DIRECTORY, Mode::empty()) {
            Err(errno) if errno == rustix::io::Errno::LOOP.into() => {
                (open_in_root(root, path, DIRECTORY, Mode::empty())?, true)
            }
            opened => (opened?, false),
        };
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Self { fd, gid: stat.st_gid, set_gid: stat.st_mode & 0o2000 != 0, linked })
    }

    /// The path without links of what `name` calls in this directory, of which `path` is one.
    pub(super) fn straight<'p>(
        &self,
        root: BorrowedFd<'_>,
        name: &[u8],
        path: &'p [u8],
    ) -> Result<Cow<'p, [u8]>, Errno> {
        if !self.linked {
            return Ok(Cow::Borrowed(path));
        }
        let (root, directory) = (path_of(root)?, path_of(self.fd.as_fd())?);
        let Some(below) = directory.strip_prefix(&root[..]) else {
            return Err(rustix::io::Errno::XDEV.into());
        };
        let below = below.strip_prefix(b"/").unwrap_or(below);
        let slash: &[u8] = if below.is_empty() { b"" } else { b"/" };
        Ok(Cow::Owned([below, slash, name].concat()))
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
        let parent = Rc::new(Parent::open(root, path)?);
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

/// Where an open directory is. proc_pid_fd(5).
fn path_of(directory: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let link = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(&directory));
    Ok(rustix::fs::readlink(link, Vec::new())?.into_bytes())
}
