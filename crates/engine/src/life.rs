//! What moves a container between its states, from outside: stop, kill, wait.

use std::time::{Duration, Instant};

use libcontainer::Process;
use libcontainer::cgroup::{Cgroup, CgroupError, CgroupPath};
use monitor::{Connection, FromMonitor, Life, Received, connect, observe};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use spec::ContainerId;
use store::{ContainerDirs, ContainerRecord, Ended, Status, StoreError};

use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::lock::Lock;
use crate::state::{Action, Allowed, State};

/// Docker's code for an end that nobody saw.
const UNKNOWN: i32 = 255;
/// How long processes may take to stand still, or to leave a group.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A killed process that stands still is let go this often.
const BETWEEN_THAWS: Duration = Duration::from_millis(20);

/// A container with its true state.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its record.
    pub record: ContainerRecord,
    /// Its configuration: apart, since lists hold thousands of them and move them about.
    pub config: Box<ContainerConfig>,
    /// Where it lives on disk.
    pub dirs: ContainerDirs,
    /// Its state at the moment it was looked at.
    pub state: State,
}

/// Who may hold a container's lock while its state is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The caller itself.
    Caller,
    /// Another command, perhaps.
    Others,
}

impl Container {
    /// Whether `action` may be done in its state; the error says why not.
    pub(crate) fn allow(&self, action: Action) -> Result<Allowed, EngineError> {
        self.state.phase().allow(action).map_err(|state| self.refuse(action, state))
    }

    pub(crate) fn cgroup_failed(&self, action: Action) -> impl Fn(CgroupError) -> EngineError {
        let name = self.record.name.clone();
        move |cause| EngineError::Cgroup { action: action.words(), name: name.clone(), cause }
    }

    pub(crate) fn refuse(&self, action: Action, state: &'static str) -> EngineError {
        EngineError::State { action: action.words(), name: self.record.name.clone(), state }
    }

    /// The first process, held fast.
    pub(crate) fn process(&self) -> Option<Process> {
        match &self.state {
            State::Running { pid, start_time, .. } => Process::find(*pid, *start_time),
            State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => {
                None
            }
        }
    }
}

/// An end that was seen is true without being in the record: who looks again sees it again. A full disk keeps nobody from looking.
fn noted(written: Result<(), StoreError>) -> Result<(), StoreError> {
    written.or_else(|error| match error.kind() {
        store::Kind::Full => Ok(()),
        store::Kind::Invalid
        | store::Kind::NotFound
        | store::Kind::Conflict
        | store::Kind::Permission
        | store::Kind::Unsupported
        | store::Kind::Internal => Err(error),
    })
}

impl Containers<'_> {
    /// The truth, which is written into the record when the container has ended.
    pub(crate) fn state(
        &self,
        record: &ContainerRecord,
        dirs: &ContainerDirs,
        holder: Holder,
    ) -> Result<State, EngineError> {
        match &record.status {
            Status::Created { code, error } => {
                return Ok(State::Created { code: *code, error: error.clone() });
            }
            Status::Exited(ended) => return Ok(State::Exited(ended.clone())),
            Status::Active => {}
        }
        let life = observe(&dirs.state, &dirs.container)
            .map_err(EngineError::file("read", &dirs.state))?;
        if let Life::Running { state, monitored, paused } = life {
            return Ok(State::running(state, monitored, paused));
        }
        let records = self.engine.store.containers();
        let ended = match life.clone() {
            Life::Starting | Life::Running { .. } => return Ok(State::Starting),
            Life::Restarting { exit } => return Ok(State::Restarting(ended(exit))),
            Life::Exited(exit) if exit.started_at.is_empty() => {
                let failed = State::Created { code: exit.code, error: exit.error.clone() };
                if let Some(_lock) = self.is_news(record, dirs, &life)? {
                    noted(records.set_created(&record.id, exit.code, &exit.error))?;
                }
                return Ok(failed);
            }
            Life::Exited(exit) => ended(exit),
            Life::Lost { started_at, oom_killed } => {
                return self.lost(record, dirs, holder, (started_at, oom_killed));
            }
        };
        if let Some(_lock) = self.is_news(record, dirs, &life)? {
            noted(records.set_exited(&record.id, &ended))?;
        }
        Ok(State::Exited(ended))
    }

    /// What a container is whose monitor has gone without a word. What it had is taken back under the container's lock alone: whoever starts it
    /// anew has the same records, and must not lose what it has just been given.
    fn lost(
        &self,
        record: &ContainerRecord,
        dirs: &ContainerDirs,
        holder: Holder,
        (started_at, oom_killed): (String, bool),
    ) -> Result<State, EngineError> {
        let records = self.engine.store.containers();
        let life = Life::Lost { started_at: started_at.clone(), oom_killed };
        let lock = match holder {
            Holder::Caller => None,
            Holder::Others => self.is_news(record, dirs, &life)?,
        };
        // Nobody starts one that has no directory.
        if holder == Holder::Caller || lock.is_some() || !records.has_directory(&record.id)? {
            self.take_plugins_back(dirs)?;
            self.take_places_back(&record.id)?;
        } else if started_at.is_empty() {
            // Whoever is about to start it holds the lock and has written nothing yet.
            return Ok(State::Starting);
        }
        let finished_at = monitor::format_time(monitor::now_ns());
        let error = "its monitor was gone when it ended".to_owned();
        let code = UNKNOWN;
        let ended = Ended { code, started_at, finished_at, error, oom_killed, ..Ended::default() };
        if lock.is_some() {
            noted(records.set_exited(&record.id, &ended))?;
        }
        Ok(State::Exited(ended))
    }

    /// The container's lock where an end that was seen still has to be written down. Whoever starts a container anew holds its lock,
    /// now or between the look and now: then that end is no news any more, and to write it would hide the run that is.
    pub(crate) fn is_news(
        &self,
        record: &ContainerRecord,
        dirs: &ContainerDirs,
        seen: &Life,
    ) -> Result<Option<Lock>, EngineError> {
        let Some(lock) = Lock::attempt(&dirs.container) else { return Ok(None) };
        let now = observe(&dirs.state, &dirs.container)
            .map_err(EngineError::file("read", &dirs.state))?;
        let is_active = match self.engine.store.containers().get(record.id.as_str()) {
            Ok(record) => record.status == Status::Active,
            Err(error) if error.kind() == store::Kind::NotFound => false,
            Err(error) => return Err(error.into()),
        };
        Ok((is_active && now == *seen).then_some(lock))
    }

    /// The container's group; nothing when it has none.
    pub(crate) fn cgroup(
        &self,
        container: &Container,
        action: Action,
    ) -> Result<Option<Cgroup>, EngineError> {
        let path: CgroupPath = self
            .engine
            .group_of_running(container)
            .parse()
            .map_err(|_never| container.refuse(action, "without a group"))?;
        match Cgroup::open(&path, self.engine.layout()?) {
            Ok(cgroup) => Ok(Some(cgroup)),
            Err(CgroupError::NotFound { .. }) => Ok(None),
            Err(cause) => Err(container.cgroup_failed(action)(cause)),
        }
    }

    /// Asks the container to end by its stop signal, and ends it after its time-out. Gives false when it had ended already.
    ///
    /// # Errors
    /// When there is none, or the kernel refuses.
    pub fn stop(
        &self,
        text: &str,
        signal: Option<i32>,
        timeout_s: Option<i64>,
    ) -> Result<bool, EngineError> {
        self.stop_found(self.get(text)?, signal, timeout_s)
    }

    pub(crate) fn stop_found(
        &self,
        container: Container,
        signal: Option<i32>,
        timeout_s: Option<i64>,
    ) -> Result<bool, EngineError> {
        if container.allow(Action::Stop)? == Allowed::Already {
            return Ok(false);
        }
        // Of this run: the next one may begin as soon as it has ended.
        let mut monitor = connect(&container.dirs.state).ok();
        let (container, kept) = self.hold(container)?;
        let Some(process) = container.process() else {
            // It waited to be started again, and has just been told not to.
            monitor.as_mut().and_then(exit_of);
            return kept.map(|()| true);
        };
        self.resume(&container)?;
        let signal = signal.unwrap_or(container.config.stop_signal);
        self.signal(&container, &process, signal)?;
        let timeout = timeout_s.unwrap_or(container.config.stop_timeout_s);
        // Docker's −1 is patience without end.
        let patience = u64::try_from(timeout).ok().map(Duration::from_secs);
        if !wait_for_end(&process, patience) {
            self.end_process(&container, &process, Action::Stop)?;
        }
        monitor.as_mut().and_then(exit_of);
        self.tell(&container, "stop", &[]);
        kept.map(|()| true)
    }

    /// Lets it go on where somebody has paused it.
    pub(crate) fn resume(&self, container: &Container) -> Result<(), EngineError> {
        if !matches!(container.state, State::Running { paused: true, .. }) {
            return Ok(());
        }
        match self.unpause(container.record.id.as_str()) {
            // Somebody else was sooner.
            Err(error) if error.kind() == crate::error::Kind::Conflict => Ok(()),
            done => done,
        }
    }

    /// Kills the first process, and returns once it has ended. A frozen one of v1 ends when it is let go, and somebody may
    /// freeze it at any moment.
    pub(crate) fn end_process(
        &self,
        container: &Container,
        process: &Process,
        action: Action,
    ) -> Result<(), EngineError> {
        self.signal(container, process, libc::SIGKILL)?;
        while !wait_for_end(process, Some(BETWEEN_THAWS)) {
            if let Some(cgroup) = self.cgroup(container, action)? {
                let _gone = cgroup.thaw();
            }
        }
        Ok(())
    }

    /// Sends a signal to the first process.
    ///
    /// # Errors
    /// When the container does not run.
    pub fn kill(&self, text: &str, signal: i32) -> Result<(), EngineError> {
        let container = self.get(text)?;
        container.allow(Action::Kill)?;
        let mut monitor = connect(&container.dirs.state).ok();
        let is_end = signal == libc::SIGKILL || signal == container.config.stop_signal;
        let (container, kept) = if is_end { self.hold(container)? } else { (container, Ok(())) };
        let Some(process) = container.process() else {
            // It waits to be started again: there is nobody to signal.
            if is_end {
                monitor.as_mut().and_then(exit_of);
            }
            return kept;
        };
        self.signal(&container, &process, signal)?;
        if signal == libc::SIGKILL && matches!(container.state, State::Running { paused: true, .. })
        {
            // A frozen process of v1 dies when it is let go; one of v2 is gone by now.
            if let Some(cgroup) = self.cgroup(&container, Action::Kill)? {
                let _gone = cgroup.thaw();
            }
        }
        kept
    }

    /// Makes it stay down when it ends, and looks at it again: it may have been started again meanwhile. What nobody starts
    /// again needs no such word. Whether a reboot will know of it is a result of its own: who fills the disk has to be stopped
    /// though the disk is full.
    pub(crate) fn hold(
        &self,
        container: Container,
    ) -> Result<(Container, Result<(), EngineError>), EngineError> {
        if !container.config.may_restart() {
            return Ok((container, Ok(())));
        }
        let kept = self.engine.store.containers().set_held(&container.record.id);
        let name = container.record.name.clone();
        // A monitor that is gone starts nothing.
        let _gone = connect(&container.dirs.state).map(|mut monitor| monitor.hold_restarts());
        let container = self.get(container.record.id.as_str())?;
        Ok((
            container,
            kept.map_err(|cause| EngineError::Remember { name, cause: Box::new(cause) }),
        ))
    }

    /// Sends a signal to the first process, and tells of it where there is one.
    pub(crate) fn signal(
        &self,
        container: &Container,
        process: &Process,
        signal: i32,
    ) -> Result<(), EngineError> {
        // Before: who told it behind the signal would be later than the monitor, which tells of the end.
        if process.signal(0).is_ok() {
            self.tell(container, "kill", &[("signal", signal.to_string())]);
        }
        match process.signal(signal) {
            // It ended meanwhile.
            Err(errno) if errno.raw() == libc::ESRCH => Ok(()),
            Err(errno) => {
                let path = std::path::Path::new(&container.record.name);
                Err(EngineError::file("signal container", path)(errno.into()))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Waits for the container's end; gives its exit code.
    ///
    /// # Errors
    /// When there is none.
    pub fn wait(&self, text: &str) -> Result<i32, EngineError> {
        let container = self.get(text)?;
        let id = container.record.id.clone();
        match &container.state {
            State::Exited(ended) => return Ok(ended.code),
            State::Created { code, .. } if *code != 0 => return Ok(*code),
            State::Created { .. } => return Ok(0),
            State::Running { .. } | State::Starting | State::Restarting(_) => {}
        }
        if let Ok(mut connection) = connect(&container.dirs.state)
            && let Some(code) = exit_of(&mut connection)
        {
            return Ok(code);
        }
        if container.state == State::Starting {
            // Its command has the lock until there is a monitor, which may not listen yet but ends after its container.
            drop(Lock::wait(&container.dirs.container)?);
            monitor::wait_for_end(&container.dirs.state)
                .map_err(EngineError::file("wait for", &container.dirs.state))?;
        }
        // Without a monitor the process itself is watched; how it ended nobody will know.
        if let Some(process) = container.process() {
            wait_for_end(&process, None);
        }
        match self.get(id.as_str())?.state {
            State::Exited(ended) => Ok(ended.code),
            State::Created { code, .. } => Ok(code),
            State::Running { .. } | State::Starting | State::Restarting(_) => Ok(UNKNOWN),
        }
    }

    /// The monitor of a container whose lock is held; nothing where there is none. One that is about to listen is waited for.
    pub(crate) fn monitor_of(
        &self,
        container: &Container,
    ) -> Result<Option<Connection>, EngineError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(connection) = connect(&container.dirs.state) {
                return Ok(Some(connection));
            }
            let life = observe(&container.dirs.state, &container.dirs.container)
                .map_err(EngineError::file("read", &container.dirs.state))?;
            if life != Life::Starting || Instant::now() >= deadline {
                return Ok(None);
            }
            // Nothing tells of a socket that is about to be.
            let moment = Timespec { tv_sec: 0, tv_nsec: 500_000 };
            let _interrupted = poll(&mut [], Some(&moment));
        }
    }

    /// The container, whose lock is held, once its monitor has started it where it is about to.
    pub(crate) fn until_started(&self, container: Container) -> Result<Container, EngineError> {
        if container.state != State::Starting {
            return Ok(container);
        }
        if let Some(mut monitor) = self.monitor_of(&container)? {
            // It answers once it has done what it was made for; that nobody holds the container still changes nothing.
            let _gone = monitor.thaw();
            while let Ok(Received::Message(message)) = monitor.receive() {
                if matches!(message, FromMonitor::Thawed | FromMonitor::Exited { .. }) {
                    break;
                }
            }
        }
        self.get_locked(&container.record.id)
    }

    /// A connection to the container's monitor.
    ///
    /// # Errors
    /// When it does not run, or its monitor is gone.
    pub fn connect(&self, container: &Container) -> Result<Connection, EngineError> {
        container.allow(Action::Attach)?;
        let connection = self.reach(container)?;
        self.tell(container, "attach", &[]);
        Ok(connection)
    }

    /// Sets the size of a running container's terminal.
    ///
    /// # Errors
    /// When it does not run, or its monitor is gone.
    pub fn resize(&self, text: &str, rows: u16, columns: u16) -> Result<(), EngineError> {
        let container = self.get(text)?;
        container.allow(Action::Attach)?;
        let failed = |errno: sys::Errno| EngineError::NoMonitor {
            name: container.record.name.clone(),
            cause: monitor::ConnectError::Connect { path: container.dirs.state.clone(), errno },
        };
        self.reach(&container)?.resize(rows, columns).map_err(failed)
    }

    pub(crate) fn reach(&self, container: &Container) -> Result<Connection, EngineError> {
        connect(&container.dirs.state)
            .map_err(|cause| EngineError::NoMonitor { name: container.record.name.clone(), cause })
    }
}

/// What the monitor wrote down, as the record has it.
fn ended(exit: monitor::ExitFile) -> Ended {
    Ended {
        code: exit.code,
        started_at: exit.started_at,
        finished_at: exit.finished_at,
        error: exit.error,
        oom_killed: exit.oom_killed,
        restarts: exit.restarts,
    }
}

pub(crate) fn exit_of(connection: &mut Connection) -> Option<i32> {
    loop {
        match connection.receive() {
            Ok(Received::Message(FromMonitor::Exited { code })) => return Some(code),
            Ok(Received::Message(FromMonitor::StartFailed { code, .. })) => {
                return Some(code.into());
            }
            Ok(Received::Message(_)) => {}
            Ok(Received::Closed) | Err(_) => return None,
        }
    }
}

/// Where a container's group is in each hierarchy.
pub(crate) fn group_of(config: &ContainerConfig, id: &ContainerId) -> String {
    match config.cgroup_parent.trim_matches('/') {
        "" => format!("/corten/{id}"),
        parent => format!("/{parent}/{id}"),
    }
}

/// Whether the process ended in time; nothing is all the time of the world.
pub(crate) fn wait_for_end(process: &Process, patience: Option<Duration>) -> bool {
    let deadline = patience.map(|patience| Instant::now() + patience);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut polled = [PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN)];
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => return false,
            Err(rustix::io::Errno::INTR) => {}
            _ => return true,
        }
    }
}
