//! The patterns of filters: shell patterns, and the regular expressions that Docker's `name` takes.

use regex_lite::{Error, Regex};

/// A pattern that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// Understands a regular expression.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Regex::new(text).map(Self)
    }

    /// Understands a shell's pattern of a whole path: `*` and `?` stop at a slash. Source: Go's path.Match.
    pub(crate) fn glob(text: &str) -> Result<Self, Error> {
        let mut pattern = String::from("^");
        let mut inside = false;
        for letter in text.chars() {
            match letter {
                '*' if !inside => pattern.push_str("[^/]*"),
                '?' if !inside => pattern.push_str("[^/]"),
                '[' | ']' | '\\' => {
                    inside = letter == '[' || (inside && letter != ']');
                    pattern.push(letter);
                }
                letter if inside => pattern.push(letter),
                letter => pattern.push_str(&regex_lite::escape(letter.encode_utf8(&mut [0; 4]))),
            }
        }
        Self::parse(&(pattern + "$"))
    }

    /// Whether it matches anywhere in the text; the time it takes grows no faster than both lengths multiplied.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches() {
        for (pattern, yes, no) in [
            ("web", &["web", "my-web-1"][..], &["we", "wxeb"][..]),
            ("^web$", &["web"], &["web1", "aweb"]),
            ("^/?web", &["web1", "/web"], &["aweb"]),
            ("w.b", &["wab", "w-b"], &["wb"]),
            ("^(a|bc)+$", &["a", "abc", "bcbc"], &["", "ab", "c"]),
            ("^a*b?c$", &["c", "aac", "bc", "aabc"], &["abbc", "ab"]),
            ("^[a-c_]+[^0-9]$", &["ab_x", "aa"], &["ab1", "dx"]),
            (r"^db\.\d+$", &["db.12"], &["dbx1", "db."]),
            ("one|two", &["one", "x-two"], &["three"]),
            ("^(a(b|c)?)*$", &["", "abac", "aaa"], &["b"]),
            ("", &["", "x"], &[]),
            ("[]x]", &["]", "x"], &["y"]),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            for name in yes {
                assert!(parsed.is_in(name), "{pattern} in {name}");
            }
            for name in no {
                assert!(!parsed.is_in(name), "{pattern} not in {name}");
            }
        }
        // Where a matcher that tries one way after the other would not end today.
        let slow = Pattern::parse("^(a*)*(a*)*$").unwrap();
        assert!(!slow.is_in(&format!("{}b", "a".repeat(500))));
    }

    #[test]
    fn shell_patterns() {
        for (glob, yes, no) in [
            ("busybox", &["busybox"][..], &["busybox2", "a/busybox"][..]),
            ("busy*", &["busybox", "busy"], &["busy/box"]),
            ("*/a.b:?", &["x/a.b:1"], &["x/acb:1", "x/a.b:12"]),
            ("deb[a-k]an:[^1]", &["debian:2"], &["debian:1", "debzan:2"]),
        ] {
            let parsed = Pattern::glob(glob).unwrap();
            for name in yes {
                assert!(parsed.is_in(name), "{glob} is {name}");
            }
            for name in no {
                assert!(!parsed.is_in(name), "{glob} is not {name}");
            }
        }
    }

    #[test]
    fn what_is_none() {
        for pattern in ["(", ")", "a)", "*", "[a", "[z-a]", r"\q", &"(".repeat(1000)] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
