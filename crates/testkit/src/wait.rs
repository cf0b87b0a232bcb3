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
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        #[expect(clippy::disallowed_methods, reason = "the condition has no event to wait for")]
        std::thread::sleep(BETWEEN_LOOKS);
    }
}
