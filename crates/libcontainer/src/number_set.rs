//! Sets of small numbers written as lists of ranges, `0-3,7`: processors and memory nodes. Source: cpuset(7), "List format".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const WORD: u32 = u64::BITS;

/// Far above what any kernel counts (8192 processors, 1024 nodes), so that a slip of the pen does not become a large mask.
const LARGEST: u32 = 65_536;

/// Numbers of processors or memory nodes; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberSet {
    words: Vec<u64>,
}

/// A text that is no list of numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no list of numbers such as 0-3,7, each at most {LARGEST}")]
pub struct BadNumberSet {
    text: String,
}

impl NumberSet {
    /// The set as the kernel takes it: number `n` is bit `n % 64` of word `n / 64`.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many numbers it holds.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    fn insert(&mut self, number: u32) {
        let index = usize::try_from(number / WORD).unwrap_or(usize::MAX);
        if self.words.len() <= index {
            self.words.resize(index + 1, 0);
        }
        self.words[index] |= 1 << (number % WORD);
    }

    fn contains(&self, number: u32) -> bool {
        let index = usize::try_from(number / WORD).unwrap_or(usize::MAX);
        self.words.get(index).is_some_and(|word| word >> (number % WORD) & 1 == 1)
    }

    /// The ranges of neighbours, both ends included.
    fn ranges(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in (0..=LARGEST).filter(|number| self.contains(*number)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        ranges
    }
}

impl FromStr for NumberSet {
    type Err = BadNumberSet;

    /// Space around numbers and empty elements are passed over, as the kernel does.
    fn from_str(text: &str) -> Result<Self, BadNumberSet> {
        let bad = || BadNumberSet { text: text.to_owned() };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.then(|| text.parse::<u32>().ok()).flatten();
            number.filter(|number| *number <= LARGEST).ok_or_else(bad)
        };
        let mut set = Self { words: Vec::new() };
        for element in text.split(',').map(str::trim).filter(|element| !element.is_empty()) {
            let (first, last) = element.split_once('-').unwrap_or((element, element));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(bad());
            }
            (first..=last).for_each(|number| set.insert(number));
        }
        if set.words.is_empty() { Err(bad()) } else { Ok(set) }
    }
}

impl TryFrom<String> for NumberSet {
    type Error = BadNumberSet;

    fn try_from(text: String) -> Result<Self, BadNumberSet> {
        text.parse()
    }
}

impl From<NumberSet> for String {
    fn from(set: NumberSet) -> Self {
        set.to_string()
    }
}

impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (first, last)) in self.ranges().into_iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "," })?;
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for (text, words, written) in [
            ("0", &[1_u64][..], "0"),
            ("0-3,7", &[0x8f], "0-3,7"),
            (" 1 ,, 0,", &[3], "0-1"),
            ("64,63", &[1 << 63, 1], "63-64"),
            ("65536", &[&[0; 1024][..], &[1]].concat(), "65536"),
        ] {
            let set: NumberSet = text.parse().unwrap();
            assert_eq!((set.words(), set.to_string().as_str()), (words, written), "{text}");
        }
        for text in ["", ",", "x", "-1", "1-", "3-1", "0-9876543210", "65537", "+1", "1 2", "0x1"] {
            assert!(text.parse::<NumberSet>().is_err(), "{text}");
        }
    }
}
