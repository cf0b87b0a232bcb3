//! Trees that get an SELinux label.
//!
//! A container may change such a tree meanwhile: entries are reached from the directory they are in, never through a link, and
//! never on another mount. The top gets its label last. What was interrupted is done again by the next start: what a container
//! writes has its own level, so that nothing but a look at each file tells whether all have the label. Directories are shared among threads. Sources: openat2(2), xattr(7), proc_pid_fd(5).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Dir, FileType, Mode, OFlags, XattrFlags, fstat, openat, setxattr};
use rustix::io::Errno as Raw;

use crate::StoreError;
use crate::handing::{DEEPEST, enter, open};

const ATTRIBUTE: &str = "security.selinux";
/// More of them wait for the file system's journal.
const MOST_THREADS: usize = 8;

/// Gives a file or a directory with all that is in it an SELinux label. Where it is one of the places in `never`, by whatever
/// path, it is refused with EPERM. A file system that has no labels of its own stays as it is.
///
/// # Errors
/// [`StoreError`] with the step that the kernel refused.
pub fn relabel(top: &Path, below: &str, label: &str, never: &[&str]) -> Result<(), StoreError> {
    let failed = |errno: Raw| StoreError::file("label", top.join(below))(errno);
    let opened = open(top, below)?;
    let about = fstat(&opened).map_err(failed)?;
    let is_it = |place: &&str| {
        rustix::fs::stat(*place)
            .is_ok_and(|never| (never.st_dev, never.st_ino) == (about.st_dev, about.st_ino))
    };
    if never.iter().any(is_it) {
        return Err(failed(Raw::PERM));
    }
    // A label ends with NUL on the disk, as setfilecon(3) writes it.
    let value = [label.as_bytes(), b"\0"].concat();
    match label_tree(opened.as_fd(), &value) {
        Err(Raw::OPNOTSUPP) => Ok(()),
        done => done.map_err(failed),
    }
}

fn label_tree(top: BorrowedFd<'_>, value: &[u8]) -> Result<(), Raw> {
    if let Some(directory) = as_directory(top)? {
        let crew = Crew { value, shared: Mutex::default(), changed: Condvar::new() };
        crew.lock().waiting.push((directory, 0));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..threads.min(MOST_THREADS) {
                // Where there is no room for a thread the others do it.
                let _fewer = std::thread::Builder::new().spawn_scoped(scope, || crew.work());
            }
            crew.work();
        });
        if let Some(errno) = crew.lock().failed {
            return Err(errno);
        }
    }
    give(top, value)
}

/// Open for its entries; nothing where it is no directory, or one that is gone.
fn as_directory(file: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Raw> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(file, ".", flags, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(Raw::NOTDIR | Raw::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn give(file: BorrowedFd<'_>, value: &[u8]) -> Result<(), Raw> {
    // The link leads to what is open, a symbolic link included, and no further.
    let place = format!("/proc/self/fd/{}", file.as_raw_fd());
    setxattr(place, ATTRIBUTE, value, XattrFlags::empty())
}

/// Threads that take directories from each other.
struct Crew<'a> {
    value: &'a [u8],
    shared: Mutex<Shared>,
    changed: Condvar,
}

#[derive(Default)]
struct Shared {
    /// Directories whose entries nobody has looked at, and how deep they are.
    waiting: Vec<(OwnedFd, u32)>,
    /// Threads that are at work, and may find more.
    busy: usize,
    failed: Option<Raw>,
}

impl Crew<'_> {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until nothing is left, or somebody has failed.
    fn work(&self) {
        while let Some((directory, depth)) = self.next() {
            let done = self.directory(&directory, depth);
            let mut shared = self.lock();
            shared.busy -= 1;
            shared.failed = shared.failed.or(done.err());
            drop(shared);
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<(OwnedFd, u32)> {
        let mut shared = self.lock();
        loop {
            if shared.failed.is_some() {
                return None;
            }
            if let Some(next) = shared.waiting.pop() {
                shared.busy += 1;
                return Some(next);
            }
            if shared.busy == 0 {
                return None;
            }
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Labels what is in a directory. What goes away meanwhile is nobody's any more.
    fn directory(&self, directory: &OwnedFd, depth: u32) -> Result<(), Raw> {
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let file = match enter(directory.as_fd(), name) {
                Ok(file) => file,
                // Gone, or another mount.
                Err(Raw::NOENT | Raw::XDEV) => continue,
                Err(errno) => return Err(errno),
            };
            give(file.as_fd(), self.value)?;
            if matches!(entry.file_type(), FileType::Directory | FileType::Unknown)
                && let Some(below) = as_directory(file.as_fd())?
            {
                drop(file);
                self.descend(below, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Gives a directory to whoever has nothing to do, or goes there himself: descriptors are few.
    fn descend(&self, directory: OwnedFd, depth: u32) -> Result<(), Raw> {
        if depth > DEEPEST {
            return Err(Raw::LOOP);
        }
        let mut shared = self.lock();
        if shared.waiting.len() < MOST_THREADS {
            shared.waiting.push((directory, depth));
            drop(shared);
            self.changed.notify_one();
            return Ok(());
        }
        drop(shared);
        self.directory(&directory, depth)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const LABEL: &str = "system_u:object_r:container_file_t:s0";

    fn label_of(path: &Path) -> String {
        let mut value = [0_u8; 256];
        let length = rustix::fs::lgetxattr(path, ATTRIBUTE, &mut value[..]).unwrap_or(0);
        String::from_utf8_lossy(&value[..length]).into_owned()
    }

    /// Attributes of that name are anybody's with CAP_SYS_ADMIN where there is no SELinux, and policy where there is.
    #[test]
    fn a_label_stays_in_its_tree() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(place("tree/below")).unwrap();
        std::fs::create_dir(place("outside")).unwrap();
        for file in ["tree/below/file", "outside/file"] {
            std::fs::File::create(place(file)).unwrap();
        }
        symlink(place("outside"), place("tree/way-out")).unwrap();
        symlink(place("outside/file"), place("tree/below/way-out")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            place("tree/pipe"),
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        relabel(&place("tree"), "", LABEL, &["/etc"]).unwrap();
        for inside in ["tree", "tree/below", "tree/below/file", "tree/way-out", "tree/pipe"] {
            assert_eq!(label_of(&place(inside)), format!("{LABEL}\0"), "{inside}");
        }
        for outside in ["outside", "outside/file"] {
            assert_ne!(label_of(&place(outside)), format!("{LABEL}\0"), "{outside}");
        }
        // By whatever path.
        symlink("/etc", place("innocent")).unwrap();
        for never in [Path::new("/etc"), &place("innocent")] {
            let refused = relabel(never, "", LABEL, &["/usr", "/etc"]).unwrap_err();
            assert!(
                matches!(refused, StoreError::File { errno, .. } if errno.name() == Some("EPERM"))
            );
        }
    }

    #[test]
    fn every_one_of_many_is_labelled() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for number in 0..40 {
            let below = directory.path().join(format!("{number}/a/b"));
            std::fs::create_dir_all(&below).unwrap();
            for name in ["x", "y", "z"] {
                files.push(below.join(name));
                std::fs::File::create(below.join(name)).unwrap();
            }
        }
        relabel(directory.path(), "", LABEL, &[]).unwrap();
        assert!(files.iter().all(|file| label_of(file) == format!("{LABEL}\0")));
    }

    #[test]
    fn what_is_too_deep_is_refused_and_its_top_is_not_labelled() {
        let directory = tempfile::tempdir().unwrap();
        let mut path = directory.path().to_owned();
        for _ in 0..=DEEPEST {
            path.push("d");
        }
        std::fs::create_dir_all(path).unwrap();
        assert!(relabel(directory.path(), "", LABEL, &[]).is_err());
        assert_ne!(label_of(directory.path()), format!("{LABEL}\0"));
    }
}
