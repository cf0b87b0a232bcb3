//! Regular expressions, in linear time: regex-lite's syntax, which is RE2's without classes of Unicode.

use std::collections::BTreeMap;

use regex_lite::{Captures, Regex};

use super::{Answer, Arguments, Native};
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("regex", 2, 2, |arguments| {
        let (pattern, text) = (pattern(&arguments.text(0)?)?, arguments.text(1)?);
        let found = pattern.captures(&text).ok_or("the pattern does not match")?;
        Ok(shaped(&pattern, &found))
    }),
    ("regex_replace", 3, 3, replace),
    ("regexall", 2, 2, |arguments| {
        let (pattern, text) = (pattern(&arguments.text(0)?)?, arguments.text(1)?);
        Ok(Value::List(
            pattern.captures_iter(&text).map(|found| shaped(&pattern, &found)).collect(),
        ))
    }),
];

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

/// A string where the pattern has no groups, a map where they have names, otherwise a list.
fn shaped(pattern: &Regex, found: &Captures<'_>) -> Value {
    let text = |at: usize| found.get(at).map_or(Value::Null, |part| Value::text(part.as_str()));
    let names: Vec<Option<&str>> = pattern.capture_names().collect();
    if names.len() == 1 {
        return text(0);
    }
    let named: BTreeMap<String, Value> = names
        .iter()
        .enumerate()
        .filter_map(|(at, name)| name.map(|name| (name.to_owned(), text(at))))
        .collect();
    if named.is_empty() {
        Value::List((1..names.len()).map(text).collect())
    } else {
        Value::Map(named)
    }
}

fn replace(arguments: &Arguments<'_>) -> Answer {
    let (text, pattern, new) =
        (arguments.text(0)?, pattern(&arguments.text(1)?)?, arguments.text(2)?);
    let places = text.len().saturating_add(1).saturating_mul(new.len());
    if places > super::super::budget::BYTES {
        return Err("the result may be too large".to_owned());
    }
    Ok(Value::Text(pattern.replace_all(&text, new.as_str()).into_owned()))
}
