//! Blocks of directory trees, as du(1) counts them: what is allocated, not what a length says, and a file with several links once.
//!
//! Never follows a link and never leaves the tree: what a container changes meanwhile can make the sum wrong, but not more.
//! Paths deeper than the kernel takes at once are walked from a directory on their way. Sources: inode(7), openat2(2).

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, openat2, statat,
};
use rustix::io::Errno;

use crate::StoreError;

/// What st_blocks counts in. inode(7).
const BLOCK_BYTES: u64 = 512;
/// Longest path below a directory that is kept open; the kernel takes 4096 bytes.
const LONGEST: usize = 2048;

/// A count that goes on from tree to tree: a file that was met by another of its names is not counted again.
#[derive(Debug, Default)]
pub(super) struct Disk {
    linked: HashSet<(u64, u64)>,
}

/// What a tree takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// Blocks, in bytes.
    pub(super) allocated_bytes: u64,
    /// Lengths of its regular files.
    pub(super) length_bytes: u64,
}

/// A directory that waits for its turn.
struct Pending {
    base: Rc<OwnedFd>,
    path: Vec<u8>,
}

impl Disk {
    /// Everything at and below a path; nothing where there is nothing.
    pub(super) fn tree(&mut self, path: &Path) -> Result<Tree, StoreError> {
        let mut tree = Tree::default();
        let walked = self.walk(path, &mut tree);
        walked.map(|()| tree).map_err(StoreError::file("measure", path))
    }

    fn walk(&mut self, path: &Path, tree: &mut Tree) -> Result<(), Errno> {
        let top = match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            stat => stat?,
        };
        self.count(&top, tree);
        if FileType::from_raw_mode(top.st_mode) != FileType::Directory {
            return Ok(());
        }
        let Some(base) = open(CWD, path.as_os_str().as_bytes(), ResolveFlags::empty())? else {
            return Ok(());
        };
        let mut pending = vec![Pending { base: Rc::new(base), path: b".".to_vec() }];
        while let Some(next) = pending.pop() {
            self.directory(next, &mut pending, tree)?;
        }
        Ok(())
    }

    fn directory(
        &mut self,
        here: Pending,
        pending: &mut Vec<Pending>,
        tree: &mut Tree,
    ) -> Result<(), Errno> {
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let Some(directory) = open(here.base.as_fd(), &here.path, beneath)? else { return Ok(()) };
        let mut below = Vec::new();
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut listing = RawDir::new(&directory, buffer.spare_capacity_mut());
        while let Some(entry) = listing.next() {
            let entry = match entry {
                // The directory itself is gone. getdents(2).
                Err(Errno::NOENT) => break,
                entry => entry?,
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                stat => stat?,
            };
            self.count(&stat, tree);
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                below.push(name.to_bytes().to_vec());
            }
        }
        let Pending { mut base, path: mut above } = here;
        if above.len() > LONGEST {
            (base, above) = (Rc::new(directory), b".".to_vec());
        }
        pending.extend(below.into_iter().map(|name| Pending {
            base: Rc::clone(&base),
            path: [&above[..], b"/", &name].concat(),
        }));
        Ok(())
    }

    fn count(&mut self, stat: &Stat, tree: &mut Tree) {
        let kind = FileType::from_raw_mode(stat.st_mode);
        // Every directory has several links, and only one name.
        let again = kind != FileType::Directory
            && stat.st_nlink > 1
            && !self.linked.insert((stat.st_dev, stat.st_ino));
        if again {
            return;
        }
        tree.allocated_bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK_BYTES;
        if kind == FileType::RegularFile {
            tree.length_bytes += u64::try_from(stat.st_size).unwrap_or(0);
        }
    }
}

/// Opens a directory; nothing where there is none any more.
fn open(
    base: BorrowedFd<'_>,
    path: &[u8],
    resolve: ResolveFlags,
) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat2(base, path, flags, Mode::empty(), resolve) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        // A tree above was renamed in the same moment. openat2(2).
        Err(Errno::AGAIN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Blocks of one file or directory without what is below it.
pub(super) fn own_bytes(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |about| about.blocks() * BLOCK_BYTES)
}
