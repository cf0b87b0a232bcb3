//! What is below a directory of a tree and not left out, in the order of its names.
//!
//! Three lists of patterns decide: the tree's `.dockerignore`, `--exclude`, and what `--parents` names. A directory that they leave out
//! is there all the same when something in it is not.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use dockerfile::{Ignore, ignore::Place};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::entry::{Entry, Kind, Seen};
use crate::{Cancel, StepError};

/// Directories below each other; each holds a descriptor.
const DEEPEST: usize = 256;

const LISTED: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter<'a> {
    /// Of paths from the tree's root.
    pub(super) ignore: Option<&'a Ignore>,
    /// Of paths below the directory that is copied.
    pub(super) exclude: Option<&'a Ignore>,
    /// Of these, too: everything but what is named.
    pub(super) only: Option<&'a Ignore>,
}

/// What the filter has found out about a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    ignore: Option<Place>,
    exclude: Option<Place>,
    only: Option<Place>,
}

impl Filter<'_> {
    /// The place of a directory that is copied, by its path from the root of the tree.
    pub(super) fn start(&self, real: &[u8]) -> Places {
        let ignore = self.ignore.map(|ignore| {
            let text = String::from_utf8_lossy(real);
            let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
            let ends = ends.filter(|end| *end > 0);
            ends.fold(ignore.root(), |place, end| ignore.enter(&place, &text[..end]))
        });
        Places {
            ignore,
            exclude: self.exclude.map(Ignore::root),
            only: self.only.map(Ignore::root),
        }
    }

    fn enter(&self, directory: &Places, whole: &[u8], below: &[u8]) -> Places {
        let enter = |ignore: Option<&Ignore>, place: &Option<Place>, path: &[u8]| {
            let (ignore, place) = (ignore?, place.as_ref()?);
            Some(ignore.enter(place, &String::from_utf8_lossy(path)))
        };
        Places {
            ignore: enter(self.ignore, &directory.ignore, whole),
            exclude: enter(self.exclude, &directory.exclude, below),
            only: enter(self.only, &directory.only, below),
        }
    }

    /// Whether something below a directory may be in, though it is not.
    fn may_hold(&self, places: &Places, whole: &[u8], below: &[u8]) -> bool {
        let may =
            |ignore: Option<&Ignore>, place: &Option<Place>, path: &[u8]| match (ignore, place) {
                (Some(ignore), Some(place)) => {
                    ignore.may_hold(place, &String::from_utf8_lossy(path))
                }
                (None, _) | (_, None) => true,
            };
        may(self.ignore, &places.ignore, whole)
            && may(self.exclude, &places.exclude, below)
            && may(self.only, &places.only, below)
    }
}

impl Places {
    /// Whether a `.dockerignore` leaves it out.
    pub(super) fn is_ignored(&self) -> bool {
        self.ignore.as_ref().is_some_and(Place::is_excluded)
    }

    fn is_out(&self) -> bool {
        [&self.ignore, &self.exclude, &self.only]
            .into_iter()
            .any(|place| place.as_ref().is_some_and(Place::is_excluded))
    }
}

/// A walk on its way.
pub(super) struct Walk<'a> {
    filter: Filter<'a>,
    cancel: &'a Cancel,
    /// The path from the root of the tree of what is looked at, and where in it the part below the directory begins.
    path: Vec<u8>,
    start: usize,
    found: Vec<Entry>,
    /// Directories that are left out, as long as nothing in them was found.
    waiting: Vec<Entry>,
    /// Whether something was passed over that a `.dockerignore` leaves out.
    has_ignored: bool,
}

/// What a walk has found.
pub(super) struct Walked {
    pub(super) entries: Vec<Entry>,
    pub(super) has_ignored: bool,
}

impl<'a> Walk<'a> {
    /// Everything below the directory `at`, whose path from the root of its tree is `real`.
    pub(super) fn below(
        at: BorrowedFd<'_>,
        real: &[u8],
        filter: Filter<'a>,
        cancel: &'a Cancel,
    ) -> Result<Walked, StepError> {
        let mut path = real.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        let start = path.len();
        let places = filter.start(real);
        let (found, waiting) = (Vec::new(), Vec::new());
        let mut walk = Self { filter, cancel, path, start, found, waiting, has_ignored: false };
        walk.directory(at, b".", &places, 0)?;
        Ok(Walked { entries: walk.found, has_ignored: walk.has_ignored })
    }

    fn directory(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        places: &Places,
        depth: usize,
    ) -> Result<(), StepError> {
        if self.cancel.is_cancelled() {
            return Err(StepError::Cancelled);
        }
        if depth == DEEPEST {
            return Err(self.failed("go into", std::io::Error::other("256 directories deep")));
        }
        let directory = match openat(parent, name, LISTED, Mode::empty()) {
            Ok(directory) => directory,
            // Gone since it was listed.
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(self.failed("open", errno.into())),
        };
        let names = sorted_names(&directory).map_err(|errno| self.failed("list", errno.into()))?;
        let length = self.path.len();
        for name in names {
            self.path.extend_from_slice(&name);
            self.one(directory.as_fd(), &name, places, depth)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn one(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        places: &Places,
        depth: usize,
    ) -> Result<(), StepError> {
        let below = &self.path[self.start..];
        let places = self.filter.enter(places, &self.path, below);
        let is_out = places.is_out();
        if is_out {
            self.has_ignored |= places.is_ignored();
            if !self.filter.may_hold(&places, &self.path, below) {
                return Ok(());
            }
        }
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(self.failed("look at", errno.into())),
        };
        let Some(kind) = Kind::of(&stat) else { return Ok(()) };
        let entry = Entry { below: below.to_vec(), kind, seen: Seen::of(&stat) };
        if is_out && kind != Kind::Directory {
            return Ok(());
        }
        let waiting = self.waiting.len();
        if is_out {
            self.waiting.push(entry);
        } else {
            self.found.append(&mut self.waiting);
            self.found.push(entry);
        }
        if kind == Kind::Directory {
            self.path.push(b'/');
            self.directory(directory, name, &places, depth + 1)?;
            self.waiting.truncate(waiting);
        }
        Ok(())
    }

    fn failed(&self, action: &'static str, cause: std::io::Error) -> StepError {
        StepError::Path { action, path: super::path_of(&self.path), cause }
    }
}

/// Names in a directory, in their order.
pub(crate) fn sorted_names(directory: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    Ok(names)
}
