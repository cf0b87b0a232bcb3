//! Trees of files copied as they are, and removed. Start at [`copy`].
//!
//! A root belongs to its container, and may hold anything: no link of it is followed, what is mounted in it is left out, and how deep it
//! is has a bound. Contents are shared with the original where the file system can, ioctl_ficlone(2).

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, SeekFrom, Stat, Timespec, Timestamps, Uid,
    XattrFlags, chmodat, chownat, fchmod, fgetxattr, flistxattr, fsetxattr, fstat, ftruncate,
    ioctl_ficlone, linkat, major, makedev, minor, mkdirat, mknodat, openat, readlinkat, seek,
    statat, symlinkat, utimensat,
};
use rustix::io::Errno;

/// How deep a tree may be.
const MOST_DEPTH: usize = 200;
/// Bytes of one extended attribute, and of their names. xattr(7).
const MOST_ATTRIBUTE: usize = 1 << 16;
const CHUNK: usize = 1 << 17;

/// Something of a tree that could not be copied or removed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum TreeError {
    #[error("copy {}", path.display())]
    Copy {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("copy {}: it is more than {MOST_DEPTH} directories deep", path.display())]
    Deep { path: PathBuf },
    #[error("remove {}", path.display())]
    Remove {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("remove {}: something is mounted at {}", path.display(), at.display())]
    Mounted { path: PathBuf, at: PathBuf },
}

/// Copies what is in a directory into another one, which is made: owners, permissions, times, extended attributes, links, devices and
/// holes are as they were.
///
/// # Errors
/// With the path of what could not be copied; what was copied before is left.
pub fn copy(from: &Path, to: &Path) -> Result<(), TreeError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |errno: Errno| TreeError::Copy { path, cause: errno.into() }
    };
    let source = directory(CWD, &path_text(from).map_err(failed(from))?).map_err(failed(from))?;
    match mkdirat(CWD, to, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(failed(to)(errno)),
    }
    let target = directory(CWD, &path_text(to).map_err(failed(to))?).map_err(failed(to))?;
    let device = fstat(&source).map_err(failed(from))?.st_dev;
    let mut copier = Copier { device, links: HashMap::new(), path: from.to_owned(), depth: 0 };
    copier.contents(source.as_fd(), target.as_fd())
}

/// Removes a directory with all that is in it. One that is not there is removed.
///
/// # Errors
/// When something is mounted in it, and what the disk refuses.
pub fn remove(path: &Path) -> Result<(), TreeError> {
    let failed = |cause| TreeError::Remove { path: path.to_owned(), cause };
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(failed)?;
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    if let Some(at) = points.map(Path::new).find(|point| point.starts_with(path)) {
        return Err(TreeError::Mounted { path: path.to_owned(), at: at.to_owned() });
    }
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

fn path_text(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_zero| Errno::INVAL)
}

fn directory(at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

struct Copier {
    /// What is on another one is mounted there.
    device: u64,
    /// Where files with several names went first.
    links: HashMap<u64, PathLink>,
    /// Where it is, for errors.
    path: PathBuf,
    depth: usize,
}

/// A file that was copied, held by a descriptor: its name may be long.
struct PathLink(OwnedFd);

impl Copier {
    fn contents(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), TreeError> {
        if self.depth > MOST_DEPTH {
            return Err(TreeError::Deep { path: self.path.clone() });
        }
        let entries = Dir::read_from(from).map_err(|errno| self.failed(errno))?;
        for entry in entries {
            let entry = entry.map_err(|errno| self.failed(errno))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.path.push(std::ffi::OsStr::new(&*name.to_string_lossy()));
            self.entry(from, to, name)?;
            self.path.pop();
        }
        let status = fstat(from).map_err(|errno| self.failed(errno))?;
        attributes(from, to)
            .and_then(|()| fixed(to, c".", &status, AtFlags::empty()))
            .map_err(|errno| self.failed(errno))
    }

    fn failed(&self, errno: Errno) -> TreeError {
        TreeError::Copy { path: self.path.clone(), cause: errno.into() }
    }

    fn entry(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
    ) -> Result<(), TreeError> {
        let status =
            statat(from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| self.failed(errno))?;
        if status.st_dev != self.device {
            return Ok(());
        }
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => {
                let source = directory(from, name).map_err(|errno| self.failed(errno))?;
                let made = mkdirat(to, name, Mode::RWXU).and_then(|()| directory(to, name));
                let target = made.map_err(|errno| self.failed(errno))?;
                self.depth += 1;
                self.contents(source.as_fd(), target.as_fd())?;
                self.depth -= 1;
                Ok(())
            }
            FileType::RegularFile => {
                self.file(from, to, name, &status).map_err(|errno| self.failed(errno))
            }
            FileType::Symlink => readlinkat(from, name, Vec::new())
                .and_then(|target| symlinkat(target, to, name))
                .and_then(|()| fixed(to, name, &status, AtFlags::SYMLINK_NOFOLLOW))
                .map_err(|errno| self.failed(errno)),
            kind @ (FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice) => {
                let device = makedev(major(status.st_rdev), minor(status.st_rdev));
                mknodat(to, name, kind, Mode::RUSR | Mode::WUSR, device)
                    .and_then(|()| fixed(to, name, &status, AtFlags::SYMLINK_NOFOLLOW))
                    .map_err(|errno| self.failed(errno))
            }
            FileType::Unknown => Err(self.failed(Errno::INVAL)),
        }
    }

    fn file(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        status: &Stat,
    ) -> Result<(), Errno> {
        if let Some(PathLink(first)) = self.links.get(&status.st_ino) {
            // A descriptor's own name, which is followed to the file. open(2), O_TMPFILE.
            let known = format!("/proc/self/fd/{}", descriptor(first));
            return linkat(CWD, known, to, name, AtFlags::SYMLINK_FOLLOW);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let source = openat(from, name, flags, Mode::empty())?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let target = openat(to, name, flags, Mode::RUSR | Mode::WUSR)?;
        if ioctl_ficlone(&target, &source).is_err() {
            data(&source, &target, status.st_size.unsigned_abs())?;
        }
        attributes(source.as_fd(), target.as_fd())?;
        fixed(to, name, status, AtFlags::SYMLINK_NOFOLLOW)?;
        if status.st_nlink > 1 {
            self.links.insert(status.st_ino, PathLink(target));
        }
        Ok(())
    }
}

fn descriptor(file: &OwnedFd) -> i32 {
    use std::os::fd::AsRawFd;
    file.as_raw_fd()
}

/// What a file holds; its holes stay holes. lseek(2), SEEK_DATA.
fn data(source: &OwnedFd, target: &OwnedFd, length: u64) -> Result<(), Errno> {
    ftruncate(target, length)?;
    let (reader, writer) = (
        File::from(source.try_clone().map_err(number)?),
        File::from(target.try_clone().map_err(number)?),
    );
    let mut buffer = vec![0_u8; CHUNK];
    let mut at = 0;
    while at < length {
        let begin = match seek(source, SeekFrom::Data(at)) {
            Ok(begin) => begin,
            Err(Errno::NXIO) => return Ok(()),
            Err(_cannot) => at,
        };
        let end = seek(source, SeekFrom::Hole(begin)).unwrap_or(length).min(length);
        at = begin;
        while at < end {
            let room = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            let count = reader.read_at(&mut buffer[..room], at).map_err(number)?;
            if count == 0 {
                return Ok(());
            }
            writer.write_all_at(&buffer[..count], at).map_err(number)?;
            at += count as u64;
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it so")]
fn number(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

/// Extended attributes; a file system that has none loses nothing.
fn attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut names = vec![0_u8; MOST_ATTRIBUTE];
    let count = match flistxattr(from, &mut names[..]) {
        Ok(count) => count,
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    let mut value = vec![0_u8; if count == 0 { 0 } else { MOST_ATTRIBUTE }];
    for name in names[..count].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let length = fgetxattr(from, name, &mut value[..])?;
        match fsetxattr(to, name, &value[..length], XattrFlags::empty()) {
            Ok(()) | Err(Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Owner, permissions and times, in this order: a new owner takes some permissions away. chown(2).
fn fixed(at: BorrowedFd<'_>, name: &CStr, status: &Stat, flags: AtFlags) -> Result<(), Errno> {
    let (owner, group) = (Uid::from_raw(status.st_uid), Gid::from_raw(status.st_gid));
    chownat(at, name, Some(owner), Some(group), flags)?;
    let kind = FileType::from_raw_mode(status.st_mode);
    let mode = Mode::from_raw_mode(status.st_mode);
    match kind {
        // It has none of its own.
        FileType::Symlink => {}
        FileType::Directory => fchmod(at, mode)?,
        FileType::RegularFile
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        // Made by us a moment ago, in a directory that nobody else knows.
        | FileType::Unknown => chmodat(at, name, mode, AtFlags::empty())?,
    }
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    let times = Timestamps {
        last_access: time(status.st_atime, status.st_atime_nsec),
        last_modification: time(status.st_mtime, status.st_mtime_nsec),
    };
    utimensat(at, name, &times, flags)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_copy_is_as_the_original() {
        let place = tempfile::tempdir().expect("a directory");
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        std::fs::create_dir_all(from.join("d/e")).expect("directories");
        std::fs::File::create(from.join("d/file"))
            .and_then(|file| {
                file.write_all_at(b"end", 1 << 20)?;
                file.set_permissions(PermissionsExt::from_mode(0o4711))
            })
            .expect("a file with a hole");
        std::fs::hard_link(from.join("d/file"), from.join("again")).expect("a second name");
        symlink("/etc/passwd", from.join("link")).expect("a link");
        symlink("/nowhere", from.join("d/e/dangling")).expect("a link");
        mknodat(CWD, from.join("fifo"), FileType::Fifo, Mode::RUSR, 0).expect("a fifo");
        copy(&from, &to).expect("a copy");
        let about = |path: &Path| std::fs::symlink_metadata(path).expect("something");
        for name in ["d", "d/file", "again", "link", "d/e/dangling", "fifo", ""] {
            let (old, new) = (about(&from.join(name)), about(&to.join(name)));
            assert_eq!(
                (old.mode(), old.size(), old.mtime(), old.nlink()),
                (new.mode(), new.size(), new.mtime(), new.nlink()),
                "{name}"
            );
        }
        assert_eq!(about(&to.join("d/file")).ino(), about(&to.join("again")).ino());
        assert!(about(&to.join("d/file")).blocks() < 1024, "the hole is one");
        assert_eq!(std::fs::read_link(to.join("link")).expect("a link"), Path::new("/etc/passwd"));
        remove(&to).expect("it goes");
        remove(&to).expect("it is gone");
        assert!(from.join("d/file").exists());
    }

    #[test]
    fn nothing_is_mounted_in_what_is_removed() {
        assert!(matches!(remove(Path::new("/proc")), Err(TreeError::Mounted { .. })));
    }

    #[test]
    fn a_deep_tree_is_refused() {
        let place = tempfile::tempdir().expect("a directory");
        let mut path = place.path().join("from");
        for _ in 0..MOST_DEPTH + 3 {
            path.push("d");
        }
        std::fs::create_dir_all(path).expect("directories");
        let error = copy(&place.path().join("from"), &place.path().join("to")).expect_err("deep");
        assert!(matches!(error, TreeError::Deep { .. }), "{error}");
    }
}
