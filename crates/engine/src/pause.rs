//! Containers whose processes stand still: until somebody resumes them, or for as long as a command of ours works.
//!
//! The first is marked in the state directory, so that listing many need not look into every group. The second is held by the
//! container's monitor for the command's connection: a command that is killed leaves no container that stands still.
//! Start at [`Containers::pause`].

use monitor::{Connection, FromMonitor, PAUSED, Received, connect};

use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::{Container, PATIENCE};
use crate::state::{Action, State};

impl Containers<'_> {
    /// Stops every process where it stands.
    ///
    /// # Errors
    /// When the container does not run, is paused already, or the freezer refuses.
    pub fn pause(&self, text: &str) -> Result<(), EngineError> {
        let container = self.get(text)?;
        container.allow(Action::Pause)?;
        if !self.ask_monitor(&container, Action::Pause, "not running")? {
            self.pause_alone(text)?;
        }
        self.tell(&container, "pause", &[]);
        Ok(())
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// When the container is not paused.
    pub fn unpause(&self, text: &str) -> Result<(), EngineError> {
        let container = self.get(text)?;
        let is_alone = matches!(container.state, State::Running { monitored: false, .. });
        // Its monitor was killed while it held the container still for a command that was killed, too.
        let is_left = is_alone
            && self
                .cgroup(&container, Action::Unpause)?
                .is_some_and(|cgroup| cgroup.is_frozen().unwrap_or(false));
        if !is_left {
            container.allow(Action::Unpause)?;
        }
        if !self.ask_monitor(&container, Action::Unpause, "not paused")? {
            self.unpause_alone(&container)?;
        }
        self.tell(&container, "unpause", &[]);
        Ok(())
    }

    /// Has the monitor pause or resume its container. False when there is no monitor.
    fn ask_monitor(
        &self,
        container: &Container,
        action: Action,
        otherwise: &'static str,
    ) -> Result<bool, EngineError> {
        if matches!(container.state, State::Running { monitored: false, .. }) {
            return Ok(false);
        }
        let question = |connection: &Connection| {
            if action == Action::Pause { connection.pause() } else { connection.resume() }
        };
        let refusal = self.ask(container, (action, otherwise), question, |message| {
            if let FromMonitor::FreezeFailed { error } = message {
                return Some(Some(error.to_owned()));
            }
            matches!(message, FromMonitor::Frozen | FromMonitor::Thawed).then_some(None)
        })?;
        match refusal {
            Some(why) => Err(EngineError::Freeze { name: container.record.name.clone(), why }),
            None => Ok(true),
        }
    }

    /// The same where there is no monitor: under the container's lock, so that nobody makes another run meanwhile.
    fn pause_alone(&self, text: &str) -> Result<(), EngineError> {
        let (_lock, container) = self.locked(text)?;
        container.allow(Action::Pause)?;
        let gone = || container.refuse(Action::Pause, "not running");
        let cgroup = self.cgroup(&container, Action::Pause)?.ok_or_else(gone)?;
        if !matches!(container.state, State::Running { monitored: false, .. }) {
            return Err(gone());
        }
        let mark = container.dirs.state.join(PAUSED);
        std::fs::File::create(&mark).map_err(EngineError::file("write", &mark))?;
        cgroup.freeze(PATIENCE).map_err(|cause| {
            let _gone = std::fs::remove_file(&mark);
            container.cgroup_failed(Action::Pause)(cause)
        })
    }

    fn unpause_alone(&self, container: &Container) -> Result<(), EngineError> {
        if let Some(cgroup) = self.cgroup(container, Action::Unpause)? {
            cgroup.thaw().map_err(container.cgroup_failed(Action::Unpause))?;
        }
        let mark = container.dirs.state.join(PAUSED);
        match std::fs::remove_file(&mark) {
            // Nobody had marked it, or another command was sooner.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(EngineError::file("remove", &mark)),
        }
    }

    /// Does `work` while the container's processes stand still.
    ///
    /// # Errors
    /// When they do not stop in time, or cannot be let go; and those of `work`.
    pub(crate) fn while_it_stands_still<T>(
        &self,
        container: &Container,
        work: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let Ok(mut connection) = connect(&container.dirs.state) else {
            return self.while_paused(container, work);
        };
        // A monitor that is gone by now tells nothing.
        let _gone = connection.freeze();
        loop {
            match connection.receive() {
                Ok(Received::Message(FromMonitor::Frozen)) => break,
                Ok(Received::Message(FromMonitor::FreezeFailed { error })) => {
                    let (name, why) = (container.record.name.clone(), error.to_owned());
                    return Err(EngineError::Freeze { name, why });
                }
                // It has ended by itself: nothing of it moves any more.
                Ok(Received::Message(FromMonitor::Exited { .. })) => return work(),
                Ok(Received::Message(_)) => {}
                Ok(Received::Closed) | Err(_) => return self.while_paused(container, work),
            }
        }
        let done = work();
        let _gone = connection.thaw();
        let is_told = loop {
            match connection.receive() {
                Ok(Received::Message(FromMonitor::Thawed | FromMonitor::Exited { .. })) => {
                    break true;
                }
                Ok(Received::Message(_)) => {}
                Ok(Received::Closed) | Err(_) => break false,
            }
        };
        // The monitor was killed meanwhile, and what it held would be held for ever.
        if !is_told
            && !container.dirs.state.join(PAUSED).exists()
            && let Some(cgroup) = self.cgroup(container, Action::Unpause)?
        {
            cgroup.thaw().map_err(container.cgroup_failed(Action::Unpause))?;
        }
        done
    }

    /// The same where there is no monitor to hold it: a command that is killed leaves the container paused, and marked so.
    fn while_paused<T>(
        &self,
        container: &Container,
        work: impl FnOnce() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let id = container.record.id.as_str();
        self.pause(id)?;
        let done = work();
        let resumed = self.unpause(id);
        done.and_then(|done| resumed.map(|()| done))
    }
}
