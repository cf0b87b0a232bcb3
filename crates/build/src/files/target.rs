//! Where a source goes: the directories that lead there are made, links among them followed, inside of the root.
//!
//! A directory's contents go into the destination. A file goes into it where it is a directory, or is to be one: with a slash at its end, or
//! with several sources; otherwise the destination is the file.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, Gid, Mode, OFlags, Uid, fchmod, fchown, mkdirat, openat};
use rustix::io::Errno;

use super::resolve::{Found, Missing, resolve};
use crate::StepError;

const MADE: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Makes directories as 0755, and remembers them.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) owner: (u32, u32),
    /// Their paths from the root.
    pub(super) made: HashSet<Vec<u8>>,
    /// Directories that were there and have got something, by their paths.
    pub(super) touched: HashSet<Vec<u8>>,
}

impl Missing for Maker {
    fn make(&mut self, parent: BorrowedFd<'_>, name: &[u8], real: &[u8]) -> Result<bool, Errno> {
        let mode = Mode::from_raw_mode(0o755);
        match mkdirat(parent, name, mode) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(true),
            Err(errno) => return Err(errno),
        }
        let made = openat(parent, name, MADE, Mode::empty())?;
        let (uid, gid) = self.owner;
        fchown(&made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        // What the umask has taken.
        fchmod(&made, mode)?;
        self.touch(parent_of(real));
        self.made.insert(real.to_vec());
        Ok(true)
    }
}

impl Maker {
    /// Something is made in a directory.
    pub(super) fn touch(&mut self, directory: &[u8]) {
        if !self.touched.contains(directory) {
            self.touched.insert(directory.to_vec());
        }
    }
}

/// The destination of an instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination<'a> {
    /// As it is written, from the root.
    pub(super) path: &'a str,
    /// Whether there is more than one source.
    pub(super) has_several: bool,
}

impl Destination<'_> {
    /// The path from the root, without links, of the directory that contents go into.
    pub(super) fn directory(
        &self,
        root: BorrowedFd<'_>,
        maker: &mut Maker,
    ) -> Result<Vec<u8>, StepError> {
        let found = self.find(root, maker)?;
        if is_directory(&found) {
            return Ok(found.real);
        }
        if found.stat.is_some() {
            return Err(self.refused("it is no directory, and would have to become one"));
        }
        maker
            .make(found.parent.as_fd(), &found.name, &found.real)
            .map_err(|errno| self.failed("make", errno))?;
        Ok(found.real)
    }

    /// That of a file with a name of its own.
    pub(super) fn file(
        &self,
        root: BorrowedFd<'_>,
        name: &[u8],
        maker: &mut Maker,
    ) -> Result<Vec<u8>, StepError> {
        let found = self.find(root, maker)?;
        let ends_as_directory = self.path.ends_with('/') || self.path.ends_with("/.");
        let into = match &found.stat {
            Some(_) if is_directory(&found) => true,
            Some(_) if ends_as_directory => return Err(self.refused("it is no directory")),
            None if ends_as_directory => true,
            Some(_) | None if self.has_several => {
                return Err(self.refused("several sources need a directory: end it with a slash"));
            }
            Some(_) | None => false,
        };
        if !into {
            return Ok(found.real);
        }
        if name.is_empty() {
            return Err(self.refused("nothing names the file in it"));
        }
        let mut real = self.directory(root, maker)?;
        if !real.is_empty() {
            real.push(b'/');
        }
        real.extend_from_slice(name);
        Ok(real)
    }

    fn find(&self, root: BorrowedFd<'_>, maker: &mut Maker) -> Result<Found, StepError> {
        resolve(root, self.path.as_bytes(), maker).map_err(|errno| match errno {
            Errno::NOTDIR => self.refused("a file is in the way"),
            errno => self.failed("find", errno),
        })
    }

    fn refused(&self, why: &str) -> StepError {
        let value = self.path.to_owned();
        StepError::Value { what: "destination", value, why: why.to_owned() }
    }

    fn failed(&self, action: &'static str, errno: Errno) -> StepError {
        StepError::Path { action, path: self.path.into(), cause: errno.into() }
    }
}

fn is_directory(found: &Found) -> bool {
    found.stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// The path of the directory that a path is in.
pub(super) fn parent_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

/// Its last name.
pub(super) fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}
