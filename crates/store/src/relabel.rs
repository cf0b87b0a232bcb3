//! Trees that get an SELinux label.
//!
//! A container may change such a tree meanwhile: entries are reached from the directory they are in, never through a link, and
//! never on another mount. The top gets its label last. What was interrupted is done again by the next start: what a container
//! writes has its own level, so that nothing but a look at each file tells whether all have the label. Directories are shared among
//! threads, each with a working directory of its own: one system call labels what has a name there. Sources: openat2(2), xattr(7),
//! proc_pid_fd(5), unshare(2) "CLONE_FS", open_tree(2).

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{
    FileType, Mode, OFlags, RawDir, XattrFlags, fstat, lgetxattr, lsetxattr, openat, setxattr,
};
use rustix::io::Errno as Raw;
use rustix::mount::{MountPropagationFlags, OpenTreeFlags, open_tree};
use rustix::process::fchdir;
use sys::MountAttributes;

use crate::StoreError;
use crate::handing::{DEEPEST, enter, enter_directory, open};

const ATTRIBUTE: &CStr = c"security.selinux";
/// More of them wait for the file system's journal.
const MOST_THREADS: usize = 8;
/// Of directory entries at once; what readdir(3) asks for.
const ENTRIES_BYTES: usize = 32 * 1024;

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
    let bare = without_mounts(top);
    let place = bare.as_ref().map_or(top, AsFd::as_fd);
    if let Some(directory) = as_directory(place)? {
        let crew = Crew { value, shared: Mutex::default(), changed: Condvar::new() };
        crew.lock().waiting.push((directory, 0));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Not by this thread, whose working directory is the whole program's.
        let work = || crew.work(bare.is_some() && sys::unshare_file_system().is_ok());
        std::thread::scope(|scope| {
            let begun = (0..threads.min(MOST_THREADS))
                .map(|_| std::thread::Builder::new().spawn_scoped(scope, work));
            // Where there is no room for a thread the others do it.
            if begun.filter(Result::is_ok).count() == 0 {
                crew.work(false);
            }
        });
        if let Some(errno) = crew.lock().failed {
            return Err(errno);
        }
    }
    give(top, value)
}

/// The same tree with nothing mounted in it, and nothing that will be: a name there leads nowhere else. Nothing for who may not
/// mount, or where what a mount hides is not his to see, and for kernels before 5.12.
fn without_mounts(top: BorrowedFd<'_>) -> Option<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let copy = open_tree(top, c"", flags).ok()?;
    // What others mount there later is not passed on to it.
    let alone = MountAttributes {
        propagation: u64::from(MountPropagationFlags::PRIVATE.bits()),
        ..MountAttributes::default()
    };
    sys::mount_setattr(copy.as_fd(), c"", false, alone).ok()?;
    Some(copy)
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

/// Whether what has this name in the working directory has the label.
fn has(name: &CStr, value: &[u8]) -> bool {
    // Longer ones are not it.
    let mut own = [0_u8; 512];
    lgetxattr(name, ATTRIBUTE, &mut own).is_ok_and(|length| own.get(..length) == Some(value))
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

    /// Until nothing is left, or somebody has failed. With `by_name` nothing is mounted there, and the working directory is this
    /// thread's own.
    fn work(&self, by_name: bool) {
        while let Some((directory, depth)) = self.next() {
            let done = self.directory(&directory, depth, by_name);
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

    /// Labels what is in a directory, then what is further below.
    fn directory(&self, directory: &OwnedFd, depth: u32, by_name: bool) -> Result<(), Raw> {
        if by_name {
            fchdir(directory)?;
        }
        for name in self.entries(directory.as_fd(), by_name)? {
            match enter_directory(directory.as_fd(), &name) {
                Ok(below) => self.descend(below, depth + 1, by_name)?,
                // Gone, another mount, or something else by now.
                Err(Raw::NOENT | Raw::XDEV | Raw::NOTDIR | Raw::LOOP) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Labels what has a name in a directory, and gives the names that may be directories' own.
    fn entries(&self, directory: BorrowedFd<'_>, by_name: bool) -> Result<Vec<CString>, Raw> {
        let mut directories = Vec::new();
        // A look costs less than a write, and one that finds another label was for nothing: the first of a directory speaks for it.
        let mut looks = by_name;
        let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
        let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            looks = looks && has(name, self.value);
            let done = match by_name {
                true if looks => Ok(()),
                true => lsetxattr(name, ATTRIBUTE, self.value, XattrFlags::empty()),
                false => enter(directory, name).and_then(|file| give(file.as_fd(), self.value)),
            };
            match done {
                Ok(()) => {}
                // What goes away meanwhile is nobody's any more; or it is another mount.
                Err(Raw::NOENT | Raw::XDEV) => continue,
                Err(errno) => return Err(errno),
            }
            if matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
                directories.push(name.to_owned());
            }
        }
        Ok(directories)
    }

    /// Gives a directory to whoever has nothing to do, or goes there himself: descriptors are few.
    fn descend(&self, directory: OwnedFd, depth: u32, by_name: bool) -> Result<(), Raw> {
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
        self.directory(&directory, depth, by_name)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::mount::{MountFlags, mount, mount_bind, mount_change};

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

    /// By name where a tree can be had without its mounts, else entry by entry.
    #[test]
    fn what_is_mounted_below_keeps_its_label() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(place("tree/mounted")).unwrap();
        for file in ["outside", "tree/bound", "tree/file"] {
            std::fs::File::create(place(file)).unwrap();
        }
        // A thread whose mounts nobody else sees, and that ends with them.
        let label = || {
            let flags = u32::try_from(sys::Namespaces::MOUNT.bits()).unwrap();
            sys::unshare_namespaces(flags).unwrap();
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change("/", private).unwrap();
            mount("x", place("tree/mounted"), "tmpfs", MountFlags::empty(), None).unwrap();
            std::fs::create_dir(place("tree/mounted/below")).unwrap();
            mount_bind(place("outside"), place("tree/bound")).unwrap();
            let kept = ["tree/mounted", "tree/mounted/below", "tree/bound"];
            relabel(&place("tree"), "", LABEL, &[]).unwrap();
            assert_eq!(label_of(&place("tree/file")), format!("{LABEL}\0"));
            for name in kept {
                assert_ne!(label_of(&place(name)), format!("{LABEL}\0"), "{name}");
            }
            let value = b"system_u:object_r:other_t:s0\0";
            let crew = Crew { value, shared: Mutex::default(), changed: Condvar::new() };
            let top = open(&place("tree"), "").unwrap();
            crew.lock().waiting.push((as_directory(top.as_fd()).unwrap().unwrap(), 0));
            crew.work(false);
            assert_eq!(crew.lock().failed, None);
            assert_eq!(label_of(&place("tree/file")).as_bytes(), value);
            for name in kept {
                assert_ne!(label_of(&place(name)).as_bytes(), value, "{name}");
            }
        };
        std::thread::scope(|scope| scope.spawn(label).join()).unwrap();
        assert_ne!(label_of(&place("outside")), format!("{LABEL}\0"));
    }

    /// The first one of a directory has the label already, those behind it have not.
    #[test]
    fn what_was_interrupted_is_done_again() {
        let directory = tempfile::tempdir().unwrap();
        let files: Vec<_> =
            (0..20).map(|number| directory.path().join(number.to_string())).collect();
        for (number, file) in files.iter().enumerate() {
            std::fs::File::create(file).unwrap();
            if number % 3 > 0 {
                let label = format!("{LABEL}\0");
                lsetxattr(file, ATTRIBUTE, label.as_bytes(), XattrFlags::empty()).unwrap();
            }
        }
        relabel(directory.path(), "", LABEL, &[]).unwrap();
        assert!(files.iter().all(|file| label_of(file) == format!("{LABEL}\0")));
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
