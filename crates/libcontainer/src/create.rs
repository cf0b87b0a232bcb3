//! The parent's side of a start: groups, clone, id maps, and a gate before the program.
//!
//! Start at [`create`]. On every error nothing is left: the child is killed and reaped, its groups are removed. The words that
//! pass between parent and child are drawn in [`crate::wire`].

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use spec::runtime::{IdMapping, NamespaceKind};
use sys::{CloneArgs, Cloned, Errno, Namespaces, clone3};

use crate::cgroup::Cgroup;
use crate::child::{self, Inherited};
use crate::error::StartError;
use crate::plan::{Plan, ProcessPlan};
use crate::prepared::Prepared;
use crate::process::Process;
use crate::seccomp::{Confined, Listener};
use crate::spare::SpareNetwork;
use crate::wire::{self, Failed, FromChild, Place, ProcessStep, ToChild};

/// How long a group may take to empty after its processes were killed.
const GROUP_PATIENCE: Duration = Duration::from_secs(2);

/// What a process reads from and writes to.
#[derive(Debug, Clone, Copy)]
pub enum Stdio<'a> {
    /// These three streams.
    Streams {
        /// Standard input.
        stdin: BorrowedFd<'a>,
        /// Standard output.
        stdout: BorrowedFd<'a>,
        /// Standard error.
        stderr: BorrowedFd<'a>,
    },
    /// A pseudo-terminal from the container's own devpts, as the plan says; its master comes back.
    Terminal,
}

impl<'a> Stdio<'a> {
    pub(crate) fn streams(self) -> Option<[BorrowedFd<'a>; 3]> {
        match self {
            Self::Streams { stdin, stdout, stderr } => Some([stdin, stdout, stderr]),
            Self::Terminal => None,
        }
    }
}

/// A container whose namespaces, mounts and groups exist, waiting at the gate before its program.
#[derive(Debug)]
pub struct Created {
    process: Option<Process>,
    console: Option<OwnedFd>,
    socket: OwnedFd,
    cgroup: Option<Cgroup>,
    names: Names,
}

/// Makes the container up to the gate. The caller has one thread.
///
/// # Errors
/// Names the step that the kernel refused, with its object.
pub fn create(plan: &Plan, stdio: Stdio<'_>) -> Result<Created, StartError> {
    create_with(plan, stdio, None)
}

/// The same with a network namespace that was made ahead, for a plan that makes one.
///
/// # Errors
/// As [`create`].
pub fn create_with(
    plan: &Plan,
    stdio: Stdio<'_>,
    spare: Option<SpareNetwork>,
) -> Result<Created, StartError> {
    let mut prepared = Prepared::new(plan)?;
    let mut joins = Joins::open(plan)?;
    if let Some(spare) = spare {
        joins.take_spare(spare, &mut prepared.namespaces);
    }
    let mut groups = Cgroup::begin(&plan.cgroup).map_err(StartError::Cgroup)?;
    let (process, socket) = clone_child(&prepared, &joins, stdio, groups.entrance())?;
    // Dropped before the groups on an error, which ends the process in them.
    let mut created = Created {
        process: Some(process),
        console: None,
        socket,
        cgroup: None,
        names: Names::of(&plan.process),
    };
    // The child is at its mounts meanwhile.
    let cgroup = groups.finish().map_err(StartError::Cgroup)?;
    created.let_in(cgroup)?;
    if prepared.namespaces.contains(Namespaces::USER) {
        created.map_ids(plan)?;
    }
    created.console = created.prepare(plan)?;
    Ok(created)
}

fn clone_child(
    prepared: &Prepared,
    joins: &Joins,
    stdio: Stdio<'_>,
    into_cgroup: Option<BorrowedFd<'_>>,
) -> Result<(Process, OwnedFd), StartError> {
    let (socket, child_socket) = wire::pair().map_err(StartError::parent("make a socket pair"))?;
    let user_namespace = prepared.namespaces.contains(Namespaces::USER);
    // Inside a user namespace that is joined, only what is made after joining belongs to it.
    let (at_clone, after_joining) = if joins.user {
        let later = prepared.namespaces.without(Namespaces::PID);
        (prepared.namespaces.without(later), Some(later))
    } else {
        (prepared.namespaces, None)
    };
    let args = CloneArgs { namespaces: at_clone, into_cgroup, ..CloneArgs::default() };
    let inherited = Inherited {
        prepared,
        socket: child_socket.as_fd(),
        joins: &joins.others,
        user_namespace,
        inside_joined_user: after_joining,
        stdio: stdio.streams(),
    };
    let cloned = joins.clone_inside(|| clone3(args, || child::run(&inherited)))?;
    drop(child_socket);
    Ok((Process::new(cloned.pid, cloned.pidfd), socket))
}

/// Namespaces to join, opened before the child exists.
struct Joins {
    /// The user namespace first: it gives the right to join the others.
    others: Vec<OwnedFd>,
    /// A pid namespace is entered by children only, hence by the parent around the clone: setns(2), CLONE_NEWPID.
    pid: Option<OwnedFd>,
    /// Whether a user namespace is among the others.
    user: bool,
}

impl Joins {
    fn open(plan: &Plan) -> Result<Self, StartError> {
        let mut joins = Self { others: Vec::new(), pid: None, user: false };
        let mut wanted: Vec<_> = plan.namespaces.join.iter().collect();
        wanted.sort_by_key(|(kind, _)| *kind);
        for (kind, path) in wanted {
            let namespace = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|errno| StartError::Open { path: path.clone(), errno: errno.into() })?;
            joins.user |= *kind == NamespaceKind::User;
            if *kind == NamespaceKind::Pid {
                joins.pid = Some(namespace);
            } else {
                joins.others.push(namespace);
            }
        }
        Ok(joins)
    }

    /// Joins the spare namespace where a new one is planned. One that belongs to another user namespace than the container
    /// would be of no use to it: network_namespaces(7), user_namespaces(7).
    fn take_spare(&mut self, spare: SpareNetwork, to_make: &mut Namespaces) {
        if to_make.contains(Namespaces::NETWORK)
            && !to_make.contains(Namespaces::USER)
            && !self.user
        {
            *to_make = to_make.without(Namespaces::NETWORK);
            self.others.push(spare.into_namespace());
        }
    }

    /// Runs `clone` so that its child is born in the pid namespace, and comes back.
    fn clone_inside(
        &self,
        clone: impl FnOnce() -> Result<Cloned, Errno>,
    ) -> Result<Cloned, StartError> {
        let making = StartError::parent("make the namespaces");
        let Some(pid) = &self.pid else { return clone().map_err(making) };
        let joining = || StartError::parent("join the pid namespace");
        let own = open("/proc/thread-self/ns/pid", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(Errno::from)
            .map_err(joining())?;
        sys::enter_namespace(pid.as_fd(), Namespaces::PID).map_err(joining())?;
        let cloned = clone();
        let back = sys::enter_namespace(own.as_fd(), Namespaces::PID);
        let cloned = cloned.map_err(making)?;
        match back {
            Ok(()) => Ok(cloned),
            Err(errno) => {
                end(&Process::new(cloned.pid, cloned.pidfd));
                Err(joining()(errno))
            }
        }
    }
}

fn write_maps(pid: i32, plan: &Plan) -> Result<(), StartError> {
    for (file, mappings) in
        [("uid_map", &plan.namespaces.uid_mappings), ("gid_map", &plan.namespaces.gid_mappings)]
    {
        let row = |map: &IdMapping| format!("{} {} {}\n", map.container_id, map.host_id, map.size);
        let text: String = mappings.iter().map(row).collect();
        let path = format!("/proc/{pid}/{file}");
        // One write(2) for the whole map: user_namespaces(7).
        let written = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| StartError::Parent {
            action: format!("write {path}"),
            errno: Errno::from(error),
        })?;
    }
    Ok(())
}

impl Created {
    /// Takes the groups over, and tells the child that they exist.
    fn let_in(&mut self, cgroup: Cgroup) -> Result<(), StartError> {
        let cgroup = self.cgroup.insert(cgroup);
        let entry = cgroup.entry().map_err(StartError::Cgroup)?;
        let doors: Vec<BorrowedFd<'_>> = entry.doors().collect();
        wire::send_doors(self.socket.as_fd(), &doors)
            .map_err(StartError::parent("talk with the child"))
    }

    fn map_ids(&self, plan: &Plan) -> Result<(), StartError> {
        write_maps(self.pid(), plan)?;
        wire::tell_child(self.socket.as_fd(), ToChild::Mapped)
            .map_err(StartError::parent("talk with the child"))
    }

    /// Hears the child out until it stands at the gate.
    fn prepare(&mut self, plan: &Plan) -> Result<Option<OwnedFd>, StartError> {
        match wire::hear_child(self.socket.as_fd()) {
            Ok(FromChild::Ready { descriptor }) => Ok(descriptor),
            Ok(FromChild::Failed(failed)) => {
                Err(self.abandon(explain(failed, Some(plan), &self.names)))
            }
            Ok(FromChild::Closed | FromChild::Joined { .. } | FromChild::Listener { .. }) => {
                Err(self.vanished())
            }
            Err(errno) => {
                Err(self.abandon(StartError::Parent { action: "hear the child".to_owned(), errno }))
            }
        }
    }

    /// The first process; its program has not begun.
    ///
    /// # Panics
    /// Never: the process is taken out by [`Created::start`] alone, which consumes `self`.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.as_ref().map_or(0, Process::pid)
    }

    /// The terminal's master, once.
    pub fn take_console(&mut self) -> Option<OwnedFd> {
        self.console.take()
    }

    /// Opens the gate; returns once the program runs.
    ///
    /// # Errors
    /// [`StartError::NotFound`] and [`StartError::NotExecutable`] for a program that cannot be run, else the step.
    pub fn start(mut self) -> Result<(Process, Cgroup), StartError> {
        if let Err(errno) = wire::tell_child(self.socket.as_fd(), ToChild::Go) {
            return Err(
                self.abandon(StartError::Parent { action: "open the gate".to_owned(), errno })
            );
        }
        let mut word = wire::hear_child(self.socket.as_fd());
        if let Ok(FromChild::Listener { descriptor: Some(listener) }) = word {
            let pid = self.pid();
            if let Err(error) = self.names.deliver(&listener, Confined { pid, first: pid }) {
                return Err(self.abandon(error));
            }
            // A copy of ours would hide from the kernel that whoever should answer is gone.
            drop(listener);
            word = wire::hear_child(self.socket.as_fd());
        }
        match word {
            Ok(FromChild::Closed) => {}
            Ok(FromChild::Failed(failed)) => {
                return Err(self.abandon(explain(failed, None, &self.names)));
            }
            Ok(FromChild::Ready { .. } | FromChild::Joined { .. } | FromChild::Listener { .. }) => {
                return Err(self.vanished());
            }
            Err(errno) => {
                return Err(
                    self.abandon(StartError::Parent { action: "hear the child".to_owned(), errno })
                );
            }
        }
        match (self.process.take(), self.cgroup.take()) {
            (Some(process), Some(cgroup)) => Ok((process, cgroup)),
            _ => Err(self.vanished()),
        }
    }

    fn vanished(&mut self) -> StartError {
        let how = self.process.as_ref().map_or_else(String::new, end);
        self.abandon(StartError::Vanished { how })
    }

    /// Leaves nothing, and passes the error on.
    fn abandon(&mut self, error: StartError) -> StartError {
        if let Some(process) = self.process.take() {
            end(&process);
        }
        if let Some(cgroup) = self.cgroup.take() {
            let _kept = cgroup.kill();
            let _kept = cgroup.remove(GROUP_PATIENCE);
        }
        error
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.process.is_some() || self.cgroup.is_some() {
            self.abandon(StartError::Vanished { how: String::new() });
        }
    }
}

/// Kills and reaps a child of ours; says how it had ended.
pub(crate) fn end(process: &Process) -> String {
    let _gone = process.signal(libc::SIGKILL);
    match wire::retry(|| waitid(WaitId::PidFd(process.pidfd()), WaitIdOptions::EXITED)) {
        Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("with exit code {code}"),
            (_, Some(signal)) => format!("by signal {signal}"),
            _ => "nobody knows how".to_owned(),
        },
        _ => "and somebody else reaped it".to_owned(),
    }
}

/// What the last steps of a process are about, for their errors.
#[derive(Debug)]
pub(crate) struct Names {
    program: String,
    cwd: String,
    limits: Vec<String>,
    listener: Option<Listener>,
}

impl Names {
    pub(crate) fn of(process: &ProcessPlan) -> Self {
        Self {
            program: process.args.first().cloned().unwrap_or_default(),
            cwd: process.cwd.display().to_string(),
            limits: process.rlimits.iter().map(|limit| limit.resource.clone()).collect(),
            listener: process.seccomp.as_ref().and_then(|program| program.listener.clone()),
        }
    }

    /// Sends the descriptor of a filter that notifies to its listener.
    pub(crate) fn deliver(&self, fd: &OwnedFd, confined: Confined) -> Result<(), StartError> {
        let Some(listener) = &self.listener else { return Ok(()) };
        let action = || format!("send the seccomp listener to {}", listener.path.display());
        let sent = listener.deliver(fd, confined);
        sent.map_err(|errno| StartError::Parent { action: action(), errno })
    }
}

/// The child's numbers in words: which step it was, on what object.
pub(crate) fn explain(failed: Failed, plan: Option<&Plan>, names: &Names) -> StartError {
    let Failed { at, errno } = failed;
    let program = names.program.clone();
    let step = match at {
        Place::Process(ProcessStep::Exec)
            if matches!(errno.raw(), libc::ENOENT | libc::ENOTDIR) =>
        {
            let has_path = program.contains('/');
            return StartError::NotFound { program, has_path };
        }
        Place::Process(ProcessStep::Exec) => return StartError::NotExecutable { program, errno },
        Place::Process(ProcessStep::OwnProgram) => return StartError::OwnProgram { program },
        Place::Process(step @ ProcessStep::WorkingDirectory) => {
            format!("{} {}", step.words(), names.cwd)
        }
        Place::Process(step) => step.words().to_owned(),
        Place::Limit(number) => {
            let limit = names.limits.get(usize::from(number)).map_or("", String::as_str);
            format!("set the resource limit {limit}")
        }
        Place::Step(number) => {
            let step = plan.and_then(|plan| plan.steps.get(usize::from(number)));
            step.map_or_else(|| format!("step {number}"), ToString::to_string)
        }
    };
    StartError::Child { step, errno }
}
