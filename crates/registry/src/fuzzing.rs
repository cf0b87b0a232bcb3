//! What fuzz/ reaches beyond the public items: readers of header fields, and of what signatures sign.
//! Exists with `--cfg fuzzing` only, as cargo-fuzz sets it: no release holds this module. Talks to nobody.

use crate::address::Address;

pub use crate::verify::fuzzing::{Signing, signed_bundle, signed_payload};

/// What a challenge is made of: its scheme, and names with values.
pub type Challenge = (String, Vec<(String, String)>);

/// Reads a field `WWW-Authenticate`; nothing where it breaks the grammar.
#[must_use]
pub fn challenges(field: &str) -> Option<Vec<Challenge>> {
    crate::auth::challenges(field)
}

/// Where a field `Link` in an answer from `from` says that the next page is.
#[must_use]
pub fn next_page(field: &str, from: &str) -> Option<String> {
    let from = Address::parse(from).ok()?;
    crate::repository::next_page(field, &from).map(|address| address.full())
}

/// Where a field `Location` in an answer from `from` leads, as it is sent on.
#[must_use]
pub fn location(field: &str, from: &str) -> Option<String> {
    Address::parse(from).ok()?.join(field).ok().map(|address| address.full())
}

/// An address as it is written down.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    Address::parse(text).ok().map(|address| address.full())
}
