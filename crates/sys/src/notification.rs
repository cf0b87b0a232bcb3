//! Answering system calls of others: the listener of a filter with SECCOMP_RET_USER_NOTIF. Sources: seccomp_unotify(2),
//! linux/seccomp.h.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// `SECCOMP_IOCTL_NOTIF_RECV`, `…_SEND` and `…_ID_VALID`: `_IOWR('!', 0, struct seccomp_notif)`, `_IOWR('!', 1, struct
/// seccomp_notif_resp)`, `_IOW('!', 2, __u64)`.
const RECEIVE: libc::Ioctl = libc::_IOWR::<Notification>(b'!' as u32, 0);
const SEND: libc::Ioctl = libc::_IOWR::<Response>(b'!' as u32, 1);
const ID_VALID: libc::Ioctl = libc::_IOW::<u64>(b'!' as u32, 2);

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
const CONTINUE: u32 = 1;

/// A system call that waits for its answer. Laid out as the kernel's `seccomp_notif`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Notification {
    /// What the answer is given to.
    pub id: u64,
    /// Thread that calls, in the pid namespace of who asks.
    pub pid: u32,
    flags: u32,
    /// The call's number.
    pub number: i32,
    /// Under which architecture, `AUDIT_ARCH_…`.
    pub architecture: u32,
    instruction_pointer: u64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// What becomes of a call. Laid out as the kernel's `seccomp_notif_resp`.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel carries it out. What its pointers lead to may be other than it was when somebody looked: nothing that was decided
    /// by looking there holds, seccomp_unotify(2).
    Continue,
    /// It gives this.
    Value(i64),
    /// It fails with this.
    Error(Errno),
}

/// Takes the next call that waits; without one it waits.
///
/// # Errors
/// ENOENT when the caller was killed meanwhile, EINTR.
pub fn receive_notification(listener: BorrowedFd<'_>) -> Result<Notification, Errno> {
    // The kernel wants it zeroed.
    let mut notification = Notification::default();
    // SAFETY: the command's argument is a seccomp_notif (repr(C), 80 bytes, no padding), which is initialised, ours alone and
    // outlives the call; the kernel writes integers.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE, &raw mut notification) };
    if done == 0 { Ok(notification) } else { Err(Errno::last()) }
}

/// Answers a call.
///
/// # Errors
/// ENOENT when nobody waits for it any more.
pub fn answer_notification(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> Result<(), Errno> {
    let mut response = match answer {
        Answer::Continue => Response { id, value: 0, error: 0, flags: CONTINUE },
        Answer::Value(value) => Response { id, value, error: 0, flags: 0 },
        Answer::Error(errno) => Response { id, value: 0, error: -errno.raw(), flags: 0 },
    };
    // SAFETY: the command's argument is a seccomp_notif_resp (repr(C), 24 bytes, no padding), initialised, and outlives the call.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), SEND, &raw mut response) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Whether the call still waits: only then was what was read of its process meanwhile that process's. seccomp_unotify(2).
#[must_use]
pub fn notification_waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the command's argument is a u64, which the kernel reads, and which outlives the call.
    unsafe { libc::ioctl(listener.as_raw_fd(), ID_VALID, &raw const id) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layouts_are_the_kernels() {
        assert_eq!(size_of::<Notification>(), 80);
        assert_eq!(size_of::<Response>(), 24);
        // As strace(1) shows them on x86 and arm; PowerPC has the directions in other bits.
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            assert_eq!([RECEIVE, SEND, ID_VALID], [0xc050_2100, 0xc018_2101, 0x4008_2102]);
        }
    }
}
