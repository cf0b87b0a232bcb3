//! What `COPY`, `ADD` and `RUN --mount=type=bind` mean: which files of a tree, what they are for the cache, and where they go.
//!
//! The order of calls: a [`Tree`] is a directory that files come from; [`select`] finds what an instruction names in it, a
//! [`Selection`]; [`digest`] says what it is, which is the key of the cache; where the cache has nothing, [`place`] writes it below
//! another directory. [`crate::add`] makes selections of what `ADD` takes from elsewhere: URLs, git, documents.
//!
//! Directories are known by descriptors alone, and both trees are hostile: links lead on inside of the root that they are in
//! (CVE-2018-15664), and a file that is not what it was when it was selected ends the step ([`StepError::Changed`]).
//!
//! Sources: Docker's "Dockerfile reference", `ADD` and `COPY`; where it is silent, what BuildKit does (fsutil's copy). Files come from
//! a context with root as owner and without extended attributes, from stages and images with their own; sockets stay
//! where they are, pipes and devices are copied; a destination that leads through links is followed, inside; a link as a source
//! is followed, one inside of a directory stays a link; a directory that is there keeps mode and owner where it is the destination, and
//! takes those of the source below it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use dockerfile::Ignore;
use rustix::fs::{Mode, OFlags, openat};

use crate::StepError;

mod content;
mod digest;
mod entry;
mod memory;
mod owner;
mod parts;
mod pattern;
mod place;
mod resolve;
mod select;
mod target;
mod walk;

pub(crate) use digest::{DigestRules, digest};
#[cfg(test)]
pub(crate) use entry::{Entry, Kind};
pub(crate) use memory::Memory;
pub(crate) use owner::owner;
pub(crate) use parts::{Part, differences};
#[cfg(test)]
pub(crate) use place::Placed;
pub(crate) use place::{PlaceRules, place};
pub(crate) use select::{Choice, Input, Selection, select};
pub(crate) use walk::sorted_names;

/// A directory that files come from.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    root: Arc<OwnedFd>,
    ignore: Option<Arc<Ignore>>,
    kind: TreeKind,
    words: String,
}

/// Whose files a tree has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TreeKind {
    /// Those of whoever asks for the build: owners and extended attributes say nothing.
    Context,
    /// Those of a stage or an image: owners and extended attributes are kept.
    Image,
}

impl Tree {
    /// Takes an open directory. The words name it in messages: `the build context`, `stage base`.
    pub(crate) fn new(root: OwnedFd, kind: TreeKind, words: &str) -> Self {
        Self { root: Arc::new(root), ignore: None, kind, words: words.to_owned() }
    }

    /// The same without what a `.dockerignore` leaves out.
    pub(crate) fn without(mut self, ignore: Ignore) -> Self {
        self.ignore = (!ignore.is_empty()).then(|| Arc::new(ignore));
        self
    }

    /// The directory.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Whose files it has.
    pub(crate) fn kind(&self) -> TreeKind {
        self.kind
    }

    /// What is left out.
    pub(crate) fn ignore(&self) -> Option<&Ignore> {
        self.ignore.as_deref()
    }

    /// Opens what a path leads to, inside of the tree: what a bind mount needs. What is left out is found as well.
    pub(crate) fn open(&self, path: &str) -> Result<OwnedFd, StepError> {
        let found = resolve::resolve(self.root(), path.as_bytes(), &mut resolve::Nothing);
        let found = found.map_err(|errno| self.unless_absent(path, errno.into()))?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&found.parent, &found.name[..], flags, Mode::empty())
            .map_err(|errno| self.unless_absent(path, errno.into()))
    }

    /// Whether there is something at a path, also of what is left out.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.open(path).is_ok()
    }

    fn unless_absent(&self, path: &str, cause: std::io::Error) -> StepError {
        if matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
        {
            return self.absent(path, false);
        }
        StepError::Path { action: "open", path: path.into(), cause }
    }

    fn absent(&self, path: &str, is_ignored: bool) -> StepError {
        StepError::NoSource { path: path.to_owned(), place: self.words.clone(), is_ignored }
    }
}

/// Bytes as a path.
pub(crate) fn path_of(bytes: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(test)]
mod tests;
