//! Trees that are given to a container's user, or labelled for its processes.
//!
//! A container may change such a tree meanwhile: entries are reached from the directory they are in, never through a link, and
//! never on another mount. Sources: openat2(2), fchownat(2), xattr(7), proc_pid_fd(5).

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, Gid, Mode, OFlags, ResolveFlags, Uid, XattrFlags, chownat, fstat, openat,
    openat2, setxattr,
};
use rustix::io::Errno as Raw;
use sys::open_in_root;

use crate::StoreError;

/// Directories below each other: each is open until what is in it is done.
const DEEPEST: u32 = 256;

/// Gives a file or a directory with all that is in it to somebody, without following a link below `top`.
///
/// # Errors
/// [`StoreError`] with the step that the kernel refused.
pub fn give(top: &Path, below: &str, (uid, gid): (u32, u32)) -> Result<(), StoreError> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    let opened = open(top, below)?;
    each(opened.as_fd(), 0, &mut |file| chownat(file, "", uid, gid, AtFlags::EMPTY_PATH))
        .map_err(StoreError::file("change owner of", top.join(below)))
}

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
    let labelled = each(opened.as_fd(), 0, &mut |file| {
        // The link leads to what is open, a symbolic link included, and no further.
        let place = format!("/proc/self/fd/{}", file.as_raw_fd());
        setxattr(place, "security.selinux", &value, XattrFlags::empty())
    });
    match labelled {
        Err(Raw::OPNOTSUPP) => Ok(()),
        done => done.map_err(failed),
    }
}

fn open(top: &Path, below: &str) -> Result<OwnedFd, StoreError> {
    let failed = |errno: sys::Errno| StoreError::file("open", top.join(below))(errno);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened =
        rustix::fs::open(top, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    if below.is_empty() {
        return Ok(opened);
    }
    open_in_root(opened.as_fd(), below, OFlags::PATH, Mode::empty()).map_err(failed)
}

/// Acts on what is open and on all that is in it. What goes away meanwhile is nobody's any more.
fn each(
    file: BorrowedFd<'_>,
    depth: u32,
    act: &mut dyn FnMut(BorrowedFd<'_>) -> Result<(), Raw>,
) -> Result<(), Raw> {
    act(file)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = match openat(file, ".", flags, Mode::empty()) {
        Ok(directory) => directory,
        Err(Raw::NOTDIR) => return Ok(()),
        // A device node, which is not opened for its contents; or one that is gone.
        Err(Raw::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    if depth == DEEPEST {
        return Err(Raw::LOOP);
    }
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match enter(directory.as_fd(), name) {
            Ok(below) => each(below.as_fd(), depth + 1, act)?,
            // Gone, or another mount.
            Err(Raw::NOENT | Raw::XDEV) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// One entry of a directory, a link as itself.
fn enter(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Raw> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    openat2(directory, name, flags, Mode::empty(), inside)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn label_of(path: &Path) -> String {
        let mut value = [0_u8; 256];
        let length = rustix::fs::lgetxattr(path, "security.selinux", &mut value[..]).unwrap_or(0);
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
        let label = "system_u:object_r:container_file_t:s0";
        relabel(&place("tree"), "", label, &["/etc"]).unwrap();
        for inside in ["tree", "tree/below", "tree/below/file", "tree/way-out", "tree/pipe"] {
            assert_eq!(label_of(&place(inside)), format!("{label}\0"), "{inside}");
        }
        for outside in ["outside", "outside/file"] {
            assert_ne!(label_of(&place(outside)), format!("{label}\0"), "{outside}");
        }
        // By whatever path.
        symlink("/etc", place("innocent")).unwrap();
        for never in [Path::new("/etc"), &place("innocent")] {
            let refused = relabel(never, "", label, &["/usr", "/etc"]).unwrap_err();
            assert!(
                matches!(refused, StoreError::File { errno, .. } if errno.name() == Some("EPERM"))
            );
        }
    }

    #[test]
    fn what_is_too_deep_is_refused_and_not_left_half_silently() {
        let directory = tempfile::tempdir().unwrap();
        let mut path = directory.path().to_owned();
        for _ in 0..=DEEPEST {
            path.push("d");
        }
        std::fs::create_dir_all(path).unwrap();
        assert!(give(directory.path(), "", (1, 1)).is_err());
    }
}
