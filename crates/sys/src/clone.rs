//! clone3(2) as fork with flags: a child in new namespaces, known by a descriptor from birth.

use std::convert::Infallible;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicI32;

use crate::fd::own_fd;
use crate::{Errno, exit_now};

/// A set of `CLONE_NEW…` flags, see namespaces(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(u64);

impl Namespaces {
    /// A new user namespace.
    pub const USER: Self = Self(libc::CLONE_NEWUSER as u64);
    /// A new mount namespace.
    pub const MOUNT: Self = Self(libc::CLONE_NEWNS as u64);
    /// A new pid namespace.
    pub const PID: Self = Self(libc::CLONE_NEWPID as u64);
    /// A new network namespace.
    pub const NETWORK: Self = Self(libc::CLONE_NEWNET as u64);
    /// A new IPC namespace.
    pub const IPC: Self = Self(libc::CLONE_NEWIPC as u64);
    /// A new UTS namespace.
    pub const UTS: Self = Self(libc::CLONE_NEWUTS as u64);
    /// A new cgroup namespace.
    pub const CGROUP: Self = Self(libc::CLONE_NEWCGROUP as u64);
    /// A new time namespace (`CLONE_NEWTIME`); clone3 has no room for it beside the exit signal, unshare(2) has.
    pub const TIME: Self = Self(0x80);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kernel's bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// Linux 5.7, linux/sched.h; the constant of libc has too narrow a type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// How the child is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneArgs<'a> {
    /// Namespaces that it gets anew.
    pub namespaces: Namespaces,
    /// A cgroup v2 directory that it is born in (Linux 5.7).
    pub into_cgroup: Option<BorrowedFd<'a>>,
    /// Whether it becomes a sibling: its parent is the caller's parent.
    pub sibling: bool,
    /// Whether the caller stands still until the child has executed a program or ended: vfork(2), but with memory of its own.
    pub waits_for_exec: bool,
    /// Where the kernel stores the child's pid, in the caller's pid namespace, before the child runs. In a [`crate::SharedPage`] it
    /// is known to others even when the caller is killed on its return.
    pub told: Option<&'a AtomicI32>,
}

/// A child, seen by its parent.
#[derive(Debug)]
pub struct Cloned {
    /// Process id in the caller's pid namespace.
    pub pid: i32,
    /// Refers to it for ever, whatever becomes of the number: pidfd_open(2).
    pub pidfd: OwnedFd,
}

/// Makes a child that runs `child` in a copy of this process's memory.
///
/// The child has only the calling thread. Locks that another thread held stay locked in it for ever, so it is called from
/// processes with one thread, and `child` neither allocates nor locks where that cannot be promised.
///
/// # Errors
/// As clone3(2): EPERM without rights for the namespaces, ENOSPC beyond a limit of them, EAGAIN beyond a limit of processes.
pub fn clone3(args: CloneArgs<'_>, child: impl FnOnce() -> Infallible) -> Result<Cloned, Errno> {
    let mut pidfd: libc::c_int = -1;
    let mut raw = libc::clone_args {
        flags: args.namespaces.bits() | libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd).addr() as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..empty_args()
    };
    if let Some(cgroup) = args.into_cgroup {
        raw.flags |= CLONE_INTO_CGROUP;
        raw.cgroup = u64::from(cgroup.as_raw_fd().cast_unsigned());
    }
    if args.waits_for_exec {
        raw.flags |= libc::CLONE_VFORK as u64;
    }
    if args.sibling {
        raw.flags |= libc::CLONE_PARENT as u64;
        raw.exit_signal = 0;
    }
    if let Some(told) = args.told {
        raw.flags |= libc::CLONE_PARENT_SETTID as u64;
        raw.parent_tid = told.as_ptr().expose_provenance() as u64;
    }
    (&raw mut pidfd).expose_provenance();
    // SAFETY: without CLONE_VM the child gets a copy of the address space and of this stack, as after fork(2); `raw` lives
    // over the call, and the only memory the kernel writes is `pidfd` and an atomic integer, which live too.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const raw, size_of::<libc::clone_args>()) };
    match pid {
        0 => run_child(child),
        -1 => Err(Errno::last()),
        pid => Ok(Cloned { pid: narrow(pid), pidfd: own_fd(pidfd) }),
    }
}

/// Makes a child as fork(2) does, by the old system call: filters that know no clone3 (Docker's answers ENOSYS) let it pass.
/// Gives its pid. What [`clone3`] says about threads and locks holds here too.
///
/// # Errors
/// EAGAIN beyond a limit of processes.
pub fn fork(child: impl FnOnce() -> Infallible) -> Result<i32, Errno> {
    let nothing = 0_usize;
    let signal = libc::SIGCHLD.unsigned_abs() as usize;
    // clone(2), "C library/kernel differences": s390 has the new stack before the flags.
    let (first, second) =
        if cfg!(target_arch = "s390x") { (nothing, signal) } else { (signal, nothing) };
    // SAFETY: with a signal number as the only flag the child gets a copy of the address space and of this stack, as after
    // fork(2); the other arguments are null, which clone(2) takes as "not used".
    let pid = unsafe { libc::syscall(libc::SYS_clone, first, second, nothing, nothing, nothing) };
    match pid {
        0 => run_child(child),
        -1 => Err(Errno::last()),
        pid => Ok(narrow(pid)),
    }
}

/// Never returns, not even by a panic: the stack above belongs to the parent's copy of the program.
fn run_child(child: impl FnOnce() -> Infallible) -> ! {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            exit_now(125);
        }
    }
    let _leave = Leave;
    match child() {}
}

/// Process ids have at most 22 bits: proc(5), pid_max.
#[expect(clippy::cast_possible_truncation, reason = "a process id fits")]
const fn narrow(pid: libc::c_long) -> i32 {
    pid as i32
}

fn empty_args() -> libc::clone_args {
    // SAFETY: the structure holds integers only, and all zeros is the documented meaning of "not used".
    unsafe { std::mem::zeroed() }
}

/// Moves this thread into new namespaces by their `CLONE_NEW…` bits, see unshare(2). Not for CLONE_FILES or CLONE_FS, which
/// change what other threads rely on: bits that are no namespace are refused.
///
/// # Errors
/// As unshare(2); EINVAL for other bits.
pub fn unshare_namespaces(flags: u32) -> Result<(), Errno> {
    const ALL: u64 = Namespaces::USER.0
        | Namespaces::MOUNT.0
        | Namespaces::PID.0
        | Namespaces::NETWORK.0
        | Namespaces::IPC.0
        | Namespaces::UTS.0
        | Namespaces::CGROUP.0
        | Namespaces::TIME.0;
    if u64::from(flags) & !ALL != 0 {
        return Err(Errno::from_raw(libc::EINVAL));
    }
    // SAFETY: with namespace bits only, no memory and no descriptor table is unshared; the argument is an integer.
    let done = unsafe { libc::unshare(flags.cast_signed()) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Gives this thread a root, a working directory and a file mode mask of its own: setns(2) moves nobody into a mount namespace who
/// shares them. Safe in a thread that ends soon: no other one is changed. See unshare(2), CLONE_FS.
///
/// # Errors
/// None that is known of.
pub fn unshare_file_system() -> Result<(), Errno> {
    // SAFETY: no memory and no descriptor table is unshared; the argument is an integer.
    let done = unsafe { libc::unshare(libc::CLONE_FS) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Whether the calling process is in the user namespace of the machine itself, and not in one that somebody made: its number is fixed,
/// `USER_NS_INIT_INO` of linux/nsfs.h.
#[must_use]
pub fn has_machines_users() -> bool {
    use std::os::unix::fs::MetadataExt;
    const MACHINE: u64 = 0xEFFF_FFFD;
    // Without /proc nobody can tell, and nothing else works.
    std::fs::metadata("/proc/self/ns/user").is_ok_and(|about| about.ino() == MACHINE)
}

/// Whether a descriptor refers to a namespace of that kind: ioctl_nsfs(2), NS_GET_NSTYPE, Linux 4.11.
#[must_use]
pub fn is_namespace(descriptor: BorrowedFd<'_>, kind: Namespaces) -> bool {
    /// `_IO(0xb7, 3)`, linux/nsfs.h.
    const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
    // SAFETY: this request takes no argument and answers with a number; a descriptor of anything else is answered with ENOTTY.
    let answer = unsafe { libc::ioctl(descriptor.as_raw_fd(), NS_GET_NSTYPE) };
    u64::try_from(answer).is_ok_and(|answer| answer == kind.bits())
}

/// Moves this thread, or with [`Namespaces::PID`] its next children, into the namespace of a descriptor; with a pidfd into
/// every kind of that process's namespaces that is named. See setns(2), Linux 5.8 for pidfds.
///
/// # Errors
/// As setns(2): EPERM without rights in it, EINVAL where kind and descriptor do not fit.
pub fn enter_namespace(namespace: BorrowedFd<'_>, kinds: Namespaces) -> Result<(), Errno> {
    let kinds = i32::try_from(kinds.bits()).unwrap_or(-1);
    // SAFETY: the arguments are integers; no memory is shared or unshared.
    let done = unsafe { libc::setns(namespace.as_raw_fd(), kinds) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}
