//! Trees that are given to a container's user. What labels them is in [`crate::relabel`].
//!
//! A container may change such a tree meanwhile: entries are reached from the directory they are in, never through a link, and
//! never on another mount. Sources: openat2(2), fchownat(2).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, openat, openat2};
use rustix::io::Errno as Raw;
use sys::open_in_root;

use crate::StoreError;

/// Directories below each other: each is open until what is in it is done.
pub(crate) const DEEPEST: u32 = 256;

/// Gives a file or a directory with all that is in it to somebody, without following a link below `top`.
///
/// # Errors
/// [`StoreError`] with the step that the kernel refused.
pub fn give(top: &Path, below: &str, (uid, gid): (u32, u32)) -> Result<(), StoreError> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    let opened = open(top, below)?;
    each(opened.as_fd(), 0, &mut |file| chownat(file, "", uid, gid, AtFlags::EMPTY_PATH))
        .map_err(StoreError::file("change owner of", top.join(below)))
}

/// What is given, opened for its place alone.
pub(crate) fn open(top: &Path, below: &str) -> Result<OwnedFd, StoreError> {
    let failed = |errno: sys::Errno| StoreError::file("open", top.join(below))(errno);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened =
        rustix::fs::open(top, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    if below.is_empty() {
        return Ok(opened);
    }
    open_in_root(opened.as_fd(), below, OFlags::PATH, Mode::empty()).map_err(failed)
}

/// Acts on what is open and on all that is in it. What goes away meanwhile is nobody's any more.
fn each(
    file: BorrowedFd<'_>,
    depth: u32,
    act: &mut dyn FnMut(BorrowedFd<'_>) -> Result<(), Raw>,
) -> Result<(), Raw> {
    act(file)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = match openat(file, ".", flags, Mode::empty()) {
        Ok(directory) => directory,
        Err(Raw::NOTDIR) => return Ok(()),
        // A device node, which is not opened for its contents; or one that is gone.
        Err(Raw::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    if depth == DEEPEST {
        return Err(Raw::LOOP);
    }
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match enter(directory.as_fd(), name) {
            Ok(below) => each(below.as_fd(), depth + 1, act)?,
            // Gone, or another mount.
            Err(Raw::NOENT | Raw::XDEV) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// One entry of a directory, a link as itself.
pub(crate) fn enter(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Raw> {
    open_entry(directory, name, OFlags::PATH)
}

/// One entry of a directory, open for its own entries; ENOTDIR or ELOOP where it is something else.
pub(crate) fn enter_directory(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Raw> {
    open_entry(directory, name, OFlags::RDONLY | OFlags::DIRECTORY)
}

fn open_entry(directory: BorrowedFd<'_>, name: &CStr, access: OFlags) -> Result<OwnedFd, Raw> {
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    openat2(directory, name, flags, Mode::empty(), inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_is_refused_and_not_left_half_silently() {
        let directory = tempfile::tempdir().unwrap();
        let mut path = directory.path().to_owned();
        for _ in 0..=DEEPEST {
            path.push("d");
        }
        std::fs::create_dir_all(path).unwrap();
        assert!(give(directory.path(), "", (1, 1)).is_err());
    }
}
