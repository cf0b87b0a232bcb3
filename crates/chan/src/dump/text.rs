//! How bytes stand in lines.

use std::fmt::{self, Write};

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

/// Flags by their names, the lowest bit first; what has none as a number.
pub(super) struct Flags(pub(super) u8, pub(super) &'static [&'static str]);

impl fmt::Display for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(flags, names) = *self;
        let bits = (0..8).filter(|bit| flags & 1 << bit != 0);
        let name = |bit: usize| {
            let name = names.get(bit).filter(|name| !name.is_empty());
            name.map_or_else(|| format!("0x{:x}", 1 << bit), |name| (*name).to_owned())
        };
        let names: Vec<String> = bits.map(name).collect();
        let names = if names.is_empty() { "0".to_owned() } else { names.join("|") };
        write!(formatter, "flags={names}")
    }
}
