//! How bytes stand in lines.

use std::fmt::Write;

use super::Look;

/// Before what belongs to a frame.
const INDENT: &str = "             ";
const ROW: usize = 16;
/// What is shown of long data, and of a long message.
const BYTES: usize = 256;
const LETTERS: usize = 2000;

impl Look {
    /// Bytes in rows of sixteen.
    pub(super) fn hex(self, text: &mut String, bytes: &[u8]) {
        let most = if self.is_full { bytes.len() } else { BYTES };
        let shown = bytes.get(..most).unwrap_or(bytes);
        for (row, part) in shown.chunks(ROW).enumerate() {
            let _infallible = write!(text, "{INDENT}{:04x} ", row * ROW);
            for at in 0..ROW {
                let gap = if at % 8 == 0 { " " } else { "" };
                let _infallible = match part.get(at) {
                    Some(byte) => write!(text, "{gap}{byte:02x} "),
                    None => write!(text, "{gap}   "),
                };
            }
            let letter = |byte: &u8| match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            };
            let letters: String = part.iter().map(letter).collect();
            let _infallible = writeln!(text, " |{letters}|");
        }
        if shown.len() < bytes.len() {
            let _infallible = writeln!(text, "{INDENT}… {} bytes more", bytes.len() - shown.len());
        }
    }

    /// A line that belongs to a frame; what is foreign in it stands still.
    pub(super) fn line(self, text: &mut String, line: &str) {
        let line = (self.plain)(line);
        let letters = line.chars().count();
        if self.is_full || letters <= LETTERS {
            let _infallible = writeln!(text, "{INDENT}{line}");
            return;
        }
        let shown: String = line.chars().take(LETTERS).collect();
        let _infallible = writeln!(text, "{INDENT}{shown}… {} letters more", letters - LETTERS);
    }
}
