//! Signal masks and signals as a descriptor. Source: signal(7), signalfd(2).

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::Errno;
use crate::fd::own_fd;

/// The last real-time signal, signal(7).
const HIGHEST: libc::c_int = 64;
/// Bytes of the kernel's signal set.
const KERNEL_SET_SIZE: usize = 8;

/// A set of signals by number.
#[derive(Clone, Copy)]
pub struct SignalSet(libc::sigset_t);

impl std::fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignalSet")
    }
}

impl SignalSet {
    /// No signal.
    #[must_use]
    pub fn empty() -> Self {
        // SAFETY: a signal set is an array of integers, for which zeros are valid.
        let mut set = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a signal set that we own.
        unsafe { libc::sigemptyset(&raw mut set) };
        Self(set)
    }

    /// Every signal.
    #[must_use]
    pub fn all() -> Self {
        let mut set = Self::empty();
        // SAFETY: the set is ours.
        unsafe { libc::sigfillset(&raw mut set.0) };
        set
    }

    /// The set with one more; numbers that are no signal change nothing.
    #[must_use]
    pub fn with(mut self, signal: i32) -> Self {
        // SAFETY: the set is ours; a wrong number is answered with EINVAL.
        unsafe { libc::sigaddset(&raw mut self.0, signal) };
        self
    }

    /// The set with one less.
    #[must_use]
    pub fn without(mut self, signal: i32) -> Self {
        // SAFETY: the set is ours; a wrong number is answered with EINVAL.
        unsafe { libc::sigdelset(&raw mut self.0, signal) };
        self
    }
}

/// Blocks the signals in this thread, beside those that are blocked already.
///
/// # Errors
/// Never in practice: sigprocmask(2) fails on bad pointers only.
pub fn block_signals(set: SignalSet) -> Result<(), Errno> {
    change_mask(libc::SIG_BLOCK, set)
}

/// Unblocks the signals in this thread; the others stay as they are.
///
/// # Errors
/// Never in practice, as [`block_signals`].
pub fn unblock_signals(set: SignalSet) -> Result<(), Errno> {
    change_mask(libc::SIG_UNBLOCK, set)
}

/// Unblocks every signal in this thread.
///
/// # Errors
/// Never in practice, as [`block_signals`].
pub fn unblock_all_signals() -> Result<(), Errno> {
    change_mask(libc::SIG_SETMASK, SignalSet::empty())
}

/// The signals that this thread has blocked.
#[must_use]
pub fn blocked_signals() -> SignalSet {
    let mut set = SignalSet::empty();
    // SAFETY: a null new set changes nothing, and the old one is written to a set of ours.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut set.0) };
    set
}

/// Blocks exactly these signals in this thread: what [`blocked_signals`] gave.
///
/// # Errors
/// Never in practice, as [`block_signals`].
pub fn restore_signals(set: SignalSet) -> Result<(), Errno> {
    change_mask(libc::SIG_SETMASK, set)
}

fn change_mask(how: libc::c_int, set: SignalSet) -> Result<(), Errno> {
    // SAFETY: the set outlives the call, and a null old set is allowed.
    let done = unsafe { libc::sigprocmask(how, &raw const set.0, std::ptr::null_mut()) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Sets every signal back to its default: a program starts with what its parent ignored, see execve(2).
pub fn default_signals() {
    // The C library keeps two real-time signals for itself and refuses to change them, but exec(2) would pass on that one was
    // ignored; hence the system call. All zeros: SIG_DFL, no flags, an empty mask.
    let default = [0_u64; 4];
    let nothing = std::ptr::null_mut::<u64>();
    for signal in 1..=HIGHEST {
        // SAFETY: the kernel reads one `struct sigaction`, at most four words, which `default` is; a null old action is allowed,
        // and SIGKILL and SIGSTOP are answered with EINVAL.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                nothing,
                KERNEL_SET_SIZE,
            )
        };
    }
}

/// A descriptor from which the signals of `set` are read as `signalfd_siginfo`; the set must be blocked.
///
/// # Errors
/// EMFILE and ENFILE beyond the limits of descriptors.
pub fn open_signalfd(set: SignalSet) -> Result<OwnedFd, Errno> {
    // SAFETY: the set outlives the call; −1 asks for a new descriptor.
    let fd =
        unsafe { libc::signalfd(-1, &raw const set.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd >= 0 { Ok(own_fd(fd)) } else { Err(Errno::last()) }
}

/// Sends any signal, real-time ones too, to the process behind a pidfd. See pidfd_send_signal(2).
///
/// # Errors
/// ESRCH when it has ended, EINVAL for a number that is no signal, EPERM without the rights.
pub fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let nothing = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the arguments are integers and a null pointer, which asks for the information that kill(2) would give.
    let done = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, nothing, 0)
    };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Waits for one of the blocked signals of `set` and gives its number. See sigwaitinfo(2).
///
/// # Errors
/// EINTR when another signal arrived.
pub fn wait_for_signal(set: SignalSet) -> Result<i32, Errno> {
    // SAFETY: the set outlives the call, and a null information pointer is allowed.
    let signal = unsafe { libc::sigwaitinfo(&raw const set.0, std::ptr::null_mut()) };
    if signal > 0 { Ok(signal) } else { Err(Errno::last()) }
}

/// The same for `patience` at most.
///
/// # Errors
/// EAGAIN when none has come by then, EINTR when another signal arrived.
pub fn wait_for_signal_within(set: SignalSet, patience: Duration) -> Result<i32, Errno> {
    let patience = libc::timespec {
        tv_sec: libc::time_t::try_from(patience.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    // SAFETY: set and time outlive the call, and a null information pointer is allowed.
    let signal =
        unsafe { libc::sigtimedwait(&raw const set.0, std::ptr::null_mut(), &raw const patience) };
    if signal > 0 { Ok(signal) } else { Err(Errno::last()) }
}

/// Sends a signal to a process by its number. Only for a child that the caller has not reaped: another number may mean
/// another process by now. See kill(2).
///
/// # Errors
/// ESRCH when there is no such process.
pub fn signal_child(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: kill takes integers.
    let done = unsafe { libc::kill(pid, signal) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}
