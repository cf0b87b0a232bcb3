//! What a container changed: the upper directory of an overlay, and what of it was frozen, compared with what its lower layers show, as `docker diff` lists
//! it. A directory is listed when something in it is, or when it was changed itself.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::Stat;

use super::walk::{join, names};
use super::{MountPoints, TreeError, failed, refused};
use crate::unpack::Limits;
use crate::view::{Merged, is_opaque, show};
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

/// Compares a container's own directories, the top one first, with what those below them show; gives what differs, sorted by path,
/// but for what was made to mount on. Owners in its own are what `ids` makes of them.
///
/// # Errors
/// When a directory cannot be read.
pub fn changes<P: AsRef<Path>>(
    own: &[P],
    lower: &RootView,
    (mount_points, ids): (&MountPoints, Option<&IdShift>),
) -> Result<Vec<Change>, TreeError> {
    let own = own.iter().map(|path| super::whole(path.as_ref())).collect::<Result<Merged, _>>()?;
    let mut found = Vec::new();
    compare(((&own, false), ids), &lower.root(), &Vec::new(), &mut found, 0)?;
    found.retain(|change| !mount_points.are_all_in(&change.path));
    found.sort();
    Ok(found)
}

/// `is_cut` says that something of the own directories hides all that lies below.
fn compare(
    ((own, is_cut), ids): ((&[OwnedFd], bool), Option<&IdShift>),
    lower: &[OwnedFd],
    parent: &[u8],
    found: &mut Vec<Change>,
    depth: usize,
) -> Result<(), TreeError> {
    if depth > Limits::default().depth {
        return Err(refused(parent, "is too deep to be compared"));
    }
    let here = names(own).map_err(failed("list", parent))?;
    let is_last_opaque = own.last().map_or(Ok(false), |last| is_opaque(last.as_fd()));
    if is_cut || is_last_opaque.map_err(failed("look at", parent))? {
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
        let old = show(lower, &name[..]).map_err(failed("look at", &path))?;
        let Some(new) = show(own, &name[..]).map_err(failed("look at", &path))? else {
            if old.is_some() {
                found.push(Change { path, kind: ChangeKind::Deleted });
            }
            continue;
        };
        let kind = if old.is_some() { ChangeKind::Changed } else { ChangeKind::Added };
        let Some(directory) = new.directory else {
            found.push(Change { path, kind });
            continue;
        };
        let (before, nothing) = (found.len(), Merged::from([]));
        let below = old.as_ref().and_then(|old| old.directory.as_ref()).unwrap_or(&nothing);
        compare(((&directory, new.is_cut), ids), below, &path, found, depth + 1)?;
        let is_same =
            old.is_some_and(|old| old.directory.is_some() && is_same(&old.stat, &new.stat, ids));
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
