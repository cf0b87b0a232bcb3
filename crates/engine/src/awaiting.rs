//! `wait --condition`: until a container is where somebody wants it. What is told of containers wakes; a look now and then sees what a
//! full disk kept from being told.
//!
//! Start at [`Containers::wait_for`].

use std::str::FromStr;
use std::time::Duration;

use monitor::HealthStatus;
use monitor::events::{Event, Reader};

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
        let id = self.get(text)?.record.id;
        let wants = |condition| conditions.contains(&condition);
        let mut last = NONE_YET;
        loop {
            while let Some(event) = news.next_event().map_err(failed)? {
                if let Some(code) = end_of(&event, id.as_str()) {
                    last = code;
                    // One that is started again is not down, and one with --rm is gone before anybody can look.
                    if wants(Condition::NextExit) {
                        return Ok(code);
                    }
                }
            }
            match self.get(id.as_str()) {
                Ok(container) => {
                    for condition in conditions {
                        if self.is_met(&container, *condition)? {
                            return Ok(code_of(&container.state, last));
                        }
                    }
                }
                Err(error) if error.kind() == Kind::NotFound => {
                    let has_ended = last != NONE_YET
                        && (wants(Condition::NotRunning) || wants(Condition::Exited));
                    return if has_ended || wants(Condition::Removed) {
                        Ok(last)
                    } else {
                        Err(error)
                    };
                }
                Err(error) => return Err(error),
            }
            news.wait(Some(interval)).map_err(failed)?;
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
