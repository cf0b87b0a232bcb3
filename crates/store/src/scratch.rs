//! Directories for what is not whole yet. Each belongs to a living command, by a lock that ends with it.
//!
//! Making one and looking for those whose command is gone exclude each other by a lock on `tmp` itself: a directory that is
//! made and not locked yet would look as if nobody had it. The same lock is held while a container's directory follows its record.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::unpack::remove_tree_in_parallel;
use crate::{Paths, StoreError, quota};

/// A directory below `tmp`, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    directory: fs::File,
    removed: bool,
}

impl Scratch {
    /// Makes one, and removes those whose command was killed.
    pub(crate) fn new(paths: &Paths) -> Result<Self, StoreError> {
        sweep(paths);
        Self::make(paths)
    }

    /// Makes one.
    pub(crate) fn make(paths: &Paths) -> Result<Self, StoreError> {
        let path = free_path(paths)?;
        let _making = lock_tmp(paths)?;
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(StoreError::file("make", &path))?;
        let directory = lock(&path)?;
        Ok(Self { path, directory, removed: false })
    }

    /// Takes over a directory that is moved below `tmp`; nothing when it is not there.
    pub(crate) fn take(paths: &Paths, from: &Path) -> Result<Option<Self>, StoreError> {
        let directory = match fs::File::open(from) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(StoreError::file("open", from))?,
        };
        let path = free_path(paths)?;
        let _moving = lock_tmp(paths)?;
        match fs::rename(from, &path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            moved => moved.map_err(StoreError::file("move away", from))?,
        }
        // Never waits: the engine holds the lock of a container that it removes, by another descriptor of this process, and that
        // one keeps the sweep away as well as ours would. Of two that remove the same, the rename lets one through.
        let _held_already = flock(&directory, FlockOperation::NonBlockingLockExclusive);
        Ok(Some(Self { path, directory, removed: false }))
    }

    /// Where it is. Only the store's owner gets there.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Moves it to its place, where nothing is yet. Its lock, which is given, stays held.
    pub(crate) fn place(mut self, to: &Path) -> Result<fs::File, StoreError> {
        let lock = self.directory.try_clone().map_err(StoreError::file("lock", to))?;
        let flags = RenameFlags::NOREPLACE;
        renameat_with(CWD, &self.path, CWD, to, flags).map_err(StoreError::file("make", to))?;
        self.removed = true;
        Ok(lock)
    }

    /// Removes it, and says what stood in the way.
    ///
    /// # Errors
    /// When something in it cannot be removed: the next command that writes tries again.
    pub fn remove(mut self) -> Result<(), StoreError> {
        self.removed = true;
        quota::release(&self.path);
        remove(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.removed {
            quota::release(&self.path);
            // What cannot be removed now is removed by the next sweep.
            let _kept = remove(&self.path);
        }
    }
}

fn free_path(paths: &Paths) -> Result<PathBuf, StoreError> {
    let mut random = [0_u8; 16];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(StoreError::file("get random bytes for", paths.tmp()))?;
    Ok(paths.tmp().join(spec::digest::hex(&random)))
}

fn lock(path: &Path) -> Result<fs::File, StoreError> {
    let directory = fs::File::open(path).map_err(StoreError::file("open", path))?;
    flock(&directory, FlockOperation::LockExclusive).map_err(StoreError::file("lock", path))?;
    Ok(directory)
}

pub(crate) fn lock_tmp(paths: &Paths) -> Result<fs::File, StoreError> {
    lock(&paths.tmp())
}

/// Removes a directory with all that is in it.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let parent = fs::File::open(parent).map_err(StoreError::file("open", parent))?;
    let removed = remove_tree_in_parallel(parent.as_fd(), &name.to_string_lossy());
    removed.map_err(|cause| StoreError::Unpack {
        what: format!("remove {}", path.display()),
        cause: Box::new(cause),
    })
}

/// Held by whoever takes rows and files of one thing apart in two steps: never waits for another that does so, only for a check,
/// which must see neither of them alone ([`lock_dismantling`]). Taken before the database's write lock and the one on `tmp`.
pub(crate) fn dismantling(paths: &Paths) -> Result<fs::File, StoreError> {
    flock_root(paths, FlockOperation::LockShared)
}

/// Waits until nobody dismantles, and keeps everybody from it.
pub(crate) fn lock_dismantling(paths: &Paths) -> Result<fs::File, StoreError> {
    flock_root(paths, FlockOperation::LockExclusive)
}

fn flock_root(paths: &Paths, operation: FlockOperation) -> Result<fs::File, StoreError> {
    let root = fs::File::open(&paths.root).map_err(StoreError::file("open", &paths.root))?;
    flock(&root, operation).map_err(StoreError::file("lock", &paths.root))?;
    Ok(root)
}

/// Whether a command lives that has a directory below `tmp`.
pub(crate) fn anybody_works(paths: &Paths) -> Result<bool, StoreError> {
    let _nobody_makes = lock_tmp(paths)?;
    let mut entries = fs::read_dir(paths.tmp()).into_iter().flatten().flatten();
    Ok(entries.any(|entry| is_owned(&entry.path())))
}

/// Whether a living command has it. The caller holds the lock on `tmp`.
pub(crate) fn is_owned(path: &Path) -> bool {
    fs::File::open(path)
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// Whether `tmp` has directories: a directory's ".." is a link to its parent. Where links are not counted (btrfs) it has none
/// until somebody makes one, which sweeps anyway.
pub(crate) fn is_littered(tmp: &fs::Metadata) -> bool {
    tmp.nlink() > 2
}

/// Removes the directories whose command is gone. Best effort: they cost room only.
pub(crate) fn sweep(paths: &Paths) {
    let Ok(looking) = lock_tmp(paths) else { return };
    let mut ownerless = Vec::new();
    for entry in fs::read_dir(paths.tmp()).into_iter().flatten().flatten() {
        let path = entry.path();
        if let Ok(directory) = fs::File::open(&path)
            && flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            ownerless.push((path, directory));
        }
    }
    // Their locks are ours now: others may go on while we remove.
    drop(looking);
    for (path, _locked) in ownerless {
        quota::release(&path);
        let _kept = remove(&path);
    }
}
