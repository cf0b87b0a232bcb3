//! What an archive says about a file: from the open file, never from its path.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::walk::Met;
use super::{TreeError, failed, refused};
use crate::tar::{Kind, Metadata, Timestamp, Xattr};
use crate::view;

/// More than the kernel gives: XATTR_LIST_MAX and XATTR_SIZE_MAX of limits.h.
const MOST_XATTR_BYTES: usize = 65536;
/// What overlayfs writes down for itself.
const OVERLAY: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];
/// Of these, what makes a file another one than it seems; only overlayfs can read it. overlayfs.rst, "Metadata only copy up",
/// "Redirects", "Whiteouts and opaque directories".
const UNREADABLE: [&[u8]; 3] = [b"metacopy", b"redirect", b"whiteout"];

/// A file with all that an archive says about it.
pub(super) struct Described {
    pub(super) metadata: Metadata,
    /// The open file, of a regular one.
    pub(super) file: Option<File>,
    /// How many names it has, and what it is the same as.
    pub(super) links: u64,
    pub(super) inode: (u64, u64),
    /// Whether it is a directory that hides what is below it.
    pub(super) opaque: bool,
}

/// Opens what was met and describes it.
pub(super) fn describe(met: &Met) -> Result<Described, TreeError> {
    let flags = match met.kind {
        FileType::RegularFile => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        FileType::Directory => OFlags::RDONLY | OFlags::DIRECTORY,
        // Never opened for what they do.
        FileType::Symlink
        | FileType::Fifo
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Socket
        | FileType::Unknown => OFlags::PATH,
    };
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(met.directory(), &met.name[..], flags, Mode::empty());
    let opened = opened.map_err(failed("open", &met.path))?;
    describe_open(opened, met.kind, &met.path)
}

/// The same for what is open already.
pub(super) fn describe_open(
    opened: OwnedFd,
    kind: FileType,
    path: &[u8],
) -> Result<Described, TreeError> {
    let stat = fstat(&opened).map_err(failed("look at", path))?;
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Err(refused(path, "became something else while it was read"));
    }
    let (xattrs, opaque) = xattrs(opened.as_fd(), kind, path)?;
    let mut metadata = metadata(&stat, path)?;
    metadata.xattrs = xattrs;
    if kind == FileType::Symlink {
        let link = readlinkat(&opened, "", Vec::new()).map_err(failed("read link", path))?;
        metadata.link = link.into_bytes();
    }
    let file = (kind == FileType::RegularFile).then(|| File::from(opened));
    let inode = (stat.st_dev, stat.st_ino);
    Ok(Described { metadata, file, links: stat.st_nlink, inode, opaque })
}

fn metadata(stat: &Stat, path: &[u8]) -> Result<Metadata, TreeError> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::CharacterDevice => Kind::CharacterDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Socket | FileType::Unknown => {
            return Err(refused(path, "is of a kind that no archive holds"));
        }
    };
    let is_device = matches!(kind, Kind::CharacterDevice | Kind::BlockDevice);
    let device = || (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    let size = if kind == Kind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
    Ok(Metadata {
        path: path.to_vec(),
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: Timestamp {
            seconds: stat.st_mtime,
            nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        },
        size,
        device: if is_device { device() } else { (0, 0) },
        ..Metadata::default()
    })
}

/// The attributes that belong to the file, sorted, and whether one says that it is opaque. SELinux labels are the host's policy.
fn xattrs(
    file: BorrowedFd<'_>,
    kind: FileType,
    path: &[u8],
) -> Result<(Vec<Xattr>, bool), TreeError> {
    // A descriptor that is only a place has no attributes; this magic link leads to exactly what is open. proc_pid_fd(5).
    let place = format!("/proc/self/fd/{}", rustix::fd::AsRawFd::as_raw_fd(&file));
    let is_open = matches!(kind, FileType::RegularFile | FileType::Directory);
    let list = |into: &mut [u8]| {
        if is_open {
            rustix::fs::flistxattr(file, into)
        } else {
            rustix::fs::listxattr(&place, into)
        }
    };
    let get = |name: &[u8], into: &mut [u8]| {
        if is_open {
            rustix::fs::fgetxattr(file, name, into)
        } else {
            rustix::fs::getxattr(&place, name, into)
        }
    };
    let list = match whole(&list) {
        Err(Errno::OPNOTSUPP) => return Ok((Vec::new(), false)),
        list => list.map_err(failed("list attributes of", path))?,
    };
    let mut names: Vec<&[u8]> =
        list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    let (mut found, mut opaque) = (Vec::new(), false);
    for name in names {
        let value = match whole(&|into| get(name, into)) {
            // Taken away meanwhile.
            Err(Errno::NODATA) => continue,
            value => value.map_err(failed("read attributes of", path))?,
        };
        if let Some(own) = OVERLAY.iter().find_map(|prefix| name.strip_prefix(*prefix)) {
            let is_opaque = name == view::opaque().as_bytes();
            if UNREADABLE.contains(&own) || is_opaque && value != b"y" {
                return Err(refused(
                    path,
                    "is kept in a way that only the kernel's overlay can read",
                ));
            }
            opaque |= is_opaque;
        } else if name != b"security.selinux" {
            found.push(Xattr { name: name.to_vec(), value });
        }
    }
    Ok((found, opaque))
}

/// What a call gives that refuses a room that is too small with ERANGE: mostly little, at most what the kernel has.
fn whole(call: &dyn Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut little = [0; 256];
    match call(&mut little) {
        Err(Errno::RANGE) => {}
        length => return Ok(little[..length?].to_vec()),
    }
    let mut bytes = vec![0; MOST_XATTR_BYTES];
    let length = call(&mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}
