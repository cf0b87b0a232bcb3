//! Tar archives as streams: a strict reader and a deterministic writer.
//!
//! Neither touches a file: [`crate::unpack`] does. Start at [`Reader::next_entry`] and [`Writer::append`].
//!
//! The reader knows v7, ustar, PAX and GNU archives with long names, base-256 numbers and sparse files. What other readers
//! understand differently from each other it refuses, because then a scanner and an engine would see two images
//! (CVE-2025-62518, RUSTSEC-2026-0112): a PAX size always wins, extension headers never inherit from others, and an entry
//! without contents must not state a size. Sources: POSIX pax "Interchange Format", tar(5), GNU tar manual "Tar Internals".

mod base64;
mod error;
mod header;
mod input;
mod pax;
mod reader;
mod sparse;
mod writer;

pub use error::TarError;
pub use reader::{Chunk, Entry, Reader};
pub use writer::{WriteError, Writer, padding, push_headers};

/// Everything in a tar archive comes in blocks of this many bytes.
pub const BLOCK_BYTES: usize = 512;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A regular file, the only kind with contents.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link; [`Metadata::link`] is its text.
    Symlink,
    /// Another name of an entry before it, which [`Metadata::link`] names.
    Hardlink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// A point in time; before 1970 the seconds are negative and the nanoseconds still count forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// A part of a sparse file that has contents; the rest is holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xattr {
    /// Full name: `security.capability`.
    pub name: Vec<u8>,
    /// Value, any bytes.
    pub value: Vec<u8>,
}

/// What an archive says about one entry. As many fields as a header has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// As written in the archive: it may be absolute and may contain `..`; never empty, no NUL inside.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permissions with set-id and sticky bits, at most 0o7777.
    pub mode: u32,
    /// Owner, never `u32::MAX` (which chown(2) takes for "leave it").
    pub uid: u32,
    /// Group, never `u32::MAX`.
    pub gid: u32,
    /// Modification time.
    pub mtime: Timestamp,
    /// Length of the file, holes included; 0 for every other kind.
    pub size: u64,
    /// Text of a symbolic link, or path of a hard link's target; empty for every other kind.
    pub link: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes in the archive's order, each name once.
    pub xattrs: Vec<Xattr>,
    /// For a sparse file the parts that have contents, in order.
    pub sparse: Option<Vec<Segment>>,
}

/// What a reader accepts; its names are the words of [`TarError::Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Headers in an archive, extension headers included.
    pub headers: u64,
    /// Bytes in a path or link text.
    pub path_bytes: usize,
    /// Bytes in one PAX or GNU extension header.
    pub extension_bytes: u64,
    /// Parts of one sparse file.
    pub sparse_segments: usize,
    /// Length of one file, holes included.
    pub file_bytes: u64,
    /// Zeros after the end of the archive.
    pub padding_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 2_000_000,
            // PATH_MAX with its NUL, see path_resolution(7).
            path_bytes: 4095,
            extension_bytes: 1 << 20,
            sparse_segments: 1 << 18,
            file_bytes: 1 << 40,
            padding_bytes: 16 << 20,
        }
    }
}
