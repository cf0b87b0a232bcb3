//! Bytes of CRIU, for fuzz/.

use super::message::Response;

/// Reads an answer; whether it is one.
#[must_use]
pub fn answer(bytes: &[u8]) -> bool {
    Response::read(bytes).is_some()
}
