//! `wait --condition`: until a container is where somebody wants it. What is told of containers wakes; a look now and then sees what a
//! full disk kept from being told.
//!
//! Start at [`Containers::wait_for`].

use std::str::FromStr;
use std::time::Duration;

use monitor::HealthStatus;
use monitor::events::{Event, Reader};
use spec::ContainerId;

use crate::containers::Containers;
use crate::error::{EngineError, Kind};
use crate::life::Container;
use crate::state::{Phase, State};

/// Exit code of a container that has not ended, as Podman gives it.
const NONE_YET: i32 = -1;

/// Where a container is to be: the conditions of Docker's interface, and those of Podman's command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It does not run: what Docker's `wait` waits for.
    NotRunning,
    /// It has ended since the wait began.
    NextExit,
    /// There is none any more.
    Removed,
    /// It was made, and never started.
    Created,
    /// It runs.
    Running,
    /// It stands still.
    Paused,
    /// It has ended.
    Exited,
    /// Its health check says so.
    Healthy,
    /// Its health check says so.
    Unhealthy,
}

const WORDS: &[(&str, Condition)] = &[
    ("configured", Condition::Created),
    ("created", Condition::Created),
    ("exited", Condition::Exited),
    ("healthy", Condition::Healthy),
    ("next-exit", Condition::NextExit),
    ("not-running", Condition::NotRunning),
    ("paused", Condition::Paused),
    ("removed", Condition::Removed),
    ("running", Condition::Running),
    ("stopped", Condition::Exited),
    ("unhealthy", Condition::Unhealthy),
];

impl FromStr for Condition {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        let found = WORDS.iter().find(|(word, _)| *word == text).map(|(_, condition)| *condition);
        found.ok_or_else(|| {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            EngineError::value("condition", text, format!("it is not one of {}", words.join(", ")))
        })
    }
}

/// A wait for a container; whoever waits says what happens ([`Wait::hear`]) and looks ([`Containers::look_for`]).
#[derive(Clone, Debug)]
pub struct Wait {
    id: ContainerId,
    conditions: Vec<Condition>,
    /// The exit code that was told last.
    last: i32,
}

impl Wait {
    /// Takes what was told; gives the exit code where that ends the wait.
    pub fn hear(&mut self, event: &Event) -> Option<i32> {
        let code = end_of(event, self.id.as_str())?;
        self.last = code;
        // One that is started again is not down, and one with --rm is gone before anybody can look.
        self.wants(Condition::NextExit).then_some(code)
    }

    /// Whether an event may end the wait.
    #[must_use]
    pub fn concerns(&self, event: &Event) -> bool {
        event.kind == "container" && event.actor.id == self.id.as_str()
    }

    fn wants(&self, condition: Condition) -> bool {
        self.conditions.contains(&condition)
    }
}

impl Containers<'_> {
    /// Waits until one of the conditions is met; gives the exit code of its last end, or −1.
    ///
    /// # Errors
    /// When there is no such container, or it is removed and nobody waits for that.
    pub fn wait_for(
        &self,
        text: &str,
        conditions: &[Condition],
        interval: Duration,
    ) -> Result<i32, EngineError> {
        let events = self.engine.events();
        let failed = |cause| EngineError::file("read", &self.engine.paths().state)(cause);
        // Before the first look: what happens after it is told.
        let mut news = Reader::open(events, false).map_err(failed)?;
        let mut wait = self.begin_wait(text, conditions)?;
        loop {
            while let Some(event) = news.next_event().map_err(failed)? {
                if let Some(code) = wait.hear(&event) {
                    return Ok(code);
                }
            }
            if let Some(code) = self.look_for(&wait)? {
                return Ok(code);
            }
            news.wait(Some(interval)).map_err(failed)?;
        }
    }

    /// Begins a wait; who begins it hears events already.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn begin_wait(&self, text: &str, conditions: &[Condition]) -> Result<Wait, EngineError> {
        let id = self.get(text)?.record.id;
        Ok(Wait { id, conditions: conditions.to_vec(), last: NONE_YET })
    }

    /// Looks whether a condition is met; gives the exit code of the last end then, or −1.
    ///
    /// # Errors
    /// When the container was removed and nobody waits for that.
    pub fn look_for(&self, wait: &Wait) -> Result<Option<i32>, EngineError> {
        match self.get(wait.id.as_str()) {
            Ok(container) => {
                for condition in &wait.conditions {
                    if self.is_met(&container, *condition)? {
                        return Ok(Some(code_of(&container.state, wait.last)));
                    }
                }
                Ok(None)
            }
            Err(error) if error.kind() == Kind::NotFound => {
                let has_ended = wait.last != NONE_YET
                    && (wait.wants(Condition::NotRunning) || wait.wants(Condition::Exited));
                if has_ended || wait.wants(Condition::Removed) {
                    Ok(Some(wait.last))
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    fn is_met(&self, container: &Container, condition: Condition) -> Result<bool, EngineError> {
        let phase = container.state.phase();
        Ok(match condition {
            Condition::NotRunning => matches!(phase, Phase::Created | Phase::Exited),
            Condition::NextExit | Condition::Removed => false,
            Condition::Created => matches!(phase, Phase::Created | Phase::Starting),
            Condition::Running => phase == Phase::Running,
            Condition::Paused => phase == Phase::Paused,
            Condition::Exited => phase == Phase::Exited,
            Condition::Healthy => self.is_called(container, HealthStatus::Healthy)?,
            Condition::Unhealthy => self.is_called(container, HealthStatus::Unhealthy)?,
        })
    }

    fn is_called(&self, container: &Container, status: HealthStatus) -> Result<bool, EngineError> {
        let runs = container.state.phase() == Phase::Running;
        Ok(runs && self.health(container)?.is_some_and(|known| known.status == status))
    }
}

/// The exit code that an event tells of a container.
fn end_of(event: &Event, id: &str) -> Option<i32> {
    let is_end = event.kind == "container" && event.action == "die" && event.actor.id == id;
    is_end.then(|| event.actor.attributes.get("exitCode")?.parse().ok()).flatten()
}

/// What was told of an end counts: one with --rm may be half removed when it is looked at.
fn code_of(state: &State, told: i32) -> i32 {
    match state {
        State::Exited(_) if told != NONE_YET => told,
        State::Exited(ended) => ended.code,
        State::Created { .. } | State::Starting | State::Running { .. } | State::Restarting(_) => {
            NONE_YET
        }
    }
}
