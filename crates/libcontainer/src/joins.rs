//! Namespaces that a container joins. Sources: setns(2), pid_namespaces(7), user_namespaces(7).

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, open};
use spec::runtime::NamespaceKind;
use sys::{CloneArgs, Cloned, Errno, Namespaces, clone3, exit_now};

use crate::child::{self, Inherited};
use crate::create::{end, wait_for};
use crate::error::StartError;
use crate::hints;
use crate::net_devices::{self, NetDevicePlan};
use crate::plan::{Plan, Step};
use crate::planner::sysctl::{namespace_of, of_the_host};
use crate::process::{Process, flag};
use crate::spare::SpareNetwork;
use crate::wire::{self, At, Failed, ProcessStep};

/// Namespaces to join, opened before the child exists.
pub(crate) struct Joins {
    /// All but these.
    pub(crate) others: Vec<OwnedFd>,
    /// A pid namespace is entered by children only, hence by the parent around the clone: setns(2), CLONE_NEWPID. Beside a user
    /// namespace that is joined it is one of the others, see [`Joins::go_beyond`].
    pid: Option<OwnedFd>,
    /// Whether a pid namespace is among the others.
    pid_beyond: bool,
    /// Which of the others is a network namespace.
    network: Option<usize>,
    /// The user namespace.
    pub(crate) user: Option<OwnedFd>,
}

impl Joins {
    pub(crate) fn open(plan: &Plan) -> Result<Self, StartError> {
        let mut joins =
            Self { others: Vec::new(), pid: None, pid_beyond: false, network: None, user: None };
        let mut wanted: Vec<_> = plan.namespaces.join.iter().collect();
        wanted.sort_by_key(|(kind, _)| *kind);
        for (kind, path) in wanted {
            let namespace = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|errno| StartError::Open { path: path.clone(), errno: errno.into() })?;
            if !sys::is_namespace(namespace.as_fd(), flag(*kind)) {
                return Err(StartError::NoNamespace { path: path.clone(), kind: *kind });
            }
            spare_the_host(plan, *kind, &namespace)?;
            match kind {
                NamespaceKind::User => joins.user = Some(namespace),
                NamespaceKind::Pid => joins.pid = Some(namespace),
                NamespaceKind::Network => joins.push_network(namespace),
                NamespaceKind::Mount
                | NamespaceKind::Ipc
                | NamespaceKind::Uts
                | NamespaceKind::Cgroup
                | NamespaceKind::Time => joins.others.push(namespace),
            }
        }
        if joins.user.is_some()
            && let Some(pid) = joins.pid.take()
        {
            joins.others.push(pid);
            joins.pid_beyond = true;
        }
        Ok(joins)
    }

    /// Whether the pid namespace is one to be joined, or made, with the rights inside a user namespace that is joined.
    pub(crate) fn go_beyond(&self, to_make: Namespaces) -> bool {
        self.user.is_some() && (self.pid_beyond || to_make.contains(Namespaces::PID))
    }

    /// Whether processes of others see the child from its first moment on.
    pub(crate) const fn shares_pids(&self) -> bool {
        self.pid.is_some()
    }

    /// Joins the spare namespace where a new one is planned. One that belongs to another user namespace than the container
    /// would be of no use to it: network_namespaces(7), user_namespaces(7).
    pub(crate) fn take_spare(&mut self, spare: SpareNetwork, to_make: &mut Namespaces) {
        let is_its_own =
            !to_make.contains(Namespaces::USER) && self.user.is_some() == spare.is_inside();
        if to_make.contains(Namespaces::NETWORK) && is_its_own {
            *to_make = to_make.without(Namespaces::NETWORK);
            self.push_network(spare.into_namespace());
        }
    }

    fn push_network(&mut self, namespace: OwnedFd) {
        self.network = Some(self.others.len());
        self.others.push(namespace);
    }

    /// Moves interfaces into the network namespace that the child `pid` was made in, or is about to join.
    pub(crate) fn bring_in(&self, devices: &[NetDevicePlan], pid: i32) -> Result<(), StartError> {
        if let Some(namespace) = self.network.and_then(|number| self.others.get(number)) {
            return net_devices::bring_in(devices, namespace.as_fd());
        }
        let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
        let opened = open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let namespace = opened.map_err(|errno| StartError::Open { path, errno: errno.into() })?;
        net_devices::bring_in(devices, namespace.as_fd())
    }

    /// Runs `clone` so that its child is born in the pid namespace, and comes back.
    pub(crate) fn clone_inside(
        &self,
        wanted: Namespaces,
        clone: impl FnOnce() -> Result<Cloned, Errno>,
    ) -> Result<Cloned, StartError> {
        let making = |errno| {
            let hint = hints::of_namespaces(wanted, errno);
            StartError::parent(format!("make the namespaces{hint}"))(errno)
        };
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

/// A namespace that is joined by its path may be our own: then the parameters of it are the host's, which the planner cannot see.
fn spare_the_host(plan: &Plan, kind: NamespaceKind, namespace: &OwnedFd) -> Result<(), StartError> {
    let of_it = plan.steps.iter().find_map(|step| {
        let Step::Sysctl { path, .. } = step else { return None };
        (namespace_of(path) == Some(kind)).then_some(path)
    });
    let Some(path) = of_it else { return Ok(()) };
    // Of the kinds that have parameters only one has another name there.
    let file = if kind == NamespaceKind::Network { "net".to_owned() } else { kind.to_string() };
    let own = format!("/proc/self/ns/{file}");
    // Both files are in one file system, nsfs, where a namespace is an inode: namespaces(7), "The /proc/pid/ns/ directory".
    let same = rustix::fs::stat(&own)
        .and_then(|own| Ok(own.st_ino == rustix::fs::fstat(namespace)?.st_ino))
        .map_err(|errno| StartError::Open { path: own.into(), errno: errno.into() })?;
    if same { Err(of_the_host(path, kind).into()) } else { Ok(()) }
}

/// Clones a child that joins a user namespace and gets a pid namespace inside: only a process that is in there makes one that
/// belongs to it, or, if it has no rights outside, joins one. A helper joins, clones the child as our own (CLONE_PARENT), and ends.
/// Gives how; the pid of the child, if it made one, is in the page of its progress.
pub(crate) fn end_of_helper(
    inherited: &Inherited<'_>,
    into_cgroup: Option<BorrowedFd<'_>>,
) -> Result<String, StartError> {
    let args = CloneArgs { into_cgroup, ..CloneArgs::default() };
    let helper =
        clone3(args, || help(inherited)).map_err(StartError::parent("make the joining process"))?;
    Ok(wait_for(&Process::new(helper.pid, helper.pidfd)))
}

fn help(inherited: &Inherited<'_>) -> Infallible {
    if let Err(failed) = join_and_clone(inherited) {
        wire::send_failed(inherited.socket, failed);
    }
    exit_now(0)
}

fn join_and_clone(inherited: &Inherited<'_>) -> Result<(), Failed> {
    let progress = inherited.progress;
    progress.step(ProcessStep::HideFromTracers);
    child::hide()?;
    progress.step(ProcessStep::JoinNamespace);
    child::join(inherited)?;
    let joined = Inherited { joins: &[], joined_user: None, ..*inherited };
    let made = inherited.prepared.namespaces.contains(Namespaces::PID);
    let namespaces = if made { Namespaces::PID } else { Namespaces::default() };
    let args = CloneArgs { namespaces, sibling: true, ..CloneArgs::default() };
    progress.step(ProcessStep::Fork);
    clone3(progress.told_of_clone(args), || child::run(&joined)).at(ProcessStep::Fork).map(drop)
}
