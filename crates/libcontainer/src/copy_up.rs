//! What a directory held, copied into the tmpfs that now covers it (`tmpcopyup`). Runs in the child: nothing here allocates.
//!
//! Links are copied as links and never followed; devices and sockets are left out.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, Stat, chownat, fchown, mkdirat, openat, sendfile,
    statat, symlinkat,
};
use rustix::fs::{fchmod, readlinkat_raw};
use rustix::process::{Gid, Uid};
use sys::Errno;

/// Directories below each other; each takes a frame with a buffer on the stack.
const DEEPEST: u32 = 64;
const BUFFER: usize = 4096;

/// Copies what is in `from` into `to`.
pub(crate) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
    let from =
        openat(from, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    copy_directory(from.as_fd(), to, 0)
}

fn copy_directory(from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: u32) -> Result<(), Errno> {
    if depth == DEEPEST {
        return Err(Errno::from_raw(libc::ELOOP));
    }
    let mut space = [MaybeUninit::uninit(); BUFFER];
    let mut entries = RawDir::new(from, &mut space);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            copy_entry(from, to, name, depth)?;
        }
    }
    Ok(())
}

fn copy_entry(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &CStr,
    depth: u32,
) -> Result<(), Errno> {
    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::from_raw_mode(0o700))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let (below, target) = (
                openat(from, name, flags, Mode::empty())?,
                openat(to, name, flags, Mode::empty())?,
            );
            copy_directory(below.as_fd(), target.as_fd(), depth + 1)?;
            give(&target, &stat)
        }
        FileType::Symlink => copy_link(from, to, name, &stat),
        FileType::RegularFile => copy_file(from, to, name, &stat),
        FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Ok(()),
    }
}

fn copy_link(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &CStr,
    stat: &Stat,
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); BUFFER];
    // One byte stays free for the NUL.
    let (target, _) = readlinkat_raw(from, name, &mut space[..BUFFER - 1])?;
    let mut text = [0_u8; BUFFER];
    text[..target.len()].copy_from_slice(target);
    let target = CStr::from_bytes_until_nul(&text)
        .map_err(|_unterminated| Errno::from_raw(libc::ENAMETOOLONG))?;
    symlinkat(target, to, name)?;
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(Errno::from)
}

fn copy_file(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &CStr,
    stat: &Stat,
) -> Result<(), Errno> {
    let source =
        openat(from, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = openat(to, name, flags, Mode::from_raw_mode(0o600))?;
    while sendfile(&target, &source, None, 1 << 20)? > 0 {}
    give(&target, stat)
}

fn give(target: &OwnedFd, stat: &Stat) -> Result<(), Errno> {
    fchown(target, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
    fchmod(target, Mode::from_raw_mode(stat.st_mode & 0o7777)).map_err(Errno::from)
}
