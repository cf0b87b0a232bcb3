//! Memory that a monitor has no use for while nobody wants anything of it. It is given back once it has been left alone for a while: a container
//! that ends at once never pays for it, and one among thousands takes less than half as much.

use std::time::{Duration, Instant};

const CALM: Duration = Duration::from_secs(1);

/// When that is.
#[derive(Default)]
pub(crate) struct Idle {
    at: Option<Instant>,
}

impl Idle {
    /// A run begins, or somebody wants something, now.
    pub(crate) fn put_off(&mut self, now: Instant) {
        self.at = Some(now + CALM);
    }

    /// When something is to be done, if it is.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.at
    }

    /// Gives memory back when it is time.
    pub(crate) fn act_in_time(&mut self, now: Instant) {
        if self.at.take_if(|at| *at <= now).is_some() {
            sys::release_idle_memory();
        }
    }
}
