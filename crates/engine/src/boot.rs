//! What a boot of the machine begins and its end ends: containers that are to run again, and all that run.
//!
//! There is no daemon to do it: a unit of the machine's init calls the two. Start at [`Containers::to_start`].

use std::time::{Duration, Instant};

use libcontainer::Process;
use monitor::{RestartPolicy, connect};

use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::{Container, wait_for_end};
use crate::state::State;

/// A container that was asked to end.
struct Asked {
    container: Container,
    process: Process,
    /// When it is killed; nothing is patience without end.
    deadline: Option<Instant>,
}

impl Containers<'_> {
    /// Containers that do not run and should after a boot, in the order in which they were made: by their policy, by what
    /// people did to them, and by how they ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn to_start(&self) -> Result<Vec<Container>, EngineError> {
        let mut all = self.all()?;
        all.reverse();
        all.retain(should_start);
        Ok(all)
    }

    /// Stops every container that runs, all at once. None of them counts as stopped by people: those that should run after a
    /// boot do. Gives each with what came of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stop_all(
        &self,
        timeout_s: Option<i64>,
    ) -> Result<Vec<(Container, Result<(), EngineError>)>, EngineError> {
        let mut asked = Vec::new();
        let mut done = Vec::new();
        for container in self.all()? {
            match self.ask_to_end(&container, timeout_s) {
                Ok(Some((process, deadline))) => {
                    asked.push(Asked { container, process, deadline });
                }
                Ok(None) => {}
                Err(error) => done.push((container, Err(error))),
            }
        }
        for one in asked {
            let ended = self.see_to_end(&one);
            done.push((one.container, ended));
        }
        Ok(done)
    }

    /// Nothing for one that does not run.
    fn ask_to_end(
        &self,
        container: &Container,
        timeout_s: Option<i64>,
    ) -> Result<Option<(Process, Option<Instant>)>, EngineError> {
        if matches!(container.state, State::Created { .. } | State::Exited(_)) {
            return Ok(None);
        }
        if let Some(mut monitor) = self.monitor_of(container)? {
            // One that is gone meanwhile starts nothing.
            let _gone = monitor.hold_restarts();
        }
        let container = &self.get(container.record.id.as_str())?;
        let Some(process) = container.process() else { return Ok(None) };
        if matches!(container.state, State::Running { paused: true, .. }) {
            self.unpause(container.record.id.as_str())?;
        }
        self.signal(container, &process, container.config.stop_signal)?;
        let signal = container.config.stop_signal.to_string();
        self.tell(container, "kill", &[("signal", signal)]);
        let timeout = timeout_s.unwrap_or(container.config.stop_timeout_s);
        let deadline = u64::try_from(timeout)
            .ok()
            .map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Ok(Some((process, deadline)))
    }

    fn see_to_end(&self, one: &Asked) -> Result<(), EngineError> {
        let left = one.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if !wait_for_end(&one.process, left) {
            self.signal(&one.container, &one.process, libc::SIGKILL)?;
            wait_for_end(&one.process, None);
        }
        self.settle(&one.container)?;
        self.tell(&one.container, "stop", &[]);
        Ok(())
    }
}

fn should_start(container: &Container) -> bool {
    let State::Exited(ended) = &container.state else { return false };
    // One whose monitor lives, and that waits to be started again, does not stand still.
    let is_watched = || connect(&container.dirs.state).is_ok();
    let wanted = match container.config.restart {
        RestartPolicy::No => false,
        RestartPolicy::Always => true,
        RestartPolicy::UnlessStopped => !container.record.held,
        RestartPolicy::OnFailure { .. } | RestartPolicy::OnUnhealthy { .. } => {
            ended.code != 0 && !container.record.held
        }
    };
    wanted && !is_watched()
}
