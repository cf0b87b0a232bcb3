//! Directories for what is not whole yet. Each belongs to a living command, by a lock that ends with it.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::unpack::remove_tree;
use crate::{Paths, StoreError};

/// A directory below `tmp`, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    directory: fs::File,
}

impl Scratch {
    /// Makes one, and removes those whose command was killed.
    pub(crate) fn new(paths: &Paths) -> Result<Self, StoreError> {
        sweep(&paths.tmp());
        let mut random = [0_u8; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
            .map_err(StoreError::file("get random bytes for", paths.tmp()))?;
        let path = paths.tmp().join(spec::digest::hex(&random));
        fs::create_dir(&path).map_err(StoreError::file("make", &path))?;
        let directory = fs::File::open(&path).map_err(StoreError::file("open", &path))?;
        flock(&directory, FlockOperation::LockExclusive)
            .map_err(StoreError::file("lock", &path))?;
        Ok(Self { path, directory })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep.
        let _kept = remove(&self.path);
    }
}

/// Removes a directory with all that is in it.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let parent = fs::File::open(parent).map_err(StoreError::file("open", parent))?;
    remove_tree(parent.as_fd(), &name.to_string_lossy()).map_err(|cause| StoreError::Unpack {
        what: format!("remove {}", path.display()),
        cause: Box::new(cause),
    })
}

fn sweep(tmp: &Path) {
    for entry in fs::read_dir(tmp).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(directory) = fs::File::open(&path) else { continue };
        if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // Best effort: it is garbage that costs room only.
            let _kept = remove(&path);
        }
    }
}
