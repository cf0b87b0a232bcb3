//! Numbers: whole ones are exact, others have the precision of a double and are shown with 15 digits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A number. A [`Number::Real`] is never a whole one, so that equal numbers are equal values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// A whole number.
    Whole(i128),
    /// One with a fraction, or too large to be kept exactly.
    Real(f64),
}

/// Whole numbers up to here are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Number {
    /// From a double; nothing from what is no number.
    #[must_use]
    pub(crate) fn real(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        if value.fract() == 0.0 && value.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            return Some(Self::Whole(value as i128));
        }
        Some(Self::Real(value))
    }

    /// The closest double.
    #[must_use]
    pub(crate) fn as_real(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the closest one is what is asked for")]
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }

    /// The whole number that it is.
    #[must_use]
    pub(crate) fn as_whole(self) -> Option<i128> {
        match self {
            Self::Whole(value) => Some(value),
            Self::Real(_) => None,
        }
    }

    /// An index or a count.
    #[must_use]
    pub(crate) fn as_index(self) -> Option<usize> {
        self.as_whole().and_then(|value| usize::try_from(value).ok())
    }

    /// Exactly where both are whole and the result can be held, otherwise by doubles.
    pub(crate) fn combine(
        self,
        other: Self,
        exact: fn(i128, i128) -> Option<i128>,
        real: fn(f64, f64) -> f64,
    ) -> Option<Self> {
        if let (Self::Whole(a), Self::Whole(b)) = (self, other)
            && let Some(result) = exact(a, b)
        {
            return Some(Self::Whole(result));
        }
        Self::real(real(self.as_real(), other.as_real()))
    }

    /// The quotient; nothing when `other` is zero.
    pub(crate) fn divide(self, other: Self) -> Option<Self> {
        if let (Self::Whole(a), Self::Whole(b)) = (self, other)
            && a.checked_rem(b) == Some(0)
        {
            return a.checked_div(b).map(Self::Whole);
        }
        Self::real(self.as_real() / other.as_real())
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            _ => self.as_real().total_cmp(&other.as_real()),
        }
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::Whole(i128::try_from(value).unwrap_or(i128::MAX))
    }
}

impl FromStr for Number {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(whole) = text.parse::<i128>() {
            return Ok(Self::Whole(whole));
        }
        // Rust also reads the words "inf" and "nan": an empty text is refused in their place.
        let is_number = text.bytes().any(|byte| byte.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
        let value = if is_number { text } else { "" }.parse::<f64>()?;
        Self::real(value).map_or_else(|| "".parse::<f64>().map(Self::Real), Ok)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(formatter),
            // 0.1 + 0.2 is 0.3 to people: the last two digits of a double are its error.
            Self::Real(value) => {
                let rounded = format!("{value:.14e}").parse::<f64>().unwrap_or(*value);
                rounded.fmt(formatter)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_people_write_them() {
        let shown = |text: &str| text.parse::<Number>().map(|number| number.to_string());
        assert_eq!(shown("12").as_deref(), Ok("12"));
        assert_eq!(shown("-1.50").as_deref(), Ok("-1.5"));
        assert_eq!(shown("1e3").as_deref(), Ok("1000"));
        assert_eq!(shown("340282366920938463463").as_deref(), Ok("340282366920938463463"));
        assert!(shown("inf").is_err() && shown("").is_err() && shown("1x").is_err());
        let sum = Number::real(0.1)
            .zip(Number::real(0.2))
            .and_then(|(a, b)| a.combine(b, i128::checked_add, |a, b| a + b));
        assert_eq!(sum.map(|number| number.to_string()).as_deref(), Some("0.3"));
    }
}
