//! The members of an image archive, or of a layout in a directory, for those who pass them on as they are: what is in them is
//! the caller's to read and to check. Start at [`ArchiveMembers::of_file`] or [`ArchiveMembers::of_directory`].

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::arrival::unreadable;
use super::members::{Index, Member, Members};
use crate::compression::Decoder;
use crate::scratch::Scratch;
use crate::unpack::{Limits, UnpackError};
use crate::{Paths, StoreError};

/// Members by name. Threads share it.
#[derive(Debug)]
pub struct ArchiveMembers(Place);

#[derive(Debug)]
enum Place {
    Directory(OwnedFd),
    Archive(Box<Members<'static>>),
}

impl ArchiveMembers {
    /// The files below a directory. Links in it lead nowhere else (openat2(2), `RESOLVE_IN_ROOT`).
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn of_directory(path: &Path) -> Result<Self, StoreError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(StoreError::file("open", path))?;
        Ok(Self(Place::Directory(directory)))
    }

    /// The members of an archive, by their places in the file; nothing when they have none: it is compressed as a whole, no
    /// regular file, or has a member with holes.
    ///
    /// # Errors
    /// When it is no archive, or a hostile one.
    pub fn of_file(file: &File) -> Result<Option<Self>, StoreError> {
        let index = Index::of(file).map_err(|cause: UnpackError| StoreError::Unpack {
            what: "read the archive".to_owned(),
            cause: Box::new(cause),
        })?;
        Ok(index.map(|index| Self(Place::Archive(Box::new(Members::Packed(index))))))
    }

    /// The members of an archive that cannot be read by places as it stands: it is expanded, or written down as it comes from a
    /// pipe, in the room of a store. The file has no name there, so that nothing is left of it whatever happens. Nothing when a
    /// member has holes.
    ///
    /// # Errors
    /// As [`ArchiveMembers::of_file`], and when the disk refuses or the archive is longer than any that is taken.
    pub fn of_stream(archive: &File, paths: &Paths) -> Result<Option<Self>, StoreError> {
        Self::of_file(&spool(archive, paths)?)
    }

    /// The member of that name; nothing when there is none.
    ///
    /// # Errors
    /// When it is no file, or the disk refuses.
    pub fn find(&self, path: &str) -> Result<Option<Member>, StoreError> {
        match &self.0 {
            Place::Directory(directory) => Members::Unpacked(directory.as_fd()).find(path),
            Place::Archive(members) => members.find(path),
        }
    }
}

/// Everything of an archive, expanded, in a file without a name.
fn spool(archive: &File, paths: &Paths) -> Result<File, StoreError> {
    paths.make()?;
    let scratch = Scratch::new(paths)?;
    let path = scratch.path().join("archive");
    let made = File::options().read(true).write(true).create_new(true).open(&path);
    let mut spool = made.map_err(StoreError::file("make", &path))?;
    scratch.remove()?;
    let most = Limits::default().bytes;
    let expanded = Decoder::new(archive).map_err(unreadable)?;
    let bytes = io::copy(&mut expanded.take(most + 1), &mut spool).map_err(unreadable)?;
    if bytes > most {
        let words = format!("the archive is longer than {most} bytes once it is expanded");
        return Err(StoreError::Archive(words));
    }
    spool.rewind().map_err(StoreError::file("read", &path))?;
    Ok(spool)
}
