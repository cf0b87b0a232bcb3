//! One entry after the other of a merged directory and everything below it: names sorted, a directory before what is in it. The
//! names of one directory at a time are in memory, for each directory on the way down.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use super::{TreeError, failed, refused};
use crate::unpack::{Form, Limits};
use crate::view::{Merged, is_opaque, is_whiteout, show};

/// Where the walk stands.
#[derive(Debug)]
pub(super) struct Walk {
    form: Form,
    levels: Vec<Level>,
    /// Whether what the kernel makes up is left out.
    leaves_out_made_up: bool,
    /// What lies below the layers, where that is known: only what it has is worth a whiteout.
    below: Option<Merged>,
}

#[derive(Debug)]
struct Level {
    directory: Merged,
    path: Vec<u8>,
    names: std::vec::IntoIter<Vec<u8>>,
    is_made_up: bool,
    /// How many of its directories, the top ones, are in the root's own.
    own: usize,
    /// Whether nothing of what lies below is seen in it.
    is_covered: bool,
}

/// File systems whose files are the kernel's words and no files: cgroup, cgroup2, sysfs, proc, devpts, mqueue, debugfs, tracefs,
/// securityfs, bpf. statfs(2).
const MADE_UP: [u64; 10] = [
    0x0027_e0eb,
    0x6367_7270,
    0x6265_6572,
    0x9fa0,
    0x1cd1,
    0x1980_0202,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
];

/// What was met.
pub(super) struct Met {
    /// Below the root, without a slash at either end.
    pub(super) path: Vec<u8>,
    /// Its name in `parent`.
    pub(super) name: Vec<u8>,
    /// The directories that it is in.
    pub(super) parent: Merged,
    /// Which of them.
    pub(super) layer: usize,
    /// Whether it is in one of the root's own directories, which are its top ones.
    pub(super) is_own: bool,
    pub(super) kind: FileType,
    pub(super) whiteout: bool,
    /// Whether it is a directory that hides one of what lies below the layers; nothing where the top one says it.
    pub(super) hides: Option<bool>,
}

impl Met {
    /// The directory that it is in.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.parent[self.layer].as_fd()
    }
}

impl Walk {
    /// The root's own directory.
    pub(super) fn top(&self) -> Option<&OwnedFd> {
        self.levels.first().and_then(|level| level.directory.first())
    }

    /// The first so many directories are the root's own.
    pub(super) fn new(root: Merged, form: Form, own: usize) -> Result<Self, TreeError> {
        Self::of((root, own), form, false, None)
    }

    /// What several layers are together, above others: names that they take away are met where those below have them.
    pub(super) fn above(root: Merged, below: Merged) -> Result<Self, TreeError> {
        let own = root.len();
        Self::of((root, own), Form::Layer, false, Some(below))
    }

    /// The same of directories that others have mounted in: what the kernel makes up is left out, unless it is the root itself.
    pub(super) fn of_mounted(root: Merged, form: Form) -> Result<Self, TreeError> {
        Self::of((root, 1), form, true, None)
    }

    fn of(
        (root, own): (Merged, usize),
        form: Form,
        leaves_out_made_up: bool,
        below: Option<Merged>,
    ) -> Result<Self, TreeError> {
        let mut walk = Self { form, levels: Vec::new(), leaves_out_made_up, below };
        walk.enter(root, Vec::new(), (false, own))?;
        Ok(walk)
    }

    pub(super) fn next(&mut self) -> Result<Option<Met>, TreeError> {
        while let Some(level) = self.levels.last_mut() {
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            let path = join(&level.path, &name);
            let parent = Merged::clone(&level.directory);
            let (is_covered, own) = (level.is_covered, level.own);
            let shown = show(&parent, &name[..]).map_err(failed("look at", &path))?;
            let Some(shown) = shown else {
                if self.form == Form::Layer
                    && (self.below.is_none() || !is_covered && self.kind_below(&path)?.is_some())
                    && let Some(met) = whiteout(parent, name, path)?
                {
                    return Ok(Some(met));
                }
                continue;
            };
            let kind = FileType::from_raw_mode(shown.stat.st_mode);
            let layer = shown.layer;
            let mut hides = None;
            if let Some(directory) = shown.directory {
                let bottom = directory.last().filter(|_| self.below.is_some() && !shown.is_cut);
                let is_opaque = bottom.map_or(Ok(false), |bottom| is_opaque(bottom.as_fd()));
                let is_cut = shown.is_cut || is_opaque.map_err(failed("look at", &path))?;
                if self.below.is_some() {
                    let hidden = if is_covered { None } else { self.kind_below(&path)? };
                    hides = Some(is_cut && hidden == Some(FileType::Directory));
                }
                let own = shown.layers.iter().filter(|layer| **layer < own).count();
                self.enter(directory, path.clone(), (is_covered || is_cut, own))?;
            }
            let (is_own, whiteout) = (layer < own, false);
            return Ok(Some(Met { path, name, parent, layer, is_own, kind, whiteout, hides }));
        }
        Ok(None)
    }

    /// What lies below the layers at a path; no link is followed.
    fn kind_below(&self, path: &[u8]) -> Result<Option<FileType>, TreeError> {
        let Some(mut directory) = self.below.clone() else { return Ok(None) };
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let shown = show(&directory, part).map_err(failed("look at", path))?;
            match (shown, parts.peek()) {
                (None, _) => return Ok(None),
                (Some(shown), None) => {
                    return Ok(Some(FileType::from_raw_mode(shown.stat.st_mode)));
                }
                (Some(shown), Some(_)) => {
                    let Some(inside) = shown.directory else { return Ok(None) };
                    directory = inside;
                }
            }
        }
        Ok(None)
    }

    fn enter(
        &mut self,
        directory: Merged,
        path: Vec<u8>,
        (is_covered, own): (bool, usize),
    ) -> Result<(), TreeError> {
        // What is deeper nobody could unpack; and each level holds descriptors.
        if self.levels.len() > Limits::default().depth {
            return Err(refused(&path, "is too deep for an archive"));
        }
        let is_made_up = self.leaves_out_made_up && is_made_up(&directory);
        let is_mounted = is_made_up && self.levels.last().is_some_and(|level| !level.is_made_up);
        let names = if is_mounted {
            Vec::new()
        } else {
            names(&directory).map_err(failed("list", &path))?
        };
        let names = names.into_iter();
        self.levels.push(Level { directory, path, names, is_made_up, own, is_covered });
        Ok(())
    }
}

fn is_made_up(directory: &[OwnedFd]) -> bool {
    let found = directory.first().and_then(|top| rustix::fs::fstatfs(top).ok());
    found.is_some_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| MADE_UP.contains(&kind)))
}

/// A name that shows nothing because the topmost directory that has it takes it away; nothing when it is just gone.
fn whiteout(parent: Merged, name: Vec<u8>, path: Vec<u8>) -> Result<Option<Met>, TreeError> {
    for layer in 0..parent.len() {
        match stat(&parent[layer], &name) {
            Ok(stat) if is_whiteout(&stat) => {
                let kind = FileType::CharacterDevice;
                let (is_own, whiteout, hides) = (false, true, None);
                return Ok(Some(Met { path, name, parent, layer, is_own, kind, whiteout, hides }));
            }
            Ok(_) => return Ok(None),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed("look at", &path)(errno)),
        }
    }
    Ok(None)
}

pub(super) fn stat(directory: &OwnedFd, name: &[u8]) -> Result<Stat, Errno> {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(super) fn join(parent: &[u8], name: &[u8]) -> Vec<u8> {
    if parent.is_empty() { name.to_vec() } else { [parent, b"/", name].concat() }
}

/// Every name in a merged directory once, sorted. Some show nothing.
pub(crate) fn names(directory: &[OwnedFd]) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for layer in directory {
        // The root of a view is a place only, and cannot be read.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        for entry in Dir::new(openat(layer, ".", flags, Mode::empty())?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(name.to_vec());
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
