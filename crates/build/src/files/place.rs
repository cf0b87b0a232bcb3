//! Writes what was selected below a root. Start at [`place`].
//!
//! Owners and modes are set when a file is whole, those of directories when everything is: neither opens anything early. What was
//! selected is what is written: a file that is another one by then ends it.

use std::collections::HashMap;
use std::fs::File;
use std::io::Seek;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use dockerfile::Mode as Change;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, chmodat, chownat, fchmod,
    fchown, fstat, futimens, linkat, mkdirat, mknodat, openat, readlinkat, symlinkat, unlinkat,
    utimensat,
};
use rustix::io::Errno;

use super::content::{self, gone_or};
use super::entry::{Entry, Kind, Moment, Seen};
use super::target::{Destination, Maker, name_of, parent_of};
use super::{Input, Selection};
use crate::fetching::Watched;
use crate::{Cancel, StepError, archive};

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaceRules<'a> {
    /// Where to: a path from the root, with the slash at its end that it is written with.
    pub(crate) destination: &'a str,
    /// `--chown`.
    pub(crate) owner: Option<(u32, u32)>,
    /// `--chmod`.
    pub(crate) mode: Option<&'a Change>,
    /// The time of everything, seconds since 1970: of what is written, and of each directory that something is written into. Otherwise
    /// what is written has the times that it has in its tree.
    pub(crate) time_s: Option<i64>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Files, directories and links.
    pub(crate) entries: u64,
    /// Lengths of the files.
    pub(crate) bytes: u64,
}

/// Writes selections below a root, one after the other, by the rules of one instruction.
///
/// # Errors
/// [`StepError::Value`] for a destination that does not fit, [`StepError::Changed`], [`StepError::Path`], [`StepError::Cancelled`]; what was
/// written by then stays.
pub(crate) fn place(
    selections: &[&Selection],
    root: BorrowedFd<'_>,
    rules: &PlaceRules<'_>,
    cancel: &Cancel,
) -> Result<Placed, StepError> {
    let several = selections.iter().map(|selection| selection.inputs.len()).sum::<usize>() > 1;
    let mut placing = Placing::new(root, rules, several, cancel);
    for selection in selections {
        for input in &selection.inputs {
            placing.input(selection, input)?;
        }
    }
    placing.finish()
}

/// What a directory gets in the end.
struct Later {
    path: Vec<u8>,
    /// Owner and mode; nothing where it keeps its own.
    dress: Option<((u32, u32), u32)>,
    modified: Moment,
    /// Where its attributes come from.
    attributes: Option<OwnedFd>,
}

pub(super) struct Placing<'a> {
    root: BorrowedFd<'a>,
    rules: &'a PlaceRules<'a>,
    destination: Destination<'a>,
    cancel: &'a Cancel,
    maker: Maker,
    /// First places of files that have several names.
    linked: HashMap<(u64, u64), Vec<u8>>,
    /// The directory that was written into last.
    parent: Option<(Vec<u8>, OwnedFd)>,
    later: Vec<Later>,
    placed: Placed,
}

impl<'a> Placing<'a> {
    fn new(
        root: BorrowedFd<'a>,
        rules: &'a PlaceRules<'a>,
        has_several: bool,
        cancel: &'a Cancel,
    ) -> Self {
        let maker = Maker {
            owner: rules.owner.unwrap_or((0, 0)),
            made: Default::default(),
            touched: Default::default(),
        };
        Self {
            root,
            rules,
            destination: Destination { path: rules.destination, has_several },
            cancel,
            maker,
            linked: HashMap::new(),
            parent: None,
            later: Vec::new(),
            placed: Placed::default(),
        }
    }

    fn input(&mut self, selection: &Selection, input: &Input) -> Result<(), StepError> {
        // A later source may have replaced what an earlier one wrote.
        self.linked.clear();
        if selection.unpacks && self.unpacked(selection, input)? {
            return Ok(());
        }
        if !input.is_directory() {
            let target = self.destination.file(self.root, &input.name, &mut self.maker)?;
            return input
                .entries
                .iter()
                .try_for_each(|entry| self.entry((selection, input, entry), &target));
        }
        let target = self.destination.directory(self.root, &mut self.maker)?;
        // Owner and mode are not the source's, whether it was there or is new; the time is.
        let modified = input.seen.modified;
        self.later.push(Later { path: target.clone(), dress: None, modified, attributes: None });
        for entry in &input.entries {
            let path = if target.is_empty() {
                entry.below.clone()
            } else {
                [&target[..], b"/", &entry.below].concat()
            };
            self.entry((selection, input, entry), &path)?;
        }
        Ok(())
    }

    /// Unpacks it where it is an archive. Owners are the archive's unless others are asked for, modes are always its own.
    fn unpacked(&mut self, selection: &Selection, input: &Input) -> Result<bool, StepError> {
        if input.kind != Kind::File {
            return Ok(false);
        }
        let mut file = File::from(content::open(selection.tree.root(), &input.real, &input.seen)?);
        let is_archive = archive::is_archive(&file);
        file.rewind().map_err(|cause| StepError::Path {
            action: "read",
            path: super::path_of(&input.real),
            cause,
        })?;
        if !is_archive {
            return Ok(false);
        }
        let target = self.destination.directory(self.root, &mut self.maker)?;
        let into = self.reopen(&target)?;
        let rules = archive::add_rules(self.rules.owner, self.rules.time_s);
        let watched = Watched { reader: &file, cancel: self.cancel };
        let unpacked = archive::unpack(watched, into.as_fd(), &rules).map_err(|cause| {
            if self.cancel.is_cancelled() {
                return StepError::Cancelled;
            }
            let what = format!("add {}", super::path_of(&input.real).display());
            StepError::Outside { what, cause: Box::new(cause) }
        })?;
        content::check(file.as_fd(), &input.real, &input.seen)?;
        self.maker.touch(&target);
        self.placed.entries += unpacked.entries;
        self.placed.bytes += unpacked.bytes;
        Ok(true)
    }

    fn entry(&mut self, from: (&Selection, &Input, &Entry), path: &[u8]) -> Result<(), StepError> {
        if self.cancel.is_cancelled() {
            return Err(StepError::Cancelled);
        }
        let (selection, _, entry) = from;
        self.open_parent(path)?;
        match entry.kind {
            Kind::Directory => self.directory(from, path)?,
            Kind::File => self.file(from, path)?,
            Kind::Link => self.link(from, path)?,
            Kind::Pipe => self.node(selection, entry, path, FileType::Fifo)?,
            Kind::Character => self.node(selection, entry, path, FileType::CharacterDevice)?,
            Kind::Block => self.node(selection, entry, path, FileType::BlockDevice)?,
        }
        self.placed.entries += 1;
        Ok(())
    }

    fn open_parent(&mut self, path: &[u8]) -> Result<(), StepError> {
        let wanted = parent_of(path);
        if self.parent.as_ref().is_some_and(|(open, _)| open == wanted) {
            return Ok(());
        }
        let place = if wanted.is_empty() { b"." } else { wanted };
        let opened = sys::open_without_links(self.root, place, DIRECTORY, Mode::empty());
        let opened = opened.map_err(|errno| StepError::Path {
            action: "open",
            path: shown(wanted),
            cause: errno.into(),
        })?;
        self.maker.touch(wanted);
        self.parent = Some((wanted.to_vec(), opened));
        Ok(())
    }

    /// The directory of the entry at hand.
    fn parent(&self) -> BorrowedFd<'_> {
        self.parent.as_ref().map_or(self.root, |(_, parent)| parent.as_fd())
    }

    fn directory(
        &mut self,
        (selection, input, entry): (&Selection, &Input, &Entry),
        path: &[u8],
    ) -> Result<(), StepError> {
        let name = name_of(path);
        match mkdirat(self.parent(), name, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("make", path, errno)),
        }
        let made = openat(self.parent(), name, DIRECTORY, Mode::empty());
        let made = made.map_err(|errno| match errno {
            Errno::NOTDIR | Errno::LOOP => {
                refused(path, "it is no directory, and would have to become one")
            }
            errno => failed("open", path, errno),
        })?;
        self.parent = Some((path.to_vec(), made));
        let attributes = if selection.keeps() {
            let from = input.path(entry);
            let root = selection.tree.root();
            let opened = sys::open_without_links(root, &from[..], DIRECTORY, Mode::empty());
            Some(opened.map_err(|errno| gone_or(&from, errno))?)
        } else {
            None
        };
        let dress = Some((self.owner(selection, &entry.seen), self.mode(entry)));
        let modified = entry.seen.modified;
        self.later.push(Later { path: path.to_vec(), dress, modified, attributes });
        Ok(())
    }

    fn file(
        &mut self,
        (selection, input, entry): (&Selection, &Input, &Entry),
        path: &[u8],
    ) -> Result<(), StepError> {
        let name = name_of(path);
        let inode = (entry.seen.device, entry.seen.inode);
        if entry.seen.links > 1 && self.hard_link(path, inode)? {
            return Ok(());
        }
        let from_path = input.path(entry);
        let from = content::open(selection.tree.root(), &from_path, &entry.seen)?;
        self.make_way(path)?;
        let mode = Mode::from_raw_mode(0o600);
        let to = openat(self.parent(), name, NEW_FILE, mode)
            .map_err(|errno| failed("make", path, errno))?;
        let written = self.fill(selection, (&from, &from_path), entry, (&to, path));
        match written {
            Ok(bytes) => self.placed.bytes += bytes,
            Err(error) => {
                // Half a file is none; what stands in the way of its removal tells less.
                let _kept = unlinkat(self.parent(), name, AtFlags::empty());
                return Err(error);
            }
        }
        if entry.seen.links > 1 {
            self.linked.insert(inode, path.to_vec());
        }
        Ok(())
    }

    fn fill(
        &self,
        selection: &Selection,
        (from, from_path): (&OwnedFd, &[u8]),
        entry: &Entry,
        (to, path): (&OwnedFd, &[u8]),
    ) -> Result<u64, StepError> {
        let step = |action, outcome: Result<(), Errno>| {
            outcome.map_err(|errno| failed(action, path, errno))
        };
        let copied = store::copy_file(from, to).map_err(|errno| StepError::Path {
            action: "write",
            path: shown(path),
            cause: errno.into(),
        })?;
        content::check(from.as_fd(), from_path, &entry.seen)?;
        let (uid, gid) = self.owner(selection, &entry.seen);
        step("change owner of", fchown(to, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))))?;
        step("change mode of", fchmod(to, Mode::from_raw_mode(self.mode(entry))))?;
        if selection.keeps() {
            self.attributes(from.as_fd(), to.as_fd(), path)?;
        }
        step("set times of", futimens(to, &self.times(entry.seen.modified)))?;
        Ok(copied)
    }

    /// A further name of what was written under another one; false where it has to be written after all.
    fn hard_link(&mut self, path: &[u8], inode: (u64, u64)) -> Result<bool, StepError> {
        let Some(first) = self.linked.get(&inode) else { return Ok(false) };
        let parent = match parent_of(first) {
            b"" => b".",
            parent => parent,
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let Ok(parent) = sys::open_without_links(self.root, parent, flags, Mode::empty()) else {
            return Ok(false);
        };
        self.make_way(path)?;
        let linked =
            linkat(&parent, name_of(first), self.parent(), name_of(path), AtFlags::empty());
        Ok(linked.is_ok())
    }

    fn link(
        &self,
        (selection, input, entry): (&Selection, &Input, &Entry),
        path: &[u8],
    ) -> Result<(), StepError> {
        let from_path = input.path(entry);
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let root = selection.tree.root();
        let from = sys::open_without_links(root, &from_path[..], flags, Mode::empty())
            .map_err(|errno| gone_or(&from_path, errno))?;
        content::check(from.as_fd(), &from_path, &entry.seen)?;
        let text = readlinkat(&from, "", Vec::new())
            .map_err(|errno| content::failed("read link", &from_path, errno))?;
        self.make_way(path)?;
        symlinkat(text, self.parent(), name_of(path))
            .map_err(|errno| failed("make link", path, errno))?;
        self.dress_named(selection, entry, path)
    }

    fn node(
        &self,
        selection: &Selection,
        entry: &Entry,
        path: &[u8],
        kind: FileType,
    ) -> Result<(), StepError> {
        self.make_way(path)?;
        let device = if kind == FileType::Fifo { 0 } else { entry.seen.node };
        let name = name_of(path);
        mknodat(self.parent(), name, kind, Mode::from_raw_mode(0o600), device)
            .map_err(|errno| failed("make", path, errno))?;
        self.dress_named(selection, entry, path)?;
        let change = || {
            // chmod(2) follows links: only what was just made is changed.
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let at = openat(self.parent(), name, flags, Mode::empty())?;
            if FileType::from_raw_mode(fstat(&at)?.st_mode) != kind {
                return Err(Errno::STALE);
            }
            let place = format!("/proc/self/fd/{}", at.as_raw_fd());
            chmodat(CWD, place, Mode::from_raw_mode(self.mode(entry)), AtFlags::empty())
        };
        change().map_err(|errno| failed("change mode of", path, errno))
    }

    /// Owner and times of what cannot be opened.
    fn dress_named(
        &self,
        selection: &Selection,
        entry: &Entry,
        path: &[u8],
    ) -> Result<(), StepError> {
        let (uid, gid) = self.owner(selection, &entry.seen);
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        let (name, flags) = (name_of(path), AtFlags::SYMLINK_NOFOLLOW);
        chownat(self.parent(), name, Some(uid), Some(gid), flags)
            .map_err(|errno| failed("change owner of", path, errno))?;
        utimensat(self.parent(), name, &self.times(entry.seen.modified), flags)
            .map_err(|errno| failed("set times of", path, errno))
    }

    /// What is in the way of something that is no directory.
    fn make_way(&self, path: &[u8]) -> Result<(), StepError> {
        match unlinkat(self.parent(), name_of(path), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) => {
                Err(refused(path, "it is a directory, and would have to become something else"))
            }
            Err(errno) => Err(failed("replace", path, errno)),
        }
    }

    fn attributes(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        path: &[u8],
    ) -> Result<(), StepError> {
        store::copy_attributes(from, to).map_err(|errno| StepError::Path {
            action: "copy attributes of",
            path: shown(path),
            cause: errno.into(),
        })
    }

    /// Everything of the directories, once nothing more is written.
    fn finish(mut self) -> Result<Placed, StepError> {
        for later in std::mem::take(&mut self.later).iter().rev() {
            let path = &later.path[..];
            let directory = self.reopen(path)?;
            if let Some(((uid, gid), mode)) = later.dress {
                fchown(&directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                    .map_err(|errno| failed("change owner of", path, errno))?;
                fchmod(&directory, Mode::from_raw_mode(mode))
                    .map_err(|errno| failed("change mode of", path, errno))?;
            }
            if let Some(from) = &later.attributes {
                self.attributes(from.as_fd(), directory.as_fd(), path)?;
            }
            futimens(&directory, &self.times(later.modified))
                .map_err(|errno| failed("set times of", path, errno))?;
        }
        if self.rules.time_s.is_some() {
            for path in self.maker.made.union(&self.maker.touched) {
                let directory = self.reopen(path)?;
                futimens(&directory, &self.times((0, 0)))
                    .map_err(|errno| failed("set times of", path, errno))?;
            }
        }
        Ok(self.placed)
    }

    fn reopen(&self, path: &[u8]) -> Result<OwnedFd, StepError> {
        let place = if path.is_empty() { b"." } else { path };
        sys::open_without_links(self.root, place, DIRECTORY, Mode::empty()).map_err(|errno| {
            StepError::Path { action: "open", path: shown(path), cause: errno.into() }
        })
    }

    fn owner(&self, selection: &Selection, seen: &Seen) -> (u32, u32) {
        let own = if selection.keeps() { (seen.uid, seen.gid) } else { (0, 0) };
        self.rules.owner.unwrap_or(own)
    }

    fn mode(&self, entry: &Entry) -> u32 {
        let is_directory = entry.kind == Kind::Directory;
        self.rules.mode.map_or(entry.seen.mode, |mode| mode.apply(entry.seen.mode, is_directory))
    }

    fn times(&self, modified: Moment) -> Timestamps {
        let (tv_sec, tv_nsec) = self.rules.time_s.map_or(modified, |time_s| (time_s, 0));
        let time = Timespec { tv_sec, tv_nsec };
        Timestamps { last_access: time, last_modification: time }
    }
}

/// A path of the root as the Dockerfile would write it.
fn shown(path: &[u8]) -> std::path::PathBuf {
    super::path_of(&[b"/", path].concat())
}

fn failed(action: &'static str, path: &[u8], errno: Errno) -> StepError {
    StepError::Path { action, path: shown(path), cause: errno.into() }
}

fn refused(path: &[u8], why: &str) -> StepError {
    let value = shown(path).to_string_lossy().into_owned();
    StepError::Value { what: "destination", value, why: why.to_owned() }
}
