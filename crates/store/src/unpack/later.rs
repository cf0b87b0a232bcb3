//! What is set when everything is there: times of directories, which each new file in them changes, and default ACLs, which
//! new files would inherit.

use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, Timestamps, XattrFlags};
use sys::{Errno, open_in_root};

use super::parents::DIRECTORY;
use super::{UnpackError, printable};
use crate::tar::Timestamp;

/// Facts of directories by path. All paths are in one buffer, whose size is limited.
#[derive(Debug, Default)]
pub(super) struct Later {
    bytes: Vec<u8>,
    directories: Vec<Directory>,
}

#[derive(Debug)]
struct Directory {
    path_end: usize,
    /// The default ACL is between the path's end and this.
    acl_end: usize,
    mtime: Timestamp,
}

impl Later {
    pub(super) fn add(
        &mut self,
        path: &[u8],
        mtime: Timestamp,
        acl: Option<&[u8]>,
        most: usize,
    ) -> Result<(), UnpackError> {
        let acl = acl.unwrap_or_default();
        let size = self.bytes.len() + self.directories.len() * size_of::<Directory>();
        if size + path.len() + acl.len() > most {
            let limit = "memory for directories";
            return Err(UnpackError::Limit { path: printable(path), limit, most: most as u64 });
        }
        self.bytes.extend_from_slice(path);
        let path_end = self.bytes.len();
        self.bytes.extend_from_slice(acl);
        self.directories.push(Directory { path_end, acl_end: self.bytes.len(), mtime });
        Ok(())
    }

    /// Sets everything in the archive's order: of two entries for one directory the later wins.
    pub(super) fn apply(&self, root: BorrowedFd<'_>) -> Result<(), UnpackError> {
        let mut start = 0;
        for directory in &self.directories {
            let path = &self.bytes[start..directory.path_end];
            let acl = &self.bytes[directory.path_end..directory.acl_end];
            start = directory.acl_end;
            match apply_to(root, path, directory.mtime, acl) {
                // Replaced by something else later in the archive.
                Err(errno) if is_gone(errno) => {}
                Ok(()) => {}
                Err(errno) => {
                    return Err(UnpackError::Step {
                        step: "set times of directory",
                        path: printable(path),
                        errno,
                    });
                }
            }
        }
        Ok(())
    }
}

fn apply_to(root: BorrowedFd<'_>, path: &[u8], mtime: Timestamp, acl: &[u8]) -> Result<(), Errno> {
    let shown = if path.is_empty() { b"." } else { path };
    let directory = open_in_root(root, shown, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    if !acl.is_empty() {
        rustix::fs::fsetxattr(
            &directory,
            super::attributes::DEFAULT_ACL,
            acl,
            XattrFlags::empty(),
        )?;
    }
    rustix::fs::futimens(&directory, &times(mtime))?;
    Ok(())
}

fn is_gone(errno: Errno) -> bool {
    [rustix::io::Errno::NOENT, rustix::io::Errno::NOTDIR, rustix::io::Errno::LOOP]
        .map(Errno::from)
        .contains(&errno)
}

/// The modification time for both: what an archive's access time was does not matter to anybody.
pub(super) fn times(mtime: Timestamp) -> Timestamps {
    let time = rustix::fs::Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
