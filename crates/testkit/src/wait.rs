//! Waiting for a condition that no event announces.

use std::time::{Duration, Instant};

/// How long a condition may take on a loaded machine. A test that reaches it has failed; no test passes because of it.
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks at `condition` until it holds.
///
/// # Panics
/// When it does not hold within two minutes; `what` says which condition it was.
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds_in_time(condition), "waited {PATIENCE:?} in vain: {what}");
}

/// Whether `condition` holds within two minutes; for a test that has more to tell, or to clean, when it does not.
pub fn holds_in_time(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        #[expect(clippy::disallowed_methods, reason = "the condition has no event to wait for")]
        std::thread::sleep(BETWEEN_LOOKS);
    }
    true
}
