//! A further process in a running container: `exec`.
//!
//! ```text
//! parent (the monitor)      helper                          process
//! clone3     ------------>  undumpable, enters the groups
//!                           setns by pidfd, all kinds
//!                           clone3 (sibling) ------------>  opens the terminal
//!            <-- Joined --  exits                            …
//!            <------------------------------- Ready          waits
//!            ------------------------------->  Go            becomes the program
//! ```
//!
//! A pid namespace is entered by children only, hence the helper; its child is the parent's child too (CLONE_PARENT), so that
//! the parent reaps it. It enters undumpable: a process of the container that traces could read what the monitor still had
//! in memory (CVE-2016-9962). exec(2) ends that.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{DumpableBehavior, WaitId, WaitIdOptions, set_dumpable_behavior, waitid};
use sys::{CloneArgs, Namespaces, clone3, exit_now};

use crate::cgroup::{Cgroup, Entry};
use crate::console;
use crate::create::{Stdio, end, explain, program_of};
use crate::error::StartError;
use crate::identity;
use crate::plan::ProcessPlan;
use crate::prepared::PreparedProcess;
use crate::process::Process;
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
    let prepared = PreparedProcess::new(process)?;
    let entry = cgroup.entry().map_err(StartError::Cgroup)?;
    let kinds = differing_namespaces(target.pid());
    let (socket, child_socket) = wire::pair().map_err(StartError::parent("make a socket pair"))?;
    let joining = Joining {
        target: target.pidfd(),
        kinds,
        entry: &entry,
        process: &prepared,
        socket: child_socket.as_fd(),
        stdio: stdio.streams(),
    };
    let args = CloneArgs { into_cgroup: entry.into_cgroup(), ..CloneArgs::default() };
    let helper = clone3(args, || helper(&joining))
        .map_err(StartError::parent("make the joining process"))?;
    drop(child_socket);
    let helper = Process::new(helper.pid, helper.pidfd);
    let outcome = hear(&socket, program_of(process));
    // It exits by itself as soon as it has told, or failed.
    let _status = wire::retry(|| waitid(WaitId::PidFd(helper.pidfd()), WaitIdOptions::EXITED));
    outcome
}

/// setns(2) refuses a user namespace that the caller is in already, so only kinds that differ are entered.
fn differing_namespaces(pid: i32) -> Namespaces {
    let own = |kind: &str| std::fs::read_link(format!("/proc/self/ns/{kind}")).ok();
    let theirs = |kind: &str| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
    [
        ("user", Namespaces::USER),
        ("mnt", Namespaces::MOUNT),
        ("pid", Namespaces::PID),
        ("net", Namespaces::NETWORK),
        ("ipc", Namespaces::IPC),
        ("uts", Namespaces::UTS),
        ("cgroup", Namespaces::CGROUP),
        ("time", Namespaces::TIME),
    ]
    .into_iter()
    .filter(|(kind, _)| theirs(kind).is_some() && own(kind) != theirs(kind))
    .fold(Namespaces::default(), |all, (_, kind)| all.with(kind))
}

fn hear(socket: &OwnedFd, program: &str) -> Result<Joined, StartError> {
    let mut joined: Option<Joined> = None;
    loop {
        let heard = wire::hear_child(socket.as_fd());
        let error = match heard {
            Ok(FromChild::Joined { pid, pidfd: Some(pidfd) }) => {
                joined = Some(Joined { process: Process::new(pid, pidfd), console: None });
                continue;
            }
            Ok(FromChild::Ready { descriptor }) => {
                if let Some(joined) = &mut joined {
                    joined.console = descriptor;
                }
                match wire::tell_child(socket.as_fd(), ToChild::Go) {
                    Ok(()) => continue,
                    Err(errno) => StartError::Parent { action: "open the gate".to_owned(), errno },
                }
            }
            Ok(FromChild::Closed) => match joined.take() {
                Some(joined) => return Ok(joined),
                None => StartError::Vanished { how: "while it joined the container".to_owned() },
            },
            Ok(FromChild::Failed(failed)) => explain(failed, None, program),
            Ok(FromChild::Joined { pidfd: None, .. }) => {
                StartError::Vanished { how: "without a descriptor".to_owned() }
            }
            Err(errno) => {
                StartError::Parent { action: "hear the joining process".to_owned(), errno }
            }
        };
        if let Some(joined) = &joined {
            end(&joined.process);
        }
        return Err(error);
    }
}

/// What helper and process are handed.
struct Joining<'a> {
    target: BorrowedFd<'a>,
    kinds: Namespaces,
    entry: &'a Entry,
    process: &'a PreparedProcess,
    socket: BorrowedFd<'a>,
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
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(ProcessStep::HideFromTracers)?;
    joining.entry.enter().at(ProcessStep::EnterCgroup)?;
    if !joining.kinds.is_empty() {
        sys::enter_namespace(joining.target, joining.kinds).at(ProcessStep::JoinNamespace)?;
    }
    if joining.kinds.contains(Namespaces::USER) {
        identity::become_root_inside()?;
    }
    let args = CloneArgs { sibling: true, ..CloneArgs::default() };
    let made = clone3(args, || process(joining)).at(ProcessStep::Fork)?;
    wire::send_joined(joining.socket, made.pid, made.pidfd.as_fd())
}

fn process(joining: &Joining<'_>) -> Infallible {
    let Err(failed) = become_process(joining);
    wire::send_failed(joining.socket, failed);
    exit_now(125)
}

fn become_process(joining: &Joining<'_>) -> Result<Infallible, Failed> {
    let terminal = match joining.stdio {
        Some(_) => None,
        None => Some(
            console::open_here(joining.process.terminal).at(ProcessStep::ControllingTerminal)?,
        ),
    };
    wire::send_ready(joining.socket, terminal.as_ref().map(|terminal| terminal.master.as_fd()))?;
    wire::await_parent(joining.socket, ToChild::Go)?;
    identity::become_process(
        joining.process,
        joining.stdio,
        terminal.as_ref().map(|terminal| terminal.slave.as_fd()),
    )
}
