//! One pattern. Start at [`Pattern::new`].
//!
//! A pattern is a row of steps. All the ways in which it may fit are walked at once, so a match takes time in proportion to pattern
//! and path, whatever they are.

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternProblem {
    /// Nothing stands behind `!`.
    #[error("nothing stands behind '!'")]
    Empty,
    /// `\` at the end.
    #[error("'\\' stands at its end")]
    Escape,
    /// Brackets are empty or have no end, or a range is no range.
    #[error("what stands in brackets is no set of characters")]
    Set,
}

/// A pattern without `!`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    /// What the pattern begins with that must be there as it is.
    head: String,
    /// Steps behind the head.
    steps: Vec<Step>,
    /// What those end with, when it must be there as it is.
    tail: String,
}

#[derive(Clone, Debug)]
enum Step {
    Letter(char),
    /// `?`.
    Any,
    Set {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `*`: any letters but slashes.
    Star,
    /// `**` before something: nothing, or any letters up to a slash.
    Directories,
    /// Within those letters.
    Within,
    /// `**` at the end, or before letters that need no other step: anything.
    Rest,
}

impl Pattern {
    /// Reads a cleaned pattern.
    pub(super) fn new(text: &str) -> Result<Self, PatternProblem> {
        let mut steps: Vec<Step> = Vec::new();
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            match letter {
                '*' if rest.as_str().starts_with('*') => {
                    rest.next();
                    let has_slash = rest.as_str().starts_with('/');
                    if has_slash {
                        rest.next();
                    }
                    let is_plain = !rest.as_str().contains(['*', '?', '[', ']', '\\']);
                    if rest.as_str().is_empty() || (steps.is_empty() && is_plain && !has_slash) {
                        steps.push(Step::Rest);
                    } else {
                        steps.extend([Step::Directories, Step::Within]);
                    }
                }
                '*' => steps.push(Step::Star),
                '?' => steps.push(Step::Any),
                '\\' => steps.push(Step::Letter(rest.next().ok_or(PatternProblem::Escape)?)),
                '[' => {
                    let (set, behind) = set(rest.as_str()).ok_or(PatternProblem::Set)?;
                    steps.push(set);
                    rest = behind.chars();
                }
                other => steps.push(Step::Letter(other)),
            }
        }
        let is_letter = |step: &&Step| step.letter().is_some();
        let length = steps.iter().take_while(is_letter).count();
        let behind = steps.split_off(length);
        let head = steps.iter().filter_map(Step::letter).collect();
        let steps = behind;
        let length = steps.iter().rev().take_while(is_letter).count();
        let tail = steps[steps.len() - length..].iter().filter_map(Step::letter).collect();
        Ok(Self { text: text.to_owned(), head, steps, tail })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it fits the whole path.
    pub(super) fn fits(&self, path: &str) -> bool {
        match (path.strip_prefix(self.head.as_str()), self.steps.as_slice()) {
            (None, _) => false,
            (Some(rest), []) => rest.is_empty(),
            (Some(_), [Step::Rest]) => true,
            (Some(rest), _) if !rest.ends_with(&self.tail) => false,
            (Some(rest), steps) => {
                let ways = self.walk(rest.chars());
                ways.get(steps.len()).copied().unwrap_or(false)
            }
        }
    }

    /// Whether it may fit something below a directory.
    pub(super) fn may_fit_below(&self, directory: &str) -> bool {
        let mut head = self.head.chars();
        let mut path = directory.chars().chain(['/']);
        for letter in head.by_ref() {
            match path.next() {
                None => return true,
                Some(there) if there != letter => return false,
                Some(_) => {}
            }
        }
        let ways = self.walk(path);
        // At the end of its steps it fits the directory's name and a slash, which is nothing below it.
        ways.iter().take(self.steps.len()).any(|way| *way)
    }

    /// The steps at which it may be once these letters are passed.
    fn walk(&self, letters: impl Iterator<Item = char>) -> Vec<bool> {
        let mut ways = vec![false; self.steps.len() + 1];
        ways[0] = true;
        self.skip(&mut ways);
        let mut next = vec![false; ways.len()];
        for letter in letters {
            next.fill(false);
            let mut any = false;
            for (at, step) in self.steps.iter().enumerate().filter(|(at, _)| ways[*at]) {
                let (stays, goes) = step.take(letter);
                // Letters that `**` passes are within it until a slash ends them.
                let stay = if matches!(step, Step::Directories) { at + 1 } else { at };
                let go = if matches!(step, Step::Directories) { at + 2 } else { at + 1 };
                next[stay] |= stays;
                next[go] |= goes;
                any |= stays || goes;
            }
            std::mem::swap(&mut ways, &mut next);
            if !any {
                return ways;
            }
            self.skip(&mut ways);
        }
        ways
    }

    /// Steps that may take nothing are passed over.
    fn skip(&self, ways: &mut [bool]) {
        for (at, step) in self.steps.iter().enumerate() {
            if ways[at] {
                match step {
                    Step::Star | Step::Rest => ways[at + 1] = true,
                    Step::Directories => ways[at + 2] = true,
                    Step::Letter(_) | Step::Any | Step::Set { .. } | Step::Within => {}
                }
            }
        }
    }
}

impl Step {
    fn letter(&self) -> Option<char> {
        match self {
            Self::Letter(letter) => Some(*letter),
            Self::Any
            | Self::Set { .. }
            | Self::Star
            | Self::Directories
            | Self::Within
            | Self::Rest => None,
        }
    }

    /// Whether a letter leaves the step as it is, and whether it ends it.
    fn take(&self, letter: char) -> (bool, bool) {
        match self {
            Self::Letter(wanted) => (false, letter == *wanted),
            Self::Any => (false, letter != '/'),
            Self::Set { is_negated, ranges } => {
                let is_in = ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter));
                (false, is_in != *is_negated)
            }
            Self::Star => (letter != '/', false),
            Self::Directories | Self::Within => (true, letter == '/'),
            Self::Rest => (true, false),
        }
    }
}

/// Reads what stands behind `[`, and says what is left behind `]`.
fn set(text: &str) -> Option<(Step, &str)> {
    let (is_negated, mut rest) = match text.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix(']').filter(|_| !ranges.is_empty()) {
            return Some((Step::Set { is_negated, ranges }, behind));
        }
        let (first, behind) = member(rest)?;
        let (last, behind) = match behind.strip_prefix('-') {
            Some(behind) => member(behind)?,
            None => (first, behind),
        };
        if last < first {
            return None;
        }
        ranges.push((first, last));
        rest = behind;
    }
}

/// A character of a set; `-` and `]` must be escaped.
fn member(text: &str) -> Option<(char, &str)> {
    let mut letters = text.chars();
    let letter = match letters.next()? {
        '-' | ']' => return None,
        '\\' => letters.next()?,
        other => other,
    };
    Some((letter, letters.as_str()))
}
