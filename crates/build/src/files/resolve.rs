//! Where a path leads inside of a root, name by name: no link is followed by the kernel, `..` ends at the root.
//! Source: path_resolution(7).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

/// As many as the kernel follows.
const MOST_LINKS: u32 = 40;

const STEP: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Found {
    /// The directory that it is in.
    pub(super) parent: OwnedFd,
    /// Its name there; `.` where the path ends with the directory itself.
    pub(super) name: Vec<u8>,
    /// Its path from the root, without links and dots; empty is the root.
    pub(super) real: Vec<u8>,
    /// What is there, never a link; nothing when nothing is.
    pub(super) stat: Option<Stat>,
}

/// Hears of directories that are not there, but for the last name.
pub(super) trait Missing {
    /// Makes one, and says whether it is there now.
    fn make(&mut self, parent: BorrowedFd<'_>, name: &[u8], real: &[u8]) -> Result<bool, Errno>;
}

/// Makes none.
pub(super) struct Nothing;

impl Missing for Nothing {
    fn make(&mut self, _: BorrowedFd<'_>, _: &[u8], _: &[u8]) -> Result<bool, Errno> {
        Ok(false)
    }
}

/// Finds what a path leads to; links are followed, the last one too.
///
/// # Errors
/// ENOENT where a directory on the way is missing, ENOTDIR, ELOOP.
pub(super) fn resolve(
    root: BorrowedFd<'_>,
    path: &[u8],
    missing: &mut dyn Missing,
) -> Result<Found, Errno> {
    let mut way = Way::new(path)?;
    while let Some(name) = way.left.pop() {
        if name == b".." {
            way.up();
            continue;
        }
        match statat(way.here(root), &name[..], AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) if way.left.is_empty() => return way.end(root, name, None),
            Err(Errno::NOENT) => {
                let real = way.real(&name);
                if !missing.make(way.here(root), &name, &real)? {
                    return Err(Errno::NOENT);
                }
                way.again(name)?;
            }
            Err(errno) => return Err(errno),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => way.follow(root, &name)?,
                FileType::Directory => way.down(root, name)?,
                FileType::RegularFile
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {
                    return if way.left.is_empty() {
                        way.end(root, name, Some(stat))
                    } else {
                        Err(Errno::NOTDIR)
                    };
                }
            },
        }
    }
    let stat = statat(way.here(root), ".", AtFlags::empty())?;
    let parent = openat(way.here(root), ".", STEP, Mode::empty())?;
    Ok(Found { parent, name: b".".to_vec(), real: way.names.join(&b'/'), stat: Some(stat) })
}

/// A path as names, from the first to the last; empty ones and `.` are none.
pub(super) fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."))
}

/// How far a path was followed.
struct Way {
    /// Names that are left, the next one last.
    left: Vec<Vec<u8>>,
    /// Directories below the root that lead here.
    opened: Vec<OwnedFd>,
    /// Their names.
    names: Vec<Vec<u8>>,
    links: u32,
}

impl Way {
    fn new(path: &[u8]) -> Result<Self, Errno> {
        if path.contains(&0) {
            return Err(Errno::INVAL);
        }
        let left = names(path).rev().map(<[u8]>::to_vec).collect();
        Ok(Self { left, opened: Vec::new(), names: Vec::new(), links: 0 })
    }

    fn here<'a>(&'a self, root: BorrowedFd<'a>) -> BorrowedFd<'a> {
        self.opened.last().map_or(root, AsFd::as_fd)
    }

    fn real(&self, name: &[u8]) -> Vec<u8> {
        let mut real = self.names.join(&b'/');
        if !real.is_empty() {
            real.push(b'/');
        }
        real.extend_from_slice(name);
        real
    }

    fn up(&mut self) {
        self.opened.pop();
        self.names.pop();
    }

    fn down(&mut self, root: BorrowedFd<'_>, name: Vec<u8>) -> Result<(), Errno> {
        match openat(self.here(root), &name[..], STEP, Mode::empty()) {
            Ok(directory) => {
                self.opened.push(directory);
                self.names.push(name);
                Ok(())
            }
            // It has become something else since it was looked at.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => self.again(name),
            Err(errno) => Err(errno),
        }
    }

    fn follow(&mut self, root: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
        self.count()?;
        let text = readlinkat(self.here(root), name, Vec::new())?;
        if text.as_bytes().starts_with(b"/") {
            self.opened.clear();
            self.names.clear();
        }
        self.left.extend(names(text.as_bytes()).rev().map(<[u8]>::to_vec));
        Ok(())
    }

    /// Looks at a name once more.
    fn again(&mut self, name: Vec<u8>) -> Result<(), Errno> {
        self.count()?;
        self.left.push(name);
        Ok(())
    }

    fn count(&mut self) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MOST_LINKS { Err(Errno::LOOP) } else { Ok(()) }
    }

    fn end(
        mut self,
        root: BorrowedFd<'_>,
        name: Vec<u8>,
        stat: Option<Stat>,
    ) -> Result<Found, Errno> {
        let real = self.real(&name);
        let parent = match self.opened.pop() {
            Some(parent) => parent,
            None => openat(root, ".", STEP, Mode::empty())?,
        };
        Ok(Found { parent, name, real, stat })
    }
}
