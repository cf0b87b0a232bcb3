//! Who may send now, and whether anybody still wants it: uploads take turns, and one that fails ends the others.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Turns for a few of many threads.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    stopped: bool,
}

/// The right to send, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Gate);

impl Gate {
    /// A gate that lets this many through at once.
    pub(super) const fn new(free: usize) -> Self {
        Self { state: Mutex::new(State { free, stopped: false }), changed: Condvar::new() }
    }

    /// Waits for a turn; nothing when all is over.
    pub(super) fn enter(&self) -> Option<Turn<'_>> {
        let full = |state: &mut State| state.free == 0 && !state.stopped;
        let waited = self.changed.wait_while(self.lock(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return None;
        }
        state.free -= 1;
        Some(Turn(self))
    }

    /// Ends all waiting.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether all is over.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits for that time, or until all is over; whether it is.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let going = |state: &mut State| !state.stopped;
        let waited = self.changed.wait_timeout_while(self.lock(), time, going);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().free += 1;
        self.0.changed.notify_one();
    }
}
