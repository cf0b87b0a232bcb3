//! What a test cannot go on without.

use std::io::Result;

/// What came of it.
///
/// # Panics
/// When it failed.
#[track_caller]
pub(crate) fn must<T>(outcome: Result<T>, what: &str) -> T {
    outcome.unwrap_or_else(|error| panic!("{what}: {error}"))
}
