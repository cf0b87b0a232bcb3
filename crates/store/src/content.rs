//! What an image has in one directory, copied out: how a new volume gets its content.
//!
//! The directories that it is merged of are copied from the lowest to the top one: a whiteout takes away what came before it,
//! an opaque directory too. Links below it are copied as links and never followed.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, chownat, fchmod, fchown, mkdirat, openat,
    readlinkat, statat, symlinkat,
};
use rustix::io::Errno as Raw;
use rustix::process::{Gid, Uid};

use crate::unpack::remove_entry;
use crate::view::is_opaque;
use crate::{Bounded, IdShift, RootView, StoreError, Volume};

/// Directories below each other.
const DEEPEST: u32 = 256;

/// Copies the directory `target` of an image, whose layers are given with the top one first, into an empty directory, with the owners
/// that `ids` makes of the image's. An image that has none there leaves it empty.
///
/// # Errors
/// What the disk refuses.
pub fn copy_content(
    layers: &[PathBuf],
    target: &Path,
    (into, ids): (&Path, Option<&IdShift>),
) -> Result<(), StoreError> {
    let destination = File::open(into).map_err(StoreError::file("open", into))?;
    let merged = RootView::of(layers).directory(target);
    let merged = merged.map_err(StoreError::file("look up in the image", target))?;
    for source in merged.iter().flat_map(|merged| merged.iter().rev()) {
        copy_directory((source.as_fd(), ids), destination.as_fd(), 0)
            .and_then(|()| give(destination.as_fd(), &rustix::fs::fstat(source)?, ids))
            .map_err(StoreError::file("copy the image's", target))?;
    }
    Ok(())
}

/// The same into a volume that is still empty, within its bound; one that cannot hold all of it is as empty as before.
///
/// # Errors
/// As [`copy_content`].
pub fn fill_volume(
    layers: &[PathBuf],
    target: &Path,
    (volume, ids): (&Volume, Option<&IdShift>),
) -> Result<(), StoreError> {
    let into = (volume.path.as_path(), ids);
    if volume.bound_bytes().is_none() {
        return copy_content(layers, target, into);
    }
    let bounded = Bounded::new();
    let copied = copy_content(layers, target, into);
    drop(bounded);
    if copied.is_err() {
        let half = File::open(&volume.path).map_err(StoreError::file("open", &volume.path))?;
        // Best effort: why it was not filled tells more.
        let _kept = empty(half.as_fd());
    }
    copied
}

fn empty(directory: BorrowedFd<'_>) -> Result<(), Raw> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            remove_entry(directory, name.to_bytes())?;
        }
    }
    Ok(())
}

fn copy_directory(
    (from, ids): (BorrowedFd<'_>, Option<&IdShift>),
    to: BorrowedFd<'_>,
    depth: u32,
) -> Result<(), Raw> {
    if depth == DEEPEST {
        return Err(Raw::LOOP);
    }
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::Directory
            || statat(to, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|there| FileType::from_raw_mode(there.st_mode) != FileType::Directory)
        {
            // An upper layer's entry takes the place of a lower one's.
            remove_entry(to, name.to_bytes())?;
        }
        match kind {
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let below = openat(from, name, flags, Mode::empty())?;
                if is_opaque(below.as_fd())? {
                    remove_entry(to, name.to_bytes())?;
                }
                match mkdirat(to, name, Mode::from_raw_mode(0o700)) {
                    Ok(()) | Err(Raw::EXIST) => {}
                    Err(errno) => return Err(errno),
                }
                let target = openat(to, name, flags, Mode::empty())?;
                copy_directory((below.as_fd(), ids), target.as_fd(), depth + 1)?;
                give(target.as_fd(), &stat, ids)?;
            }
            FileType::Symlink => {
                symlinkat(readlinkat(from, name, Vec::new())?, to, name)?;
                let (uid, gid) = owner(&stat, ids);
                chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            FileType::RegularFile => copy_file((from, to), name, &stat, ids)?,
            // A whiteout has done its work above; devices, sockets and pipes do not belong into volumes.
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => {}
        }
    }
    Ok(())
}

fn copy_file(
    (from, to): (BorrowedFd<'_>, BorrowedFd<'_>),
    name: &std::ffi::CStr,
    stat: &Stat,
    ids: Option<&IdShift>,
) -> Result<(), Raw> {
    let mut source = File::from(openat(
        from,
        name,
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut target = File::from(openat(to, name, flags, Mode::from_raw_mode(0o600))?);
    std::io::copy(&mut source, &mut target)
        .map_err(|error| Raw::from_io_error(&error).unwrap_or(Raw::IO))?;
    give(target.as_fd(), stat, ids)
}

fn owner(stat: &Stat, ids: Option<&IdShift>) -> (Uid, Gid) {
    let own = (stat.st_uid, stat.st_gid);
    let (uid, gid) = ids.map_or(own, |ids| ids.of(own));
    (Uid::from_raw(uid), Gid::from_raw(gid))
}

fn give(target: BorrowedFd<'_>, stat: &Stat, ids: Option<&IdShift>) -> Result<(), Raw> {
    let (uid, gid) = owner(stat, ids);
    fchown(target, Some(uid), Some(gid))?;
    fchmod(target, Mode::from_raw_mode(stat.st_mode & 0o7777))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn upper_layers_win() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for path in ["low/data/sub", "top/data", "volume"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        for (path, text) in [("low/data/a", "low"), ("low/data/sub/b", "b"), ("top/data/a", "top")]
        {
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            fs::write(at(path), text).unwrap();
        }
        copy_content(&[at("top"), at("low")], Path::new("/data"), (&at("volume"), None)).unwrap();
        assert_eq!(fs::read_to_string(at("volume/a")).unwrap(), "top");
        assert_eq!(fs::read_to_string(at("volume/sub/b")).unwrap(), "b");
    }
}
