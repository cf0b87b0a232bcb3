//! What a boot of the machine begins and its end ends: containers that are to run again, and all that run.
//!
//! There is no daemon to do it: a unit of the machine's init calls the two. Start at [`Containers::to_start`].

use std::time::{Duration, Instant};

use libcontainer::Process;
use monitor::{Connection, RestartPolicy, connect};

use crate::autostart::AutostartChoice;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::{Container, exit_of, wait_for_end};
use crate::state::{Action, State};

/// A container, and what came of stopping it.
pub type Stopped = (Container, Result<(), EngineError>);

/// A container that was asked to end.
struct Asked {
    container: Container,
    process: Process,
    /// Who will say that it has ended; nothing where there is none.
    monitor: Option<Connection>,
    /// When it is killed; nothing is patience without end.
    deadline: Option<Instant>,
}

impl Containers<'_> {
    /// Containers that do not run and should after a boot. Those that start with the machine come first, in their turn
    /// ([`AutostartChoice::of_boot`]); then, in the order in which they were made, those that should by their policy, by what people
    /// did to them, and by how they ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn to_start(&self) -> Result<Vec<Container>, EngineError> {
        let mut all = self.all()?;
        all.reverse();
        let mut wanted = self.autostarted(&AutostartChoice::of_boot())?;
        wanted.retain(stands_still);
        let is_there = |id| wanted.iter().any(|one: &Container| one.record.id == id);
        all.retain(|container| !is_there(container.record.id.clone()) && should_start(container));
        wanted.extend(all);
        Ok(wanted)
    }

    /// Stops every container that runs, all at once. None of them counts as stopped by people: those that should run after a
    /// boot do. Gives each with what came of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stop_all(&self, timeout_s: Option<i64>) -> Result<Vec<Stopped>, EngineError> {
        let mut asked = Vec::new();
        let mut done = Vec::new();
        for container in self.all()? {
            match self.ask_to_end(&container, timeout_s) {
                Ok(Some(one)) => asked.push(one),
                Ok(None) => {}
                Err(error) => done.push((container, Err(error))),
            }
        }
        // Whose patience ends first is seen to first: nobody lives longer because somebody else may.
        asked.sort_by_key(|one| (one.deadline.is_none(), one.deadline));
        for mut one in asked {
            let ended = self.see_to_end(&mut one);
            done.push((one.container, ended));
        }
        Ok(done)
    }

    /// Nothing for one that does not run.
    fn ask_to_end(
        &self,
        container: &Container,
        timeout_s: Option<i64>,
    ) -> Result<Option<Asked>, EngineError> {
        if matches!(container.state, State::Created { .. } | State::Exited(_)) {
            return Ok(None);
        }
        let mut monitor = self.monitor_of(container)?;
        if let Some(monitor) = &mut monitor {
            // One that is gone meanwhile starts nothing.
            let _gone = monitor.hold_restarts();
        }
        let container = &self.get(container.record.id.as_str())?;
        let Some(process) = container.process() else { return Ok(None) };
        self.resume(container)?;
        self.signal(container, &process, container.config.stop_signal)?;
        let timeout = timeout_s.unwrap_or(container.config.stop_timeout_s);
        let deadline = u64::try_from(timeout)
            .ok()
            .map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Ok(Some(Asked { container: container.clone(), process, monitor, deadline }))
    }

    fn see_to_end(&self, one: &mut Asked) -> Result<(), EngineError> {
        let left = one.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if !wait_for_end(&one.process, left) {
            self.end_process(&one.container, &one.process, Action::Stop)?;
        }
        one.monitor.as_mut().and_then(exit_of);
        self.tell(&one.container, "stop", &[]);
        Ok(())
    }
}

fn should_start(container: &Container) -> bool {
    let State::Exited(ended) = &container.state else { return false };
    let wanted = match container.config.restart {
        RestartPolicy::No => false,
        RestartPolicy::Always => true,
        RestartPolicy::UnlessStopped => !container.record.held,
        RestartPolicy::OnFailure { .. } | RestartPolicy::OnUnhealthy { .. } => {
            ended.code != 0 && !container.record.held
        }
    };
    wanted && stands_still(container)
}

/// One whose monitor lives, and that waits to be started again, does not.
fn stands_still(container: &Container) -> bool {
    matches!(container.state, State::Created { .. } | State::Exited(_))
        && connect(&container.dirs.state).is_err()
}
