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
use spec::runtime::{IdMapping, NamespaceKind, Status};
use sys::{CloneArgs, Cloned, Errno, Namespaces, clone3};

use crate::cgroup::Cgroup;
use crate::child::{self, Inherited};
use crate::error::StartError;
use crate::hooks::{Moment, Occasion};
use crate::names::Names;
use crate::plan::{HookPlan, Plan};
use crate::prepared::Prepared;
use crate::process::Process;
use crate::seccomp::Confined;
use crate::spare::SpareNetwork;
use crate::wire::{self, FromChild, ToChild};

/// How long a group may take to empty after its processes were killed.
pub(crate) const GROUP_PATIENCE: Duration = Duration::from_secs(2);

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
    hooks: Option<HookPlan>,
}

/// What a container is given beside its plan.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Its streams.
    stdio: Stdio<'a>,
    /// A network namespace that was made ahead, for a plan that makes one.
    spare: Option<SpareNetwork>,
    /// A listening socket at which it waits for its start once its maker has left, see [`Created::leave`].
    gate: Option<BorrowedFd<'a>>,
}

impl<'a> Surroundings<'a> {
    /// Streams alone.
    #[must_use]
    pub const fn new(stdio: Stdio<'a>) -> Self {
        Self { stdio, spare: None, gate: None }
    }

    pub(crate) fn with_gate(self, gate: Option<&'a OwnedFd>) -> Self {
        Self { gate: gate.map(AsFd::as_fd), ..self }
    }

    /// With a network namespace that was made ahead.
    #[must_use]
    pub fn with_spare(self, spare: Option<SpareNetwork>) -> Self {
        Self { spare, ..self }
    }
}

/// Makes the container up to the gate. The caller has one thread.
///
/// # Errors
/// Names the step that the kernel refused, with its object.
pub fn create(plan: &Plan, stdio: Stdio<'_>) -> Result<Created, StartError> {
    create_with(plan, Surroundings::new(stdio))
}

/// The same with more than streams.
///
/// # Errors
/// As [`create`].
pub fn create_with(plan: &Plan, surroundings: Surroundings<'_>) -> Result<Created, StartError> {
    let Surroundings { stdio, spare, gate } = surroundings;
    let mut prepared = Prepared::new(plan)?;
    let mut joins = Joins::open(plan)?;
    if let Some(spare) = spare {
        joins.take_spare(spare, &mut prepared.namespaces);
    }
    let mut groups = Cgroup::begin(&plan.cgroup).map_err(StartError::Cgroup)?;
    let (process, socket) = clone_child(&prepared, &joins, (stdio, gate), groups.entrance())?;
    // Dropped before the groups on an error, which ends the process in them.
    let mut created = Created {
        process: Some(process),
        console: None,
        socket,
        cgroup: None,
        names: Names::of(&plan.process),
        hooks: plan.hooks.clone(),
    };
    // The child is at its mounts meanwhile.
    let cgroup = groups.finish(Some(created.pid())).map_err(StartError::Cgroup)?;
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
    (stdio, gate): (Stdio<'_>, Option<BorrowedFd<'_>>),
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
        parents_end: socket.as_fd(),
        joins: &joins.others,
        user_namespace,
        inside_joined_user: after_joining,
        stdio: stdio.streams(),
        gate,
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
        wire::tell_child_with(self.socket.as_fd(), ToChild::Groups, &doors)
            .map_err(StartError::parent("talk with the child"))
    }

    fn map_ids(&self, plan: &Plan) -> Result<(), StartError> {
        write_maps(self.pid(), plan)?;
        wire::tell_child(self.socket.as_fd(), ToChild::Mapped)
            .map_err(StartError::parent("talk with the child"))
    }

    /// Hears the child out until it stands at the gate.
    fn prepare(&mut self, plan: &Plan) -> Result<Option<OwnedFd>, StartError> {
        let mut occasion = None;
        loop {
            match wire::hear_child(self.socket.as_fd()) {
                Ok(FromChild::Hooks) => match self.run_hooks(plan.hooks.as_ref()) {
                    Ok(ran) => occasion = Some(ran),
                    Err(error) => return Err(self.abandon(error)),
                },
                Ok(FromChild::Ready { descriptor }) => return Ok(descriptor),
                Ok(FromChild::Failed(failed)) => {
                    let hooks = occasion.as_ref().map(|ran| (ran, Moment::CreateContainer));
                    let error = self.names.explain(failed, Some(plan), hooks);
                    return Err(self.abandon(error));
                }
                Ok(FromChild::Closed | FromChild::Joined { .. } | FromChild::Listener { .. }) => {
                    return Err(self.vanished());
                }
                Err(errno) => {
                    let action = "hear the child".to_owned();
                    return Err(self.abandon(StartError::Parent { action, errno }));
                }
            }
        }
    }

    /// Those of the runtime's namespaces; then the child runs its own.
    fn run_hooks<'a>(&self, hooks: Option<&'a HookPlan>) -> Result<Occasion<'a>, StartError> {
        let none = || StartError::Vanished { how: "asking for hooks that nobody planned".into() };
        let occasion = Occasion::new(hooks.ok_or_else(none)?, Status::Creating, Some(self.pid()))?;
        occasion.run_here(Moment::Prestart)?;
        occasion.run_here(Moment::CreateRuntime)?;
        let descriptors = occasion.files.descriptors();
        wire::tell_child_with(self.socket.as_fd(), ToChild::Hooks, &descriptors)
            .map_err(StartError::parent("talk with the child"))?;
        Ok(occasion)
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
        let pid = self.pid();
        let opened = open_gate(self.socket.as_fd(), pid, &self.names, self.hooks.as_ref());
        match (opened, self.process.take(), self.cgroup.take()) {
            (Ok(()), Some(process), Some(cgroup)) => Ok((process, cgroup)),
            (opened, process, cgroup) => {
                (self.process, self.cgroup) = (process, cgroup);
                Err(match opened {
                    Ok(()) | Err(StartError::Vanished { .. }) => self.vanished(),
                    Err(error) => self.abandon(error),
                })
            }
        }
    }

    /// Leaves the container at its gate, where whoever starts it later finds it.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn leave(mut self) -> Result<(Process, Cgroup), StartError> {
        if let Err(errno) = wire::tell_child(self.socket.as_fd(), ToChild::Leave) {
            let action = "leave the child at its gate".to_owned();
            return Err(self.abandon(StartError::Parent { action, errno }));
        }
        match (self.process.take(), self.cgroup.take()) {
            (Some(process), Some(cgroup)) => Ok((process, cgroup)),
            _ => Err(self.vanished()),
        }
    }

    /// Names for the errors of its start.
    pub(crate) fn names(&self) -> &Names {
        &self.names
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

/// Tells the process at the other end of `socket` to become its program; returns once it runs.
pub(crate) fn open_gate(
    socket: BorrowedFd<'_>,
    pid: i32,
    names: &Names,
    hooks: Option<&HookPlan>,
) -> Result<(), StartError> {
    let hooks = hooks.filter(|plan| !plan.hooks.start_container.is_empty());
    let occasion = hooks.map(|plan| Occasion::new(plan, Status::Created, Some(pid))).transpose()?;
    let descriptors = occasion.as_ref().map(|occasion| occasion.files.descriptors());
    wire::tell_child_with(socket, ToChild::Go, descriptors.as_ref().map_or(&[], |both| both))
        .map_err(StartError::parent("open the gate"))?;
    loop {
        match wire::hear_child(socket).map_err(StartError::parent("hear the child"))? {
            FromChild::Closed => return Ok(()),
            FromChild::Listener { descriptor: Some(listener) } => {
                // Dropped at once: a copy of ours would hide from the kernel that whoever should answer is gone.
                names.deliver(&listener, Confined { pid, first: pid })?;
            }
            FromChild::Failed(failed) => {
                let hooks = occasion.as_ref().map(|occasion| (occasion, Moment::StartContainer));
                return Err(names.explain(failed, None, hooks));
            }
            FromChild::Hooks
            | FromChild::Ready { .. }
            | FromChild::Joined { .. }
            | FromChild::Listener { descriptor: None } => {
                return Err(StartError::Vanished { how: String::new() });
            }
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
