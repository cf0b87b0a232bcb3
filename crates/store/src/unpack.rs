//! From an archive to a directory: the layers of images and imported root file systems.
//!
//! Everything below the directory is reached through descriptors. An entry's parent is opened with openat2(2) and the
//! directory as root, so a symbolic link in the archive is followed as a process inside would follow it (Docker's unpacker,
//! which changes its root, does the same) and never leads out; its last name is created with calls that follow nothing.
//! Absolute names are taken from the directory, a name with `..` is refused: readers disagree on it and no writer needs it.
//!
//! Start at [`unpack`], or at [`unpack_stream`] for a compressed layer that is to be hashed on the way. Both leave a half
//! filled directory behind when they fail: the caller made it, the caller removes it, see [`remove_tree`].
//! Sources: image-spec layer.md (whiteouts), overlayfs.rst "whiteouts and opaque directories", openat2(2), path_resolution(7).

use std::io::{Read, sink};
use std::os::fd::{AsFd, BorrowedFd};

use sys::Errno;

use crate::IdShift;
use crate::recipe::{Aside, Record, Recorder};
use crate::tar::{self, Reader, TarError, Timestamp};

mod attributes;
mod contents;
mod create;
mod later;
mod name;
mod parents;
mod remove;
mod remove_parallel;
mod stream;

use create::Unpacker;

pub(crate) use name::Name;
pub(crate) use remove::remove_entry;
pub use remove::{RemoveError, remove_tree};
pub(crate) use remove_parallel::remove_tree_in_parallel;
pub(crate) use stream::unpack_recorded;
pub use stream::{StreamError, Streamed, unpack_stream};

/// What the archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A layer: `.wh.NAME` and `.wh..wh..opq` take things of lower layers away, and become what overlayfs understands.
    Layer,
    /// A whole root file system: names with `.wh.` are names.
    RootFs,
}

/// How to unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What the archive is.
    pub form: Form,
    /// What is accepted.
    pub limits: Limits,
    /// Whether device nodes are made; otherwise they are an error. Making them takes CAP_MKNOD.
    pub devices: bool,
    /// Whether files get the archive's owners; otherwise the caller's. Takes CAP_CHOWN.
    pub owners: bool,
    /// Whose files are, whatever the archive says.
    pub owner: Option<(u32, u32)>,
    /// Whether the directory is somebody's: it stays as it is itself.
    pub beside_others: bool,
    /// Whether it takes owner, mode and time from the archive's entry for it all the same.
    pub takes_root: bool,
    /// When everything that is made was changed, whatever the archive says; seconds since 1970.
    pub time_s: Option<i64>,
    /// Whether no directory gives way to something else, nor something else to a directory.
    pub keep_kinds: bool,
}

impl Rules {
    /// A layer of an image, unpacked by root.
    #[must_use]
    pub fn layer() -> Self {
        Self {
            form: Form::Layer,
            limits: Limits::default(),
            devices: true,
            owners: true,
            owner: None,
            beside_others: false,
            takes_root: false,
            time_s: None,
            keep_kinds: false,
        }
    }

    /// Files that come into a directory beside others.
    #[must_use]
    pub fn beside_others() -> Self {
        Self { beside_others: true, keep_kinds: true, ..Self::root_fs() }
    }

    /// A whole root file system, unpacked by root.
    #[must_use]
    pub fn root_fs() -> Self {
        Self { form: Form::RootFs, ..Self::layer() }
    }
}

/// What is accepted; the names are the words of [`UnpackError::Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Limits of the archive itself.
    pub archive: tar::Limits,
    /// Files, directories and links that are made, parents that the archive leaves out included.
    pub entries: u64,
    /// Bytes written into files.
    pub bytes: u64,
    /// Names in a path.
    pub depth: usize,
    /// Memory for what is set at the end: paths of directories for their times, default ACLs.
    pub directory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: tar::Limits::default(),
            entries: 1_000_000,
            bytes: 128 << 30,
            depth: 128,
            directory_bytes: 64 << 20,
        }
    }
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files, directories, links and whiteouts.
    pub entries: u64,
    /// Bytes written into files; holes and hard links do not count.
    pub bytes: u64,
}

/// Why unpacking stopped.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive is damaged, or hostile, or its reader failed.
    #[error("read archive")]
    Archive(#[from] TarError),
    /// The kernel refused a step.
    #[error("{step} {path:?}")]
    Step {
        /// Verb and object.
        step: &'static str,
        /// The entry's path.
        path: String,
        /// Why: ENOSPC and EDQUOT mean a full disk.
        #[source]
        errno: Errno,
    },
    /// An entry that no archive may have.
    #[error("entry {path:?}: {problem}")]
    Refused {
        /// The entry's path.
        path: String,
        /// What about it.
        problem: &'static str,
    },
    /// How the archive is made again could not be written down.
    #[error("write the recipe of the archive")]
    Recipe(#[source] std::io::Error),
    /// More than allowed.
    #[error("entry {path:?}: {limit} over the limit of {most}")]
    Limit {
        /// The entry's path.
        path: String,
        /// Which of [`Limits`].
        limit: &'static str,
        /// Its value.
        most: u64,
    },
}

/// Unpacks the tar archive that `archive` gives, not compressed, into the directory `into`, and reads it to its end.
///
/// `into` should be empty and nobody else's: what is in the way of an entry is replaced. Its own mode becomes 0755 unless the
/// archive has an entry for it. Nothing is synced: call [`sync`] before the result must survive a power cut.
///
/// # Errors
/// [`UnpackError`]; what was unpacked by then stays.
pub fn unpack(
    archive: impl Read,
    into: BorrowedFd<'_>,
    rules: &Rules,
) -> Result<Unpacked, UnpackError> {
    unpack_with_ids(archive, into, rules, None)
}

/// The same where owners have other numbers than in the archive.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_with_ids(
    archive: impl Read,
    into: BorrowedFd<'_>,
    rules: &Rules,
    ids: Option<&IdShift>,
) -> Result<Unpacked, UnpackError> {
    unpack_tapped(archive, into, (rules, ids), (sink(), None)).map(|(unpacked, _tap)| unpacked)
}

/// The same, and writes down in the empty directory `recipe` how the archive is made again.
fn unpack_with_recipe(
    archive: impl Read,
    into: BorrowedFd<'_>,
    rules: &Rules,
    recipe: BorrowedFd<'_>,
) -> Result<Unpacked, UnpackError> {
    let begin = || Ok((Recorder::new(recipe)?, Some(Recorder::aside(recipe)?)));
    let tap = begin().map_err(UnpackError::Recipe)?;
    let (unpacked, (recorder, aside)) = unpack_tapped(archive, into, (rules, None), tap)?;
    if let Some(aside) = aside {
        recorder.finish(&aside).map_err(UnpackError::Recipe)?;
    }
    Ok(unpacked)
}

fn unpack_tapped<T: Record>(
    archive: impl Read,
    into: BorrowedFd<'_>,
    (rules, ids): (&Rules, Option<&IdShift>),
    (tap, aside): (T, Option<Aside>),
) -> Result<(Unpacked, (T, Option<Aside>)), UnpackError> {
    let mut reader = Reader::tapped(archive, rules.limits.archive, tap);
    let mut unpacker = Unpacker::new(into.as_fd(), rules, aside)?;
    while let Some(mut entry) = reader.next_entry()? {
        if let Some(ids) = ids {
            let (uid, gid) = ids.of((entry.uid, entry.gid));
            entry.set_owner(uid, gid);
        }
        if let Some((uid, gid)) = rules.owner {
            entry.set_owner(uid, gid);
        }
        if let Some(time_s) = rules.time_s {
            entry.set_time(Timestamp { seconds: time_s, nanoseconds: 0 });
        }
        unpacker.create(&mut entry)?;
    }
    let (unpacked, aside) = unpacker.finish()?;
    Ok((unpacked, (reader.into_inner().1, aside)))
}

/// Writes everything of the file system that `directory` is on to disk, in one call instead of one per file.
///
/// # Errors
/// As syncfs(2).
pub fn sync(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    Ok(rustix::fs::syncfs(directory)?)
}

/// A path for messages: whatever its bytes, one line that can be read.
fn printable(path: &[u8]) -> String {
    /// What names an entry well enough.
    const MOST: usize = 300;
    let cut = &path[..path.len().min(MOST)];
    String::from_utf8_lossy(cut).into_owned()
}
