//! Patterns of `${x#p}`, `${x%p}` and `${x/p/r}`: `*` any text, `?` any character, `\` before `*`, `?` and `\` escapes.
//!
//! A pattern is kept as what stands between its stars. The earliest fit of each but the last leaves most room for the rest, so
//! no choice is ever taken back, and a match takes time in proportion to value and pattern.

use super::{ExpandError, MOST_BYTES};

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// An escape of something that needs none.
    #[error("'\\{0}' escapes nothing")]
    Escape(char),
    /// An escape of nothing.
    #[error("'\\' stands at its end")]
    End,
}

/// How much of a value a pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Shortest,
    Longest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Letter(char),
    Any,
}

/// What stands between stars; never empty.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    parts: Vec<Vec<Item>>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, ExpandError> {
        let wrong = |problem| ExpandError::Pattern { text: text.to_owned(), problem };
        let mut parts = vec![Vec::new()];
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let item = match letter {
                '*' => {
                    parts.push(Vec::new());
                    continue;
                }
                '?' => Item::Any,
                '\\' => match letters.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '}' | '/')) => Item::Letter(escaped),
                    Some(other) => return Err(wrong(BadPattern::Escape(other))),
                    None => return Err(wrong(BadPattern::End)),
                },
                other => Item::Letter(other),
            };
            if let Some(part) = parts.last_mut() {
                part.push(item);
            }
        }
        Ok(Self { parts })
    }

    /// The value without the beginning that fits.
    pub(super) fn trim_start(&self, value: &str, reach: Reach) -> String {
        let letters: Vec<char> = value.chars().collect();
        let end = self.end_of_match(&letters, 0, reach).unwrap_or(0);
        letters[end..].iter().collect()
    }

    /// The value without the end that fits.
    pub(super) fn trim_end(&self, value: &str, reach: Reach) -> String {
        let backwards = Self {
            parts: self
                .parts
                .iter()
                .rev()
                .map(|part| part.iter().rev().copied().collect())
                .collect(),
        };
        let letters: Vec<char> = value.chars().rev().collect();
        let end = backwards.end_of_match(&letters, 0, reach).unwrap_or(0);
        letters[end..].iter().rev().collect()
    }

    /// The value with what fits replaced: its first place, or all; always as much as possible. `None` when that is too large.
    pub(super) fn replace(&self, value: &str, replacement: &str, all: bool) -> Option<String> {
        let letters: Vec<char> = value.chars().collect();
        let mut out = String::new();
        let mut at = 0;
        // Behind a match nothing of no length fits, as in regular expressions.
        let mut behind_match = None;
        while let Some((start, end)) = self.find(&letters, at) {
            out.extend(&letters[at..start]);
            if end > start || behind_match != Some(start) {
                out.push_str(replacement);
            }
            at = end;
            behind_match = Some(end);
            if end == start {
                out.extend(letters.get(at));
                at += 1;
            }
            if out.len() > MOST_BYTES {
                return None;
            }
            if !all || at > letters.len() {
                break;
            }
        }
        out.extend(letters.get(at..).unwrap_or_default());
        Some(out)
    }

    /// The first place from `at` on where it fits.
    fn find(&self, letters: &[char], at: usize) -> Option<(usize, usize)> {
        let first = self.parts.first()?;
        let mut start = at;
        loop {
            start = position(letters, start, first)?;
            if let Some(end) = self.end_of_match(letters, start, Reach::Longest) {
                return Some((start, end));
            }
            // Later there is less behind for the parts that follow the first star.
            if self.parts.len() > 1 {
                return None;
            }
            start += 1;
        }
    }

    /// Where a match that begins at `start` ends.
    fn end_of_match(&self, letters: &[char], start: usize, reach: Reach) -> Option<usize> {
        let (first, others) = self.parts.split_first()?;
        if !fits(letters, start, first) {
            return None;
        }
        let mut at = start + first.len();
        let Some((last, middle)) = others.split_last() else { return Some(at) };
        for part in middle {
            at = position(letters, at, part)? + part.len();
        }
        let place = match reach {
            Reach::Shortest => position(letters, at, last)?,
            Reach::Longest => {
                (at..=letters.len()).rev().find(|place| fits(letters, *place, last))?
            }
        };
        Some(place + last.len())
    }
}

/// The first place from `at` on where a part fits.
fn position(letters: &[char], at: usize, part: &[Item]) -> Option<usize> {
    (at..=letters.len()).find(|place| fits(letters, *place, part))
}

fn fits(letters: &[char], at: usize, part: &[Item]) -> bool {
    letters.get(at..at + part.len()).is_some_and(|there| {
        there.iter().zip(part).all(|(letter, item)| match item {
            Item::Letter(wanted) => letter == wanted,
            Item::Any => true,
        })
    })
}
