//! Removes directory trees of any depth by descriptors: no recursion, and a bounded number of open descriptors.
//!
//! Never follows a link and never leaves the tree: each directory is opened from its parent with O_NOFOLLOW. A tree that is
//! deeper than what is kept open is flattened on the way: its subdirectories are moved up before they are emptied.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::parents::DIRECTORY;

/// Directories that are open at the same time.
const MOST_OPEN: usize = 64;

/// Why a tree could not be removed whole.
#[derive(Debug, thiserror::Error)]
#[error("remove directory tree {name:?}")]
pub struct RemoveError {
    /// The tree's name in its parent.
    pub name: String,
    /// What stopped it.
    #[source]
    pub errno: sys::Errno,
}

/// Removes `name` in `parent`, whatever it is, with everything below it. Nothing there is success, and so is what another
/// command that removes the same took away in the meantime.
///
/// # Errors
/// [`RemoveError`] with the kernel's reason; what was removed by then is gone.
pub fn remove_tree(parent: BorrowedFd<'_>, name: &str) -> Result<(), RemoveError> {
    remove_entry(parent, name.as_bytes())
        .map_err(|errno| RemoveError { name: name.to_owned(), errno: errno.into() })
}

/// The same for a name of any bytes.
pub(crate) fn remove_entry(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => remove_directory(parent, name),
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// A directory that is being emptied.
struct Level {
    directory: OwnedFd,
    name: Vec<u8>,
}

pub(super) fn remove_directory(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let directory = match open(parent, name) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut levels = vec![Level { directory, name: name.to_vec() }];
    let mut moved = 0_u64;
    while let Some(level) = levels.last() {
        if let Some(subdirectory) = unlink_files(level.directory.as_fd())? {
            if levels.len() < MOST_OPEN {
                match open(level.directory.as_fd(), &subdirectory) {
                    Ok(directory) => levels.push(Level { directory, name: subdirectory }),
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                }
            } else {
                move_up(&levels, &subdirectory, &mut moved)?;
            }
            continue;
        }
        let Some(empty) = levels.pop() else { break };
        let above = levels.last().map_or(parent, |level| level.directory.as_fd());
        match rustix::fs::unlinkat(above, &empty.name[..], AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Moves a subdirectory of the deepest level into the tree's top, under a name that is free.
fn move_up(levels: &[Level], subdirectory: &[u8], moved: &mut u64) -> Result<(), Errno> {
    let (Some(top), Some(deepest)) = (levels.first(), levels.last()) else { return Ok(()) };
    loop {
        let name = format!("moved-{moved}");
        *moved += 1;
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(
            &deepest.directory,
            subdirectory,
            &top.directory,
            name,
            flags,
        ) {
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return Ok(()),
            other => return other,
        }
    }
}

/// Unlinks what is no directory; returns the first subdirectory met, `None` when nothing is left.
fn unlink_files(directory: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, Errno> {
    rustix::fs::seek(directory, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut listing = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = listing.next() {
        let entry = match entry {
            // The directory itself is gone. getdents(2).
            Err(Errno::NOENT) => return Ok(None),
            entry => entry?,
        };
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        // Without a type in the listing, as some file systems do, unlinking tells.
        if entry.file_type() == FileType::Directory {
            return Ok(Some(name.to_vec()));
        }
        match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => return Ok(Some(name.to_vec())),
            Err(errno) => return Err(errno),
        }
    }
    Ok(None)
}

fn open(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}
