//! A further process in a running container: `exec`.
//!
//! ```text
//! parent (the monitor)      helper                          process
//! clone3     ------------>  undumpable, enters the groups
//!                           setns by pidfd, all kinds
//!                           clone3 (sibling) ------------>  opens the terminal
//!            <-- its end -  exits                            …
//!            <------------------------------- Ready          waits
//!            ------------------------------->  Go            becomes the program
//! ```
//!
//! A pid namespace is entered by children only, hence the helper; its child is the parent's child too (CLONE_PARENT), so that
//! the parent reaps it. It enters undumpable: a process of the container that traces could read what the monitor still had
//! in memory (CVE-2016-9962). exec(2) ends that.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, open, readlink, statx};
use rustix::io::Errno as Raw;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use sys::{CloneArgs, Errno, Namespaces, clone3, exit_now};

use crate::cgroup::{Cgroup, Entry};
use crate::console;
use crate::create::{Stdio, end, wait_for};
use crate::error::StartError;
use crate::hooks::ReceivedFiles;
use crate::id_map;
use crate::identity;
use crate::names::Names;
use crate::number_set::NumberSet;
use crate::plan::ProcessPlan;
use crate::prepared::PreparedProcess;
use crate::process::Process;
use crate::progress::{Progress, Trace};
use crate::scheduling::{self, Processors};
use crate::seccomp::Confined;
use crate::show::{KINDS, Shown};
use crate::wire::{self, At, Failed, FromChild, ProcessStep, ToChild};

/// A process that has joined, and its terminal's master.
#[derive(Debug)]
pub struct Joined {
    /// The process, a child of the caller.
    pub process: Process,
    /// With [`Stdio::Terminal`] the master.
    pub console: Option<OwnedFd>,
}

/// Runs a process in the namespaces and groups of `target`, the container's first process; returns once its program runs.
/// The caller has one thread.
///
/// # Errors
/// As [`crate::Created::start`].
pub fn join(
    target: &Process,
    cgroup: &Cgroup,
    process: &ProcessPlan,
    stdio: Stdio<'_>,
) -> Result<Joined, StartError> {
    let entry = cgroup.entry_beside(target.pid()).map_err(StartError::Cgroup)?;
    join_through(target, &entry, process, stdio)
}

/// The same, into the groups that `entry` leads to.
///
/// # Errors
/// As [`crate::Created::start`].
pub fn join_through(
    target: &Process,
    entry: &Entry,
    process: &ProcessPlan,
    stdio: Stdio<'_>,
) -> Result<Joined, StartError> {
    join_shown((target, &[]), entry, process, stdio)
}

/// The same into namespaces that the target has shown, where it has.
pub(crate) fn join_shown(
    (target, shown): (&Process, &[Shown]),
    entry: &Entry,
    process: &ProcessPlan,
    stdio: Stdio<'_>,
) -> Result<Joined, StartError> {
    let processors = &process.scheduling.exec_processors;
    let mut prepared = PreparedProcess::new(process, Processors::of_exec(processors))?;
    prepared.makes_cwd = false;
    let kinds = match shown {
        [] => differing_namespaces(target),
        shown => Ok(shown.iter().fold(Namespaces::default(), |all, (kind, _)| all.with(*kind))),
    };
    let kinds = kinds.map_err(StartError::parent(format!("join process {}", target.pid())))?;
    let root = foreign_root(target, kinds)
        .map_err(StartError::parent(format!("join process {}", target.pid())))?;
    if kinds.contains(Namespaces::USER)
        && !id_map::is_unprivileged()
        && let Some(root) = id_map::root_of(target.pid())
    {
        id_map::give_pipes(stdio.streams(), root)
            .map_err(StartError::parent("give the pipes to the container's root"))?;
    }
    let (socket, child_socket) = wire::pair().map_err(StartError::parent("make a socket pair"))?;
    let progress = Progress::new().map_err(StartError::parent("make a page of memory to share"))?;
    let joining = Joining {
        root: root.as_ref().map(AsFd::as_fd),
        target: target.pidfd(),
        kinds,
        shown,
        entry,
        process: &prepared,
        socket: child_socket.as_fd(),
        progress: &progress,
        parents_end: socket.as_fd(),
        stdio: stdio.streams(),
    };
    let args = CloneArgs { into_cgroup: entry.into_cgroup(), ..CloneArgs::default() };
    let helper = on_processors(processors.entering.as_ref(), || {
        let made = match clone3(args, || helper(&joining)) {
            Err(errno) if args.into_cgroup.is_some() && entry.passes_over(errno) => {
                clone3(CloneArgs::default(), || helper(&joining))
            }
            made => made,
        };
        made.map_err(StartError::parent("make the joining process"))
    })?;
    drop(child_socket);
    let helper = Process::new(helper.pid, helper.pidfd);
    let hearing = Hearing { socket, trace: progress.into_trace(), names: Names::of(process) };
    let (mut process, mut console) = (None, None);
    let heard = hearing.hear(target.pid(), &mut process, &mut console);
    // It ends by itself as soon as it has made the process, or failed.
    let how = wait_for(&helper);
    match (heard, process) {
        (Ok(()), Some(process)) => Ok(Joined { process, console }),
        (heard, process) => Err(hearing.give_up(heard.err().flatten(), process, how)),
    }
}

/// Runs `clone` on these processors, so that its child begins there: by clone3 it may be born in the container's control groups.
fn on_processors<T>(
    processors: Option<&NumberSet>,
    clone: impl FnOnce() -> Result<T, StartError>,
) -> Result<T, StartError> {
    let Some(processors) = processors else { return clone() };
    let setting = || StartError::parent(format!("run on the CPUs {processors}"));
    let mut own = [0; scheduling::WORDS];
    let words = sys::cpu_affinity(&mut own).map_err(setting())?;
    sys::set_cpu_affinity(processors.words()).map_err(setting())?;
    let cloned = clone();
    // They were ours a moment ago; were they taken away meanwhile, the kernel has chosen others.
    let _moved = sys::set_cpu_affinity(&own[..words]);
    cloned
}

/// The kinds of namespaces in which the target differs from us: setns(2) refuses a user namespace that the caller is in.
///
/// A target that has ended, or whose links cannot be read, is an error: what joins nothing would run on the host.
fn differing_namespaces(target: &Process) -> Result<Namespaces, Errno> {
    let pid = target.pid();
    let mut differing = Namespaces::default();
    for (name, kind) in KINDS {
        let name = name.to_string_lossy();
        let own = readlink(format!("/proc/self/ns/{name}"), Vec::new());
        let theirs = match (readlink(format!("/proc/{pid}/ns/{name}"), Vec::new()), &own) {
            (Ok(theirs), _) => theirs,
            // A kind that this kernel does not have.
            (Err(Raw::NOENT), Err(Raw::NOENT)) => continue,
            (Err(Raw::NOENT), Ok(_)) => return Err(Errno::from_raw(libc::ESRCH)),
            (Err(errno), _) => return Err(errno.into()),
        };
        if own? != theirs {
            differing = differing.with(kind);
        }
    }
    // The number was the target's while it was read: the target still lives.
    sys::send_signal(target.pidfd(), 0)?;
    Ok(differing)
}

/// The root of a container without mounts of its own, which no namespace leads to. Whose root is ours is no container.
fn foreign_root(target: &Process, kinds: Namespaces) -> Result<Option<OwnedFd>, Errno> {
    if kinds.contains(Namespaces::MOUNT) {
        return Ok(None);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let look =
        |fd: &OwnedFd| statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::INO | StatxFlags::MNT_ID);
    let open = |path: String| open(path, flags, Mode::empty());
    let (root, own) = (open(format!("/proc/{}/root", target.pid()))?, open("/".to_owned())?);
    let (theirs, ours) = (look(&root)?, look(&own)?);
    // The number was the target's while it was opened: the target still lives.
    sys::send_signal(target.pidfd(), 0)?;
    if (theirs.stx_mnt_id, theirs.stx_ino) == (ours.stx_mnt_id, ours.stx_ino) {
        return Err(Errno::from_raw(libc::ESRCH));
    }
    Ok(Some(root))
}

/// The parent's side. Helper and process talk over one socket.
struct Hearing {
    socket: OwnedFd,
    trace: Trace,
    names: Names,
}

impl Hearing {
    /// Until the program runs; an error that is nothing is the end without a word.
    fn hear(
        &self,
        first: i32,
        process: &mut Option<Process>,
        console: &mut Option<OwnedFd>,
    ) -> Result<(), Option<StartError>> {
        let socket = self.socket.as_fd();
        loop {
            match wire::hear_child(socket)
                .map_err(StartError::parent("hear the joining process"))?
            {
                FromChild::Ready { descriptor } => {
                    *console = descriptor;
                    // Known since before it ran, even if its helper was killed.
                    *process = self.made()?;
                    wire::tell_child_with(socket, ToChild::Go, &[])
                        .map_err(StartError::parent("open the gate"))?;
                }
                FromChild::Listener { descriptor: Some(listener) } => {
                    let pid = process.as_ref().map_or(0, Process::pid);
                    self.names.deliver(&listener, Confined { pid, first })?;
                }
                FromChild::Failed(failed) => {
                    return Err(Some(self.names.explain(failed, None, None)));
                }
                FromChild::Closed => {
                    let ran =
                        process.as_ref().is_some_and(|process| self.trace.program_runs(process));
                    return if ran { Ok(()) } else { Err(None) };
                }
                FromChild::Hooks
                | FromChild::Wish { .. }
                | FromChild::Terminal { .. }
                | FromChild::Trace { .. }
                | FromChild::Namespace { .. }
                | FromChild::Listener { descriptor: None } => return Err(None),
            }
        }
    }

    fn made(&self) -> Result<Option<Process>, StartError> {
        let process = self.trace.made().map(Process::child).transpose();
        process.map_err(StartError::parent("find the joining process"))
    }

    /// Leaves nothing, once the helper is gone, which ended like that.
    fn give_up(
        &self,
        error: Option<StartError>,
        process: Option<Process>,
        helper: String,
    ) -> StartError {
        let process = process.or_else(|| self.made().ok().flatten());
        // It may stand at a call that nobody will answer now.
        let how = process.as_ref().map_or(helper, end);
        error.unwrap_or_else(|| self.names.vanished(self.trace.place(), None, how))
    }
}

/// What helper and process are handed.
struct Joining<'a> {
    target: BorrowedFd<'a>,
    kinds: Namespaces,
    /// The same namespaces, of a target that has shown them.
    shown: &'a [Shown],
    /// The container's root, where no mount namespace of its own leads to it.
    root: Option<BorrowedFd<'a>>,
    entry: &'a Entry,
    process: &'a PreparedProcess,
    socket: BorrowedFd<'a>,
    /// Where each tells where it is, and the kernel the pid of the process.
    progress: &'a Progress,
    /// The parent's end of it, closed first, as [`crate::child`] does.
    parents_end: BorrowedFd<'a>,
    stdio: Option<[BorrowedFd<'a>; 3]>,
}

fn helper(joining: &Joining<'_>) -> Infallible {
    match enter(joining) {
        Ok(()) => exit_now(0),
        Err(failed) => {
            wire::send_failed(joining.socket, failed);
            exit_now(125)
        }
    }
}

fn enter(joining: &Joining<'_>) -> Result<(), Failed> {
    let progress = joining.progress;
    sys::close_inherited(joining.parents_end);
    progress.step(ProcessStep::HideFromTracers);
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(ProcessStep::HideFromTracers)?;
    progress.step(ProcessStep::EnterCgroup);
    joining.entry.enter().at(ProcessStep::EnterCgroup)?;
    progress.step(ProcessStep::JoinNamespace);
    match joining.shown {
        [] => sys::enter_namespace(joining.target, joining.kinds),
        shown => shown.iter().try_for_each(|(kind, fd)| sys::enter_namespace(fd.as_fd(), *kind)),
    }
    .at(ProcessStep::JoinNamespace)?;
    if let Some(root) = joining.root {
        rustix::process::fchdir(root).at(ProcessStep::JoinNamespace)?;
        rustix::process::chroot(c".").at(ProcessStep::JoinNamespace)?;
    }
    if joining.kinds.contains(Namespaces::USER) {
        progress.step(ProcessStep::BecomeRootInside);
        identity::become_root_inside()?;
    }
    let args = CloneArgs { sibling: true, ..CloneArgs::default() };
    progress.step(ProcessStep::Fork);
    clone3(progress.told_of_clone(args), || process(joining)).at(ProcessStep::Fork).map(drop)
}

fn process(joining: &Joining<'_>) -> Infallible {
    let Err(failed) = become_process(joining);
    wire::send_failed(joining.socket, failed);
    exit_now(125)
}

fn become_process(joining: &Joining<'_>) -> Result<Infallible, Failed> {
    joining.progress.step(ProcessStep::ControllingTerminal);
    let terminal = match joining.stdio {
        Some(_) => None,
        None => Some(
            console::open_here(joining.process.terminal).at(ProcessStep::ControllingTerminal)?,
        ),
    };
    joining.progress.step(ProcessStep::Gate);
    wire::send_ready(joining.socket, terminal.as_ref().map(|terminal| terminal.master.as_fd()))?;
    wire::await_parent(joining.socket, ToChild::Go)?;
    identity::become_process(
        joining.process,
        (joining.socket, joining.progress),
        joining.stdio,
        terminal.as_ref().map(|terminal| terminal.slave.as_fd()),
        &ReceivedFiles::default(),
    )
}
