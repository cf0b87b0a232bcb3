//! Numbers as LXC reads them, and what is made of one: switches, sizes, offsets of clocks, limits.
//!
//! LXC hands most numbers to strtoul(3) with base 0, so `0x10` and `010` are numbers, too.

use std::num::{IntErrorKind, NonZeroU32};

use super::item::{Item, Value};
use super::problem::BadValue;

const NOT_A_NUMBER: BadValue = BadValue::Not("a number");
/// What strtoul(3) skips.
const SPACE: [char; 6] = [' ', '\t', '\n', '\u{b}', '\u{c}', '\r'];

/// A number that is not negative: decimal, hexadecimal after `0x`, octal after `0`.
///
/// # Errors
/// For everything else.
pub(crate) fn unsigned(text: &str) -> Result<u64, BadValue> {
    let text = text.trim_start_matches(SPACE);
    let text = text.strip_prefix('+').unwrap_or(text);
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // from_str_radix takes a sign of its own.
    if !digits.starts_with(|first: char| first.is_digit(base)) {
        return Err(NOT_A_NUMBER);
    }
    let number = u64::from_str_radix(digits, base);
    let too_long = |error: &std::num::ParseIntError| *error.kind() == IntErrorKind::PosOverflow;
    number
        .map_err(|error| if too_long(&error) { BadValue::MoreThan(u64::MAX) } else { NOT_A_NUMBER })
}

/// The same with an upper bound.
pub(crate) fn up_to(text: &str, most: u64) -> Result<u64, BadValue> {
    let number = unsigned(text)?;
    if number > most { Err(BadValue::MoreThan(most)) } else { Ok(number) }
}

impl Value for u32 {
    fn read(text: &str) -> Result<Self, BadValue> {
        let number = unsigned(text)?;
        Self::try_from(number).map_err(|_out_of_range| BadValue::MoreThan(u64::from(Self::MAX)))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for i32 {
    fn read(text: &str) -> Result<Self, BadValue> {
        let trimmed = text.trim_start_matches(SPACE);
        let (digits, sign) = match trimmed.strip_prefix('-') {
            Some(digits) if !digits.starts_with(['+', ' ', '\t']) => (digits, -1),
            _ => (trimmed, 1),
        };
        let number = i64::try_from(unsigned(digits)?).ok().map(|number| sign * number);
        let number = number.and_then(|number| Self::try_from(number).ok());
        number.ok_or(BadValue::Not("a number of 32 bits"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for NonZeroU32 {
    fn read(text: &str) -> Result<Self, BadValue> {
        let number = up_to(text, i32::MAX as u64)?;
        let number = u32::try_from(number).ok().and_then(Self::new);
        number.ok_or(BadValue::Not("a number from 1"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// On or off, written 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

impl Value for Switch {
    fn read(text: &str) -> Result<Self, BadValue> {
        match unsigned(text) {
            Ok(0) => Ok(Self(false)),
            Ok(1) => Ok(Self(true)),
            Ok(_) | Err(_) => Err(BadValue::Not("0 or 1")),
        }
    }

    fn show(&self) -> String {
        u8::from(self.0).to_string()
    }
}

/// Bytes of a buffer that goes round: a power of two, a page at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferSize(pub u64);

/// What `auto` stands for.
const AUTOMATIC_BYTES: u64 = 128 * 1024;
/// The smallest page there is on what Linux runs on; LXC asks the kernel, which says more on few machines.
const PAGE_BYTES: u64 = 4096;
const UNITS: &[(&str, u64)] = &[("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("b", 1)];

impl Value for BufferSize {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text == "auto" {
            return Ok(Self(AUTOMATIC_BYTES));
        }
        let wrong = BadValue::Not("auto or a number of bytes, KB, MB or GB");
        let lower = text.to_ascii_lowercase();
        // A number in base 16 may end with b, and is one without a unit.
        let unit = UNITS.iter().find(|(unit, _)| lower.ends_with(unit) && !lower.starts_with("0x"));
        let (digits, factor) = match unit {
            Some((unit, factor)) => (&text[..text.len() - unit.len()], *factor),
            None => (text, 1),
        };
        let number = unsigned(digits.trim_end_matches([' ', '\t'])).map_err(|_number| wrong)?;
        let bytes = number
            .checked_mul(factor)
            .and_then(|bytes| bytes.max(PAGE_BYTES).checked_next_power_of_two());
        bytes.map(Self).ok_or(BadValue::MoreThan(1 << 63))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// How far a clock of the container is ahead of the machine's: whole units of one entry, each kind of which has a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// From entries in hours, minutes and seconds.
    pub seconds: i64,
    /// From entries in milliseconds and below; it may be more than a second.
    pub nanoseconds: i64,
}

/// Units, how many of the place each is, and whether the place is that of seconds.
const CLOCK_UNITS: &[(&str, i64, bool)] = &[
    ("h", 3600, true),
    ("m", 60, true),
    ("s", 1, true),
    ("ms", 1_000_000, false),
    ("us", 1000, false),
    ("ns", 1, false),
];

impl Item for ClockOffset {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        let wrong = BadValue::Not("a number with h, m, s, ms, us or ns");
        let text = text.trim_start_matches(SPACE);
        let end =
            text.find(|letter: char| !letter.is_ascii_digit() && !['-', '+'].contains(&letter));
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let number: i64 = number.parse().map_err(|_number| wrong.clone())?;
        let unit = unit.trim_matches([' ', '\t']);
        let (_, factor, whole) =
            CLOCK_UNITS.iter().find(|(name, _, _)| *name == unit).ok_or(wrong)?;
        let amount = number.checked_mul(*factor).ok_or(BadValue::MoreThan(i64::MAX as u64))?;
        *(if *whole { &mut self.seconds } else { &mut self.nanoseconds }) = amount;
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn show(&self) -> Option<String> {
        Some(if self.seconds == 0 {
            format!("{}ns", self.nanoseconds)
        } else {
            format!("{}s", self.seconds)
        })
    }

    fn write(&self) -> Vec<String> {
        let seconds = (self.seconds != 0).then(|| format!("{}s", self.seconds));
        let nanoseconds = (self.nanoseconds != 0).then(|| format!("{}ns", self.nanoseconds));
        seconds.into_iter().chain(nanoseconds).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_bases() {
        for (text, number) in
            [("0", 0), (" +7", 7), ("0x1F", 31), ("010", 8), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(unsigned(text), Ok(number), "{text}");
        }
        for bad in ["", "+", "-1", "0x", "0x-1", "08", "1 ", "++1", "one"] {
            assert_eq!(unsigned(bad), Err(NOT_A_NUMBER), "{bad}");
        }
        assert_eq!(unsigned("18446744073709551616"), Err(BadValue::MoreThan(u64::MAX)));
        assert_eq!(<i32 as Value>::read("-2147483648"), Ok(i32::MIN));
        for bad in ["2147483648", "--1", "-+1", "- 1"] {
            assert!(<i32 as Value>::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn buffers_are_powers_of_two() {
        for (text, bytes) in [
            ("auto", 1 << 17),
            ("1", 4096),
            ("4097", 8192),
            ("100KB", 1 << 17),
            ("3 mb", 1 << 22),
            ("1GB", 1 << 30),
            ("5000b", 8192),
            ("0x10000", 1 << 16),
            ("0x1000b", 1 << 17),
        ] {
            assert_eq!(BufferSize::read(text), Ok(BufferSize(bytes)), "{text}");
        }
        for bad in ["", "KB", "1TB", "1K", "-1", "18446744073709551615", "17179869184GB"] {
            assert!(BufferSize::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn clocks_are_ahead_by_whole_units() {
        let read = |texts: &[&str]| {
            let mut offset = ClockOffset::default();
            texts
                .iter()
                .try_for_each(|text| offset.set(text))
                .map(|()| (offset.seconds, offset.nanoseconds))
        };
        assert_eq!(read(&["2h"]), Ok((7200, 0)));
        assert_eq!(read(&["-3 m", "5ms"]), Ok((-180, 5_000_000)));
        assert_eq!(read(&["1s", "7us", "9s"]), Ok((9, 7000)));
        for bad in ["5", "s", "5d", "5 s s", "9223372036854775807h", "1.5s"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
    }
}
