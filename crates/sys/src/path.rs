//! Paths that cannot leave a directory: openat2(2) with the directory as root.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::path::Arg;

use crate::Errno;

/// Opens `path` as a process would whose root is `root`: absolute paths and symbolic links start there, `..` ends there, and
/// links of procfs that lead elsewhere are refused.
///
/// # Errors
/// As openat2(2); ELOOP for a magic link. EAGAIN, which a concurrent rename can cause, is tried again.
pub fn open_in_root(
    root: BorrowedFd<'_>,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    open_resolving(root, path, flags, mode, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// The same for a path that must hold no symbolic link at all.
///
/// # Errors
/// As [`open_in_root`]; ELOOP for any link.
pub fn open_without_links(
    root: BorrowedFd<'_>,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    open_resolving(root, path, flags, mode, ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS)
}

fn open_resolving(
    root: BorrowedFd<'_>,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    /// Tries after a rename or mount raced with the look-up; each race needs an active opponent.
    const TRIES: u32 = 32;
    let mut tries = 0;
    loop {
        match openat2(root, path, flags | OFlags::CLOEXEC, mode, resolve) {
            Err(rustix::io::Errno::AGAIN) if tries < TRIES => tries += 1,
            outcome => return outcome.map_err(Errno::from),
        }
    }
}
