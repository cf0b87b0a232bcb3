//! The container's root: files that it changes where they are.

use std::path::{Path, PathBuf};

use engine::config::{RootFiles, RootInPlace, RootPlace, UserMode};

use crate::config::mounts::{Backend, IdMapSource, RootOptions};

use super::Draft;

const PATH: &str = "lxc.rootfs.path";
/// The root of a container that has none of its own.
const HOST: &str = "/";
const OPTIONS: &str = "lxc.rootfs.options";
/// What LXC calls overlayfs's own directory, beside the one that takes the changes.
const WORK: &str = "olwork";

pub(super) fn map(draft: &mut Draft<'_>) {
    let mut root = RootInPlace { files: files(draft), options: Vec::new(), id_mapped: false };
    if let Some(RootOptions { options, .. }) = &draft.config.mounts.root_options {
        for option in &options.others {
            match option.as_str() {
                "ro" => draft.engine.read_only = true,
                "rw" => draft.engine.read_only = false,
                "defaults" => {}
                other => root.options.push(other.to_owned()),
            }
        }
        match &options.id_map {
            None => {}
            Some(IdMapSource::Path(_)) => draft.refuse(
                OPTIONS,
                "its owners are shifted by the container's own ids (idmap=container) or not at all",
            ),
            Some(IdMapSource::Container) if draft.engine.sharing.users == UserMode::Host => {
                draft.refuse(OPTIONS, "idmap=container needs lxc.idmap");
            }
            Some(IdMapSource::Container) => root.id_mapped = true,
        }
    }
    draft.engine.rootfs = Some(RootPlace::InPlace(root));
}

/// Without one the container has the host's.
fn files(draft: &mut Draft<'_>) -> RootFiles {
    match place(draft) {
        Ok(files) => files,
        Err(why) => {
            draft.refuse(PATH, why);
            RootFiles::Directory(HOST.into())
        }
    }
}

fn place(draft: &Draft<'_>) -> Result<RootFiles, String> {
    let Some(root) = &draft.config.mounts.root else {
        return Ok(RootFiles::Directory(HOST.into()));
    };
    let unmounted = |what: &str| {
        Err(format!("{what} is not mounted for a container: mount it, and name its directory"))
    };
    match root.backend {
        // What lies in one of these is a directory.
        None | Some(Backend::Directory | Backend::Btrfs) => {
            let is_path = root.place.starts_with('/');
            let files = is_path.then(|| RootFiles::Directory(PathBuf::from(&root.place)));
            files.ok_or_else(|| "it is not absolute".to_owned())
        }
        Some(Backend::Overlay) => overlay(&root.place)
            .ok_or_else(|| "it is not of the form overlay:/LOWER[:/LOWER…]:/UPPER".to_owned()),
        Some(Backend::Zfs) => unmounted("a data set of ZFS"),
        Some(Backend::Loop) => unmounted("an image of a disk"),
        Some(Backend::Lvm | Backend::Nbd | Backend::Rbd) => unmounted("a block device"),
    }
}

/// Absolute paths with colons between; the last one takes the changes.
fn overlay(place: &str) -> Option<RootFiles> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut rest = place.strip_prefix('/')?;
    while let Some((path, behind)) = rest.split_once(":/") {
        paths.push(Path::new("/").join(path));
        rest = behind;
    }
    let upper = Path::new("/").join(rest);
    let work = upper.parent()?.join(WORK);
    (!paths.is_empty()).then_some(RootFiles::Overlay { lower: paths, upper, work })
}
