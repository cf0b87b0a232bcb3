//! Where something is mounted: looked up, and made where it is missing, without ever leaving the root.
//!
//! Runs in the child: nothing here allocates. Start at [`Root::place`]. A path without links is opened in one call; links of
//! the image are followed inside the root, and may lead neither to the root itself nor into procfs (CVE-2023-28642). Sources:
//! openat2(2), path_resolution(7).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, mkdirat, mknodat, readlinkat_raw};
use rustix::io::Errno as Raw;
use sys::{Errno, open_in_root, open_without_links};

use crate::prepared::Target;
use crate::rootfs::{PROC_SUPER_MAGIC, Root};

pub(crate) const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Links in one look-up: path_resolution(7).
const MOST_LINKS: u32 = 40;
/// PATH_MAX, with the NUL: limits.h.
const LONGEST: usize = 4096;
/// NAME_MAX, with the NUL.
const LONGEST_NAME: usize = 256;

/// What a mount wants to be put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
}

/// Something that can be mounted on.
pub(crate) struct Place {
    pub(crate) at: OwnedFd,
    /// Whether it was missing.
    pub(crate) made: bool,
}

impl Root {
    /// The target of a mount, made with its parents where missing.
    pub(crate) fn place(&self, target: &Target, kind: Kind) -> Result<Place, Errno> {
        let path = target.path.as_c_str();
        match open_without_links(self.directory(), path, flags(kind), Mode::empty()) {
            Ok(at) => Ok(Place { at, made: false }),
            Err(errno) if errno.raw() == libc::ENOENT => {
                Ok(Place { at: self.make(path, kind)?, made: true })
            }
            Err(errno) if errno.raw() == libc::ELOOP => self.place_behind_links(path, kind),
            Err(errno) => Err(errno),
        }
    }

    fn place_behind_links(&self, path: &CStr, kind: Kind) -> Result<Place, Errno> {
        let (at, made) = match open_in_root(self.directory(), path, flags(kind), Mode::empty()) {
            Ok(at) => (at, false),
            Err(errno) if errno.raw() == libc::ENOENT => (self.make(path, kind)?, true),
            Err(errno) => return Err(errno),
        };
        self.refuse_unwanted(&at)?;
        Ok(Place { at, made })
    }

    /// What the plan's own words cannot name, a link must not reach either: the root itself, and what is below `/proc`, which
    /// processes trust to tell the truth (CVE-2019-16884, CVE-2023-28642).
    fn refuse_unwanted(&self, at: &OwnedFd) -> Result<(), Errno> {
        let (there, root) = (fstat(at)?, fstat(self.directory())?);
        let is_root = (there.st_dev, there.st_ino) == (root.st_dev, root.st_ino);
        if is_root || fstatfs(at)?.f_type == PROC_SUPER_MAGIC {
            return Err(Errno::from_raw(libc::EXDEV));
        }
        Ok(())
    }

    /// A directory for a process rather than for a mount, made with its parents where missing.
    pub(crate) fn make_directory(&self, target: &Target) -> Result<OwnedFd, Errno> {
        match self.open_directory(target) {
            Err(errno) if errno.raw() == libc::ENOENT => {
                self.make(target.path.as_c_str(), Kind::Directory)
            }
            opened => opened,
        }
    }

    /// A directory for a process, which is there.
    pub(crate) fn open_directory(&self, target: &Target) -> Result<OwnedFd, Errno> {
        open_in_root(self.directory(), target.path.as_c_str(), DIRECTORY, Mode::empty())
    }

    /// The same for what processes trust to be where it belongs: an image cannot lead it elsewhere by a link
    /// (CVE-2019-19921, CVE-2023-27561).
    pub(crate) fn make_directory_without_links(&self, target: &Target) -> Result<OwnedFd, Errno> {
        let open = || {
            let (root, path) = (self.directory(), target.path.as_c_str());
            open_without_links(root, path, DIRECTORY, Mode::empty())
        };
        match open() {
            Err(errno) if errno.raw() == libc::ENOENT => {
                self.make_directory(target)?;
                open()
            }
            opened => opened,
        }
    }

    /// The directory that holds a name, made where missing, and the name.
    pub(crate) fn make_parent<'path>(
        &self,
        path: &'path CStr,
    ) -> Result<(Option<OwnedFd>, &'path CStr), Errno> {
        let bytes = path.to_bytes_with_nul();
        let Some(slash) = bytes.iter().rposition(|byte| *byte == b'/') else {
            return Ok((None, path));
        };
        let name = CStr::from_bytes_with_nul(&bytes[slash + 1..]).map_err(|_nul| invalid())?;
        Ok((Some(self.open_or_make_directory(&bytes[..slash])?), name))
    }

    #[inline(never)]
    fn open_or_make_directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = Buffer::<LONGEST>::of(path)?;
        match open_in_root(self.directory(), path.as_c_str(), DIRECTORY, Mode::empty()) {
            Err(errno) if errno.raw() == libc::ENOENT => {
                self.make(path.as_c_str(), Kind::Directory)
            }
            opened => opened,
        }
    }

    /// Makes what is missing of a path, component by component. Each is looked up from the root again without following any
    /// link: what was a directory a moment ago may be one (CVE-2021-30465, CVE-2024-45310).
    fn make(&self, path: &CStr, kind: Kind) -> Result<OwnedFd, Errno> {
        match self.make_plainly(path.to_bytes(), kind) {
            Ok(Some(made)) => Ok(made),
            Ok(None) => self.make_through_links(path, kind),
            Err(errno) if errno.raw() == libc::ELOOP => self.make_through_links(path, kind),
            Err(errno) => Err(errno),
        }
    }

    /// The usual path has neither links nor dots, and is short: it takes little of the stack, each page of which the child
    /// would have to get from the kernel first. Nothing for another one.
    fn make_plainly(&self, path: &[u8], kind: Kind) -> Result<Option<OwnedFd>, Errno> {
        let dots = |name: &[u8]| matches!(name, b"." | b"..");
        if path.len() >= LONGEST_NAME || path.split(|byte| *byte == b'/').any(dots) {
            return Ok(None);
        }
        let mut trail = Buffer::<LONGEST_NAME>::of(b"")?;
        let mut parent: Option<OwnedFd> = None;
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let directory = if names.peek().is_none() { kind } else { Kind::Directory };
            let above = parent.as_ref().map_or(self.directory(), OwnedFd::as_fd);
            let name = Buffer::<LONGEST_NAME>::of(name)?;
            trail.push(name.as_bytes())?;
            parent = Some(self.open_or_make(above, trail.as_c_str(), &name, directory)?);
        }
        Ok(parent)
    }

    /// Links are read and followed here, since one that leads nowhere yet tells the kernel nothing of where to make its target.
    #[inline(never)]
    fn make_through_links(&self, path: &CStr, kind: Kind) -> Result<OwnedFd, Errno> {
        let mut trail = Buffer::<LONGEST>::of(b"")?;
        let mut rest = Rest::of(path.to_bytes())?;
        let mut parent: Option<OwnedFd> = None;
        let mut links = 0;
        while let Some(name) = rest.next()? {
            if name.as_bytes() == b".." {
                trail.drop_last();
                parent = self.again(&trail)?;
                continue;
            }
            let directory = if rest.is_empty() { kind } else { Kind::Directory };
            let above = parent.as_ref().map_or(self.directory(), OwnedFd::as_fd);
            let length = trail.length;
            trail.push(name.as_bytes())?;
            match self.open_or_make(above, trail.as_c_str(), &name, directory) {
                Err(errno) if errno.raw() == libc::ELOOP => {
                    links += 1;
                    // The text of a link of procfs is not where the kernel would follow it to (CVE-2024-21626).
                    if links > MOST_LINKS || fstatfs(above)?.f_type == PROC_SUPER_MAGIC {
                        return Err(errno);
                    }
                    let absolute = rest.follow(above, name.as_c_str())?;
                    trail.truncate(if absolute { 0 } else { length });
                    parent = self.again(&trail)?;
                }
                opened => parent = Some(opened?),
            }
        }
        parent.ok_or_else(invalid)
    }

    fn again(&self, trail: &Buffer<LONGEST>) -> Result<Option<OwnedFd>, Errno> {
        if trail.length == 0 {
            return Ok(None);
        }
        open_without_links(self.directory(), trail.as_c_str(), DIRECTORY, Mode::empty()).map(Some)
    }

    fn open_or_make(
        &self,
        above: BorrowedFd<'_>,
        trail: &CStr,
        name: &Buffer<LONGEST_NAME>,
        kind: Kind,
    ) -> Result<OwnedFd, Errno> {
        let open = || open_without_links(self.directory(), trail, flags(kind), Mode::empty());
        match open() {
            Err(errno) if errno.raw() == libc::ENOENT => {
                match make_entry(above, name.as_c_str(), kind) {
                    Ok(()) | Err(Raw::EXIST) => open(),
                    Err(errno) => Err(errno.into()),
                }
            }
            opened => opened,
        }
    }
}

fn flags(kind: Kind) -> OFlags {
    match kind {
        Kind::Directory => DIRECTORY,
        Kind::File => OFlags::PATH,
    }
}

fn make_entry(above: BorrowedFd<'_>, name: &CStr, kind: Kind) -> Result<(), Raw> {
    match kind {
        Kind::Directory => mkdirat(above, name, Mode::from_raw_mode(0o755)),
        Kind::File => mknodat(above, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0),
    }
}

fn invalid() -> Errno {
    Errno::from_raw(libc::EINVAL)
}

fn too_long() -> Errno {
    Errno::from_raw(libc::ENAMETOOLONG)
}

/// A path without a heap; `SIZE` includes the NUL.
struct Buffer<const SIZE: usize> {
    bytes: [u8; SIZE],
    length: usize,
}

impl<const SIZE: usize> Buffer<SIZE> {
    fn of(text: &[u8]) -> Result<Self, Errno> {
        if text.len() >= SIZE {
            return Err(too_long());
        }
        let mut bytes = [0; SIZE];
        bytes[..text.len()].copy_from_slice(text);
        Ok(Self { bytes, length: text.len() })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }

    fn push(&mut self, name: &[u8]) -> Result<(), Errno> {
        let start = if self.length == 0 { 0 } else { self.length + 1 };
        let end = start + name.len();
        if end >= SIZE {
            return Err(too_long());
        }
        if start > 0 {
            self.bytes[self.length] = b'/';
        }
        self.bytes[start..end].copy_from_slice(name);
        self.length = end;
        Ok(())
    }

    /// Above the root is the root.
    fn drop_last(&mut self) {
        self.truncate(self.as_bytes().iter().rposition(|byte| *byte == b'/').unwrap_or(0));
    }

    fn truncate(&mut self, length: usize) {
        self.bytes[length..].fill(0);
        self.length = length;
    }
}

/// What is still to be walked, at the end of its space, so that the text of a link can be put before it.
struct Rest {
    bytes: [u8; 2 * LONGEST],
    start: usize,
}

impl Rest {
    fn of(path: &[u8]) -> Result<Self, Errno> {
        let mut rest = Self { bytes: [0; 2 * LONGEST], start: 2 * LONGEST };
        rest.put(path)?;
        Ok(rest)
    }

    fn put(&mut self, text: &[u8]) -> Result<(), Errno> {
        let start = self.start.checked_sub(text.len()).ok_or_else(too_long)?;
        self.bytes[start..self.start].copy_from_slice(text);
        self.start = start;
        Ok(())
    }

    fn left(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn is_empty(&self) -> bool {
        self.left().iter().all(|byte| *byte == b'/')
    }

    /// The next component, without those that stay where they are.
    fn next(&mut self) -> Result<Option<Buffer<LONGEST_NAME>>, Errno> {
        loop {
            let left = self.left();
            let Some(begin) = left.iter().position(|byte| *byte != b'/') else { return Ok(None) };
            let end = left[begin..].iter().position(|byte| *byte == b'/');
            let end = end.map_or(left.len(), |length| begin + length);
            let name = Buffer::of(&left[begin..end])?;
            self.start += end;
            if name.as_bytes() != b"." {
                return Ok(Some(name));
            }
        }
    }

    /// Puts the text of a link before what is left; says whether it begins at the root.
    fn follow(&mut self, above: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
        let mut space = [std::mem::MaybeUninit::uninit(); LONGEST];
        let (text, _) = readlinkat_raw(above, name, &mut space)?;
        if text.len() == LONGEST {
            return Err(too_long());
        }
        self.put(b"/")?;
        self.put(text)?;
        Ok(text.first() == Some(&b'/'))
    }
}
