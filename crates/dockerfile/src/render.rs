//! A message with the line that it is about, and the place marked. Start at [`render`].
//!
//! ```text
//! Dockerfile:3:6: COPY: flag --chwon is unknown
//!   3 | COPY --chwon=1 a b
//!     |      ^^^^^^^^^
//! hint: did you mean --chown?
//! ```

use std::error::Error;
use std::fmt::Write;

use crate::error::FileError;
use crate::source::{Source, Span};

/// So much of a line is shown.
const WIDTH: usize = 120;
/// So much of it before the place.
const BEFORE: usize = 40;

/// Shows a message about a place. `name` is what the file is called; control characters of the file are not passed on.
#[must_use]
pub fn render(
    source: &Source,
    name: &str,
    span: Span,
    message: &str,
    hint: Option<&str>,
) -> String {
    let (first, last) = source.range(span);
    let line: Vec<char> = source.line(first.line).chars().collect();
    let from = if first.column > WIDTH - BEFORE { first.column - BEFORE } else { 0 };
    let shown = line.get(from..line.len().min(from + WIDTH)).unwrap_or_default();
    let text: String = shown.iter().map(|letter| plain(*letter)).collect();
    let start = (first.column - 1).saturating_sub(from);
    let end = if last.line > first.line { line.len() } else { last.column };
    let length = end.saturating_sub(from).min(shown.len()).saturating_sub(start).max(1);
    let indent: String = shown
        .iter()
        .map(|letter| if *letter == '\t' { '\t' } else { ' ' })
        .chain(std::iter::repeat(' '))
        .take(start)
        .collect();
    let number = first.line.to_string();
    let blank = " ".repeat(number.len());
    let mut out = format!("{name}:{number}:{}: {message}\n", first.column);
    let _ = writeln!(out, "  {number} | {text}");
    let _ = writeln!(out, "  {blank} | {indent}{}", "^".repeat(length));
    if let Some(hint) = hint {
        let _ = writeln!(out, "hint: {hint}");
    }
    out
}

impl FileError {
    /// The error with its line and the place marked.
    #[must_use]
    pub fn render(&self, source: &Source, name: &str) -> String {
        render(source, name, self.span, &self.message(), self.hint().as_deref())
    }

    /// The instruction and what is wrong, without the place.
    fn message(&self) -> String {
        let mut message = self.instruction.clone().unwrap_or_default();
        let mut cause: Option<&dyn Error> = self.source();
        while let Some(error) = cause {
            if !message.is_empty() {
                message.push_str(": ");
            }
            let _ = write!(message, "{error}");
            cause = error.source();
        }
        message
    }
}

fn plain(letter: char) -> char {
    match letter {
        '\t' => '\t',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}
