//! Parameters of a request, as Docker reads them: of repeated ones the first, words for yes and no.

use std::borrow::Cow;
use std::str::FromStr;

/// Parameters in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// A parameter that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid parameter {name}={value:?}: {why}")]
pub struct BadParameter {
    /// Its name.
    pub name: String,
    /// As given.
    pub value: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Query {
    /// Reads what stands behind the question mark.
    ///
    /// # Errors
    /// When a percent sign has no two hexadecimal digits behind it, or it is not UTF-8.
    pub fn parse(text: &str) -> Result<Self, BadParameter> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wrong = |why| BadParameter { name: name.to_owned(), value: value.to_owned(), why };
            let decode = |text: &str| decoded(text).map_err(wrong);
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self { pairs })
    }

    /// Gives a parameter one value, in the place of those that it has.
    pub fn set(&mut self, name: &str, value: String) {
        self.pairs.retain(|(own, _)| own != name);
        self.pairs.push((name.to_owned(), value));
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The first value of a parameter that is not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter says yes: it is there, and is none of the words for no.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.is_on_or(name, false)
    }

    /// The same with what holds where it is not there.
    #[must_use]
    pub fn is_on_or(&self, name: &str, absent: bool) -> bool {
        self.get(name).map_or(absent, |value| {
            let value = value.trim();
            !["", "0", "no", "false", "none"].iter().any(|no| value.eq_ignore_ascii_case(no))
        })
    }

    /// A word for yes or no, which is none of the others.
    ///
    /// # Errors
    /// When it is.
    pub fn truth(&self, name: &str) -> Result<Option<bool>, BadParameter> {
        let Some(value) = self.text(name) else { return Ok(None) };
        truth(value).map(Some).ok_or_else(|| BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            why: "it is neither true nor false",
        })
    }

    /// A number.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, BadParameter> {
        let Some(value) = self.text(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_bad| BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            why: "it is no number, or too large",
        })
    }

    /// A time: seconds since 1970, with up to nine digits behind a point; in nanoseconds.
    ///
    /// # Errors
    /// When it is none.
    pub fn time_ns(&self, name: &str) -> Result<Option<i64>, BadParameter> {
        let Some(value) = self.text(name) else { return Ok(None) };
        time_ns(value).map(Some).ok_or_else(|| BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            why: "it is no time in seconds since 1970",
        })
    }

    /// Rows and columns of a terminal.
    ///
    /// # Errors
    /// When one of them is missing, or is none.
    pub fn size(&self) -> Result<(u16, u16), BadParameter> {
        let number = |name: &str| {
            self.number(name)?.ok_or_else(|| BadParameter {
                name: name.to_owned(),
                value: String::new(),
                why: "a terminal has rows and columns",
            })
        };
        Ok((number("h")?, number("w")?))
    }

    /// Text that is JSON, as of filters and platforms.
    ///
    /// # Errors
    /// When it is not what it should be.
    pub fn json<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, BadParameter> {
        let Some(value) = self.text(name) else { return Ok(None) };
        serde_json::from_str(value).map(Some).map_err(|_bad| BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            why: "it is not the JSON that it should be",
        })
    }
}

/// As Go reads one.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn time_ns(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    // A time that no clock will have has not come.
    Some(seconds.parse::<i64>().ok()?.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
}

/// As HTML's forms write it: a plus sign is a space.
fn decoded(text: &str) -> Result<String, &'static str> {
    let bytes = text.as_bytes();
    let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_hexdigit);
    for (place, byte) in bytes.iter().enumerate() {
        if *byte == b'%' && !(is_digit(place + 1) && is_digit(place + 2)) {
            return Err("a percent sign wants two hexadecimal digits behind it");
        }
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_bad| "it is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_is_meant() {
        let query = Query::parse("t=a%2Fb%3A1&t=second&all=1&all=0&empty=&bare").unwrap();
        assert_eq!(query.get("t"), Some("a/b:1"));
        assert_eq!(query.all("t").collect::<Vec<_>>(), ["a/b:1", "second"]);
        assert!(query.is_on("all"));
        assert_eq!(
            (query.get("empty"), query.text("empty"), query.get("bare")),
            (Some(""), None, Some(""))
        );
        assert_eq!(query.get("none"), None);
    }

    #[test]
    fn words_for_yes_and_no() {
        for (text, is_on) in [
            ("a=1", true),
            ("a=true", true),
            ("a=yes", true),
            ("a=2", true),
            ("a=", false),
            ("a", false),
            ("a=0", false),
            ("a=False", false),
            ("a=no", false),
            ("a=None", false),
            ("a=%20false%20", false),
            ("b=1", false),
        ] {
            assert_eq!(Query::parse(text).unwrap().is_on("a"), is_on, "{text}");
        }
        assert!(Query::parse("").unwrap().is_on_or("a", true));
    }

    #[test]
    fn times_have_nanoseconds() {
        let time = |text: &str| Query::parse(text).unwrap().time_ns("t");
        assert_eq!(time("t=5.25"), Ok(Some(5_250_000_000)));
        assert_eq!(time("t=5"), Ok(Some(5_000_000_000)));
        assert_eq!(time("t="), Ok(None));
        assert_eq!(time("t=99999999999999"), Ok(Some(i64::MAX)));
        for text in ["t=x", "t=5.", "t=5.x", "t=.5"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for text in ["a=%", "a=%2", "a=%zz", "a=%ff", "%ff=1"] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
        let query = Query::parse("h=20&w=x&big=99999999999").unwrap();
        assert_eq!(query.number::<u16>("h"), Ok(Some(20)));
        assert_eq!(query.number::<u16>("absent"), Ok(None));
        assert!(query.number::<u16>("w").unwrap_err().to_string().contains("w=\"x\""));
        assert!(query.number::<u32>("big").is_err());
    }
}
