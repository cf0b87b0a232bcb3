//! A program of the machine's that makes files for somebody: in a mount namespace of its own, where ids are mapped also in a user
//! namespace of its own, and otherwise where its caller is. Nothing that it mounted or started is there after its end.
//!
//! ```text
//! child                                parent
//! waits               <----------      writes the id maps, Go
//! keeps its mounts to itself, executes
//! an error number     ---------->      or nothing, once it has executed
//! ```
//!
//! Start at [`Apart::run`]. Sources: unshare(1), user_namespaces(7), prctl(2) "PR_SET_CHILD_SUBREAPER", proc(5) "children".

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, waitid, waitpid,
};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use spec::runtime::IdMapping;
use sys::{CStringArray, CloneArgs, Errno, Namespaces, SignalSet, clone3, exit_now};

use crate::error::StartError;
use crate::wire::{self, ToChild};

/// What asks a program to end: SIGHUP, SIGINT, SIGQUIT, SIGTERM. signal(7).
const ENDINGS: [i32; 4] = [1, 2, 3, 15];
/// Size of `signalfd_siginfo`, and where in it the number and the code are. signalfd(2).
const RECORD_BYTES: usize = 128;
const CODE: std::ops::Range<usize> = 8..12;
/// The code of a signal that the terminal sent: to the whole group, so that the program has it as well. sigaction(2).
const SI_KERNEL: i32 = 0x80;
/// The shell, for scripts that do not name their interpreter, as execvp(3) takes it.
const SHELL: &std::ffi::CStr = c"/bin/sh";

/// What runs, and as whom.
#[derive(Clone, Copy, Debug)]
pub struct Apart<'a> {
    /// The program, by its path.
    pub program: &'a Path,
    /// What it is told behind its name.
    pub arguments: &'a [OsString],
    /// Users of the namespace in which it is root; the caller's own where there are none.
    pub uids: &'a [IdMapping],
    /// The same for groups.
    pub gids: &'a [IdMapping],
    /// Whether what it prints is talk: goes to the standard error.
    pub talks: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal of somebody else's.
    Signalled(i32),
    /// The caller was asked to end, by this signal, and has asked it in turn.
    Interrupted(i32),
}

/// The program, ready.
struct Prepared {
    path: CString,
    argv: CStringArray,
    by_shell: CStringArray,
    environment: CStringArray,
    is_mapped: bool,
    talks: bool,
}

impl Apart<'_> {
    /// Runs it on the caller's streams, in his group of processes, directory and environment, and returns once it and all that it
    /// started have ended. Signals that ask the caller to end ask the program meanwhile; a second one kills it.
    ///
    /// Called from a process with one thread: what becomes its child during the run is taken for the program's, and killed.
    ///
    /// # Errors
    /// When it cannot be executed, or a namespace or a map is refused.
    pub fn run(&self) -> Result<Ending, StartError> {
        let before = children();
        let prepared = self.prepare()?;
        let endings = ENDINGS.into_iter().fold(SignalSet::empty(), SignalSet::with);
        let blocked = sys::blocked_signals();
        let _never_fails = sys::block_signals(endings);
        // Orphans of the program come to us instead of to the machine's first process.
        let _unset = set_child_subreaper(Some(getpid()));
        let heard = sys::open_signalfd(endings).map_err(StartError::parent("hear of signals"));
        let ended = heard.and_then(|signals| {
            let child = self.start(&prepared)?;
            let ended = wait(&child, signals.as_fd());
            kill_others(&before);
            // One that came twice, as timeout(1) sends it, was meant for the program as well: the caller has to clean up.
            while next(signals.as_fd()).is_some() {}
            Ok(ended)
        });
        let _unset = set_child_subreaper(None);
        let _never_fails = sys::restore_signals(blocked);
        ended
    }

    fn prepare(&self) -> Result<Prepared, StartError> {
        let nul = |_nul| StartError::Nul { what: "an argument" };
        let string = |word: &OsStr| CString::new(word.as_bytes()).map_err(nul);
        let own = self.arguments.iter().map(|word| string(word));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let path = string(self.program.as_os_str())?;
        let with = |first: Vec<CString>| {
            CStringArray::new(first.into_iter().chain(own.iter().cloned()).collect())
        };
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            CString::new([name.into_vec(), value.into_vec()].join(&b'=')).ok()
        });
        Ok(Prepared {
            argv: with(vec![path.clone()]),
            by_shell: with(vec![SHELL.to_owned(), path.clone()]),
            path,
            environment: CStringArray::new(environment.collect()),
            is_mapped: !self.uids.is_empty(),
            talks: self.talks,
        })
    }

    fn start(&self, prepared: &Prepared) -> Result<sys::Cloned, StartError> {
        let mut namespaces = Namespaces::MOUNT;
        if prepared.is_mapped {
            namespaces = namespaces.with(Namespaces::USER);
        }
        let failed = |action| StartError::parent(action);
        let (ours, theirs) = wire::pair().map_err(failed("make a socket"))?;
        // A pipe that closes at exec tells whether the program runs.
        let (told, tell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|errno| failed("make a pipe")(errno.into()))?;
        let args = CloneArgs { namespaces, ..CloneArgs::default() };
        let child = clone3(args, || become_program(prepared, theirs.as_fd(), &tell))
            .map_err(failed("make namespaces for the program"))?;
        drop((theirs, tell));
        let mapped = if prepared.is_mapped {
            crate::id_map::write(child.pid, self.uids, self.gids)
        } else {
            Ok(())
        };
        let told_to_go = mapped.and_then(|()| {
            wire::tell_child(ours.as_fd(), ToChild::Go).map_err(failed("let the program go"))
        });
        if let Err(error) = told_to_go {
            // It has a copy of our end, and would wait for ever.
            let _gone = sys::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
            let _reaped = reap(child.pid);
            return Err(error);
        }
        let mut errno = [0_u8; 4];
        if matches!(wire::retry(|| rustix::io::read(&told, &mut errno[..])), Ok(4)) {
            let _reaped = reap(child.pid);
            let action = format!("execute {}", self.program.display());
            return Err(StartError::Parent {
                action,
                errno: Errno::from_raw(i32::from_ne_bytes(errno)),
            });
        }
        Ok(child)
    }
}

/// In the child: nothing here allocates.
fn become_program(prepared: &Prepared, socket: BorrowedFd<'_>, tell: &OwnedFd) -> Infallible {
    let errno = match enter(prepared, socket) {
        Ok(()) => {
            let errno = sys::execve(&prepared.path, &prepared.argv, &prepared.environment);
            if errno.raw() == libc::ENOEXEC {
                sys::execve(SHELL, &prepared.by_shell, &prepared.environment)
            } else {
                errno
            }
        }
        Err(errno) => errno,
    };
    let _nobody = rustix::io::write(tell, &errno.raw().to_ne_bytes());
    exit_now(127)
}

fn enter(prepared: &Prepared, socket: BorrowedFd<'_>) -> Result<(), Errno> {
    // Ends with its maker: what asks politely is blocked yet, and its copy of the maker's end keeps the socket open.
    let _unset = set_parent_process_death_signal(Some(Signal::KILL));
    wire::await_parent(socket, ToChild::Go).map_err(|failed| failed.errno)?;
    if prepared.is_mapped {
        let root = (rustix::process::Uid::ROOT, rustix::process::Gid::ROOT);
        set_thread_groups(&[])?;
        set_thread_res_gid(root.1, root.1, root.1)?;
        set_thread_res_uid(root.0, root.0, root.0)?;
    }
    // From here on it may put its things away. Changing ids took the other one back: prctl(2), PR_SET_PDEATHSIG.
    let _unset = set_parent_process_death_signal(Some(Signal::TERM));
    // What it mounts is nobody else's. mount_namespaces(7), "SHARED SUBTREES".
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    if prepared.talks {
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    }
    sys::close_on_exec_from(3)?;
    sys::default_signals();
    sys::unblock_all_signals()
}

/// Waits for the end, and passes on what asks for one.
fn wait(child: &sys::Cloned, signals: BorrowedFd<'_>) -> Ending {
    let mut asked = None;
    loop {
        let mut ready =
            [PollFd::new(&child.pidfd, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
        let _interrupted = poll(&mut ready, None);
        let has_ended = ready[0].revents().contains(PollFlags::IN);
        while let Some((signal, code)) = next(signals) {
            let number = if asked.is_some() { libc::SIGKILL } else { signal };
            if code != SI_KERNEL || asked.is_some() {
                let _gone = sys::send_signal(child.pidfd.as_fd(), number);
            }
            asked = asked.or(Some(signal));
        }
        if has_ended {
            let ended = reap(child.pid);
            return asked.map_or(ended, Ending::Interrupted);
        }
    }
}

/// The next signal that waits, and who sent it.
fn next(signals: BorrowedFd<'_>) -> Option<(i32, i32)> {
    let mut record = [0_u8; RECORD_BYTES];
    let count = rustix::io::read(signals, &mut record[..]).ok()?;
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
    let record = record.get(..count)?;
    Some((number(record)?, number(record.get(CODE)?)?))
}

fn reap(pid: i32) -> Ending {
    let status = wire::retry(|| waitpid(Pid::from_raw(pid), WaitOptions::empty()));
    match status {
        Ok(Some((_, status))) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Signalled(signal.unwrap_or(libc::SIGKILL)),
        },
        _ => Ending::Signalled(libc::SIGKILL),
    }
}

/// This process's children. proc(5), `/proc/PID/task/TID/children`.
fn children() -> Vec<i32> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    texts.flat_map(|text| numbers(&text)).collect()
}

fn numbers(text: &str) -> Vec<i32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Kills what the program has left, until nothing of it comes to us any more.
fn kill_others(before: &[i32]) {
    loop {
        let mut others = children();
        others.retain(|pid| !before.contains(pid));
        if others.is_empty() {
            return;
        }
        for pid in others.into_iter().filter_map(Pid::from_raw) {
            // Not reaped: its number is its own.
            let _gone = kill_process(pid, Signal::KILL);
            let _reaped = wire::retry(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED));
        }
    }
}
