//! Foreign text within a line for people: labels, commands and paths come from images and from containers, and may hold what moves
//! the cursor, begins a line, or turns the reading direction of all that follows.
//!
//! JSON and templates are data, and have them as they are.

use std::borrow::Cow;

/// The text, with what does not stand still written as Rust writes it: `\n`, `\u{1b}`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    // Most cells, without a look at each letter.
    let is_simple = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_simple || !text.contains(moves) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if moves(letter) {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    Cow::Owned(plain)
}

/// C0, DEL and C1, line and paragraph separators, and the explicit marks of Unicode's bidirectional algorithm (UAX #9, 2).
fn moves(letter: char) -> bool {
    let is_separator = matches!(letter, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_separator || is_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_written_out() {
        for (text, expected) in [
            ("", ""),
            ("plain é 😀 שלום \\n", "plain é 😀 שלום \\n"),
            ("a\nb\tc", "a\\nb\\tc"),
            ("\u{1b}[31mred\u{9b}0m\u{7f}", "\\u{1b}[31mred\\u{9b}0m\\u{7f}"),
            ("x\u{202e}y\u{2067}z\u{2028}", "x\\u{202e}y\\u{2067}z\\u{2028}"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
