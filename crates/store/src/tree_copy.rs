//! Copies of directory trees that are as good as what they are copies of: owners, modes, times, attributes, hard links, holes.
//! Where the file system can, contents are shared and not copied (FICLONE).
//!
//! Reached through descriptors only: one name at a time, no link is followed, so that whoever changes either tree meanwhile
//! can spoil the copy and nothing else (CVE-2018-15664). Start at [`TreeCopy::contents`] for everything in a directory, and at
//! [`TreeCopy::entry`] for one name. Sources: openat2(2), ioctl_ficlone(2), lseek(2) "Seeking file data and holes", xattr(7).

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat, chownat,
    fchmod, fchown, fstat, futimens, linkat, mkdirat, mknodat, openat, readlinkat, statat,
    symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno as Raw;
use sys::{Errno, open_without_links};

use crate::IdShift;

mod attributes;
mod contents;

pub use attributes::{attributes, copy_attributes};
pub use contents::copy_file;

/// Directories below each other; each holds two descriptors.
const DEEPEST: usize = 256;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How it is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRules {
    /// Who owns what is made; nothing keeps the owners.
    pub owner: Option<(u32, u32)>,
    /// Whether what is in the way gives way: a file to another one; never a directory to a file, nor the other way round.
    pub replace: bool,
    /// Whether extended attributes must arrive; otherwise those that the other file system does not take are left out.
    pub exact: bool,
}

impl CopyRules {
    /// Everything as it is, into an empty directory.
    #[must_use]
    pub const fn exact() -> Self {
        Self { owner: None, replace: false, exact: true }
    }
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files, directories and links.
    pub entries: u64,
    /// Lengths of the files.
    pub bytes: u64,
    /// How long an archive of it would be, which is what Docker tells.
    pub archive_bytes: u64,
}

/// Why something cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The kernel refused a step.
    #[error("{step} {path:?}")]
    Step {
        /// Verb.
        step: &'static str,
        /// Path below the tree.
        path: String,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// What cannot be, or is in the way.
    #[error("{path:?} {problem}")]
    Refused {
        /// Path below the tree.
        path: String,
        /// What about it.
        problem: &'static str,
    },
}

/// One copy on its way.
#[derive(Debug)]
pub struct TreeCopy<'a> {
    rules: CopyRules,
    /// What owners that are kept become.
    ids: Option<&'a IdShift>,
    /// The directory that everything is made in.
    into: BorrowedFd<'a>,
    /// Path of what is being copied, below `into`.
    path: Vec<u8>,
    /// First places of files that have several names.
    linked: HashMap<(u64, u64), Vec<u8>>,
    /// The first directory that was made: a tree is not copied into itself for ever.
    own: Option<(u64, u64)>,
    copied: Copied,
}

/// A directory being read and the one being written.
#[derive(Clone, Copy)]
struct Pair<'d> {
    from: BorrowedFd<'d>,
    to: BorrowedFd<'d>,
}

impl<'a> TreeCopy<'a> {
    /// A copy into a directory.
    #[must_use]
    pub fn new(into: BorrowedFd<'a>, rules: CopyRules) -> Self {
        let (path, linked) = (Vec::new(), HashMap::new());
        Self { rules, ids: None, into, path, linked, own: None, copied: Copied::default() }
    }

    /// The same where owners that are kept have other numbers on the other side.
    #[must_use]
    pub const fn with_ids(mut self, ids: Option<&'a IdShift>) -> Self {
        self.ids = ids;
        self
    }

    /// Copies everything in a directory, and makes the one that it is copied into like it unless that is somebody's.
    ///
    /// # Errors
    /// [`CopyError`]; what was copied by then stays.
    pub fn contents(mut self, from: BorrowedFd<'_>) -> Result<Copied, CopyError> {
        let to = openat(self.into, ".", DIRECTORY & !OFlags::NOFOLLOW, Mode::empty());
        let to = to.map_err(|errno| self.failed("open", errno))?;
        let stat = fstat(from).map_err(|errno| self.failed("look at", errno))?;
        self.own = self
            .rules
            .replace
            .then(|| fstat(&to).ok())
            .flatten()
            .map(|own| (own.st_dev, own.st_ino));
        self.directory(Pair { from, to: to.as_fd() }, 0)?;
        if !self.rules.replace {
            self.dress(from, to.as_fd(), &stat)?;
        }
        Ok(self.copied)
    }

    /// Copies what has a name in `from` under another name.
    ///
    /// # Errors
    /// As [`TreeCopy::contents`].
    pub fn entry(
        mut self,
        from: BorrowedFd<'_>,
        name: &[u8],
        to_name: &[u8],
    ) -> Result<Copied, CopyError> {
        self.path = to_name.to_vec();
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.failed("look at", errno))?;
        let into = self.into;
        self.one(Pair { from, to: into }, (name, to_name), &stat, 0)?;
        Ok(self.copied)
    }

    fn directory(&mut self, pair: Pair<'_>, depth: usize) -> Result<(), CopyError> {
        if depth == DEEPEST {
            return Err(self.refused("is deeper than 256 directories"));
        }
        let mut names: Vec<Vec<u8>> = Vec::new();
        let listing = Dir::read_from(pair.from).map_err(|errno| self.failed("list", errno))?;
        for entry in listing {
            let entry = entry.map_err(|errno| self.failed("list", errno))?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(name.to_vec());
            }
        }
        let length = self.path.len();
        for name in names {
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&name);
            match statat(pair.from, &name[..], AtFlags::SYMLINK_NOFOLLOW) {
                // Gone since it was listed.
                Err(Raw::NOENT) => {}
                Err(errno) => return Err(self.failed("look at", errno)),
                Ok(stat) => self.one(pair, (&name, &name), &stat, depth)?,
            }
            self.path.truncate(length);
        }
        Ok(())
    }

    fn one(
        &mut self,
        pair: Pair<'_>,
        names: (&[u8], &[u8]),
        stat: &Stat,
        depth: usize,
    ) -> Result<(), CopyError> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            return self.one_directory(pair, names, depth);
        }
        if matches!(kind, FileType::Socket | FileType::Unknown) {
            return Ok(());
        }
        let inode = (stat.st_dev, stat.st_ino);
        if stat.st_nlink > 1 && self.link(pair, names.1, inode)? {
            return Ok(());
        }
        match kind {
            FileType::RegularFile => self.file(pair, names)?,
            FileType::Symlink => self.symlink(pair, names, stat)?,
            FileType::Fifo | FileType::CharacterDevice | FileType::BlockDevice => {
                self.node(pair, names.1, stat, kind)?;
            }
            FileType::Directory | FileType::Socket | FileType::Unknown => {}
        }
        if stat.st_nlink > 1 {
            self.linked.insert(inode, self.path.clone());
        }
        self.count();
        Ok(())
    }

    fn one_directory(
        &mut self,
        pair: Pair<'_>,
        (name, to_name): (&[u8], &[u8]),
        depth: usize,
    ) -> Result<(), CopyError> {
        let from = openat(pair.from, name, DIRECTORY, Mode::empty());
        let from = from.map_err(|errno| self.failed("open", errno))?;
        let stat = fstat(&from).map_err(|errno| self.failed("look at", errno))?;
        if self.own == Some((stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        match mkdirat(pair.to, to_name, Mode::from_raw_mode(0o700)) {
            Ok(()) => {}
            Err(Raw::EXIST) if self.rules.replace => {}
            Err(errno) => return Err(self.failed("make", errno)),
        }
        let to =
            openat(pair.to, to_name, DIRECTORY, Mode::empty()).map_err(|errno| match errno {
                Raw::NOTDIR | Raw::LOOP => {
                    self.refused("is no directory, and would have to become one")
                }
                errno => self.failed("open", errno),
            })?;
        if self.own.is_none() {
            self.own = fstat(&to).ok().map(|own| (own.st_dev, own.st_ino));
        }
        self.directory(Pair { from: from.as_fd(), to: to.as_fd() }, depth + 1)?;
        self.dress(from.as_fd(), to.as_fd(), &stat)?;
        self.count();
        Ok(())
    }

    /// A further name of what was copied under another one; false where it has to be copied after all.
    fn link(&mut self, pair: Pair<'_>, name: &[u8], inode: (u64, u64)) -> Result<bool, CopyError> {
        let Some(first) = self.linked.get(&inode) else { return Ok(false) };
        let slash = first.iter().rposition(|byte| *byte == b'/');
        let (parent, base) =
            slash.map_or((&b"."[..], &first[..]), |slash| (&first[..slash], &first[slash + 1..]));
        let Ok(parent) =
            open_without_links(self.into, parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
        else {
            return Ok(false);
        };
        let base = base.to_vec();
        self.make_way(pair.to, name)?;
        let linked = linkat(&parent, &base[..], pair.to, name, AtFlags::empty());
        Ok(linked.is_ok())
    }

    fn file(&mut self, pair: Pair<'_>, (name, to_name): (&[u8], &[u8])) -> Result<(), CopyError> {
        // A pipe must not hold us that has come in its place, nor a terminal become ours.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let from = openat(pair.from, name, flags, Mode::empty());
        let from = from.map_err(|errno| self.failed("open", errno))?;
        let stat = fstat(&from).map_err(|errno| self.failed("look at", errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.refused("became something else while it was read"));
        }
        self.make_way(pair.to, to_name)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let to = openat(pair.to, to_name, flags, Mode::from_raw_mode(0o600));
        let to = to.map_err(|errno| self.failed("make", errno))?;
        let done = contents::copy(&from, &to, &stat);
        let done = done.map_err(|errno| self.failed("copy", errno));
        let done =
            done.and_then(|bytes| self.dress(from.as_fd(), to.as_fd(), &stat).map(|()| bytes));
        match done {
            Ok(bytes) => {
                self.copied.bytes += bytes;
                self.copied.archive_bytes += bytes.next_multiple_of(512);
            }
            Err(error) => {
                // Half a file is none; what stands in the way of its removal tells less.
                let _kept = unlinkat(pair.to, to_name, AtFlags::empty());
                return Err(error);
            }
        }
        Ok(())
    }

    fn symlink(
        &mut self,
        pair: Pair<'_>,
        (name, to_name): (&[u8], &[u8]),
        stat: &Stat,
    ) -> Result<(), CopyError> {
        let text = readlinkat(pair.from, name, Vec::new())
            .map_err(|errno| self.failed("read link", errno))?;
        self.make_way(pair.to, to_name)?;
        symlinkat(text, pair.to, to_name).map_err(|errno| self.failed("make link", errno))?;
        let (uid, gid) = self.owner(stat);
        chownat(pair.to, to_name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.failed("change owner of", errno))?;
        let copied = attributes::of_link(pair.from, name, pair.to, to_name);
        copied.or_else(|errno| self.forgive(errno))?;
        utimensat(pair.to, to_name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.failed("set times of", errno))
    }

    fn node(
        &mut self,
        pair: Pair<'_>,
        name: &[u8],
        stat: &Stat,
        kind: FileType,
    ) -> Result<(), CopyError> {
        self.make_way(pair.to, name)?;
        let device = if kind == FileType::Fifo { 0 } else { stat.st_rdev };
        mknodat(pair.to, name, kind, Mode::from_raw_mode(0o600), device)
            .map_err(|errno| self.failed("make", errno))?;
        let (uid, gid) = self.owner(stat);
        chownat(pair.to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .and_then(|()| {
                // chmod(2) follows links, and somebody may have put one here: only what was just made is changed.
                let at = openat(
                    pair.to,
                    name,
                    OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                if FileType::from_raw_mode(fstat(&at)?.st_mode) != kind {
                    return Err(Raw::STALE);
                }
                let place = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(&at));
                chmodat(
                    rustix::fs::CWD,
                    place,
                    Mode::from_raw_mode(stat.st_mode & 0o7777),
                    AtFlags::empty(),
                )
            })
            .and_then(|()| utimensat(pair.to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW))
            .map_err(|errno| self.failed("change", errno))
    }

    /// What is in the way of something that is no directory.
    fn make_way(&self, to: BorrowedFd<'_>, name: &[u8]) -> Result<(), CopyError> {
        if !self.rules.replace {
            return Ok(());
        }
        match unlinkat(to, name, AtFlags::empty()) {
            Ok(()) | Err(Raw::NOENT) => Ok(()),
            Err(Raw::ISDIR) => {
                Err(self.refused("is a directory, and would have to become something else"))
            }
            Err(errno) => Err(self.failed("replace", errno)),
        }
    }

    /// Owner, mode, attributes and times, in the order in which none undoes another.
    fn dress(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        stat: &Stat,
    ) -> Result<(), CopyError> {
        let (uid, gid) = self.owner(stat);
        fchown(to, Some(uid), Some(gid)).map_err(|errno| self.failed("change owner of", errno))?;
        // What made a program somebody's does not make it somebody else's, as in cp(1).
        let same_owner = self.rules.owner.is_none();
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let bits = if same_owner || is_directory { 0o7777 } else { 0o1777 };
        fchmod(to, Mode::from_raw_mode(stat.st_mode & bits))
            .map_err(|errno| self.failed("change mode of", errno))?;
        let ids = self.ids.filter(|_| same_owner);
        attributes::of_open(from, to, (same_owner, ids)).or_else(|errno| self.forgive(errno))?;
        futimens(to, &times(stat)).map_err(|errno| self.failed("set times of", errno))
    }

    fn count(&mut self) {
        self.copied.entries += 1;
        self.copied.archive_bytes += 512;
    }

    fn forgive(&self, errno: Raw) -> Result<(), CopyError> {
        if self.rules.exact { Err(self.failed("copy attributes of", errno)) } else { Ok(()) }
    }

    fn owner(&self, stat: &Stat) -> (Uid, Gid) {
        let own = (stat.st_uid, stat.st_gid);
        let kept = || self.ids.map_or(own, |ids| ids.of(own));
        let (uid, gid) = self.rules.owner.unwrap_or_else(kept);
        (Uid::from_raw(uid), Gid::from_raw(gid))
    }

    fn failed(&self, step: &'static str, errno: Raw) -> CopyError {
        CopyError::Step { step, path: self.printable(), errno: errno.into() }
    }

    fn refused(&self, problem: &'static str) -> CopyError {
        CopyError::Refused { path: self.printable(), problem }
    }

    fn printable(&self) -> String {
        /// What names a file well enough.
        const MOST: usize = 300;
        String::from_utf8_lossy(&self.path[..self.path.len().min(MOST)]).into_owned()
    }
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}
