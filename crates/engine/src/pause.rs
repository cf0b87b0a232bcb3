//! Containers whose processes stand still: until somebody resumes them, or for as long as a command of ours works.
//!
//! The first is marked in the state directory, so that listing many need not look into every group. The second is held by the
//! container's monitor for the command's connection: a command that is killed leaves no container that stands still.
//! Start at [`Containers::pause`].

use libcontainer::cgroup::CgroupError;
use monitor::{FromMonitor, PAUSED, Received, connect};

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
        let cgroup = self
            .cgroup(&container, Action::Pause)?
            .ok_or_else(|| container.refuse(Action::Pause, "not running"))?;
        // Before the processes stop: a monitor that is about to let them go after a commit looks for it.
        let mark = container.dirs.state.join(PAUSED);
        if let Err(error) = std::fs::File::create(&mark) {
            if error.kind() == std::io::ErrorKind::NotFound {
                // It was removed meanwhile.
                self.get(container.record.id.as_str())?;
                return Err(container.refuse(Action::Pause, "not running"));
            }
            return Err(EngineError::file("write", &mark)(error));
        }
        if let Err(cause) = cgroup.freeze(PATIENCE) {
            let _gone = std::fs::remove_file(&mark);
            return Err(self.unless_ended(&container, Action::Pause, "not running", cause));
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
        let cgroup = self.cgroup(&container, Action::Unpause)?;
        // Its monitor was killed while it held the container still for a command that was killed, too.
        let is_left = matches!(container.state, State::Running { monitored: false, .. })
            && cgroup.as_ref().is_some_and(|cgroup| cgroup.is_frozen().unwrap_or(false));
        if !is_left {
            container.allow(Action::Unpause)?;
        }
        if let Some(cgroup) = cgroup
            && let Err(cause) = cgroup.thaw()
        {
            return Err(self.unless_ended(&container, Action::Unpause, "not paused", cause));
        }
        let mark = container.dirs.state.join(PAUSED);
        match std::fs::remove_file(&mark) {
            // Nobody had marked it, or another command was sooner, or it has ended meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !is_left {
                    return Err(container.refuse(Action::Unpause, "not paused"));
                }
            }
            done => done.map_err(EngineError::file("remove", &mark))?,
        }
        self.tell(&container, "unpause", &[]);
        Ok(())
    }

    /// Why the freezer refused. Where the run that was meant has ended meanwhile, its group went with it, also when another run
    /// has begun since.
    fn unless_ended(
        &self,
        container: &Container,
        action: Action,
        ended: &'static str,
        cause: CgroupError,
    ) -> EngineError {
        let now = match self.get(container.record.id.as_str()) {
            Ok(now) => now,
            Err(error) => return error,
        };
        let run = |state: &State| match state {
            State::Running { pid, start_time, .. } => Some((*pid, *start_time)),
            State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => {
                None
            }
        };
        let is_same = run(&now.state).is_some() && run(&now.state) == run(&container.state);
        match now.allow(action) {
            Err(refusal) => refusal,
            Ok(_) if is_same && now.process().is_some() => container.cgroup_failed(action)(cause),
            Ok(_) => container.refuse(action, ended),
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
