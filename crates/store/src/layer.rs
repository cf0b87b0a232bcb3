//! From directories to archives: what a container changed becomes a layer, what it sees becomes the archive of a root file
//! system. Same files, same bytes: names are sorted, owners are numbers, times are the files' own.
//!
//! Never reads a path: directories are walked by descriptors, no link is followed, and no device or pipe is opened. Sockets are
//! left out, no archive holds one. Start at [`diff`] for a layer, at [`tree`] for a root file system, and at [`changes`] for the
//! list. Sources: image-spec layer.md "Whiteouts", overlayfs.rst, xattr(7).

use std::path::{Path, PathBuf};

mod archive;
mod attributes;
mod changes;
mod mount_points;
mod walk;

pub(crate) use walk::names;

pub use archive::TreeArchive;
pub use changes::{Change, ChangeKind, changes};
pub use mount_points::MountPoints;

use crate::IdShift;
use crate::RootView;
use crate::unpack::Form;
use crate::view::Merged;

/// The layer that the upper directory of an overlay holds, as an archive that is made while it is read. Whiteouts and opaque
/// directories get the names that layers have for them; what overlayfs writes down for itself is left out, and what was made to
/// mount on.
///
/// # Errors
/// When the directory cannot be opened.
pub fn diff(upper: &Path, mount_points: MountPoints) -> Result<TreeArchive, TreeError> {
    let failed = |errno: rustix::io::Errno| TreeError::Step {
        step: "open",
        path: upper.display().to_string(),
        errno: errno.into(),
    };
    TreeArchive::new((RootView::just(upper).map_err(failed)?.root(), 1), Form::Layer, mount_points)
}

/// One layer that does to those below it what several do, as an archive that is made while it is read: `layers` and `below` have the top
/// one first. Above nothing it takes nothing away.
///
/// # Errors
/// When a directory cannot be opened.
pub fn squashed(layers: &[PathBuf], below: &[PathBuf]) -> Result<TreeArchive, TreeError> {
    TreeArchive::above(merged(layers)?, merged(below)?, MountPoints::default())
}

/// The layer that a container's own directories hold, the top one first, above those that are `below`: as [`diff`] for one, as
/// [`squashed`] for several.
///
/// # Errors
/// When a directory cannot be opened.
pub fn written(
    own: &[PathBuf],
    below: &[PathBuf],
    mount_points: MountPoints,
) -> Result<TreeArchive, TreeError> {
    match own {
        [upper] => diff(upper, mount_points),
        several => TreeArchive::above(merged(several)?, merged(below)?, mount_points),
    }
}

fn merged(directories: &[PathBuf]) -> Result<Merged, TreeError> {
    directories.iter().map(|path| whole(path)).collect()
}

/// A layer that cannot be opened is not passed over: what is made without it would be another file system.
fn whole(path: &Path) -> Result<std::os::fd::OwnedFd, TreeError> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(failed("open", path.as_os_str().as_encoded_bytes()))
}

/// Everything that a view shows but what was made to mount on, as an archive that is made while it is read.
///
/// # Errors
/// When the root cannot be read.
pub fn tree(view: &RootView, mount_points: MountPoints) -> Result<TreeArchive, TreeError> {
    tree_of((view, 1), mount_points)
}

/// The same of a view whose first so many directories are its own: their owners become others where the archive says so.
///
/// # Errors
/// As [`tree`].
pub fn tree_of(
    (view, own): (&RootView, usize),
    mount_points: MountPoints,
) -> Result<TreeArchive, TreeError> {
    TreeArchive::new((view.root(), own), Form::RootFs, mount_points)
}

/// What has a name in a directory, with all that is in it, as an archive in which it has another name, and its owners
/// other numbers where `ids` says so. No link is followed.
///
/// # Errors
/// When it is not there, or of a kind that no archive holds.
pub fn entry(
    parent: std::os::fd::BorrowedFd<'_>,
    name: &[u8],
    as_name: &[u8],
    ids: Option<IdShift>,
) -> Result<TreeArchive, TreeError> {
    use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
    let stat =
        statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed("look at", as_name))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let flags = match kind {
        FileType::RegularFile => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        FileType::Directory => OFlags::RDONLY | OFlags::DIRECTORY,
        FileType::Symlink
        | FileType::Fifo
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Socket
        | FileType::Unknown => OFlags::PATH,
    };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(parent, name, flags, Mode::empty()).map_err(failed("open", as_name))?;
    TreeArchive::of_one(opened, kind, (as_name, ids))
}

/// Why a directory cannot be made an archive. While one is read it travels inside the [`std::io::Error`].
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The kernel refused a step.
    #[error("{step} {path:?}")]
    Step {
        /// Verb.
        step: &'static str,
        /// Path below the root.
        path: String,
        /// Why.
        #[source]
        errno: sys::Errno,
    },
    /// Something that no archive may have, or that overlayfs alone understands.
    #[error("{path:?} {problem}")]
    Refused {
        /// Path below the root.
        path: String,
        /// What about it.
        problem: &'static str,
    },
    /// No header can say it.
    #[error("write down what it is")]
    Header(#[from] crate::tar::WriteError),
}

impl From<TreeError> for std::io::Error {
    fn from(error: TreeError) -> Self {
        Self::other(error)
    }
}

fn failed(step: &'static str, path: &[u8]) -> impl FnOnce(rustix::io::Errno) -> TreeError {
    let path = String::from_utf8_lossy(path).into_owned();
    move |errno| TreeError::Step { step, path, errno: errno.into() }
}

fn refused(path: &[u8], problem: &'static str) -> TreeError {
    TreeError::Refused { path: String::from_utf8_lossy(path).into_owned(), problem }
}
