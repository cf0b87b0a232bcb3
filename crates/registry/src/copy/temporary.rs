//! Files that appear whole or not at all: written under a name that nobody looks for, flushed, renamed. A killed command leaves
//! such a file unlocked, and the next one that writes there removes it. Start at [`Temporary::new`].

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FlockOperation, Mode, OFlags, flock, fstat, fsync, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// A file without its name.
pub(super) struct Temporary {
    directory: Arc<OwnedFd>,
    name: String,
    file: File,
    published: bool,
}

impl Temporary {
    /// Makes an empty file, readable for everybody once it has its name; `stem` is what files of this purpose have in common.
    pub(super) fn new(directory: &Arc<OwnedFd>, stem: &str) -> Result<Self, Errno> {
        loop {
            let mut random = [0_u8; 8];
            getrandom(&mut random, GetRandomFlags::empty())?;
            let name = format!("{}{}", prefix(stem), spec::digest::hex(&random));
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let file = openat(directory, &name, flags, Mode::from_raw_mode(0o644))?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            // Between the two it may have been swept.
            if fstat(&file)?.st_nlink > 0 {
                let directory = Arc::clone(directory);
                return Ok(Self { directory, name, file: File::from(file), published: false });
            }
        }
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name, in place of another file that has it; it has outlived a power cut then.
    pub(super) fn publish(mut self, into: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        fsync(&self.file)?;
        renameat(&self.directory, &self.name, into, name)?;
        self.published = true;
        fsync(into)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.published {
            // Else the next command that writes here removes it.
            let _kept = unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

fn prefix(stem: &str) -> String {
    format!(".{stem}.corten-")
}

/// Removes what killed commands have left. It costs room only: what cannot be removed stays.
pub(super) fn sweep(directory: BorrowedFd<'_>, stem: &str) {
    let Ok(entries) = Dir::read_from(directory) else { return };
    let prefix = prefix(stem);
    for entry in entries.flatten() {
        if !entry.file_name().to_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(directory, entry.file_name(), flags, Mode::empty()) else { continue };
        if flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _kept = unlinkat(directory, entry.file_name(), AtFlags::empty());
        }
    }
}
