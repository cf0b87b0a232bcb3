//! The last bytes of what a terminal has shown, for whoever looks at it later. Takes memory only for what there is.

use std::collections::VecDeque;

/// At most so many bytes; the oldest make room.
pub(crate) struct Kept {
    bytes: VecDeque<u8>,
    most: usize,
    /// Whether some are gone.
    has_lost: bool,
}

impl Kept {
    pub(crate) const fn new(most: usize) -> Self {
        Self { bytes: VecDeque::new(), most, has_lost: false }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(self.most);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let over = (self.bytes.len() + bytes.len()).saturating_sub(self.most);
        self.has_lost |= over > 0 || skipped > 0;
        drop(self.bytes.drain(..over));
        self.bytes.extend(bytes);
    }

    /// What there is, from the beginning of a line where something is gone: else half a character or half a command to the terminal
    /// might come first.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let whole: Vec<u8> = self.bytes.iter().copied().collect();
        let line = whole.iter().position(|byte| *byte == b'\n');
        match line.filter(|_| self.has_lost) {
            Some(at) => whole.get(at + 1..).unwrap_or_default().to_vec(),
            None => whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(most: usize, pushes: &[&str]) -> String {
        let mut kept = Kept::new(most);
        for push in pushes {
            kept.push(push.as_bytes());
        }
        assert!(kept.bytes.len() <= most);
        String::from_utf8(kept.bytes()).unwrap()
    }

    #[test]
    fn the_last_bytes_are_there_from_the_beginning_of_a_line() {
        assert_eq!(after(8, &["ab", "cd\n", "e"]), "abcd\ne");
        assert_eq!(after(8, &["ab\ncd\n", "efg"]), "cd\nefg");
        assert_eq!(after(8, &["a\n0123456789\nxyz"]), "xyz");
        assert_eq!(after(4, &["0123", "4567"]), "4567");
        assert_eq!(after(0, &["a\nb"]), "");
    }
}
