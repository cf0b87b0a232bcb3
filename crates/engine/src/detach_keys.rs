//! The keys that leave a container's terminal, and the container running.

/// Keys that end an attachment and leave the container running.
#[derive(Clone, Debug)]
pub struct DetachKeys {
    sequence: Vec<u8>,
    matched: usize,
}

impl DetachKeys {
    /// `ctrl-p,ctrl-q`: letters, or `ctrl-` with a letter or one of `@ [ \ ] ^ _`, with commas between.
    pub fn parse(text: &str) -> Option<Self> {
        let key = |key: &str| match (key.strip_prefix("ctrl-"), key.as_bytes()) {
            (Some(letter), _) => match letter.as_bytes() {
                [letter @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_')] => {
                    Some(letter & 0x1f)
                }
                _ => None,
            },
            (None, [letter]) => Some(*letter),
            _ => None,
        };
        Some(Self { sequence: text.split(',').map(key).collect::<Option<_>>()?, matched: 0 })
    }

    /// Passes input on; gives nothing once the keys were typed. Keys that could begin the sequence are held back until the
    /// next one tells.
    pub fn filter(&mut self, input: &[u8]) -> Option<Vec<u8>> {
        let mut passed = Vec::new();
        for byte in input {
            if self.sequence.get(self.matched) == Some(byte) {
                self.matched += 1;
                if self.matched == self.sequence.len() {
                    return None;
                }
                continue;
            }
            passed.extend(self.sequence.iter().take(self.matched));
            self.matched = 0;
            if self.sequence.first() == Some(byte) {
                self.matched = 1;
            } else {
                passed.push(*byte);
            }
        }
        Some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_held_back_until_they_tell() {
        let mut keys = DetachKeys::parse("ctrl-p,ctrl-q").unwrap();
        assert_eq!(keys.filter(b"a\x10"), Some(b"a".to_vec()));
        assert_eq!(keys.filter(b"b"), Some(b"\x10b".to_vec()));
        assert_eq!(keys.filter(b"\x10\x10"), Some(b"\x10".to_vec()));
        assert_eq!(keys.filter(b"\x11"), None);
        assert!(DetachKeys::parse("ctrl-1").is_none() && DetachKeys::parse("ab").is_none());
    }
}
