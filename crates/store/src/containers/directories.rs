//! Where a container lives on disk, and how that is made.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use crate::StoreError;

/// Where a container lives on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerDirs {
    /// Log, exit status, and the other two.
    pub container: PathBuf,
    /// The writable layer.
    pub upper: PathBuf,
    /// Overlayfs's own.
    pub work: PathBuf,
    /// What does not survive a reboot. The root is mounted on it, in the container's own mount namespace.
    pub state: PathBuf,
}

pub(super) fn make(dirs: &ContainerDirs) -> Result<(), StoreError> {
    // The upper directory is the container's root: its mode is the root's, whatever umask(2) says.
    make_directory(&dirs.upper, 0o755)?;
    rustix::fs::chmod(&dirs.upper, Mode::from_raw_mode(0o755))
        .map_err(StoreError::file("make", &dirs.upper))?;
    make_directory(&dirs.work, 0o700)
}

fn make_directory(path: &Path, mode: u32) -> Result<(), StoreError> {
    fs::DirBuilder::new().mode(mode).create(path).map_err(StoreError::file("make", path))
}

/// The state directory, which a reboot takes away.
pub(crate) fn make_state(dirs: &ContainerDirs) -> Result<(), StoreError> {
    match fs::DirBuilder::new().mode(0o700).create(&dirs.state) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::file("make", &dirs.state)(error))
        }
        _ => Ok(()),
    }
}

impl ContainerDirs {
    /// The same container's, in another place for the time being.
    pub(super) fn below(&self, container: &Path) -> Self {
        Self {
            upper: container.join("upper"),
            work: container.join("work"),
            container: container.to_owned(),
            state: self.state.clone(),
        }
    }

    /// Makes the state directory again, which a reboot has taken away.
    ///
    /// # Errors
    /// What the disk refused.
    pub fn make_state(&self) -> Result<(), StoreError> {
        make_state(self)
    }
}
