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
    /// Tries after a rename or mount raced with the look-up; each race needs an active opponent.
    const TRIES: u32 = 32;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let mut tries = 0;
    loop {
        match openat2(root, path, flags | OFlags::CLOEXEC, mode, resolve) {
            Err(rustix::io::Errno::AGAIN) if tries < TRIES => tries += 1,
            outcome => return outcome.map_err(Errno::from),
        }
    }
}

/// The working directory's path, written into `space`; it does not begin with a slash when it lies outside the root.
///
/// # Errors
/// ERANGE when it is longer than the space, ENOENT when it was removed.
pub fn current_directory(space: &mut [u8]) -> Result<&[u8], Errno> {
    // SAFETY: the kernel writes at most `len` bytes into the space, which is that long.
    let length = unsafe { libc::syscall(libc::SYS_getcwd, space.as_mut_ptr(), space.len()) };
    match usize::try_from(length) {
        // The length counts the NUL at the end.
        Ok(length) => Ok(space.get(..length.saturating_sub(1)).unwrap_or_default()),
        Err(_negative) => Err(Errno::last()),
    }
}
