//! Strings and paths.

use super::{ANY, Answer, Arguments, Native};
use crate::number::Number;
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("basename", 1, 1, base_name),
    ("chomp", 1, 1, |arguments| {
        each(arguments, |text| text.trim_end_matches(['\r', '\n']).to_owned())
    }),
    ("dirname", 1, 1, directory_name),
    ("homedir", 0, 0, |arguments| Ok(Value::text(arguments.machine.home))),
    ("indent", 2, 2, indent),
    ("join", 1, ANY, join),
    ("lower", 1, 1, |arguments| each(arguments, str::to_lowercase)),
    ("replace", 3, 3, replace),
    ("reverse", 1, 1, |arguments| each(arguments, |text| text.chars().rev().collect())),
    ("sanitize", 1, 1, |arguments| each(arguments, sanitize)),
    ("split", 2, 2, split),
    ("strlen", 1, 1, |arguments| {
        Ok(Value::Number(Number::from(arguments.text(0)?.chars().count())))
    }),
    ("substr", 3, 3, part),
    ("title", 1, 1, |arguments| each(arguments, title)),
    ("trim", 2, 2, |arguments| {
        let set: Vec<char> = arguments.text(1)?.chars().collect();
        each(arguments, |text| text.trim_matches(set.as_slice()).to_owned())
    }),
    ("trimprefix", 2, 2, |arguments| {
        let prefix = arguments.text(1)?;
        each(arguments, |text| text.strip_prefix(prefix.as_str()).unwrap_or(text).to_owned())
    }),
    ("trimspace", 1, 1, |arguments| each(arguments, |text| text.trim().to_owned())),
    ("trimsuffix", 2, 2, |arguments| {
        let suffix = arguments.text(1)?;
        each(arguments, |text| text.strip_suffix(suffix.as_str()).unwrap_or(text).to_owned())
    }),
    ("upper", 1, 1, |arguments| each(arguments, str::to_uppercase)),
];

fn each(arguments: &Arguments<'_>, change: impl Fn(&str) -> String) -> Answer {
    Ok(Value::Text(change(&arguments.text(0)?)))
}

fn sanitize(text: &str) -> String {
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    text.chars().map(|letter| if is_kept(letter) { letter } else { '_' }).collect()
}

fn title(text: &str) -> String {
    let mut out = String::new();
    let mut is_start = true;
    for letter in text.chars() {
        if is_start {
            out.extend(letter.to_uppercase());
        } else {
            out.push(letter);
        }
        is_start = !(letter.is_alphanumeric() || matches!(letter, '_' | '\''));
    }
    out
}

/// The last name of a path, as Go's path.Base has it.
fn base_name(arguments: &Arguments<'_>) -> Answer {
    each(arguments, |path| {
        let trimmed = path.trim_end_matches('/');
        match (path.is_empty(), trimmed.is_empty()) {
            (true, _) => ".".to_owned(),
            (false, true) => "/".to_owned(),
            (false, false) => trimmed.rsplit('/').next().unwrap_or(trimmed).to_owned(),
        }
    })
}

/// All but the last name of a path, as Go's path.Dir has it.
fn directory_name(arguments: &Arguments<'_>) -> Answer {
    each(arguments, |path| {
        let directory = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or_default();
        spec::path::clean(directory)
    })
}

fn indent(arguments: &Arguments<'_>) -> Answer {
    let spaces = arguments.index(0)?;
    let text = arguments.text(1)?;
    let lines = text.matches('\n').count();
    if lines.saturating_mul(spaces) > super::super::budget::BYTES {
        return Err("the result is too large".to_owned());
    }
    Ok(Value::Text(text.replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

fn join(arguments: &Arguments<'_>) -> Answer {
    let separator = arguments.text(0)?;
    let mut parts = Vec::new();
    for at in 1..arguments.values.len() {
        parts.extend(arguments.texts(at)?);
    }
    Ok(Value::Text(parts.join(&separator)))
}

fn split(arguments: &Arguments<'_>) -> Answer {
    let (separator, text) = (arguments.text(0)?, arguments.text(1)?);
    let parts: Vec<Value> = if separator.is_empty() {
        text.chars().map(|letter| Value::Text(letter.to_string())).collect()
    } else {
        text.split(separator.as_str()).map(Value::text).collect()
    };
    Ok(Value::List(parts))
}

fn replace(arguments: &Arguments<'_>) -> Answer {
    let (text, from, to) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    let places = if from.is_empty() { text.len() + 1 } else { text.len() / from.len() };
    if places.saturating_mul(to.len()) > super::super::budget::BYTES {
        return Err("the result is too large".to_owned());
    }
    Ok(Value::Text(text.replace(&from, &to)))
}

/// From a place, from the end where it is negative, so many letters, all where it is negative.
fn part(arguments: &Arguments<'_>) -> Answer {
    let text: Vec<char> = arguments.text(0)?.chars().collect();
    let (offset, length) = (arguments.whole(1)?, arguments.whole(2)?);
    let count = i128::try_from(text.len()).unwrap_or(i128::MAX);
    let start = if offset < 0 { (count + offset).max(0) } else { offset };
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Value::Text(text.into_iter().skip(start).take(length).collect()))
}
