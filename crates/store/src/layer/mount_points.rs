//! What a runtime made in a writable layer only to mount on: empty files and directories that the image lacks, and the directories
//! above them. Nobody wrote them, and whatever was written through them is in what is mounted there: they are no change.
//!
//! Where somebody gave one another owner, mode or attribute, or put something beside it, it is shown. Start at [`MountPoints::find`].

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, openat};
use rustix::io::Errno;

use super::attributes::{Described, describe_open};
use super::walk::{join, names};
use super::{TreeError, failed};
use crate::tar::Metadata;
use crate::view::{Merged, show};
use crate::{IdShift, RootView};

/// With what a runtime makes them.
const DIRECTORY_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Paths in the upper directory of an overlay, without a slash at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountPoints {
    /// They are in no lower layer.
    made: BTreeSet<Vec<u8>>,
    /// Directories of lower layers in which only such were made: but for their times they are as they were.
    entered: BTreeSet<Vec<u8>>,
}

/// What is at a path.
struct Opened {
    file: OwnedFd,
    kind: FileType,
    /// What a directory is merged of.
    merged: Option<Merged>,
}

/// The two sides that are compared.
struct Sides<'a> {
    own: Merged,
    lower: Merged,
    ids: Option<&'a IdShift>,
}

impl MountPoints {
    /// Looks for what was made to mount on at `targets`, whose links lead where the layers say, in a container's own directories, the top
    /// one first. Owners in these are what the ids make of them.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn find<P: AsRef<Path>>(
        (own, ids): (&[PathBuf], Option<&IdShift>),
        lower: &[PathBuf],
        targets: impl IntoIterator<Item = P>,
    ) -> Result<Self, TreeError> {
        let view = RootView::of(&[own, lower].concat());
        let (mut wanted, mut candidates) = (BTreeSet::new(), BTreeSet::new());
        for target in targets {
            let mut path = Vec::new();
            for name in view.trail(target.as_ref()) {
                path = join(&path, &name);
                candidates.insert(path.clone());
            }
            wanted.insert(path);
        }
        let sides = Sides { own: super::merged(own)?, lower: RootView::of(lower).root(), ids };
        let mut found = Self::default();
        // What is in a directory comes behind it.
        for path in candidates.into_iter().rev() {
            found.judge(&sides, path, &wanted)?;
        }
        Ok(found)
    }

    /// Whether a path that no lower layer has was only made to mount on.
    pub(super) fn are_at(&self, path: &[u8]) -> bool {
        self.made.contains(path)
    }

    /// Whether a directory was only written to for the sake of such.
    pub(super) fn are_all_in(&self, path: &[u8]) -> bool {
        self.made.contains(path) || self.entered.contains(path)
    }

    fn judge(
        &mut self,
        sides: &Sides<'_>,
        path: Vec<u8>,
        wanted: &BTreeSet<Vec<u8>>,
    ) -> Result<(), TreeError> {
        let Some(Opened { file: opened, kind, merged }) = open(&sides.own, &path)? else {
            return Ok(());
        };
        let is_directory = kind == FileType::Directory;
        let inside = match merged {
            Some(merged) => names(&merged).map_err(failed("list", &path))?,
            None => Vec::new(),
        };
        let is_known = |name: &Vec<u8>| self.are_all_in(&join(&path, name));
        if !inside.iter().all(is_known) || (inside.is_empty() && !wanted.contains(&path)) {
            return Ok(());
        }
        // What cannot be described is told by whoever walks there.
        let Ok(mut here) = describe_open(opened, kind, &path) else { return Ok(()) };
        super::archive::shift(sides.ids, &mut here.metadata);
        match open(&sides.lower, &path)? {
            None if is_as_made(&here) => {
                self.made.insert(path);
            }
            Some(Opened { file: below, kind: FileType::Directory, .. })
                if is_directory && !inside.is_empty() =>
            {
                let below = describe_open(below, FileType::Directory, &path);
                let is_same = |below: &Described| says(&here.metadata) == says(&below.metadata);
                if !here.opaque && below.is_ok_and(|below| is_same(&below)) {
                    self.entered.insert(path);
                }
            }
            None | Some(_) => {}
        }
        Ok(())
    }
}

fn is_as_made(here: &Described) -> bool {
    let Metadata { mode, uid, gid, size, xattrs, .. } = &here.metadata;
    let wanted = if here.file.is_some() { FILE_MODE } else { DIRECTORY_MODE };
    let is_single = here.file.is_none() || here.links == 1;
    (*mode, *uid, *gid, *size) == (wanted, 0, 0, 0) && xattrs.is_empty() && is_single
}

/// What a directory says of itself but for its times.
fn says(metadata: &Metadata) -> (u32, u32, u32, &[crate::tar::Xattr]) {
    (metadata.mode, metadata.uid, metadata.gid, &metadata.xattrs)
}

/// The directory or the plain file at a path, from the top layer that has it; no link is followed. Nothing for anything else.
fn open(root: &Merged, path: &[u8]) -> Result<Option<Opened>, TreeError> {
    let mut directory = Merged::clone(root);
    let mut parts = path.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        let Some(shown) = show(&directory, part).map_err(failed("look at", path))? else {
            return Ok(None);
        };
        if parts.peek().is_some() {
            let Some(below) = shown.directory else { return Ok(None) };
            directory = below;
            continue;
        }
        let kind = FileType::from_raw_mode(shown.stat.st_mode);
        let flags = match kind {
            FileType::Directory => OFlags::DIRECTORY,
            FileType::RegularFile => OFlags::NONBLOCK | OFlags::NOCTTY,
            FileType::Symlink
            | FileType::Fifo
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Socket
            | FileType::Unknown => return Ok(None),
        };
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        return match openat(&directory[shown.layer], part, flags, Mode::empty()) {
            // Taken away, or made another thing, by the container meanwhile.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
            opened => {
                let file = opened.map_err(failed("open", path))?;
                Ok(Some(Opened { file, kind, merged: shown.directory }))
            }
        };
    }
    Ok(None)
}
