//! Creates one entry after the other. Few calls per file: openat, write, futimens, close, and owner or mode only where they
//! differ from what a new file has anyway.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use super::attributes::{Caller, at_step, default_acl, failed, set_named, set_open};
use super::contents::write_contents;
use super::later::{Later, times};
use super::name::{Meaning, Name, refused};
use super::parents::{DIRECTORY, Parent, Parents};
use super::{Form, Rules, UnpackError, Unpacked, printable, remove};
use crate::recipe::{Aside, Record};
use crate::tar::{Entry, Kind, Metadata, Timestamp};
use crate::view::opaque;

const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(super) struct Unpacker<'r> {
    root: OwnedFd,
    rules: &'r Rules,
    caller: Caller,
    parents: Parents,
    later: Later,
    /// Where what is replaced goes, if it is kept.
    aside: Option<Aside>,
    done: Unpacked,
    name: Name,
    target: Name,
}

impl<'r> Unpacker<'r> {
    pub(super) fn new(
        into: BorrowedFd<'_>,
        rules: &'r Rules,
        aside: Option<Aside>,
    ) -> Result<Self, UnpackError> {
        let open = || -> Result<OwnedFd, Errno> {
            let root = rustix::fs::openat(into, ".", DIRECTORY, Mode::empty())?;
            if rules.beside_others {
                return Ok(root);
            }
            rustix::fs::fchmod(&root, Mode::from_raw_mode(0o755))?;
            // Otherwise everything would inherit it from the directory that the store lies in. acl(5).
            match rustix::fs::fremovexattr(&root, super::attributes::DEFAULT_ACL) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(root),
                Err(errno) => Err(errno),
            }
        };
        Ok(Self {
            root: at_step("prepare directory", b"/", open())?,
            rules,
            caller: Caller::current(),
            parents: Parents::default(),
            later: Later::default(),
            aside,
            done: Unpacked::default(),
            name: Name::default(),
            target: Name::default(),
        })
    }

    /// Sets what had to wait for the last file.
    pub(super) fn finish(self) -> Result<(Unpacked, Option<Aside>), UnpackError> {
        self.later.apply(self.root.as_fd())?;
        Ok((self.done, self.aside))
    }

    pub(super) fn create(
        &mut self,
        entry: &mut Entry<'_, impl Read, impl Record>,
    ) -> Result<(), UnpackError> {
        let mut name = std::mem::take(&mut self.name);
        let outcome = self.create_named(entry, &mut name);
        self.name = name;
        outcome
    }

    fn create_named(
        &mut self,
        entry: &mut Entry<'_, impl Read, impl Record>,
        name: &mut Name,
    ) -> Result<(), UnpackError> {
        name.set(&entry.path, self.rules.limits.depth)?;
        if name.is_root() {
            return self.set_root(entry);
        }
        let meaning = name.meaning(self.rules.form)?;
        if meaning == Meaning::Aufs {
            return Ok(());
        }
        self.count(name.path())?;
        let parent = self.parent(name)?;
        match meaning {
            Meaning::Whiteout(hidden) => return self.create_whiteout(&parent, hidden, name.path()),
            Meaning::Opaque => {
                return at_step("make opaque", name.path(), set_opaque(parent.fd.as_fd()));
            }
            Meaning::Plain | Meaning::Aufs => {}
        }
        match entry.kind {
            Kind::File => self.create_file(&parent, name, entry),
            Kind::Directory => self.create_directory(&parent, name, entry),
            Kind::Symlink => self.create_symlink(&parent, name, entry),
            Kind::Hardlink => self.create_hardlink(&parent, name, entry),
            Kind::CharacterDevice | Kind::BlockDevice | Kind::Fifo => {
                self.create_node(&parent, name, entry)
            }
        }
    }

    fn count(&mut self, path: &[u8]) -> Result<(), UnpackError> {
        let most = self.rules.limits.entries;
        if self.done.entries >= most {
            return Err(UnpackError::Limit {
                path: printable(path),
                limit: "number of entries",
                most,
            });
        }
        self.done.entries += 1;
        Ok(())
    }

    /// The directory that `name` is in; what is missing of it is made, as 0755 and the caller's, as other tools do.
    fn parent(&mut self, name: &Name) -> Result<Rc<Parent>, UnpackError> {
        match self.parents.open(self.root.as_fd(), name.parent()) {
            Ok(parent) => Ok(parent),
            Err(errno) if errno == Errno::NOENT.into() => self.make_parents(name.parent()),
            Err(errno) => Err(parent_error(errno, name.path())),
        }
    }

    fn make_parents(&mut self, path: &[u8]) -> Result<Rc<Parent>, UnpackError> {
        let mut parent = self
            .parents
            .open(self.root.as_fd(), b"")
            .map_err(|errno| failed("open", b"/", errno))?;
        let mut start = 0;
        for part in path.split(|byte| *byte == b'/') {
            let so_far = &path[..start + part.len()];
            start = so_far.len() + 1;
            parent = match self.parents.open(self.root.as_fd(), so_far) {
                Ok(next) => next,
                Err(errno) if errno == Errno::NOENT.into() => {
                    self.count(so_far)?;
                    match rustix::fs::mkdirat(&parent.fd, part, Mode::from_raw_mode(0o755)) {
                        Ok(()) => {}
                        Err(Errno::EXIST) => {
                            return Err(refused(so_far, "leads through a dangling symbolic link"));
                        }
                        Err(errno) => return Err(failed("create directory", so_far, errno)),
                    }
                    self.set_new_parent(&parent, part, so_far)?;
                    self.parents
                        .open(self.root.as_fd(), so_far)
                        .map_err(|errno| parent_error(errno, so_far))?
                }
                Err(errno) => return Err(parent_error(errno, so_far)),
            };
        }
        Ok(parent)
    }

    fn set_new_parent(
        &mut self,
        parent: &Parent,
        name: &[u8],
        path: &[u8],
    ) -> Result<(), UnpackError> {
        let mut metadata = Metadata { path: path.to_vec(), mode: 0o755, ..Metadata::default() };
        if let Some(seconds) = self.rules.time_s {
            metadata.mtime = Timestamp { seconds, nanoseconds: 0 };
            self.set_later(path, &metadata)?;
        }
        let owner = self.rules.owners && self.caller.is_foreign(&metadata, parent);
        let mode = parent.set_gid || self.caller.is_masked(metadata.mode);
        if owner || mode {
            let directory = at_step("open directory", path, open_directory(parent, name))?;
            set_open(directory.as_fd(), &metadata, owner, mode)?;
        }
        Ok(())
    }

    fn set_root(&mut self, metadata: &Metadata) -> Result<(), UnpackError> {
        if metadata.kind != Kind::Directory {
            return Err(refused(&metadata.path, "the root must be a directory"));
        }
        if self.rules.beside_others && !self.rules.takes_root {
            return Ok(());
        }
        set_open(self.root.as_fd(), metadata, self.rules.owners, true)?;
        // Its group may be another now.
        self.parents.clear();
        self.set_later(b"", metadata)
    }

    fn set_later(&mut self, path: &[u8], metadata: &Metadata) -> Result<(), UnpackError> {
        let most = self.rules.limits.directory_bytes;
        self.later.add(path, metadata.mtime, default_acl(metadata), most)
    }

    fn create_file(
        &mut self,
        parent: &Parent,
        name: &Name,
        entry: &mut Entry<'_, impl Read, impl Record>,
    ) -> Result<(), UnpackError> {
        self.count_bytes(entry)?;
        let mode = Mode::from_raw_mode(entry.mode & 0o777);
        let file = self.replacing("create file", parent, name, || {
            rustix::fs::openat(&parent.fd, name.last(), NEW_FILE, mode)
        })?;
        write_contents(file.as_fd(), name.path(), entry)?;
        self.record_contents(parent, name, entry)?;
        let owner = self.rules.owners && self.caller.is_foreign(entry, parent);
        set_open(file.as_fd(), entry, owner, self.caller.is_masked(entry.mode))?;
        at_step("set times of", name.path(), rustix::fs::futimens(&file, &times(entry.mtime)))
    }

    /// Says where the contents are that were just written.
    fn record_contents(
        &mut self,
        parent: &Parent,
        name: &Name,
        entry: &mut Entry<'_, impl Read, impl Record>,
    ) -> Result<(), UnpackError> {
        let Some(aside) = &mut self.aside else { return Ok(()) };
        if entry.size == 0 {
            return Ok(());
        }
        let path = parent.straight(self.root.as_fd(), name.last(), name.path());
        let path = path.map_err(|errno| failed("find the path of", name.path(), errno))?;
        aside.count_contents();
        entry.record_contents(&path).map_err(UnpackError::Recipe)
    }

    /// Before anything is written: a file that is too large leaves nothing.
    fn count_bytes(&mut self, metadata: &Metadata) -> Result<(), UnpackError> {
        let stored = match &metadata.sparse {
            Some(map) => map.iter().map(|segment| segment.length).sum(),
            None => metadata.size,
        };
        let most = self.rules.limits.bytes;
        self.done.bytes = self.done.bytes.saturating_add(stored);
        if self.done.bytes > most {
            return Err(UnpackError::Limit {
                path: printable(&metadata.path),
                limit: "bytes in files",
                most,
            });
        }
        Ok(())
    }

    fn create_directory(
        &mut self,
        parent: &Parent,
        name: &Name,
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        let mode = Mode::from_raw_mode(metadata.mode & 0o1777);
        let make = || rustix::fs::mkdirat(&parent.fd, name.last(), mode);
        let mut is_new = true;
        let mut is_opaque = false;
        match make() {
            Ok(()) => {}
            Err(Errno::EXIST) => match existing(parent, name)? {
                Existing::Directory => is_new = false,
                // The archive takes the lower directory away and makes one in its place.
                Existing::Whiteout if self.rules.form == Form::Layer => {
                    is_opaque = true;
                    self.replacing("create directory", parent, name, make)?;
                }
                Existing::Whiteout | Existing::Other if self.rules.keep_kinds => {
                    return Err(name.refused("is no directory, and would have to become one"));
                }
                Existing::Whiteout | Existing::Other => {
                    self.replacing("create directory", parent, name, make)?;
                }
            },
            Err(errno) => return Err(failed("create directory", name.path(), errno)),
        }
        let owner = self.rules.owners && (!is_new || self.caller.is_foreign(metadata, parent));
        let change_mode =
            !is_new || parent.set_gid || self.caller.is_masked(metadata.mode & !0o1000);
        if owner || change_mode || is_opaque || !metadata.xattrs.is_empty() {
            let directory =
                at_step("open directory", name.path(), open_directory(parent, name.last()))?;
            if is_opaque {
                at_step("make opaque", name.path(), set_opaque(directory.as_fd()))?;
            }
            set_open(directory.as_fd(), metadata, owner, change_mode)?;
        }
        if !is_new {
            // Its group may be another now.
            self.parents.clear();
        }
        self.set_later(name.path(), metadata)
    }

    fn create_symlink(
        &mut self,
        parent: &Parent,
        name: &Name,
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        self.replacing("create symbolic link", parent, name, || {
            rustix::fs::symlinkat(&metadata.link[..], &parent.fd, name.last())
        })?;
        let owner = self.rules.owners && self.caller.is_foreign(metadata, parent);
        set_named(parent, name.last(), metadata, owner, false)
    }

    /// A second name for something of this archive: found as a process inside would find it, so never outside.
    fn create_hardlink(
        &mut self,
        parent: &Parent,
        name: &Name,
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        let missing = "target of a hard link is not in this archive";
        self.target.set(&metadata.link, self.rules.limits.depth)?;
        if self.target.is_root() || self.target.path() == name.path() {
            return Err(refused(name.path(), "hard link to itself or to the root"));
        }
        let found = self.parents.open(self.root.as_fd(), self.target.parent());
        let target_parent = found.map_err(|errno| {
            if errno == Errno::NOENT.into() {
                refused(name.path(), missing)
            } else {
                parent_error(errno, name.path())
            }
        })?;
        let target = std::mem::take(&mut self.target);
        // Without AT_SYMLINK_FOLLOW: a link to a symbolic link is one to the link, linkat(2).
        let link = || {
            rustix::fs::linkat(
                &target_parent.fd,
                target.last(),
                &parent.fd,
                name.last(),
                AtFlags::empty(),
            )
        };
        let outcome = match link() {
            Err(Errno::NOENT) => Err(refused(name.path(), missing)),
            Err(Errno::EXIST) => self.replacing("create hard link", parent, name, link),
            other => at_step("create hard link", name.path(), other),
        };
        self.target = target;
        outcome
    }

    fn create_node(
        &mut self,
        parent: &Parent,
        name: &Name,
        metadata: &Metadata,
    ) -> Result<(), UnpackError> {
        let kind = match metadata.kind {
            Kind::CharacterDevice => FileType::CharacterDevice,
            Kind::BlockDevice => FileType::BlockDevice,
            Kind::Fifo | Kind::File | Kind::Directory | Kind::Symlink | Kind::Hardlink => {
                FileType::Fifo
            }
        };
        if kind != FileType::Fifo && !self.rules.devices {
            return Err(refused(name.path(), "device nodes are not allowed here"));
        }
        if kind == FileType::CharacterDevice && metadata.device == (0, 0) {
            return Err(refused(name.path(), "device 0/0 is a whiteout to overlayfs"));
        }
        let (major, minor) = metadata.device;
        let mode = Mode::from_raw_mode(metadata.mode & 0o777);
        self.replacing("create node", parent, name, || {
            let device = if kind == FileType::Fifo { 0 } else { rustix::fs::makedev(major, minor) };
            rustix::fs::mknodat(&parent.fd, name.last(), kind, mode, device)
        })?;
        let owner = self.rules.owners && self.caller.is_foreign(metadata, parent);
        set_named(parent, name.last(), metadata, owner, self.caller.is_masked(metadata.mode))
    }

    /// Lower layers' `hidden` is gone. What this archive has under that name stays: image-spec layer.md, "Whiteouts".
    fn create_whiteout(
        &self,
        parent: &Parent,
        hidden: &[u8],
        path: &[u8],
    ) -> Result<(), UnpackError> {
        match rustix::fs::mknodat(&parent.fd, hidden, FileType::CharacterDevice, Mode::empty(), 0) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => match open_directory(parent, hidden) {
                Ok(directory) => at_step("make opaque", path, set_opaque(directory.as_fd())),
                // A file hides the lower one by itself.
                Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(()),
                Err(errno) => Err(failed("open directory", path, errno)),
            },
            Err(errno) => Err(failed("create whiteout", path, errno)),
        }
    }

    /// Calls `make`, and once more after removing what is in its way.
    fn replacing<T>(
        &mut self,
        step: &'static str,
        parent: &Parent,
        name: &Name,
        make: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, UnpackError> {
        match make() {
            Err(Errno::EXIST) => {
                // A removed directory or symbolic link may be part of the paths that are open.
                self.parents.clear();
                if self.rules.keep_kinds && matches!(existing(parent, name)?, Existing::Directory) {
                    return Err(
                        name.refused("is a directory, and would have to become something else")
                    );
                }
                let removed = self.remove(parent, name);
                at_step("replace", name.path(), removed)?;
                at_step(step, name.path(), make())
            }
            other => at_step(step, name.path(), other),
        }
    }

    /// Removes what is in the way of an entry, or moves it aside when its contents are a part of the archive.
    fn remove(&mut self, parent: &Parent, name: &Name) -> Result<(), Errno> {
        let stat = rustix::fs::statat(&parent.fd, name.last(), AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let has_contents =
            kind == FileType::Directory || kind == FileType::RegularFile && stat.st_size > 0;
        if let Some(aside) = self.aside.as_mut().filter(|_| has_contents) {
            let path = parent.straight(self.root.as_fd(), name.last(), name.path());
            let path = path.map_err(|errno| Errno::from_raw_os_error(errno.raw()))?.into_owned();
            if aside.keep(parent.fd.as_fd(), name.last(), path)? {
                return Ok(());
            }
        }
        if kind == FileType::Directory {
            return remove::remove_directory(parent.fd.as_fd(), name.last());
        }
        rustix::fs::unlinkat(&parent.fd, name.last(), AtFlags::empty())
    }
}

/// What is already there.
enum Existing {
    Directory,
    Whiteout,
    Other,
}

fn existing(parent: &Parent, name: &Name) -> Result<Existing, UnpackError> {
    let outcome = rustix::fs::statat(&parent.fd, name.last(), AtFlags::SYMLINK_NOFOLLOW);
    let stat = at_step("look at", name.path(), outcome)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    Ok(if kind == FileType::Directory {
        Existing::Directory
    } else if kind == FileType::CharacterDevice && stat.st_rdev == 0 {
        Existing::Whiteout
    } else {
        Existing::Other
    })
}

fn open_directory(parent: &Parent, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(&parent.fd, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

fn set_opaque(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::fsetxattr(directory, opaque(), b"y", XattrFlags::empty())
}

fn parent_error(errno: sys::Errno, path: &[u8]) -> UnpackError {
    if errno == Errno::NOTDIR.into() {
        return refused(path, "leads through something that is no directory");
    }
    if errno == Errno::LOOP.into() {
        return refused(path, "leads through too many symbolic links");
    }
    failed("open parent of", path, errno)
}
