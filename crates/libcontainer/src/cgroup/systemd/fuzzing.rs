//! Bytes of a bus and words of annotations, for fuzz/.

use super::{message, value};

/// Reads a message as a connection does, in both of its steps; whether it is one.
#[must_use]
pub fn bus_message(bytes: &[u8]) -> bool {
    let Some(start) = bytes.first_chunk::<{ message::FIXED }>() else { return false };
    let Some(length) = message::length(start) else { return false };
    let Some(message) = bytes.get(..length).and_then(message::parse) else { return false };
    let mut reader = message.reader();
    while reader.text().is_some() || reader.u32().is_some() || reader.u8().is_some() {}
    let _texts = (message.first_text(), message.reader().text_variant());
    true
}

/// Reads a property as an annotation writes it; its D-Bus signature and its words.
#[must_use]
pub fn annotation(text: &str) -> Option<(String, String)> {
    let _seconds = value::parse_seconds(text);
    let value = value::parse(text).ok()?;
    Some((value.signature(), value.to_string()))
}
