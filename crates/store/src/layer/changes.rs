//! What a container changed: the upper directory of an overlay compared with what its lower layers show, as `docker diff` lists
//! it. A directory is listed when something in it is, or when it was changed itself.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat, openat};

use super::walk::{join, names, stat};
use super::{MountPoints, TreeError, failed, refused};
use crate::unpack::Limits;
use crate::view::{Merged, is_opaque, is_whiteout, show};
use crate::{IdShift, RootView};

/// One path that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// From the root, without the slash in front.
    pub path: Vec<u8>,
    /// How it differs.
    pub kind: ChangeKind,
}

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is another.
    Changed,
    /// It is gone.
    Deleted,
}

/// Compares the upper directory of an overlay with what its lower layers show; gives what differs, sorted by path, but for what
/// was made to mount on. Owners in the upper directory are what `ids` makes of them.
///
/// # Errors
/// When a directory cannot be read.
pub fn changes(
    upper: &Path,
    lower: &RootView,
    (mount_points, ids): (&MountPoints, Option<&IdShift>),
) -> Result<Vec<Change>, TreeError> {
    let shown = upper.as_os_str().as_encoded_bytes();
    let upper = RootView::just(upper).map_err(failed("open", shown))?.root();
    let mut found = Vec::new();
    if let Some(top) = upper.first() {
        compare((top, ids), &lower.root(), &Vec::new(), &mut found, 0)?;
    }
    found.retain(|change| !mount_points.are_all_in(&change.path));
    found.sort();
    Ok(found)
}

fn compare(
    (upper, ids): (&OwnedFd, Option<&IdShift>),
    lower: &[OwnedFd],
    parent: &[u8],
    found: &mut Vec<Change>,
    depth: usize,
) -> Result<(), TreeError> {
    if depth > Limits::default().depth {
        return Err(refused(parent, "is too deep to be compared"));
    }
    let here = names(std::slice::from_ref(upper)).map_err(failed("list", parent))?;
    if is_opaque(upper.as_fd()).map_err(failed("look at", parent))? {
        let hidden = names(lower).map_err(failed("list", parent))?;
        for name in hidden.iter().filter(|name| here.binary_search(name).is_err()) {
            let path = join(parent, name);
            if show(lower, &name[..]).map_err(failed("look at", &path))?.is_some() {
                found.push(Change { path, kind: ChangeKind::Deleted });
            }
        }
    }
    for name in here {
        let path = join(parent, &name);
        let new = stat(upper, &name).map_err(failed("look at", &path))?;
        let old = show(lower, &name[..]).map_err(failed("look at", &path))?;
        let kind = match (&old, is_whiteout(&new)) {
            (None, true) => continue,
            (Some(_), true) => ChangeKind::Deleted,
            (None, false) => ChangeKind::Added,
            (Some(_), false) => ChangeKind::Changed,
        };
        if FileType::from_raw_mode(new.st_mode) != FileType::Directory {
            found.push(Change { path, kind });
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(upper, &name[..], flags, Mode::empty());
        let directory = directory.map_err(failed("open", &path))?;
        let (before, nothing) = (found.len(), Merged::from([]));
        let below = old.as_ref().and_then(|old| old.directory.as_ref()).unwrap_or(&nothing);
        compare((&directory, ids), below, &path, found, depth + 1)?;
        let is_same =
            old.is_some_and(|old| old.directory.is_some() && is_same(&old.stat, &new, ids));
        if found.len() > before || !is_same {
            found.push(Change { path, kind });
        }
    }
    Ok(())
}

/// Whether a directory that was copied up is as it was: copying keeps owner, mode and time.
fn is_same(old: &Stat, new: &Stat, ids: Option<&IdShift>) -> bool {
    let facts = |stat: &Stat| (stat.st_mode, stat.st_mtime, stat.st_mtime_nsec);
    let owner = (new.st_uid, new.st_gid);
    facts(old) == facts(new) && (old.st_uid, old.st_gid) == ids.map_or(owner, |ids| ids.of(owner))
}
