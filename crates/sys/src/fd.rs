//! Descriptors in bulk, and numbers that become owned.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Errno;

/// How far [`close_from`] goes where it has to count.
const MOST_DESCRIPTORS: u32 = 65_536;

/// Owns a descriptor number that the kernel has just handed out to the caller.
pub(crate) fn own_fd(number: i32) -> OwnedFd {
    // SAFETY: every caller passes what a successful system call has just returned, so it is open and has no other owner.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Numbers that [`inherited_fd`] has given out.
static CLAIMED: AtomicU64 = AtomicU64::new(0);

/// Owns a descriptor that the program was started with by agreement: its number, 3 to 63, is part of a protocol between two
/// runs of this program. Nothing where it is not open or was claimed before. Marks it close-on-exec.
#[must_use]
pub fn inherited_fd(number: u8) -> Option<OwnedFd> {
    let bit = 1_u64.checked_shl(number.into()).filter(|_| number >= 3)?;
    if CLAIMED.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return None;
    }
    // SAFETY: F_SETFD takes integers only; a number that is not open is answered with EBADF.
    let open = unsafe { libc::fcntl(number.into(), libc::F_SETFD, libc::FD_CLOEXEC) } == 0;
    // By the protocol nothing of this run opened it, and each number is claimed once.
    open.then(|| own_fd(number.into()))
}

/// Marks every descriptor from `first` on close-on-exec. See close_range(2), Linux 5.11.
///
/// # Errors
/// ENOSYS or EINVAL on kernels before 5.11.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    // SAFETY: with CLOSE_RANGE_CLOEXEC nothing is closed, only a flag is set; the arguments are integers.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Closes every descriptor from `first` on. For a process that forgets its past; owners of what was closed must be gone.
///
/// Under a filter that does not know close_range(2), Linux 5.9, the first 65,536 are closed one by one.
pub fn close_from(first: u32) {
    // SAFETY: the arguments are integers. The caller is a forked child that never drops what it inherited.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if done == 0 {
        return;
    }
    for number in first..MOST_DESCRIPTORS {
        // SAFETY: as above; a number that is not open is EBADF.
        unsafe { libc::syscall(libc::SYS_close, number) };
    }
}

/// Whether a descriptor of that number is open. fcntl(2), `F_GETFD`.
#[must_use]
pub fn is_open(number: u32) -> bool {
    let Ok(number) = i32::try_from(number) else { return false };
    // SAFETY: F_GETFD takes no pointer, and changes nothing; a number that is not open is EBADF.
    unsafe { libc::fcntl(number, libc::F_GETFD) >= 0 }
}

/// Closes one descriptor that a forked child inherited and whose owner it never drops: the other end of a socket, whose closing
/// by the parent it would otherwise never see.
pub fn close_inherited(descriptor: BorrowedFd<'_>) {
    // SAFETY: close takes an integer. By this function's contract the owner is never dropped in this process.
    unsafe { libc::close(descriptor.as_raw_fd()) };
}

/// Closes every descriptor from `first` on but those of `keep`. As [`close_from`], for a process that forgets its past: of what
/// it owned only `keep` may still be used.
///
/// # Errors
/// As close_range(2): ENOSYS before Linux 5.9.
pub fn close_all_but(first: u32, keep: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut next = first;
    loop {
        let numbers = keep.iter().map(|kept| kept.as_raw_fd().cast_unsigned());
        let kept = numbers.filter(|number| *number >= next).min();
        let last = kept.map_or(u32::MAX, |kept| kept.wrapping_sub(1));
        if kept != Some(next) {
            // SAFETY: the arguments are integers. The caller is a forked child that uses nothing else of what it inherited.
            let done = unsafe { libc::syscall(libc::SYS_close_range, next, last, 0) };
            if done != 0 {
                return Err(Errno::last());
            }
        }
        match kept {
            Some(kept) => next = kept + 1,
            None => return Ok(()),
        }
    }
}

/// Puts a copy of a descriptor at `number`, open over exec: the other end of [`inherited_fd`]. What was open at the number is
/// closed. Only for a forked child on its way to exec, which no longer uses what its parent had open.
///
/// # Errors
/// EBADF for a number that no descriptor can have.
pub fn place_inherited(descriptor: BorrowedFd<'_>, number: u8) -> Result<(), Errno> {
    // SAFETY: dup2 takes integers; by this function's contract nothing in this process owns `number` any more.
    let done = unsafe { libc::dup2(descriptor.as_raw_fd(), number.into()) };
    if done >= 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Whether something that was sent over a Unix socket has not been read at its other end: SIOCOUTQ of unix(7), which counts the kernel's own room too. Of a
/// TCP socket it is what was not acknowledged, tcp(7).
///
/// # Errors
/// ENOTTY for what is no socket.
pub fn unread_by_peer(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut count: libc::c_int = 0;
    // SAFETY: the kernel writes one int, which `count` is.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if done == 0 { Ok(count > 0) } else { Err(Errno::last()) }
}
