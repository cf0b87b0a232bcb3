//! The container's root.

use std::path::{Path, PathBuf};

use engine::config::UserMode;

use crate::config::mounts::{Backend, IdMapSource, RootOptions};

use super::{Draft, RootPlace};

const PATH: &str = "lxc.rootfs.path";
const OPTIONS: &str = "lxc.rootfs.options";
/// What LXC calls overlayfs's own directory, beside the one that takes the changes.
const WORK: &str = "olwork";

pub(super) fn map(draft: &mut Draft<'_>) {
    let place = place(draft);
    draft.engine.rootfs = Some(match &place {
        RootPlace::Host => "/".into(),
        RootPlace::Directory(path) => path.clone(),
        // Until the engine joins them.
        RootPlace::Overlay { lower, upper, .. } => lower.first().unwrap_or(upper).clone(),
    });
    draft.wishes.root.place = place;
    if let Some(RootOptions { options, .. }) = &draft.config.mounts.root_options {
        for option in &options.others {
            match option.as_str() {
                "ro" => draft.engine.read_only = true,
                "rw" => draft.engine.read_only = false,
                "defaults" => {}
                other => draft.wishes.root.options.push(other.to_owned()),
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
            Some(IdMapSource::Container) => draft.wishes.root.is_mapped = true,
        }
    }
}

fn place(draft: &mut Draft<'_>) -> RootPlace {
    let Some(root) = &draft.config.mounts.root else { return RootPlace::Host };
    let unmounted = |what: &str| {
        format!("{what} is not mounted for a container: mount it, and name its directory")
    };
    let why = match root.backend {
        // What lies in one of these is a directory.
        None | Some(Backend::Directory | Backend::Btrfs) => {
            if root.place.starts_with('/') {
                return RootPlace::Directory(PathBuf::from(&root.place));
            }
            "it is not absolute".to_owned()
        }
        Some(Backend::Overlay) => match overlay(&root.place) {
            Some(place) => return place,
            None => "it is not of the form overlay:/LOWER[:/LOWER…]:/UPPER".to_owned(),
        },
        Some(Backend::Zfs) => unmounted("a data set of ZFS"),
        Some(Backend::Loop) => unmounted("an image of a disk"),
        Some(Backend::Lvm | Backend::Nbd | Backend::Rbd) => unmounted("a block device"),
    };
    draft.refuse(PATH, why);
    RootPlace::Host
}

/// Absolute paths with colons between; the last one takes the changes.
fn overlay(place: &str) -> Option<RootPlace> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut rest = place.strip_prefix('/')?;
    while let Some((path, behind)) = rest.split_once(":/") {
        paths.push(Path::new("/").join(path));
        rest = behind;
    }
    let upper = Path::new("/").join(rest);
    let work = upper.parent()?.join(WORK);
    (!paths.is_empty()).then_some(RootPlace::Overlay { lower: paths, upper, work })
}
