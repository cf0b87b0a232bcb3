//! A process that was started, known for ever: its pid, its pidfd, and the moment it was made.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use spec::runtime::NamespaceKind;
use sys::{Errno, Namespaces};

/// A running process.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    pidfd: OwnedFd,
}

impl Process {
    pub(crate) const fn new(pid: i32, pidfd: OwnedFd) -> Self {
        Self { pid, pidfd }
    }

    /// A child of the caller's that nobody has waited for: until then its number is its own.
    pub(crate) fn child(pid: i32) -> Result<Self, Errno> {
        let number = Pid::from_raw(pid).ok_or(Errno::from_raw(libc::ESRCH))?;
        Ok(Self { pid, pidfd: pidfd_open(number, PidfdFlags::empty())? })
    }

    /// The process of that pid, if it was started at `start_time` (field 22 of `/proc/PID/stat`): a pid that was given to
    /// another process meanwhile is nothing.
    #[must_use]
    pub fn find(pid: i32, start_time: u64) -> Option<Self> {
        let pidfd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // Looked at after the descriptor is open: from now on the number cannot come to mean another process unnoticed.
        (self::start_time(pid) == Some(start_time)).then_some(Self { pid, pidfd })
    }

    /// Process id in the caller's pid namespace.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// Readable once the process has ended: pidfd_open(2).
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The processes of its pid namespace, by the caller's pids, sorted; the first one alone where the caller may not look.
    pub(crate) fn peers(&self) -> Vec<i32> {
        let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = namespace(self.pid);
        let others = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            (pid != self.pid && own.is_some() && namespace(pid) == own).then_some(pid)
        });
        let mut pids: Vec<i32> = others.chain([self.pid]).collect();
        pids.sort_unstable();
        pids
    }

    /// Whether it is in the caller's user namespace; where that cannot be seen, it counts as being in another.
    pub(crate) fn shares_our_users(&self) -> bool {
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/user")).ok();
        namespace("self").is_some_and(|own| namespace(&self.pid.to_string()) == Some(own))
    }

    /// Whether it has ended, reaped or not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let mut ended = [PollFd::new(&self.pidfd, PollFlags::IN)];
        matches!(poll(&mut ended, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
    }

    /// Waits for its end, and reaps it: for a child of the caller's. Gives the exit code, or 128 and the number of the signal that
    /// ended it, as shells do.
    ///
    /// # Errors
    /// ECHILD for a process that is not the caller's child. Kernel: waitid(2).
    pub fn wait(&self) -> Result<i32, Errno> {
        let status =
            crate::wire::retry(|| waitid(WaitId::PidFd(self.pidfd()), WaitIdOptions::EXITED))?;
        let status = status.ok_or(Errno::from_raw(libc::ECHILD))?;
        let signalled = || status.terminating_signal().map(|signal| 128 + signal);
        Ok(status.exit_status().or_else(signalled).unwrap_or(125))
    }

    /// Sends a signal; returns once the kernel has queued it.
    ///
    /// # Errors
    /// ESRCH when the process has ended, EINVAL for a number that is no signal.
    pub fn signal(&self, number: i32) -> Result<(), Errno> {
        let signal = Signal::from_named_raw(number);
        match signal {
            Some(signal) => pidfd_send_signal(&self.pidfd, signal).map_err(Errno::from),
            None => sys::send_signal(self.pidfd(), number),
        }
    }
}

/// When a process was started, in clock ticks since boot; nothing when it is gone. proc(5), `/proc/PID/stat`, field 22.
#[must_use]
pub fn start_time(pid: i32) -> Option<u64> {
    stat_field(pid, 22)?.parse().ok()
}

/// A field after the second, by the number that proc_pid_stat(5) gives it.
fn stat_field(pid: i32, number: usize) -> Option<String> {
    // Far longer than the line, and read at once: the kernel writes the line anew for each read.
    let mut line = [0; 1024];
    let length = fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
    // A name may end within a character: the kernel cuts it after 15 bytes.
    let stat = String::from_utf8_lossy(line.get(..length)?);
    // The name in parentheses may hold spaces and parentheses; the numbers follow the last one.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number.checked_sub(3)?).map(str::to_owned)
}

/// Whether a process that is there, reaped or not, has executed a program since it was cloned; nothing once it was reaped.
///
/// The kernel clears the bit before it closes what is to be closed at exec, and never sets it again: proc_pid_stat(5), field 9;
/// linux/sched.h, PF_FORKNOEXEC; fs/exec.c, begin_new_exec.
pub(crate) fn has_executed(process: &Process) -> Option<bool> {
    const FORKED_AND_NOT_EXECUTED: u64 = 0x40;
    let flags: u64 = stat_field(process.pid(), 9)?.parse().ok()?;
    // The number was the process's while it was read.
    sys::send_signal(process.pidfd(), 0).ok()?;
    Some(flags & FORKED_AND_NOT_EXECUTED == 0)
}

/// The kernel's bit of a kind.
pub(crate) const fn flag(kind: NamespaceKind) -> Namespaces {
    match kind {
        NamespaceKind::User => Namespaces::USER,
        NamespaceKind::Mount => Namespaces::MOUNT,
        NamespaceKind::Pid => Namespaces::PID,
        NamespaceKind::Network => Namespaces::NETWORK,
        NamespaceKind::Ipc => Namespaces::IPC,
        NamespaceKind::Uts => Namespaces::UTS,
        NamespaceKind::Cgroup => Namespaces::CGROUP,
        NamespaceKind::Time => Namespaces::TIME,
    }
}

/// The kinds that clone3 makes; time and cgroup namespaces are made by the child itself.
pub(crate) fn clone_flags(kinds: &[NamespaceKind]) -> Namespaces {
    let made_later =
        |kind: &&NamespaceKind| !matches!(kind, NamespaceKind::Cgroup | NamespaceKind::Time);
    let flags = kinds.iter().filter(made_later).map(|kind| flag(*kind));
    flags.fold(Namespaces::default(), Namespaces::with)
}
