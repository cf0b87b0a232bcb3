//! Directories of a container's root that become somebody's before the container is first started, without touching what an image
//! has: each is made in the container's own layer with its mode, and the overlay merges the two.
//!
//! Nothing is mounted and no link is followed: a name is looked up in the directories that its parent is merged of, and made below
//! the descriptor of its parent. Source: overlayfs.rst, "Merging directories".

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chownat, fchmod,
    futimens, mkdirat, open, openat,
};
use rustix::io::Errno;

use crate::view::{Merged, RootView, Shown, show};
use crate::{IdShift, StoreError};

/// An image with more below one path keeps the further ones as they are: they cost an inode each.
const MOST_ENTRIES: u32 = 4096;
/// Directories below each other: each is open until what is in it is done.
const DEEPEST: u32 = 64;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Gives a directory and all directories in it to a user; `view` is the container's root, `upper` its own layer, `path` relative to both
/// and without links. Directories on the way that are the image's keep what `ids` makes of their owners. What is not there, or is no directory, is left out. Files of at most `file_bytes` are given, too, which copies them; with 0 there are none.
///
/// # Errors
/// [`StoreError`] with the step that the kernel refused.
pub fn own_directories(
    view: &RootView,
    upper: &Path,
    (path, file_bytes): (&str, u64),
    (owner, ids): ((u32, u32), Option<&IdShift>),
) -> Result<(), StoreError> {
    let failed = |errno: Errno| StoreError::file("give directories of", upper.join(path))(errno);
    let mut at = open(upper, DIRECTORY, Mode::empty()).map_err(failed)?;
    let (mut merged, mut names) = (view.root(), path.split('/').peekable());
    while let Some(name) = names.next() {
        let Some((stat, below)) = directory(&merged, name.as_bytes()).map_err(failed)? else {
            return Ok(());
        };
        at = make(at.as_fd(), name.as_bytes(), &stat, ids).map_err(failed)?;
        merged = below;
        if names.peek().is_none() {
            let mut gift = Gift { owner, file_bytes, left: MOST_ENTRIES };
            gift.each(&at, &merged, &stat, 0).map_err(failed)?;
        }
    }
    Ok(())
}

/// Adds a line to a file in a directory of the root, in the container's own layer, where the file keeps its owner, as `ids` has it, and its
/// mode. A file that is not there, or is none, is left out.
///
/// # Errors
/// As [`own_directories`].
pub fn append_line(
    view: &RootView,
    upper: &Path,
    ((parent, name), line): ((&str, &str), &str),
    ids: Option<&IdShift>,
) -> Result<(), StoreError> {
    let failed =
        |errno: Errno| StoreError::file("add a line to", upper.join(parent).join(name))(errno);
    let Some((stat, below)) = directory(&view.root(), parent.as_bytes()).map_err(failed)? else {
        return Ok(());
    };
    let shown = show(&below, name).map_err(failed)?;
    let Some((shown, mut text)) = shown.zip(view.read(Path::new(parent).join(name))) else {
        return Ok(());
    };
    if FileType::from_raw_mode(shown.stat.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
    let own = open(upper, DIRECTORY, Mode::empty()).map_err(failed)?;
    let at = make(own.as_fd(), parent.as_bytes(), &stat, ids).map_err(failed)?;
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(&at, name, flags, Mode::from_raw_mode(0o600)).map_err(failed)?;
    let mut made = std::fs::File::from(made);
    std::io::Write::write_all(&mut made, &text)
        .map_err(|error| failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    for (file, stat) in [(&OwnedFd::from(made), &shown.stat), (&at, &stat)] {
        let own = (stat.st_uid, stat.st_gid);
        let (uid, gid) = ids.map_or(own, |ids| ids.of(own));
        settle(file, stat, (Uid::from_raw(uid), Gid::from_raw(gid))).map_err(failed)?;
    }
    Ok(())
}

/// What a merged directory has under a name, where that is a directory.
fn directory(parent: &Merged, name: &[u8]) -> Result<Option<(Stat, Merged)>, Errno> {
    Ok(show(parent, name)?.and_then(|shown| Some((shown.stat, shown.directory?))))
}

/// The directory in the container's own layer, with the mode and the time that the image's has.
fn make(
    parent: BorrowedFd<'_>,
    name: &[u8],
    stat: &Stat,
    ids: Option<&IdShift>,
) -> Result<OwnedFd, Errno> {
    match mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
        Ok(()) => {
            let made = openat(parent, name, DIRECTORY, Mode::empty())?;
            let own = (stat.st_uid, stat.st_gid);
            let (uid, gid) = ids.map_or(own, |ids| ids.of(own));
            settle(&made, stat, (Uid::from_raw(uid), Gid::from_raw(gid)))?;
            Ok(made)
        }
        Err(Errno::EXIST) => openat(parent, name, DIRECTORY, Mode::empty()),
        Err(errno) => Err(errno),
    }
}

/// The owner first: changing it takes bits of the mode away, chown(2).
fn settle(file: &OwnedFd, stat: &Stat, (uid, gid): (Uid, Gid)) -> Result<(), Errno> {
    chownat(file, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    fchmod(file, Mode::from_raw_mode(stat.st_mode))?;
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let nanoseconds = |value| i64::try_from(value).unwrap_or(0);
    futimens(
        file,
        &Timestamps {
            last_access: time(stat.st_atime, nanoseconds(stat.st_atime_nsec)),
            last_modification: time(stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
        },
    )
}

/// To whom, and what.
struct Gift {
    owner: (u32, u32),
    file_bytes: u64,
    left: u32,
}

impl Gift {
    fn each(
        &mut self,
        at: &OwnedFd,
        merged: &Merged,
        stat: &Stat,
        depth: u32,
    ) -> Result<(), Errno> {
        let names = if depth < DEEPEST { crate::layer::names(merged)? } else { Vec::new() };
        for name in names {
            let Some(shown) = show(merged, &name[..])? else { continue };
            if shown.directory.is_none() && !self.takes(&shown.stat) {
                continue;
            }
            let Some(fewer) = self.left.checked_sub(1) else { break };
            self.left = fewer;
            match &shown.directory {
                Some(below) => {
                    let made = make(at.as_fd(), &name, &shown.stat, None)?;
                    self.each(&made, below, &shown.stat, depth + 1)?;
                }
                None => self.file(at, merged, &name, &shown)?,
            }
        }
        // Last of all: what was made in it has changed its time.
        self.settle(at, stat)
    }

    fn takes(&self, stat: &Stat) -> bool {
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let is_short = u64::try_from(stat.st_size).is_ok_and(|bytes| bytes <= self.file_bytes);
        is_file && is_short && self.file_bytes > 0
    }

    /// A copy of a file of the image, or the container's own file, if it has one.
    fn file(&self, at: &OwnedFd, merged: &Merged, name: &[u8], shown: &Shown) -> Result<(), Errno> {
        let source = merged.get(shown.layer).ok_or(Errno::NOENT)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = openat(source, name, flags, Mode::empty())?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let copy = match openat(at, name, flags, Mode::from_raw_mode(0o600)) {
            Err(Errno::EXIST) => return self.settle(&source, &shown.stat),
            opened => opened?,
        };
        let mut content = std::fs::File::from(source).take(self.file_bytes);
        let mut copy = std::fs::File::from(copy);
        std::io::copy(&mut content, &mut copy)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        self.settle(&copy.into(), &shown.stat)
    }

    fn settle(&self, file: &OwnedFd, stat: &Stat) -> Result<(), Errno> {
        settle(file, stat, (Uid::from_raw(self.owner.0), Gid::from_raw(self.owner.1)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn directories_of_the_image_become_somebodys_in_the_own_layer_alone() {
        let place = tempfile::tempdir().unwrap();
        let (image, upper) = (place.path().join("image"), place.path().join("upper"));
        fs::create_dir_all(image.join("var/lib/service/data")).unwrap();
        fs::create_dir_all(&upper).unwrap();
        fs::File::create(image.join("var/lib/service/file")).unwrap();
        fs::File::create(image.join("var/long")).unwrap().set_len(5).unwrap();
        fs::set_permissions(image.join("var/lib/service"), fs::Permissions::from_mode(0o2750))
            .unwrap();
        symlink("/etc", image.join("var/linked")).unwrap();
        let before = fs::metadata(image.join("var/lib/service")).unwrap();

        let view = RootView::of(&[upper.clone(), image.clone()]);
        own_directories(&view, &upper, ("var", 0), ((65532, 7), None)).unwrap();
        own_directories(&view, &upper, ("not/there", 0), ((65532, 7), None)).unwrap();

        let made = fs::metadata(upper.join("var/lib/service")).unwrap();
        assert_eq!((made.uid(), made.gid(), made.mode()), (65532, 7, before.mode()));
        assert_eq!(made.modified().unwrap(), before.modified().unwrap());
        assert_eq!(fs::metadata(upper.join("var/lib/service/data")).unwrap().uid(), 65532);
        for left in ["var/lib/service/file", "var/linked", "not"] {
            assert!(fs::symlink_metadata(upper.join(left)).is_err(), "{left}");
        }
        own_directories(&view, &upper, ("var", 4), ((65532, 7), None)).unwrap();
        assert_eq!(fs::metadata(upper.join("var/lib/service/file")).unwrap().uid(), 65532);
        assert!(fs::symlink_metadata(upper.join("var/long")).is_err());
        for own in ["var/lib/service", "var/lib/service/file"] {
            assert_eq!(fs::metadata(image.join(own)).unwrap().uid(), before.uid(), "{own}");
        }
    }
}
