//! Roots of containers: layers of an image, a directory that is only read, or files of the caller's that are changed where they are.
//!
//! What is changed in place is nobody's layer: there is nothing to compare it with, to commit, or to copy for a clone, and removing the
//! container leaves it. Such files are reached by the container's mounts and by descriptors that no link leads out of, never by a path
//! that was joined. Start at [`Containers::root_source`].

use std::path::{Path, PathBuf};

use libcontainer::RootSource;
use store::{Image, RootView};

use crate::config::{ContainerConfig, RootFiles, RootInPlace, RootPlace, UserMode};
use crate::containers::{Containers, Made};
use crate::error::EngineError;

const WHAT: &str = "rootfs";

impl Containers<'_> {
    /// Files of the container's root as its processes see them: of the running process where there is one.
    pub(crate) fn root_view(&self, made: &Made) -> RootView {
        let mut directories = vec![made.dirs.upper.clone()];
        directories.extend(self.lower(&made.config, made.image.as_ref()));
        RootView::of(&directories)
    }

    /// What lies below a container's own files, the top one first.
    pub(crate) fn lower(&self, config: &ContainerConfig, image: Option<&Image>) -> Vec<PathBuf> {
        match (&config.rootfs, image) {
            // Where it is changed in place there is nothing above it.
            (Some(place), _) => place.directories(),
            (None, Some(image)) => self.engine.store.images().layer_paths(image),
            (None, None) => self.engine.store.images().directories_of(&config.layers),
        }
    }

    /// The image of that name; nothing where a directory is the root.
    pub(crate) fn image_of(
        &self,
        config: &ContainerConfig,
        name: &str,
    ) -> Result<Option<Image>, EngineError> {
        match &config.rootfs {
            Some(place) => check_place(place).map(|()| None),
            None if !config.layers.is_empty() => Ok(None),
            None => self.engine.images().resolve(name).map(Some),
        }
    }

    /// The root as the plan has it.
    pub(crate) fn root_source(&self, made: &Made) -> Result<RootSource, EngineError> {
        let shifted = made.config.sharing.shifted;
        let at = made.dirs.state.clone();
        let shared = Some(self.shown().place(made.id.as_str()));
        Ok(match in_place(&made.config).map(|own| &own.files) {
            Some(RootFiles::Directory(path)) => {
                RootSource::Directory { path: path.clone(), shifted }
            }
            Some(RootFiles::Overlay { lower, upper, work }) => {
                let (lower, upper, work) = (lower.clone(), upper.clone(), work.clone());
                // They are not lost with the machine's memory, whatever becomes of the container.
                RootSource::Overlay { lower, upper, work, at, volatile: false, shared, shifted }
            }
            None => RootSource::Overlay {
                lower: self.lower_on_disk(made)?,
                upper: made.dirs.upper.clone(),
                work: made.dirs.work.clone(),
                at,
                // What a step of a build has changed is read before anything of it counts.
                volatile: made.config.auto_remove || !made.config.layers.is_empty(),
                shared,
                shifted,
            },
        })
    }

    /// Whether the files of a new container with users of its own have the machine's ids on the disk.
    pub(crate) fn shifts_ids_of(&self, config: &ContainerConfig) -> Result<bool, EngineError> {
        let Some(own) = in_place(config) else { return self.shifts_ids() };
        if own.id_mapped && self.shifts_ids()? {
            let why = "its ids cannot be mapped: this kernel or file system knows no id-mapped mounts for it, or a user may not";
            return Err(EngineError::value(WHAT, shown(own), why));
        }
        Ok(!own.id_mapped)
    }
}

/// What a container changes where it is.
pub(crate) fn in_place(config: &ContainerConfig) -> Option<&RootInPlace> {
    config.rootfs.as_ref().and_then(RootPlace::in_place)
}

/// The directory of the host that is a container's root.
pub(crate) fn directory(config: &ContainerConfig) -> Option<&Path> {
    match &in_place(config)?.files {
        RootFiles::Directory(path) => Some(path),
        RootFiles::Overlay { .. } => None,
    }
}

/// Options of the root's mount.
pub(crate) fn options(config: &ContainerConfig) -> Vec<String> {
    in_place(config).map(|own| own.options.clone()).unwrap_or_default()
}

/// Refuses what takes a layer of the container's own: `action` is a phrase such as `commit`.
///
/// # Errors
/// Where it changes files in place.
pub(crate) fn demand_layer(config: &ContainerConfig, action: &str) -> Result<(), EngineError> {
    let Some(own) = in_place(config) else { return Ok(()) };
    let why = format!(
        "{action} needs a layer of the container's own: the files of this one are changed where they are"
    );
    Err(EngineError::value(WHAT, shown(own), why))
}

/// Refuses what a root that is changed in place cannot be together with.
///
/// # Errors
/// Names what it is.
pub(crate) fn check(config: &ContainerConfig) -> Result<(), EngineError> {
    let Some(own) = in_place(config) else { return Ok(()) };
    let clash = |why: &str| Err(EngineError::value(WHAT, shown(own), why));
    if matches!(config.sharing.users, UserMode::KeepId(_)) {
        return clash("--userns keep-id writes a user's name into a layer of the container's own");
    }
    if crate::hardened::has_our_user(config) {
        return clash("--hardened gives directories to a user of its own: name a --user");
    }
    if config.bound_bytes().is_some() {
        return clash("--storage-opt size bounds a layer of the container's own");
    }
    if own.id_mapped && !config.sharing.users.is_inside() {
        return clash("its ids are mapped for users of the container's own: --userns");
    }
    Ok(())
}

/// Makes overlayfs's own directory where the caller has none yet.
///
/// # Errors
/// When the disk refuses it.
pub(crate) fn make_work(config: &ContainerConfig) -> Result<(), EngineError> {
    let Some(RootFiles::Overlay { work, .. }) = in_place(config).map(|own| &own.files) else {
        return Ok(());
    };
    match std::fs::create_dir(work) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(EngineError::file("make", work)(error))
        }
        _ => Ok(()),
    }
}

/// What is its root must be there.
fn check_place(place: &RootPlace) -> Result<(), EngineError> {
    let directories = place.directories();
    let refused =
        |path: &PathBuf, why: &str| Err(EngineError::value(WHAT, path.display().to_string(), why));
    if let Some(relative) = directories.iter().find(|path| !path.is_absolute()) {
        return refused(relative, "it is not absolute");
    }
    match directories.iter().find(|path| !path.is_dir()) {
        Some(missing) => refused(missing, "there is no such directory"),
        None => Ok(()),
    }
}

fn shown(own: &RootInPlace) -> String {
    own.files.written().display().to_string()
}
