//! A property's value: how it is told to D-Bus, and how annotations write it.
//!
//! Sources: D-Bus Specification, "Type System"; GVariant text format, as `gdbus` and `busctl` users know it.

use serde::{Deserialize, Serialize};

/// A value of the types that systemd's properties have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// `b`.
    Bool(bool),
    /// `y`.
    Byte(u8),
    /// `n`.
    Int16(i16),
    /// `q`.
    Uint16(u16),
    /// `i`.
    Int32(i32),
    /// `u`.
    Uint32(u32),
    /// `x`.
    Int64(i64),
    /// `t`.
    Uint64(u64),
    /// `s`.
    Text(String),
    /// `ay`: bits of CPUs and nodes, the lowest in the first byte.
    Bytes(Vec<u8>),
    /// `a` and the signature of its elements.
    Array(String, Vec<Value>),
    /// `(…)`.
    Struct(Vec<Value>),
}

impl Value {
    /// Its type in D-Bus's letters.
    pub fn signature(&self) -> String {
        match self {
            Self::Bool(_) => "b".to_owned(),
            Self::Byte(_) => "y".to_owned(),
            Self::Int16(_) => "n".to_owned(),
            Self::Uint16(_) => "q".to_owned(),
            Self::Int32(_) => "i".to_owned(),
            Self::Uint32(_) => "u".to_owned(),
            Self::Int64(_) => "x".to_owned(),
            Self::Uint64(_) => "t".to_owned(),
            Self::Text(_) => "s".to_owned(),
            Self::Bytes(_) => "ay".to_owned(),
            Self::Array(element, _) => format!("a{element}"),
            Self::Struct(fields) => {
                format!("({})", fields.iter().map(Self::signature).collect::<String>())
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(texts: &[&str]) -> Self {
        let texts = texts.iter().map(|text| Self::Text((*text).to_owned())).collect();
        Self::Array("s".to_owned(), texts)
    }
}

/// A value as an annotation writes it; a fraction is a value only where seconds are counted.
#[derive(Clone, Debug, PartialEq)]
enum Written {
    Value(Value),
    Fraction(f64),
}

/// Reads `true`, `5`, `uint64 5`, `'text'`, `['a', 'b']`. A number without a type is an `int32`.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Value, &'static str> {
    match parse_written(text)? {
        Written::Value(value) => Ok(value),
        Written::Fraction(_) => Err("no property is a fraction"),
    }
}

/// Reads a number of seconds, fractions too, as microseconds.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn parse_seconds(text: &str) -> Result<Value, &'static str> {
    const TOO_MANY: &str = "it is no number of seconds";
    let whole = |seconds: u64| seconds.checked_mul(1_000_000).ok_or(TOO_MANY);
    let signed = |seconds: i64| u64::try_from(seconds).map_err(|_negative| TOO_MANY);
    let micros = match parse_written(text)? {
        Written::Fraction(seconds) => {
            let duration = std::time::Duration::try_from_secs_f64(seconds);
            let micros = duration.map_err(|_negative| TOO_MANY)?.as_micros();
            u64::try_from(micros).map_err(|_long| TOO_MANY)?
        }
        Written::Value(value) => match value {
            Value::Byte(seconds) => whole(seconds.into())?,
            Value::Uint16(seconds) => whole(seconds.into())?,
            Value::Uint32(seconds) => whole(seconds.into())?,
            Value::Uint64(seconds) => whole(seconds)?,
            Value::Int16(seconds) => whole(signed(seconds.into())?)?,
            Value::Int32(seconds) => whole(signed(seconds.into())?)?,
            Value::Int64(seconds) => whole(signed(seconds)?)?,
            Value::Bool(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::Array(..)
            | Value::Struct(_) => return Err(TOO_MANY),
        },
    };
    Ok(Value::Uint64(micros))
}

fn parse_written(text: &str) -> Result<Written, &'static str> {
    let mut rest = text.trim();
    let value = written(&mut rest)?;
    if rest.trim().is_empty() { Ok(value) } else { Err("something follows the value") }
}

/// One value from the front of `rest`.
fn written(rest: &mut &str) -> Result<Written, &'static str> {
    *rest = rest.trim_start();
    match rest.chars().next() {
        None => Err("it is empty"),
        Some(quote @ ('\'' | '"')) => quoted(rest, quote).map(Value::Text).map(Written::Value),
        Some('[') => array(rest).map(Written::Value),
        Some(_) => {
            let end = rest.find(|c: char| c.is_whitespace() || c == ',' || c == ']');
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            *rest = after;
            match word {
                "true" => Ok(Written::Value(Value::Bool(true))),
                "false" => Ok(Written::Value(Value::Bool(false))),
                "boolean" | "byte" | "int16" | "uint16" | "int32" | "uint32" | "int64"
                | "uint64" | "string" => typed(word, rest).map(Written::Value),
                word => number(word),
            }
        }
    }
}

fn number(word: &str) -> Result<Written, &'static str> {
    match word.parse() {
        Ok(number) => Ok(Written::Value(Value::Int32(number))),
        Err(_) if word.contains('.') => {
            word.parse().map(Written::Fraction).map_err(|_odd| "it is no number")
        }
        Err(_) => Err("it is no value like 5, 'text' or ['a', 'b']"),
    }
}

/// The value after a type's name.
fn typed(kind: &str, rest: &mut &str) -> Result<Value, &'static str> {
    *rest = rest.trim_start();
    if kind == "string" {
        return match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => quoted(rest, quote).map(Value::Text),
            _ => Err("it is no string"),
        };
    }
    let end = rest.find(|c: char| c.is_whitespace() || c == ',' || c == ']');
    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    let value = match kind {
        "boolean" => word.parse().map(Value::Bool).ok(),
        "byte" => word.parse().map(Value::Byte).ok(),
        "int16" => word.parse().map(Value::Int16).ok(),
        "uint16" => word.parse().map(Value::Uint16).ok(),
        "int32" => word.parse().map(Value::Int32).ok(),
        "uint32" => word.parse().map(Value::Uint32).ok(),
        "int64" => word.parse().map(Value::Int64).ok(),
        _ => word.parse().map(Value::Uint64).ok(),
    };
    value.ok_or("the number does not fit its type")
}

fn quoted(rest: &mut &str, quote: char) -> Result<String, &'static str> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next().map(|(_, letter)| match letter {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                text.push(escaped.ok_or("a backslash ends it")?);
            }
            '\0' => return Err("it contains a NUL"),
            letter if letter == quote => {
                *rest = &rest[at + quote.len_utf8()..];
                return Ok(text);
            }
            letter => text.push(letter),
        }
    }
    Err("a quote is missing")
}

fn array(rest: &mut &str) -> Result<Value, &'static str> {
    *rest = &rest[1..];
    let mut values: Vec<Value> = Vec::new();
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            *rest = after;
            // Nothing tells the type of what is not there; the lists of systemd are of texts.
            let element = values.first().map_or_else(|| "s".to_owned(), Value::signature);
            return Ok(Value::Array(element, values));
        }
        if !values.is_empty() {
            *rest = rest.strip_prefix(',').ok_or("a comma is missing")?.trim_start();
        }
        // Lists of lists would let an annotation decide how deep we go.
        if rest.starts_with('[') {
            return Err("a list in a list");
        }
        let Written::Value(value) = written(rest)? else { return Err("no property is a fraction") };
        if values.first().is_some_and(|first| first.signature() != value.signature()) {
            return Err("a list has one type");
        }
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn annotations_are_read() {
        assert_eq!(parse("true"), Ok(Value::Bool(true)));
        assert_eq!(parse(" 2 "), Ok(Value::Int32(2)));
        assert_eq!(parse("uint64 18446744073709551615"), Ok(Value::Uint64(u64::MAX)));
        assert_eq!(parse(r"'it\'s'"), Ok(Value::Text("it's".to_owned())));
        assert_eq!(parse(r#""a b""#), Ok(Value::Text("a b".to_owned())));
        assert_eq!(parse("['a.service', \"b\"]"), Ok(Value::texts(&["a.service", "b"])));
        assert_eq!(parse("[]"), Ok(Value::texts(&[])));
        for odd in ["", "x", "'", "uint32 -1", "1.5", "['a' 'b']", "['a', 5]", "5 6", "[[]]", "'\\"]
        {
            assert!(parse(odd).is_err(), "{odd}");
        }
        assert_eq!(parse_seconds("2"), Ok(Value::Uint64(2_000_000)));
        assert_eq!(parse_seconds("1.5"), Ok(Value::Uint64(1_500_000)));
        assert_eq!(parse_seconds("uint16 3"), Ok(Value::Uint64(3_000_000)));
        for odd in ["-1", "-1.5", "'2'", "uint64 18446744073709551615", "1e400"] {
            assert!(parse_seconds(odd).is_err(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[\\[\\]'\",a-z0-9 .\\\\-]{0,40}") {
            let _either = parse(&text);
            let _either = parse_seconds(&text);
        }
    }
}
