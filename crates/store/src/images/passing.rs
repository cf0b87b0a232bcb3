//! The members of an image archive, or of a layout in a directory, for those who pass them on as they are: what is in them is
//! the caller's to read and to check. Start at [`ArchiveMembers::of_file`] or [`ArchiveMembers::of_directory`].

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::members::{Index, Member, Members};
use crate::{StoreError, unpack::UnpackError};

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
