//! What can be done with a container that exists. Start at [`Container`].

use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use spec::runtime::{Process as ProcessSpec, Resources, Spec, State, Status};
use sys::Errno;

use super::directory::{Directory, Lock};
use super::record::Record;
use super::transitions::Action;
use super::{ContainerError, ContainerName, gate};
use crate::capability;
use crate::cgroup::{self, Cgroup, CgroupError, Entry, Stats, SubGroup, WhenMissing};
use crate::create::{Created, Stdio};
use crate::error::StartError;
use crate::hooks;
use crate::id_map::is_unprivileged;
use crate::join::join_shown;
use crate::process::Process;
use crate::resctrl::Resctrl;
use crate::show::Shown;

/// How long a process may take to end after SIGKILL, or to stand still.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container. What it is told by the value is what was written down when it was loaded; [`Container::status`] looks anew.
#[derive(Debug)]
pub struct Container {
    pub(super) directory: Directory,
    pub(super) record: Record,
    /// Of a container that this process made and starts itself.
    pub(super) created: Option<Created>,
    /// Its groups, once it was started.
    pub(super) groups: Option<Cgroup>,
}

/// A process that joined a container.
#[derive(Debug)]
pub struct Executed {
    /// The process, a child of the caller.
    pub process: Process,
    /// With [`Stdio::Terminal`] its master.
    pub console: Option<OwnedFd>,
    /// What it was asked to have and cannot be given.
    pub warnings: Vec<String>,
}

/// How a process joins.
#[derive(Debug)]
pub struct Execution<'a> {
    /// What it is.
    pub process: &'a ProcessSpec,
    /// Its streams.
    pub stdio: Stdio<'a>,
    /// So many descriptors of the caller's, from 3 on, stay open in it.
    pub preserved_descriptors: u32,
    /// Whether a container that stands still is joined too; the process then stands still as well.
    pub even_paused: bool,
    /// Groups below the container's that it runs in; nothing for where the first process is.
    pub groups: &'a [SubGroup],
}

impl Container {
    pub(super) fn made(directory: Directory, record: Record, created: Option<Created>) -> Self {
        directory.unlock();
        Self { directory, record, created, groups: None }
    }

    pub(super) const fn loaded(directory: Directory, record: Record) -> Self {
        Self { directory, record, created: None, groups: None }
    }

    /// Its id.
    #[must_use]
    pub const fn name(&self) -> &ContainerName {
        &self.record.name
    }

    /// When it was made.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.record.created_ns)
    }

    /// The user id of whoever made it.
    #[must_use]
    pub const fn owner_uid(&self) -> u32 {
        self.record.owner_uid
    }

    /// Its root on the host.
    #[must_use]
    pub fn rootfs(&self) -> &std::path::Path {
        &self.record.rootfs
    }

    /// The configuration that it was made from.
    ///
    /// # Errors
    /// When the copy of it cannot be read.
    pub fn spec(&self) -> Result<Spec, ContainerError> {
        self.directory.read_spec()
    }

    /// Where it is in its life, looked at now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status_with(self.process().as_ref())
    }

    fn status_with(&self, first: Option<&Process>) -> Status {
        if !self.record.is_complete() {
            return Status::Creating;
        }
        if first.is_none() {
            return Status::Stopped;
        }
        if self.created.is_some() || gate::is_closed(&self.directory) {
            return Status::Created;
        }
        let frozen = self.record.cgroup().ok().flatten().map(|cgroup| cgroup.is_frozen());
        if matches!(frozen, Some(Ok(true))) { Status::Paused } else { Status::Running }
    }

    /// The state document of the OCI runtime specification, looked at now.
    #[must_use]
    pub fn state(&self) -> State {
        let status = self.status();
        let pid = self.record.first.map(|first| first.pid);
        State {
            oci_version: self.record.oci_version.clone(),
            id: self.record.name.to_string(),
            status,
            pid: pid.filter(|_| status != Status::Stopped),
            bundle: self.record.bundle.clone(),
            annotations: self.record.annotations.clone(),
        }
    }

    /// Its first process, unless that has ended.
    #[must_use]
    pub fn process(&self) -> Option<Process> {
        match &self.created {
            Some(created) => Process::child(created.process()?.pid()).ok(),
            None => self.record.process(),
        }
    }

    /// Its control groups; nothing where it has none, or they are gone.
    ///
    /// # Errors
    /// [`ContainerError::Cgroup`] when they cannot be opened.
    pub fn cgroup(&self) -> Result<Option<Cgroup>, ContainerError> {
        self.record.cgroup().map_err(self.refused("open the control groups of"))
    }

    /// Sends a signal to the first process; returns once the kernel has queued it. SIGKILL also reaches a container that stands
    /// still, and every process of one that shares its pids with others, whose first process the kernel does not end the rest with.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] when it is stopped; the kernel's answer otherwise. Kernel: pidfd_send_signal(2).
    pub fn signal(&self, number: i32) -> Result<(), ContainerError> {
        if number == libc::SIGKILL && !self.record.own_pids {
            return self.kill_sharing();
        }
        let process = self.alive(Action::Signal)?;
        process.signal(number).map_err(self.kernel("signal"))?;
        if number == libc::SIGKILL
            && let Some(cgroup) = self.cgroup()?
            && cgroup.is_frozen().unwrap_or(false)
        {
            // v1: what is frozen hears nothing, freezer-subsystem.rst.
            cgroup.thaw().map_err(self.refused("resume"))?;
        }
        Ok(())
    }

    /// Ends a container that shares its pids with others, even when only its first process has ended.
    fn kill_sharing(&self) -> Result<(), ContainerError> {
        let Some(cgroup) = self.cgroup()? else {
            return self.alive(Action::Signal)?.signal(libc::SIGKILL).map_err(self.kernel("kill"));
        };
        let processes = cgroup.processes().map_err(self.refused("list the processes of"))?;
        if processes.is_empty() {
            self.allow(Action::Signal)?;
        }
        cgroup.kill().map_err(self.refused("kill"))
    }

    /// Sends a signal to every process of the container, even when the first one has ended.
    ///
    /// # Errors
    /// As [`Container::processes`].
    pub fn signal_all(&self, number: i32) -> Result<(), ContainerError> {
        if number == libc::SIGKILL {
            return match self.cgroup()? {
                Some(cgroup) => cgroup.kill().map_err(self.refused("kill")),
                None if self.process().is_some() => self.signal(number),
                None => Ok(()),
            };
        }
        for pid in self.processes()? {
            // Gone meanwhile.
            let Some(start_time) = crate::process::start_time(pid) else { continue };
            let Some(process) = Process::find(pid, start_time) else { continue };
            match process.signal(number) {
                Err(errno) if errno.raw() == libc::ESRCH => {}
                sent => sent.map_err(self.kernel("signal"))?,
            }
        }
        Ok(())
    }

    /// Every process of the container, by the caller's pids.
    ///
    /// # Errors
    /// [`ContainerError::Cgroup`].
    pub fn processes(&self) -> Result<Vec<i32>, ContainerError> {
        match self.cgroup()? {
            Some(cgroup) => cgroup.processes().map_err(self.refused("list the processes of")),
            None => match self.process() {
                Some(first) if self.record.own_pids => Ok(first.peers()),
                // Whichever of all the processes are its own, nobody can tell.
                Some(_) if self.record.cgroup.optional => {
                    Err(self.no_groups("list the processes of"))
                }
                first => Ok(first.iter().map(Process::pid).collect()),
            },
        }
    }

    /// Whether its processes may live on when the first one ends, and nobody could tell which they are: with neither pids nor
    /// control groups of its own.
    #[must_use]
    pub fn may_scatter(&self) -> bool {
        !self.record.own_pids && matches!(self.cgroup(), Ok(None))
    }

    /// Makes every process stand still; returns once they do.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] unless it is created or running, [`ContainerError::Cgroup`] where it cannot be frozen.
    pub fn pause(&self) -> Result<(), ContainerError> {
        let _lock = self.lock()?;
        self.allow(Action::Pause)?;
        self.with_cgroup("pause", |cgroup| cgroup.freeze(PATIENCE))
    }

    /// Lets every process go on.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] unless it is paused.
    pub fn resume(&self) -> Result<(), ContainerError> {
        let _lock = self.lock()?;
        self.allow(Action::Resume)?;
        self.with_cgroup("resume", |cgroup| cgroup.thaw())
    }

    /// What it has used until now. Of a user's container without control groups nobody has counted it: all figures are zero.
    ///
    /// # Errors
    /// [`ContainerError::Cgroup`].
    pub fn stats(&self) -> Result<Stats, ContainerError> {
        if self.record.cgroup.optional && self.cgroup()?.is_none() {
            self.allow(Action::Update)?;
            return Ok(Stats::default());
        }
        self.with_cgroup("read the statistics of", |cgroup| cgroup.stats())
    }

    /// Changes its limits; what is absent stays. Gives what people are told: settings that were passed over.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] for one that is stopped, [`ContainerError::Cgroup`] for a limit that cannot be set.
    pub fn update(&self, resources: &Resources) -> Result<Vec<String>, ContainerError> {
        let _lock = self.lock()?;
        self.allow(Action::Update)?;
        let mut cgroup = self.cgroup()?.ok_or_else(|| self.no_groups("update"))?;
        let present = cgroup.present_limits().map_err(self.refused("update"))?;
        let made = &self.record.cgroup;
        let plan = cgroup::plan_update(resources, made, present, WhenMissing::Refuse);
        let plan = plan.map_err(|error| {
            let cause = StartError::Plan(crate::PlanError::Cgroup(error));
            ContainerError::start(self.name(), "update", cause)
        })?;
        cgroup.update(&plan).map_err(self.refused("update"))?;
        Ok(plan.told(cgroup.skipped()))
    }

    /// Runs a further process inside; returns once its program runs. The caller has one thread.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] unless it is running, [`ContainerError::Start`] with the step.
    pub fn execute(&self, execution: &Execution<'_>) -> Result<Executed, ContainerError> {
        let target = self.alive(Action::Execute { even_paused: execution.even_paused })?;
        let failed = |error| ContainerError::start(self.name(), "execute in", error);
        let planned = |error| failed(StartError::Plan(error));
        let spec = self.spec()?;
        let mut plan = crate::plan_joining(execution.process, &spec).map_err(planned)?;
        plan.preserved_descriptors = execution.preserved_descriptors;
        self.record.keyring.give(&mut plan);
        if let Some(profile) = spec.linux.as_ref().and_then(|linux| linux.seccomp.as_ref()) {
            let compiled = super::filters_below(self.directory.root())
                .compile(profile)
                .map_err(|error| planned(crate::PlanError::Seccomp(error)))?;
            let (id, bundle) = (self.name().as_str(), &self.record.bundle);
            plan.seccomp = Some(compiled.for_container(id, bundle));
        }
        let entry = match (self.cgroup()?, execution.groups) {
            (Some(cgroup), []) => self.entry_beside(&cgroup, &target),
            (Some(cgroup), groups) => cgroup.entry_at(groups),
            (None, []) if self.record.cgroup.optional => Ok(Entry::nowhere()),
            (None, []) => Cgroup::entry_of(&self.record.cgroup, target.pid()),
            (None, _) => return Err(self.no_groups("execute in")),
        };
        let entry = entry.map_err(self.refused("execute in"))?;
        let shown = self.shown();
        let joined = join_shown((&target, &shown), &entry, &plan, execution.stdio);
        let joined = joined.map_err(failed)?;
        if let Some(resctrl) = &self.record.resctrl {
            match resctrl.admit(joined.process.pid()) {
                Err(error) if !joined.process.has_ended() => {
                    let _gone = joined.process.signal(libc::SIGKILL);
                    return Err(failed(StartError::Resctrl(error)));
                }
                _ => {}
            }
        }
        let crate::Joined { process, console } = joined;
        let lacking = plan.capabilities.map(capability::out_of_reach).unwrap_or_default();
        let mut warnings = plan.warnings;
        if !lacking.is_empty() && target.shares_our_users() {
            warnings.extend(lacking);
        }
        Ok(Executed { process, console, warnings })
    }

    /// The namespaces of a container at its gate, for a user who may not look into it; nothing of one that is being started.
    fn shown(&self) -> Vec<Shown> {
        if !is_unprivileged() || self.created.is_some() || !gate::is_closed(&self.directory) {
            return Vec::new();
        }
        gate::ask(&self.directory).unwrap_or_default()
    }

    /// A user may not move a process from a group that was not given to him, as that of his login, into one that was: cgroups(7),
    /// "Delegation containment". The process stays where its maker is then, as with runc.
    fn entry_beside(&self, cgroup: &Cgroup, first: &Process) -> Result<Entry, CgroupError> {
        let entry = cgroup.entry_beside(first.pid());
        if !self.record.cgroup.unprivileged {
            return entry;
        }
        match entry {
            Err(error) if error.is_refusal() => Ok(Entry::nowhere()),
            entry => entry.map(Entry::or_outside),
        }
    }

    /// Removes the container; with `force` one that has not ended is killed first. Hooks that fail, and a class of service that
    /// cannot be removed, are told and stop nothing.
    ///
    /// # Errors
    /// [`ContainerError::WrongState`] for one that is running or paused, unless forced.
    pub fn delete(mut self, force: bool) -> Result<Vec<StartError>, ContainerError> {
        let _lock = self.lock()?;
        self.allow(Action::Delete { force })?;
        self.kill()?;
        // Before the groups go: the child of this very process would keep them busy.
        self.created = None;
        // Those of a unit go with its last process.
        let own = self.groups.take().filter(|_| self.record.cgroup.unit.is_none());
        if let Some(cgroup) = own.map_or_else(|| self.cgroup(), |own| Ok(Some(own)))? {
            // What it left behind in a shared pid namespace, or is not reaped yet.
            cgroup.kill().map_err(self.refused("kill"))?;
            cgroup.remove(PATIENCE).map_err(self.refused("remove the control groups of"))?;
        } else {
            // systemd keeps units that failed for people to look at.
            Cgroup::forget(&self.record.cgroup).map_err(self.refused("remove the unit of"))?;
        }
        let class = self.record.resctrl.as_ref().map_or(Ok(()), Resctrl::remove);
        let hooks = self.record.hooks.as_ref().map(hooks::after_the_end).unwrap_or_default();
        self.directory.remove();
        Ok(class.err().map(StartError::Resctrl).into_iter().chain(hooks).collect())
    }

    /// Kills it, and waits until its first process has ended.
    fn kill(&self) -> Result<(), ContainerError> {
        let Some(process) = self.process() else { return Ok(()) };
        match self.signal(libc::SIGKILL) {
            Err(ContainerError::WrongState { .. }) => return Ok(()),
            Err(ContainerError::Kernel { errno, .. }) if errno.raw() == libc::ESRCH => {}
            sent => sent?,
        }
        await_end(&process).map_err(self.kernel("kill"))
    }

    pub(super) fn lock(&self) -> Result<Lock, ContainerError> {
        self.directory.lock()
    }

    fn with_cgroup<T>(
        &self,
        action: &'static str,
        act: impl FnOnce(&Cgroup) -> Result<T, CgroupError>,
    ) -> Result<T, ContainerError> {
        let cgroup = self.cgroup()?.ok_or_else(|| self.no_groups(action))?;
        act(&cgroup).map_err(self.refused(action))
    }

    fn no_groups(&self, action: &'static str) -> ContainerError {
        let cause = CgroupError::NotFound { path: self.record.cgroup.path.clone() };
        ContainerError::Cgroup { name: self.name().clone(), action, cause }
    }

    fn refused(&self, action: &'static str) -> impl Fn(CgroupError) -> ContainerError + use<> {
        let name = self.name().clone();
        move |cause| ContainerError::Cgroup { name: name.clone(), action, cause }
    }

    fn kernel(&self, action: &'static str) -> impl Fn(Errno) -> ContainerError + use<> {
        let name = self.name().clone();
        move |errno| ContainerError::Kernel { name: name.clone(), action, errno }
    }

    fn allow(&self, action: Action) -> Result<(), ContainerError> {
        match self.status() {
            status if action.is_allowed(status) => Ok(()),
            status => Err(self.wrong(action, status)),
        }
    }

    /// The first process, which every action that needs it is allowed with only.
    pub(super) fn alive(&self, action: Action) -> Result<Process, ContainerError> {
        let first = self.process();
        match (self.status_with(first.as_ref()), first) {
            (status, Some(first)) if action.is_allowed(status) => Ok(first),
            (status, _) => Err(self.wrong(action, status)),
        }
    }

    pub(super) fn wrong(&self, action: Action, status: Status) -> ContainerError {
        ContainerError::WrongState { name: self.name().clone(), action: action.words(), status }
    }
}

/// Waits for a process that was killed.
pub(super) fn await_end(process: &Process) -> Result<(), Errno> {
    let mut ended = [PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN)];
    let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    match crate::wire::retry(|| poll(&mut ended, Some(&patience)))? {
        0 => Err(Errno::from_raw(libc::ETIMEDOUT)),
        _ => Ok(()),
    }
}
