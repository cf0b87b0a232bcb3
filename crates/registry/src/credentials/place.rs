//! Where a file of secrets is, and how it is replaced: whole or not at all, for its owner alone, while other commands of ours
//! wait. A link stays a link: people keep such files elsewhere. Sources: open(2), rename(2), flock(2).

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FlockOperation, Gid, Mode, OFlags, Uid, flock, fstat, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;

use super::CredentialsError;

/// As many links as the kernel follows. path_resolution(7).
const MOST_LINKS: u32 = 40;

/// A file's directory, locked, and its name there.
pub(super) struct Place {
    path: PathBuf,
    name: PathBuf,
    directory: OwnedFd,
}

impl Place {
    /// Finds the file, makes the directory that it will be in, and waits for others who are at it.
    pub(super) fn lock(path: &Path) -> Result<Self, CredentialsError> {
        let at = follow(path).map_err(failed("find", path))?;
        let parent = match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = at.file_name().ok_or(Errno::ISDIR).map_err(failed("find", &at))?.into();
        make_private(parent).map_err(failed("make", parent))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(parent, flags, Mode::empty());
        let directory = directory.map_err(failed("open", parent))?;
        // Not every file system locks directories: NFS does not. The file is whole there too, the later of two commands wins.
        let _unlocked = flock(&directory, FlockOperation::LockExclusive);
        Ok(Self { path: at, name, directory })
    }

    /// What is in it now; nothing where it is not there.
    pub(super) fn read(&self) -> Result<String, CredentialsError> {
        let mut text = String::new();
        let file = match openat(
            &self.directory,
            &self.name,
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            Err(Errno::NOENT) => return Ok(text),
            opened => opened.map_err(failed("open", &self.path))?,
        };
        match File::from(file).read_to_string(&mut text) {
            Ok(_length) => Ok(text),
            Err(cause) => Err(failed("read", &self.path)(cause)),
        }
    }

    /// Replaces it.
    pub(super) fn write(&self, text: &str) -> Result<(), CredentialsError> {
        let mut temporary = self.name.clone().into_os_string();
        temporary.push(".corten-new");
        // What a command left that was killed here. We have the lock: nobody is at it.
        let _absent = unlinkat(&self.directory, &temporary, AtFlags::empty());
        let outcome = self.write_beside(Path::new(&temporary), text).and_then(|()| {
            renameat(&self.directory, &temporary, &self.directory, &self.name)?;
            rustix::fs::fsync(&self.directory)
        });
        if outcome.is_err() {
            let _absent = unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        outcome.map_err(failed("write", &self.path))
    }

    fn write_beside(&self, temporary: &Path, text: &str) -> Result<(), Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(&self.directory, temporary, flags, mode)?;
        if let Ok(before) = statat(&self.directory, &self.name, AtFlags::empty())
            && fstat(&file)
                .is_ok_and(|now| (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid))
        {
            // root who logs in with a user's HOME leaves the file to that user; whoever may not do so owns the new file.
            let (owner, group) = (Uid::from_raw(before.st_uid), Gid::from_raw(before.st_gid));
            let _ours = rustix::fs::fchown(&file, Some(owner), Some(group));
        }
        let mut file = File::from(file);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

fn failed<E: Into<sys::Errno>>(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(E) -> CredentialsError {
    let file = path.to_owned();
    move |errno| CredentialsError::File { action, file, errno: errno.into() }
}

/// The file at the end of its links.
fn follow(path: &Path) -> Result<PathBuf, Errno> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    // No link, or nothing there yet.
                    Some(Errno::INVAL | Errno::NOENT) => Ok(path),
                    other => Err(other.unwrap_or(Errno::IO)),
                };
            }
        }
    }
    Err(Errno::LOOP)
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}
