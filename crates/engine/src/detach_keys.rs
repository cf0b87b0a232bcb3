//! The keys that leave a container's terminal, and the container running.

/// Keys that end an attachment and leave the container running.
#[derive(Clone, Debug)]
pub struct DetachKeys {
    sequence: Vec<u8>,
    matched: usize,
    /// Whether the first key twice is that key itself.
    doubles: bool,
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
        let sequence = text.split(',').map(key).collect::<Option<_>>()?;
        Some(Self { sequence, matched: 0, doubles: false })
    }

    /// `^a`, or `a`: that letter with ctrl, then `q`. Twice it is the letter with ctrl itself. lxc-console(1), `--escape`.
    pub fn with_prefix(text: &str) -> Option<Self> {
        let [letter] = text.strip_prefix('^').unwrap_or(text).as_bytes() else { return None };
        let prefix = match letter.to_ascii_lowercase() {
            letter @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_') => letter & 0x1f,
            _ => return None,
        };
        Some(Self { sequence: vec![prefix, b'q'], matched: 0, doubles: true })
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
            let is_doubled =
                self.doubles && self.matched > 0 && self.sequence.first() == Some(byte);
            self.matched = 0;
            if is_doubled {
                continue;
            }
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

    #[test]
    fn a_prefix_twice_is_itself() {
        let mut keys = DetachKeys::with_prefix("^a").unwrap();
        assert_eq!(keys.filter(b"\x01\x01x"), Some(b"\x01x".to_vec()));
        assert_eq!(keys.filter(b"\x01x\x01"), Some(b"\x01x".to_vec()));
        assert_eq!(keys.filter(b"q"), None);
        assert!(DetachKeys::with_prefix("b").unwrap().filter(b"\x02q").is_none());
        assert!(["", "^ab", "1", "é"].iter().all(|text| DetachKeys::with_prefix(text).is_none()));
    }
}
