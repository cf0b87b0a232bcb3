//! The parent's side of a start: groups, clone, id maps, and a gate before the program.
//!
//! Start at [`create`]. On every error nothing is left: the child is killed and reaped, its groups are removed. The words that
//! pass between parent and child are drawn in [`crate::wire`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};
use spec::runtime::NamespaceKind;
use sys::{CloneArgs, Errno, Namespaces, clone3};

use crate::ahead;
use crate::cgroup::{Begun, Cgroup};
use crate::child::{self, Inherited};
use crate::error::StartError;
use crate::given;
use crate::hooks::{self, Moment, Occasion};
use crate::host_root::HostRoot;
use crate::id_map;
use crate::joins::{self, Joins};
use crate::lend;
use crate::names::Names;
use crate::plan::{HookPlan, NamespacePlan, Plan};
use crate::prepared::{Action, Prepared};
use crate::process::Process;
use crate::progress::{Progress, Trace};
use crate::resctrl::Resctrl;
use crate::surroundings::{Arrival, Surroundings};
use crate::threshold::{Gate, tell_to_go};
use crate::wire::{self, Failed, FromChild, Place, ToChild};

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
    /// The three; nothing for a terminal.
    #[must_use]
    pub fn streams(self) -> Option<[BorrowedFd<'a>; 3]> {
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
    /// Masters of the terminals beside it.
    terminals: Vec<OwnedFd>,
    socket: OwnedFd,
    /// Where the child is.
    trace: Trace,
    cgroup: Option<Cgroup>,
    names: Names,
    hooks: Option<HookPlan>,
    /// Without a mount namespace: what to undo.
    host_root: Option<HostRoot>,
    resctrl: Option<Resctrl>,
    /// Its child has the same memory until its program runs: what is freed before would be copied first.
    prepared: Box<Prepared>,
    /// Whether the gate was opened before the child came to it.
    let_go: bool,
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
    create_while(plan, surroundings, |_created| Pace::Halt)
}

/// The same for a container that [`Created::start`] follows for at once: where nobody has to talk with its child on the way, it
/// does not halt at its gate, and its program may run before this returns.
///
/// # Errors
/// As [`create`].
pub fn create_at_once(plan: &Plan, surroundings: Surroundings<'_>) -> Result<Created, StartError> {
    create_while(plan, surroundings, |_created| Pace::GoOn)
}

/// What a child does once it comes to its gate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Halt,
    GoOn,
}

/// The same, and does something else while the child is at its mounts.
pub(crate) fn create_while(
    plan: &Plan,
    surroundings: Surroundings<'_>,
    meanwhile: impl FnOnce(&Created) -> Pace,
) -> Result<Created, StartError> {
    let Surroundings { stdio, spare, gate, contents, shown, arrival } = surroundings;
    let mut prepared = Box::new(Prepared::new(plan)?);
    prepared.contents = given::own(contents)?;
    prepared.shown = given::own(shown)?;
    let mut joins = Joins::open(plan)?;
    if let Some(spare) = spare {
        joins.take_spare(spare, &mut prepared.namespaces);
    }
    let mut groups = Cgroup::begin(&plan.cgroup).map_err(StartError::Cgroup)?;
    let (names, host_root) = (Names::of(&plan.process), HostRoot::of(plan));
    if let Some(root) = plan.root_ids() {
        id_map::give_pipes(stdio.streams(), root)
            .map_err(StartError::parent("give the pipes to the container's root"))?;
    }
    let (process, socket, trace) =
        clone_child(&prepared, (&joins, &names), (stdio, gate), groups.entrance())?;
    // Dropped before the groups on an error, which ends the process in them.
    let mut created = Created {
        process: Some(process),
        console: None,
        terminals: Vec::new(),
        socket,
        trace,
        cgroup: None,
        names,
        hooks: plan.hooks.clone(),
        host_root,
        resctrl: None,
        prepared,
        let_go: false,
    };
    let furnished = created.furnish(plan, &joins, (&mut groups, arrival)).and_then(|()| {
        created.let_go =
            meanwhile(&created) == Pace::GoOn && passes_in_silence(plan, &created.prepared);
        if created.let_go { tell_to_go(created.socket.as_fd(), &[]) } else { Ok(()) }
    });
    furnished.map_err(|error| created.rather_of_child(error, plan))?;
    created.console = created.prepare(plan)?;
    Ok(created)
}

/// Whether the child comes to its program without a question: none about hooks, none about mounts that are lent, [`crate::lend`].
fn passes_in_silence(plan: &Plan, prepared: &Prepared) -> bool {
    let user = NamespaceKind::User;
    let inside = plan.namespaces.create.contains(&user)
        || plan.namespaces.join.iter().any(|(kind, _)| *kind == user);
    let asks = inside || prepared.steps.iter().any(Action::is_lent);
    plan.hooks.is_none() && (prepared.ahead.is_used() || !asks)
}

fn clone_child(
    prepared: &Prepared,
    (joins, names): (&Joins, &Names),
    (stdio, gate): (Stdio<'_>, Option<BorrowedFd<'_>>),
    into_cgroup: Option<BorrowedFd<'_>>,
) -> Result<(Process, OwnedFd, Trace), StartError> {
    let (socket, child_socket) = wire::pair().map_err(StartError::parent("make a socket pair"))?;
    let progress = Progress::new().map_err(StartError::parent("make a page of memory to share"))?;
    let user_namespace = prepared.namespaces.contains(Namespaces::USER);
    // Inside a user namespace that is joined, only what is made after joining belongs to it. In a new one the root of /dev/mqueue is
    // its maker's, who has to be root there: ipc/mqueue.c, mqueue_get_inode. Nobody may label what is nobody's.
    let made_inside = match (joins.user.is_some(), user_namespace) {
        (true, _) => prepared.namespaces.without(Namespaces::PID),
        (false, true) if prepared.namespaces.contains(Namespaces::IPC) => Namespaces::IPC,
        (false, _) => Namespaces::default(),
    };
    let at_clone = match joins.user.is_some() {
        true => Namespaces::default(),
        false => prepared.namespaces.without(made_inside),
    };
    let inherited = Inherited {
        prepared,
        socket: child_socket.as_fd(),
        progress: &progress,
        parents_end: socket.as_fd(),
        joins: &joins.others,
        joined_user: joins.user.as_ref(),
        user_namespace,
        open_to_maker: user_namespace && id_map::is_unprivileged() && !joins.shares_pids(),
        confined: user_namespace || joins.user.is_some(),
        made_inside,
        stdio: stdio.streams(),
        gate,
    };
    if joins.go_beyond(prepared.namespaces) {
        let how = joins::end_of_helper(&inherited, into_cgroup)?;
        drop(child_socket);
        let trace = progress.into_trace();
        return match trace.made().map(Process::child).transpose() {
            Ok(Some(process)) => Ok((process, socket, trace)),
            Ok(None) => Err(hear_last_words(&socket, &trace, (names, None), how)),
            Err(errno) => Err(StartError::parent("find the joining process")(errno)),
        };
    }
    let args = CloneArgs { namespaces: at_clone, into_cgroup, ..CloneArgs::default() };
    let cloned = joins.clone_inside(at_clone, || clone3(args, || child::run(&inherited)))?;
    Ok((Process::new(cloned.pid, cloned.pidfd), socket, progress.into_trace()))
}

/// What a child says last whose end has been waited for; where it said nothing, at what it was.
fn hear_last_words(
    socket: &OwnedFd,
    trace: &Trace,
    (names, plan): (&Names, Option<&Plan>),
    how: String,
) -> StartError {
    loop {
        match wire::hear_child(socket.as_fd()) {
            Ok(FromChild::Failed(failed)) => return names.explain(failed, plan, None),
            Ok(FromChild::Closed) | Err(_) => return names.vanished(trace.place(), plan, how),
            Ok(
                FromChild::Hooks
                | FromChild::Wish { .. }
                | FromChild::Terminal { .. }
                | FromChild::Ready { .. }
                | FromChild::Trace { .. }
                | FromChild::Namespace { .. }
                | FromChild::Listener { .. },
            ) => {}
        }
    }
}

impl Created {
    /// What the parent makes while the child takes its first steps.
    fn furnish(
        &mut self,
        plan: &Plan,
        joins: &Joins,
        (groups, arrival): (&mut Begun<'_>, Option<Arrival<'_>>),
    ) -> Result<(), StartError> {
        if plan.namespaces.create.contains(&NamespaceKind::User) {
            self.map_ids(plan)?;
        }
        if self.prepared.ahead.is_used() {
            self.lend_ahead(plan, joins)?;
        }
        if let Some(arrival) = arrival {
            arrival.tell(self.pid())?;
        }
        if !plan.net_devices.is_empty() {
            joins.bring_in(&plan.net_devices, self.pid())?;
        }
        if let Some(resctrl) = &plan.resctrl {
            self.resctrl = Some(Resctrl::apply(resctrl, self.pid())?);
        }
        let cgroup = groups.finish(Some(self.pid())).map_err(StartError::Cgroup)?;
        self.let_in(cgroup)
    }

    /// An error of ours that only follows from the child's end, whose words are told then.
    fn rather_of_child(&mut self, error: StartError, plan: &Plan) -> StartError {
        let Some(process) = self
            .process
            .as_ref()
            .filter(|process| process.has_ended() || wire::has_closed(self.socket.as_fd()))
        else {
            return self.abandon(error);
        };
        let how = end(process);
        let told = hear_last_words(&self.socket, &self.trace, (&self.names, Some(plan)), how);
        self.process = None;
        self.abandon(told)
    }

    /// Takes the groups over, and tells the child that they exist.
    fn let_in(&mut self, cgroup: Cgroup) -> Result<(), StartError> {
        let cgroup = self.cgroup.insert(cgroup);
        let entry = cgroup.entry().map_err(StartError::Cgroup)?;
        let doors: Vec<BorrowedFd<'_>> = entry.doors().collect();
        wire::tell_child_with(self.socket.as_fd(), ToChild::Groups, &doors)
            .map_err(StartError::parent("talk with the child"))
    }

    fn map_ids(&self, plan: &Plan) -> Result<(), StartError> {
        let NamespacePlan { uid_mappings, gid_mappings, .. } = &plan.namespaces;
        id_map::write(self.pid(), uid_mappings, gid_mappings)?;
        wire::tell_child_with(self.socket.as_fd(), ToChild::Mapped, &[])
            .map_err(StartError::parent("talk with the child"))
    }

    fn lend_ahead(&self, plan: &Plan, joins: &Joins) -> Result<(), StartError> {
        let gone = || StartError::parent("lend mounts")(Errno::from_raw(libc::ESRCH));
        let child = self.process.as_ref().ok_or_else(gone)?;
        let own = match &joins.user {
            Some(_) => None,
            None => Some(id_map::namespace_of(child.pid())?),
        };
        let users = joins.user.as_ref().or(own.as_ref()).ok_or_else(gone)?;
        let socket = self.socket.as_fd();
        ahead::lend((child, socket), (&self.prepared, plan), users.as_fd(), &self.names)
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
                Ok(FromChild::Wish { number }) => {
                    if let Err(errno) = self.lend(number) {
                        let failed = Failed { at: Place::Step(number), errno };
                        return Err(self.abandon(self.names.explain(failed, Some(plan), None)));
                    }
                }
                Ok(FromChild::Terminal { master }) => self.terminals.extend(master),
                Ok(FromChild::Ready { descriptor }) => return Ok(descriptor),
                Ok(FromChild::Failed(failed)) => {
                    let hooks = occasion.as_ref().map(|ran| (ran, Moment::CreateContainer));
                    let error = self.names.explain(failed, Some(plan), hooks);
                    return Err(self.abandon(error));
                }
                Ok(
                    FromChild::Closed
                    | FromChild::Trace { .. }
                    | FromChild::Namespace { .. }
                    | FromChild::Listener { .. },
                ) => {
                    return Err(self.vanished(Some(plan)));
                }
                Err(errno) => {
                    let action = "hear the child".to_owned();
                    return Err(self.abandon(StartError::Parent { action, errno }));
                }
            }
        }
    }

    fn lend(&self, number: u16) -> Result<(), Errno> {
        let container = self.process.as_ref().ok_or(Errno::from_raw(libc::ESRCH))?;
        let tree = lend::lend(container, &self.prepared.steps, number)?;
        wire::tell_child_with(self.socket.as_fd(), ToChild::Mount, &[tree.as_fd()])
    }

    /// Those of the runtime's namespaces; then the child runs its own.
    fn run_hooks<'a>(&self, hooks: Option<&'a HookPlan>) -> Result<Occasion<'a>, StartError> {
        // The child asks for those of its plan.
        let none = || StartError::parent("run hooks")(Errno::from_raw(libc::EINVAL));
        let occasion = hooks::before_the_root(hooks.ok_or_else(none)?, self.pid())?;
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

    /// The first process, unless it has ended.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.process.as_ref().filter(|process| !process.has_ended())
    }

    /// The terminal's master, once.
    pub fn take_console(&mut self) -> Option<OwnedFd> {
        self.console.take()
    }

    /// Masters of the terminals beside it, that of `/dev/tty1` first, once.
    pub fn take_terminals(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.terminals)
    }

    /// Its class of service, with what has to be removed when the container is.
    #[must_use]
    pub const fn resctrl(&self) -> Option<&Resctrl> {
        self.resctrl.as_ref()
    }

    /// Opens the gate; returns once the program runs.
    ///
    /// # Errors
    /// [`StartError::NotFound`] and [`StartError::NotExecutable`] for a program that cannot be run, else the step.
    pub fn start(mut self) -> Result<(Process, Cgroup), StartError> {
        if let Err(error) = self.names.can_begin() {
            return Err(self.abandon(error.into()));
        }
        let (Some(process), Some(cgroup)) = (self.process.take(), self.cgroup.take()) else {
            return Err(self.vanished(None));
        };
        let gate = Gate { socket: self.socket.as_fd(), trace: Some(&self.trace) };
        let opened = if self.let_go {
            gate.watch(&process, &self.names, None)
        } else {
            gate.open(&process, &self.names, self.hooks.as_ref())
        };
        if opened.is_ok() {
            return Ok((process, cgroup));
        }
        (self.process, self.cgroup) = (Some(process), Some(cgroup));
        match opened {
            Ok(()) | Err(StartError::Vanished { .. }) => Err(self.vanished(None)),
            Err(error) => Err(self.abandon(error)),
        }
    }

    /// Leaves the container at its gate, where whoever starts it later finds it.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn leave(mut self) -> Result<(Process, Cgroup), StartError> {
        match (wire::tell_child(self.socket.as_fd(), ToChild::Leave), self.process.take()) {
            (Ok(()), Some(process)) => match self.cgroup.take() {
                Some(cgroup) => Ok((process, cgroup)),
                None => Err(self.vanished(None)),
            },
            (_gone, process) => {
                self.process = process;
                Err(self.vanished(None))
            }
        }
    }

    /// Names for the errors of its start.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    fn vanished(&mut self, plan: Option<&Plan>) -> StartError {
        let how = self.process.take().as_ref().map_or_else(String::new, end);
        let error = self.names.vanished(self.trace.place(), plan, how);
        self.abandon(error)
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
        if let Some(root) = &self.host_root {
            root.undo();
        }
        if let Some(resctrl) = self.resctrl.take() {
            let _kept = resctrl.remove();
        }
        error
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.process.is_some() || self.cgroup.is_some() {
            self.vanished(None);
        }
    }
}

/// Kills and reaps a child of ours; says how it had ended.
pub(crate) fn end(process: &Process) -> String {
    let _gone = process.signal(libc::SIGKILL);
    wait_for(process)
}

/// Reaps a child of ours that ends by itself; says how.
pub(crate) fn wait_for(process: &Process) -> String {
    match wire::retry(|| waitid(WaitId::PidFd(process.pidfd()), WaitIdOptions::EXITED)) {
        Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("with exit code {code}"),
            (_, Some(signal)) => format!("by signal {signal}"),
            _ => "nobody knows how".to_owned(),
        },
        _ => "and somebody else reaped it".to_owned(),
    }
}
