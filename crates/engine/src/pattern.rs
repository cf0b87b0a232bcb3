//! The patterns of filters: shell patterns, and the regular expressions that Docker's `name` takes: letters, `.`, classes, groups, `|`, `* + ?`, `^` and `$`.
//!
//! Matching follows every way at once, so that no pattern is slower than its length times the name's. Sources: Go's regexp/syntax;
//! K. Thompson, "Regular Expression Search Algorithm" (1968).

use std::collections::BTreeSet;

/// A pattern that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// One letter of these.
    Letter(Set),
    Start,
    End,
    /// Go on at both places.
    Fork(usize, usize),
    Jump(usize),
    Match,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Set {
    fn has(&self, letter: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != self.negated
    }
}

/// Groups in groups: more is an attack on the stack.
const DEEPEST: usize = 50;

impl Pattern {
    /// Understands a pattern; gives what is wrong with it otherwise.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parser = Parser { letters: text.chars().collect(), at: 0, depth: 0 };
        let mut steps = parser.alternatives()?;
        if parser.at < parser.letters.len() {
            return Err("a parenthesis is closed that was not opened");
        }
        steps.push(Step::Match);
        Ok(Self { steps })
    }

    /// Understands a shell's pattern of a whole path: `*` and `?` stop at a slash. Source: Go's path.Match.
    pub(crate) fn glob(text: &str) -> Result<Self, &'static str> {
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
                letter if inside || letter.is_alphanumeric() => pattern.push(letter),
                letter => pattern.extend(['\\', letter]),
            }
        }
        Self::parse(&(pattern + "$"))
    }

    /// Whether it matches anywhere in the text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let mut places = BTreeSet::new();
        for at in 0..=letters.len() {
            // A match may begin at every letter.
            let mut reached = std::mem::take(&mut places);
            self.follow(0, at, letters.len(), &mut reached);
            if reached.iter().any(|place| self.steps.get(*place) == Some(&Step::Match)) {
                return true;
            }
            let Some(letter) = letters.get(at) else { break };
            for place in reached {
                if matches!(self.steps.get(place), Some(Step::Letter(set)) if set.has(*letter)) {
                    self.follow(place + 1, at + 1, letters.len(), &mut places);
                }
            }
        }
        false
    }

    /// Every step that is reached without a letter.
    fn follow(&self, from: usize, at: usize, length: usize, reached: &mut BTreeSet<usize>) {
        let mut pending = vec![from];
        while let Some(place) = pending.pop() {
            if !reached.insert(place) {
                continue;
            }
            match self.steps.get(place) {
                Some(Step::Jump(to)) => pending.push(*to),
                Some(Step::Fork(one, other)) => pending.extend([*one, *other]),
                Some(Step::Start) if at == 0 => pending.push(place + 1),
                Some(Step::End) if at == length => pending.push(place + 1),
                _ => {}
            }
        }
    }
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(letter)
    }

    /// Sequences with bars between, up to a closing parenthesis or the end.
    fn alternatives(&mut self) -> Result<Vec<Step>, &'static str> {
        let mut steps = self.sequence()?;
        while self.peek() == Some('|') {
            self.at += 1;
            let other = self.sequence()?;
            let (one, two) = (steps.len(), other.len());
            let mut both = vec![Step::Fork(1, one + 2)];
            both.extend(moved(steps, 1));
            both.push(Step::Jump(one + two + 2));
            both.extend(moved(other, one + 2));
            steps = both;
        }
        Ok(steps)
    }

    fn sequence(&mut self) -> Result<Vec<Step>, &'static str> {
        let mut steps = Vec::new();
        while let Some(letter) = self.peek().filter(|letter| !matches!(letter, '|' | ')')) {
            self.at += 1;
            let piece = self.piece(letter)?;
            let piece = self.repeated(piece);
            let length = steps.len();
            steps.extend(moved(piece, length));
        }
        Ok(steps)
    }

    fn piece(&mut self, letter: char) -> Result<Vec<Step>, &'static str> {
        let one = |ranges, negated| Ok(vec![Step::Letter(Set { ranges, negated })]);
        match letter {
            '^' => Ok(vec![Step::Start]),
            '$' => Ok(vec![Step::End]),
            '.' => one(vec![('\n', '\n')], true),
            '*' | '+' | '?' => Err("there is nothing to repeat"),
            '[' => Ok(vec![Step::Letter(self.class()?)]),
            '(' => {
                if self.depth >= DEEPEST {
                    return Err("there are too many groups in groups");
                }
                if self.letters.get(self.at..self.at + 2) == Some(&['?', ':']) {
                    self.at += 2;
                }
                self.depth += 1;
                let steps = self.alternatives()?;
                self.depth -= 1;
                match self.next() {
                    Some(')') => Ok(steps),
                    _ => Err("a parenthesis is not closed"),
                }
            }
            '\\' => match self.next() {
                Some('d') => one(vec![('0', '9')], false),
                Some('w') => one(vec![('0', '9'), ('a', 'z'), ('A', 'Z'), ('_', '_')], false),
                Some(letter) if !letter.is_alphanumeric() => one(vec![(letter, letter)], false),
                _ => Err("the letter behind a backslash is unknown"),
            },
            letter => one(vec![(letter, letter)], false),
        }
    }

    /// The stars behind a piece.
    fn repeated(&mut self, mut piece: Vec<Step>) -> Vec<Step> {
        while let Some(sign) = self.peek().filter(|sign| matches!(sign, '*' | '+' | '?')) {
            self.at += 1;
            let length = piece.len();
            if sign == '+' {
                piece.push(Step::Fork(0, length + 1));
                continue;
            }
            let mut steps = vec![Step::Fork(1, length + if sign == '*' { 2 } else { 1 })];
            steps.extend(moved(piece, 1));
            if sign == '*' {
                steps.push(Step::Jump(0));
            }
            piece = steps;
        }
        piece
    }

    /// `[a-z_]`, after its bracket.
    fn class(&mut self) -> Result<Set, &'static str> {
        const OPEN: &str = "a bracket is not closed";
        let negated = self.peek() == Some('^');
        self.at += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            let letter = match self.next().ok_or(OPEN)? {
                ']' if !ranges.is_empty() => return Ok(Set { ranges, negated }),
                '\\' => self.next().ok_or(OPEN)?,
                letter => letter,
            };
            let is_range = self.peek() == Some('-')
                && self.letters.get(self.at + 1).is_some_and(|letter| *letter != ']');
            let mut last = letter;
            if is_range {
                self.at += 1;
                last = self.next().ok_or(OPEN)?;
            }
            if last < letter {
                return Err("a range ends before it begins");
            }
            ranges.push((letter, last));
        }
    }
}

/// Steps with places counted from further on.
fn moved(steps: Vec<Step>, by: usize) -> impl Iterator<Item = Step> {
    steps.into_iter().map(move |step| match step {
        Step::Fork(one, other) => Step::Fork(one + by, other + by),
        Step::Jump(to) => Step::Jump(to + by),
        Step::Letter(_) | Step::Start | Step::End | Step::Match => step,
    })
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
