//! One file of a selection, as it was when it was looked at.

use rustix::fs::{FileType, Stat};

/// What a file is. Sockets are never selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, which is not followed.
    Link,
    /// A named pipe.
    Pipe,
    /// A character device.
    Character,
    /// A block device.
    Block,
}

impl Kind {
    pub(super) fn of(stat: &Stat) -> Option<Self> {
        Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Pipe,
            FileType::CharacterDevice => Self::Character,
            FileType::BlockDevice => Self::Block,
            FileType::Socket | FileType::Unknown => return None,
        })
    }

    /// How a canonical form calls it.
    pub(super) const fn letter(self) -> u8 {
        match self {
            Self::Directory => b'd',
            Self::File => b'f',
            Self::Link => b'l',
            Self::Pipe => b'p',
            Self::Character => b'c',
            Self::Block => b'b',
        }
    }
}

/// A file of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path below the destination, without a slash at the beginning.
    pub(crate) below: Vec<u8>,
    /// What it is.
    pub(crate) kind: Kind,
    pub(super) seen: Seen,
}

/// What the kernel said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) links: u64,
    /// Permissions, set-id bits and the sticky bit.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    /// Of a device: which one.
    pub(super) node: u64,
    pub(super) modified: Moment,
    pub(super) changed: Moment,
}

/// Seconds since 1970, and nanoseconds.
pub(super) type Moment = (i64, i64);

impl Seen {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            links: stat.st_nlink,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            node: stat.st_rdev,
            modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
        }
    }

    /// Whether it is still that. The number of its links is its neighbours' business, the times of a change tell of the rest;
    /// device and inode may be others where an overlay has copied it up.
    pub(super) fn is_still(&self, stat: &Stat) -> bool {
        let now = Self::of(stat);
        (self.mode, self.size, self.modified, self.changed)
            == (now.mode, now.size, now.modified, now.changed)
    }
}
