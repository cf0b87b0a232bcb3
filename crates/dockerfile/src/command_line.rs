//! Arguments as a JSON array of strings, and what takes their place when they are none.

use std::ops::Range;

use serde_json::Value;

use crate::error::Cause;
use crate::logical::Logical;
use crate::source::{Span, Spanned};

/// What `RUN`, `CMD`, `ENTRYPOINT` and `HEALTHCHECK CMD` run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A line for the shell, as it is written.
    Shell(Spanned<String>),
    /// A program and its arguments.
    Exec(Vec<Spanned<String>>),
}

impl CommandLine {
    /// Whether nothing is to be run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Shell(line) => line.value.is_empty(),
            Self::Exec(words) => words.is_empty(),
        }
    }

    /// Reads an instruction's arguments. An array that JSON does not know is a line for the shell.
    pub(crate) fn read(logical: &Logical, part: Range<usize>) -> Result<Self, (Span, Cause)> {
        Ok(match array(logical, part.clone())? {
            Some(words) => Self::Exec(words),
            None => Self::Shell(logical.part(part)),
        })
    }
}

/// A JSON array of strings. `None` when it is none; an array of other things is refused.
pub(crate) fn array(
    logical: &Logical,
    part: Range<usize>,
) -> Result<Option<Vec<Spanned<String>>>, (Span, Cause)> {
    let text = logical.text.get(part.clone()).unwrap_or_default();
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<Value>>(text) else { return Ok(None) };
    let mut words = Vec::new();
    let mut at = 0;
    for value in values {
        let Value::String(value) = value else {
            return Err((logical.place(part), Cause::NotStrings));
        };
        let Some(string) = string(text, at) else { return Ok(None) };
        at = string.end;
        let place = logical.place(part.start + string.start..part.start + string.end);
        words.push(Spanned::new(value, place));
    }
    Ok(Some(words))
}

/// The next string of an array that JSON has read: from its quote to the one that ends it.
fn string(text: &str, from: usize) -> Option<Range<usize>> {
    let start = from + text.get(from..)?.find('"')?;
    let mut escaped = false;
    let end = text.get(start + 1..)?.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    Some(start..start + end + 2)
}
