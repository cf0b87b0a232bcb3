//! Where a document holds a NUL byte. The kernel takes a string up to its first one: `a\0b` would quietly be `a`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

/// The field of the first string with a NUL byte, as in `process.args[1]`; a map's key is told as its own field, up to that byte.
///
/// Allocates nothing where there is none, as in every document but a hostile one.
pub fn place_of_nul(document: &impl Serialize) -> Option<String> {
    let mut sink = Sink { found: false };
    match serde_json::to_writer(&mut sink, document) {
        // A path that is no UTF-8 ends the writing: what is behind it is looked at by whoever makes a C string of it.
        Ok(()) | Err(_) if !sink.found => None,
        _ => place_in(&serde_json::to_value(document).ok()?),
    }
}

/// Forgets what is written, but for whether a NUL byte was among it.
struct Sink {
    found: bool,
}

impl Write for Sink {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // In JSON it has no other form, and comes as one piece.
        self.found |= text == br"\u0000";
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn place_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(values) => values.iter().enumerate().find_map(|(number, value)| {
            place_in(value).map(|place| joined(&format!("[{number}]"), &place))
        }),
        Value::Object(fields) => {
            fields.iter().find_map(|(name, value)| match name.split_once('\0') {
                Some((start, _)) => Some(start.to_owned()),
                None => place_in(value).map(|place| joined(name, &place)),
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn joined(name: &str, below: &str) -> String {
    let separator = if below.is_empty() || below.starts_with('[') { "" } else { "." };
    format!("{name}{separator}{below}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::place_of_nul;

    #[test]
    fn the_place_is_told_and_nothing_else_is_taken_for_one() {
        let place = |document| place_of_nul(&document);
        assert_eq!(place(json!({"a": [{"b": 1}, {"c": ["x", "y\0"]}]})).unwrap(), "a[1].c[1]");
        assert_eq!(place(json!({"a": {"k\0ey": 1}})).unwrap(), "a.k");
        assert_eq!(place(json!("\0")).unwrap(), "");
        assert_eq!(place(json!({"a": "\\u0000", "\u{1}": ["\n", 0, null]})), None);
    }
}
