//! Snapshots of containers that are directories, as LXC keeps them: `NAME/snaps/snap0` and so on, each a container of its own with the
//! time at which it was made (`ts`) and a comment. Start at [`take`].

use std::io;
use std::path::{Path, PathBuf};

use crate::config::mounts::Backend;
use crate::containers::{Directory, write};
use crate::copies::{CopyError, CopyRequest, SNAPSHOTS, copy, destroy, failed, missing, root_text};
use crate::tree;

const TIME: &str = "ts";
const COMMENT: &str = "comment";
const PREFIX: &str = "snap";

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `snap0` and so on.
    pub name: String,
    /// When it was made, as LXC writes it; empty where nobody wrote it.
    pub time: String,
    /// What its maker said of it.
    pub comment: Option<String>,
}

fn place(directory: &Directory, name: &str) -> Result<Directory, CopyError> {
    Ok(Directory::new(directory.of(name)?.join(SNAPSHOTS)))
}

/// Those of a container, in the order of their names.
///
/// # Errors
/// When they cannot be read.
pub fn list(directory: &Directory, name: &str) -> Result<Vec<Snapshot>, CopyError> {
    let place = place(directory, name)?;
    let names = place.names().map_err(failed("read", place.path()))?;
    let snapshot = |name: String| {
        let read = |file: &str| std::fs::read_to_string(place.path().join(&name).join(file));
        let (time, comment) = (read(TIME).unwrap_or_default(), read(COMMENT).ok());
        Snapshot { time: time.trim_end().to_owned(), comment, name }
    };
    let mut all: Vec<Snapshot> = names.into_iter().map(snapshot).collect();
    all.sort_by_key(|snapshot| (number(&snapshot.name), snapshot.name.clone()));
    Ok(all)
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// Makes a snapshot of a container that does not run; gives its name. A directory is copied, of an overlay what it has changed.
///
/// # Errors
/// As [`copy`]; nothing is left then.
pub fn take(
    directory: &Directory,
    name: &str,
    (time, comment): (&str, Option<&Path>),
) -> Result<String, CopyError> {
    if !directory.has(name) {
        return Err(missing(directory, name));
    }
    let place = place(directory, name)?;
    let text = comment.map(std::fs::read).transpose();
    let text = text.map_err(failed("read", comment.unwrap_or(Path::new(""))))?;
    let taken = list(directory, name)?;
    let free = taken.iter().filter_map(|own| number(&own.name)).max();
    let own = format!("{PREFIX}{}", free.map_or(0, |last| last.saturating_add(1)));
    copy(&CopyRequest {
        from: directory,
        name,
        to: &place,
        new_name: &own,
        is_overlay: is_overlay(directory, name)?,
        keeps_name: true,
        keeps_addresses: true,
        words: &[],
    })?;
    let path = place.path().join(&own);
    let file = |name: &str, bytes: &[u8]| {
        let file = path.join(name);
        write(&file, bytes).map_err(failed("write", &file))
    };
    file(TIME, time.as_bytes())?;
    if let Some(text) = text {
        file(COMMENT, &text)?;
    }
    Ok(own)
}

fn is_overlay(directory: &Directory, name: &str) -> Result<bool, CopyError> {
    let document = directory.open(name)?;
    let root = document.values().mounts.root.as_ref();
    Ok(root.is_some_and(|root| root.backend == Some(Backend::Overlay)))
}

/// Makes a container of a snapshot: of a new name, or in the place of the one it was made of.
///
/// # Errors
/// When there is no such snapshot, or there is a container of the new name. The original goes once the new one is whole.
pub fn restore(
    directory: &Directory,
    name: &str,
    snapshot: &str,
    new_name: &str,
) -> Result<(), CopyError> {
    let place = place(directory, name)?;
    if place.of(snapshot).is_err() || !place.has(snapshot) {
        return Err(CopyError::NoSnapshot(snapshot.to_owned()));
    }
    let request = CopyRequest {
        from: &place,
        name: snapshot,
        to: directory,
        new_name,
        is_overlay: is_overlay(&place, snapshot)?,
        keeps_name: new_name == name,
        keeps_addresses: new_name == name,
        words: &[],
    };
    if new_name != name {
        return copy(&request);
    }
    replace(directory, name, &request)
}

/// Puts a copy into the place of the container, whose snapshots stay.
fn replace(directory: &Directory, name: &str, request: &CopyRequest<'_>) -> Result<(), CopyError> {
    let own = directory.of(name)?;
    let part = if request.is_overlay { "overlay/delta" } else { "rootfs" };
    let (now, before) = (own.join(part), own.join(format!("{part}.before")));
    let beside = Directory::new(own.join("restored"));
    copy(&CopyRequest { to: &beside, ..*request })?;
    let mut document = beside.open(name)?;
    let moved = |path: &Path, to: &Path| std::fs::rename(path, to).map_err(failed("move", path));
    let new = beside.path().join(name).join(part);
    if now.exists() {
        moved(&now, &before)?;
    } else if let Some(parent) = now.parent() {
        std::fs::create_dir_all(parent).map_err(failed("make", parent))?;
    }
    moved(&new, &now)?;
    let text = root_text(&document).unwrap_or_default();
    let text = text.replace(&new.display().to_string(), &now.display().to_string());
    document.replace("lxc.rootfs.path", &text).map_err(CopyError::Change)?;
    directory.save(name, &document).map_err(failed("write", &directory.config_file(name)))?;
    tree::remove(&before)?;
    Ok(tree::remove(beside.path())?)
}

/// Removes a snapshot.
///
/// # Errors
/// When there is none.
pub fn remove(directory: &Directory, name: &str, snapshot: &str) -> Result<(), CopyError> {
    let place = place(directory, name)?;
    if place.of(snapshot).is_err() || !place.has(snapshot) {
        return Err(CopyError::NoSnapshot(snapshot.to_owned()));
    }
    destroy(&place, snapshot, true)
}

/// Where a container's snapshots are, which need not be there.
///
/// # Errors
/// For what is no name.
pub fn directory_of(directory: &Directory, name: &str) -> Result<PathBuf, CopyError> {
    Ok(place(directory, name)?.path().to_owned())
}

/// Removes all of a container's.
///
/// # Errors
/// What the disk refuses.
pub fn remove_all(directory: &Directory, name: &str) -> Result<(), CopyError> {
    for snapshot in list(directory, name)? {
        remove(directory, name, &snapshot.name)?;
    }
    let path = directory_of(directory, name)?;
    match std::fs::remove_dir(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove", &path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Document, Limits};

    #[test]
    fn snapshots_are_counted_and_restored() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::new(place.path().join("lxc"));
        let root = place.path().join("lxc/a/rootfs");
        let text = format!("lxc.rootfs.path = dir:{}\n", root.display());
        let mut nothing = |_: &Path, _: u64| Err(crate::config::Unreadable::Kind);
        let document =
            Document::read(Path::new("config"), text.as_bytes(), &Limits::default(), &mut nothing)
                .expect("entries");
        directory.make("a", &document).expect("a container");
        std::fs::create_dir(&root).expect("a root");
        let note = place.path().join("note");
        write(&note, b"why").expect("a file");
        write(&root.join("file"), b"one").expect("a file");
        assert_eq!(take(&directory, "a", ("then", None)).expect("a snapshot"), "snap0");
        write(&root.join("file"), b"two").expect("a file");
        assert_eq!(take(&directory, "a", ("now", Some(&note))).expect("a snapshot"), "snap1");
        let all = list(&directory, "a").expect("two");
        assert_eq!(
            all[1],
            Snapshot {
                name: "snap1".to_owned(),
                time: "now".to_owned(),
                comment: Some("why".to_owned())
            }
        );
        restore(&directory, "a", "snap0", "b").expect("a new one");
        let read = |name: &str| {
            std::fs::read_to_string(place.path().join("lxc").join(name).join("rootfs/file"))
                .expect("a file")
        };
        assert_eq!((read("a"), read("b")), ("two".to_owned(), "one".to_owned()));
        restore(&directory, "a", "snap0", "a").expect("as before");
        assert_eq!(read("a"), "one");
        assert_eq!(list(&directory, "a").expect("two").len(), 2);
        assert!(matches!(restore(&directory, "a", "snap7", "c"), Err(CopyError::NoSnapshot(_))));
        assert!(matches!(destroy(&directory, "a", false), Err(CopyError::HasSnapshots(_))));
        remove(&directory, "a", "snap0").expect("it goes");
        remove_all(&directory, "a").expect("they go");
        destroy(&directory, "a", false).expect("it goes");
    }
}
