//! The directory of one container: its lock, its files, their replacement.
//!
//! The lock is flock(2) on the directory itself, so that it ends with whoever held it.

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, mkdir, open, openat, renameat};
use rustix::io::Errno as Raw;
use spec::runtime::Spec;

use super::record::Record;
use super::{ContainerError, ContainerName};

const RECORD: &str = "state.json";
const SPEC: &str = "config.json";
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(super) struct Directory {
    name: ContainerName,
    path: PathBuf,
    descriptor: OwnedFd,
}

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(OwnedFd);

impl Drop for Lock {
    fn drop(&mut self) {
        // The descriptor may have been inherited by a child: closing ours alone would not end the lock.
        let _never_fails = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Held while a container's directory is made or swept: between its making and its locking nobody else may take it for one
/// that was left.
pub(super) fn lock_root(root: &Path) -> Result<Lock, ContainerError> {
    let locked = open(root, FLAGS, Mode::empty()).and_then(|root| {
        crate::wire::retry(|| flock(&root, FlockOperation::LockExclusive)).map(|()| Lock(root))
    });
    locked.map_err(|errno| ContainerError::file("lock", root)(errno.into()))
}

impl Directory {
    /// A new one, locked by its maker as long as it is open.
    pub(super) fn make(root: &Path, name: &ContainerName) -> Result<Self, ContainerError> {
        let path = root.join(name.as_str());
        match mkdir(&path, Mode::RWXU) {
            Ok(()) => {}
            Err(Raw::EXIST) => return Err(ContainerError::Exists { name: name.clone() }),
            Err(errno) => return Err(ContainerError::file("make", &path)(errno.into())),
        }
        let directory = Self::open(root, name)?;
        directory.lock_directly(FlockOperation::LockExclusive)?;
        Ok(directory)
    }

    pub(super) fn open(root: &Path, name: &ContainerName) -> Result<Self, ContainerError> {
        let path = root.join(name.as_str());
        match open(&path, FLAGS, Mode::empty()) {
            Ok(descriptor) => Ok(Self { name: name.clone(), path, descriptor }),
            Err(Raw::NOENT) => Err(ContainerError::NotFound { name: name.clone() }),
            Err(errno) => Err(ContainerError::file("open", &path)(errno.into())),
        }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The runtime's directory.
    pub(super) fn root(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    pub(super) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Waits until nobody else changes the container.
    pub(super) fn lock(&self) -> Result<Lock, ContainerError> {
        let own = openat(&self.descriptor, ".", FLAGS, Mode::empty())
            .map_err(|errno| ContainerError::file("open", &self.path)(errno.into()))?;
        crate::wire::retry(|| flock(&own, FlockOperation::LockExclusive))
            .map_err(|errno| ContainerError::file("lock", &self.path)(errno.into()))?;
        // Deleted while this waited: nothing below it can be found any more.
        if rustix::fs::fstat(&own).is_ok_and(|stat| stat.st_nlink == 0) {
            return Err(ContainerError::NotFound { name: self.name.clone() });
        }
        Ok(Lock(own))
    }

    /// The lock, unless somebody has it.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>, ContainerError> {
        let own = openat(&self.descriptor, ".", FLAGS, Mode::empty())
            .map_err(|errno| ContainerError::file("open", &self.path)(errno.into()))?;
        match flock(&own, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(own))),
            Err(Raw::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(ContainerError::file("lock", &self.path)(errno.into())),
        }
    }

    fn lock_directly(&self, how: FlockOperation) -> Result<(), ContainerError> {
        flock(&self.descriptor, how)
            .map_err(|errno| ContainerError::file("lock", &self.path)(errno.into()))
    }

    /// Lets others in: the maker is done.
    pub(super) fn unlock(&self) {
        let _never_fails = flock(&self.descriptor, FlockOperation::Unlock);
    }

    pub(super) fn read_record(&self) -> Result<Record, ContainerError> {
        let path = self.path_of(RECORD);
        let wrong = |why: String| ContainerError::Record { path: path.clone(), why };
        let text = match self.read(RECORD) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ContainerError::NotFound { name: self.name.clone() });
            }
            Err(error) => return Err(ContainerError::file("read", &path)(error)),
        };
        Record::read(&text).map_err(wrong)
    }

    pub(super) fn write_record(&self, record: &Record) -> Result<(), ContainerError> {
        self.stage_record(record)?;
        self.publish_record()
    }

    /// Writes what [`Directory::publish_record`] lets others see.
    pub(super) fn stage_record(&self, record: &Record) -> Result<(), ContainerError> {
        self.stage(RECORD, &serde_json::to_vec(record).map_err(std::io::Error::from))
    }

    pub(super) fn publish_record(&self) -> Result<(), ContainerError> {
        self.publish(RECORD)
    }

    pub(super) fn read_spec(&self) -> Result<Spec, ContainerError> {
        let path = self.path_of(SPEC);
        let text = self.read(SPEC).map_err(ContainerError::file("read", &path))?;
        Spec::from_json(&text)
            .map_err(|error| ContainerError::Record { path, why: error.to_string() })
    }

    pub(super) fn write_spec(&self, spec: &Spec) -> Result<(), ContainerError> {
        self.stage(SPEC, &serde_json::to_vec(spec).map_err(std::io::Error::from))?;
        self.publish(SPEC)
    }

    fn read(&self, file: &str) -> std::io::Result<Vec<u8>> {
        let file = openat(&self.descriptor, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut fs::File::from(file), &mut text)?;
        Ok(text)
    }

    /// A file is seen whole or not at all: first this, then [`Directory::publish`].
    fn stage(&self, name: &str, text: &std::io::Result<Vec<u8>>) -> Result<(), ContainerError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let written = match text {
            Ok(text) => openat(&self.descriptor, staged(name), flags, mode)
                .map_err(std::io::Error::from)
                .and_then(|file| fs::File::from(file).write_all(text)),
            Err(error) => Err(error.kind().into()),
        };
        written.map_err(ContainerError::file("write", &self.path_of(name)))
    }

    fn publish(&self, name: &str) -> Result<(), ContainerError> {
        let published = renameat(&self.descriptor, staged(name), &self.descriptor, name);
        published.map_err(|errno| ContainerError::file("write", &self.path_of(name))(errno.into()))
    }

    /// Makes a directory inside.
    pub(super) fn make_inside(&self, name: &str) -> Result<(), ContainerError> {
        rustix::fs::mkdirat(&self.descriptor, name, Mode::RWXU)
            .map_err(|errno| ContainerError::file("make", &self.path_of(name))(errno.into()))
    }

    /// Removes it again, unless somebody has put something in.
    pub(super) fn remove_inside(&self, name: &str) {
        let _kept = rustix::fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR);
    }

    /// Removes the directory; what stands in the way stays, for the next one who sweeps.
    pub(super) fn remove(&self) {
        // The record last: without it there is no container.
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name() != RECORD {
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let how = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
                let _kept = rustix::fs::unlinkat(&self.descriptor, entry.file_name(), how);
            }
        }
        let _kept = rustix::fs::unlinkat(&self.descriptor, RECORD, AtFlags::empty());
        let _kept = fs::remove_dir(&self.path);
    }
}

fn staged(name: &str) -> String {
    format!("{name}.new")
}
