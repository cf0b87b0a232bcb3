//! LXC's words for where a container is in its life, and waiting until it is somewhere.

use std::time::{Duration, Instant};

use engine::events::{Event, Reader};
use engine::{Container, Engine, State};

use crate::failure::Failure;

/// A look now and then sees what a full disk kept from being told.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Every state that LXC knows; some last no longer than a moment.
pub(super) const STATES: [&str; 8] =
    ["STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING", "FREEZING", "FROZEN", "THAWED"];

/// The state of a container; nothing that the engine knows is stopped.
pub(super) fn state(container: Option<&Container>) -> &'static str {
    match container.map(|container| &container.state) {
        Some(State::Running { paused: true, .. }) => "FROZEN",
        Some(State::Running { .. }) => "RUNNING",
        Some(State::Starting | State::Restarting(_)) => "STARTING",
        Some(State::Created { .. } | State::Exited(_)) | None => "STOPPED",
    }
}

/// Whether it runs or stands still.
pub(super) fn is_active(container: &Container) -> bool {
    state(Some(container)) != "STOPPED"
}

/// Its first process.
pub(super) fn pid(container: &Container) -> Option<i32> {
    match container.state {
        State::Running { pid, .. } => Some(pid),
        State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => None,
    }
}

/// Looks whenever something happens, until it is as wanted or the time is over; gives whether it is.
pub(super) fn until(
    engine: &Engine,
    patience: Option<Duration>,
    is_so: &mut dyn FnMut(Option<&Event>) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let failed = |cause| Failure::file("read", "the events")(cause);
    // Before the first look: what happens after it is told.
    let mut news = Reader::open(engine.events(), false).map_err(failed)?;
    let over_at = patience.and_then(|patience| Instant::now().checked_add(patience));
    loop {
        while let Some(event) = news.next_event().map_err(failed)? {
            if is_so(Some(&event))? {
                return Ok(true);
            }
        }
        if is_so(None)? {
            return Ok(true);
        }
        let left = over_at.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        news.wait(Some(left.map_or(BETWEEN_LOOKS, |left| left.min(BETWEEN_LOOKS))))
            .map_err(failed)?;
    }
}
