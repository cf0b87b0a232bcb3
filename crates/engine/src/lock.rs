//! One command at a time for each container: a lock on its directory, which ends with the process that holds it.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::error::EngineError;

/// Held while a container's state changes.
#[derive(Debug)]
pub(crate) struct Lock {
    _directory: File,
}

impl Lock {
    /// The lock that a new container comes with.
    pub(crate) const fn held(directory: File) -> Self {
        Self { _directory: directory }
    }

    /// Waits for its turn.
    pub(crate) fn wait(container_dir: &Path) -> Result<Self, EngineError> {
        let directory =
            File::open(container_dir).map_err(EngineError::file("open", container_dir))?;
        let locked = flock(&directory, FlockOperation::LockExclusive);
        locked.map_err(|errno| EngineError::file("lock", container_dir)(errno.into()))?;
        Ok(Self { _directory: directory })
    }

    /// Nothing when another command has it.
    pub(crate) fn attempt(container_dir: &Path) -> Option<Self> {
        let directory = File::open(container_dir).ok()?;
        flock(&directory, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(Self { _directory: directory })
    }
}
