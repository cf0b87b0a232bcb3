//! `$NAME` and `${NAME:-default}` in a Compose file's strings, and in those of a file `.env`. Start at [`put_in`].

use std::collections::BTreeMap;

use crate::budget::BYTES;
use crate::problem::{Fault, Problem};
use crate::yaml::{Node, Yaml};

/// So deep may defaults stand in each other.
const DEPTH: usize = 16;

/// Puts variables into all strings; names of keys are left alone.
pub(crate) fn put_in(node: &mut Node, environment: &BTreeMap<String, String>) -> Result<(), Fault> {
    fill(node, environment, &mut 0)
}

/// The same, `size` bytes of which were put in before.
fn fill(
    node: &mut Node,
    environment: &BTreeMap<String, String>,
    size: &mut usize,
) -> Result<(), Fault> {
    let place = node.place;
    match &mut node.yaml {
        Yaml::Null => Ok(()),
        Yaml::Scalar(text) => {
            *text = expand(text, environment, 0).map_err(|why| {
                let problem =
                    Problem::Entry { what: "the string".to_owned(), text: text.clone(), why };
                Fault::new(place, problem)
            })?;
            *size += text.len();
            // A short file may say a long variable often.
            if *size > BYTES {
                return Err(Fault::new(place, Problem::TooLarge(BYTES)));
            }
            Ok(())
        }
        Yaml::List(nodes) => nodes.iter_mut().try_for_each(|node| fill(node, environment, size)),
        Yaml::Map(members) => {
            members.iter_mut().try_for_each(|(_, node)| fill(node, environment, size))
        }
    }
}

/// Puts variables into a string; `depth` is how many defaults stand around it.
pub(crate) fn expand(
    text: &str,
    environment: &BTreeMap<String, String>,
    depth: usize,
) -> Result<String, String> {
    if depth > DEPTH {
        return Err("its defaults are nested too deep".to_owned());
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let end = closing(after).ok_or("a brace is not closed")?;
            let inner = after.get(..end).unwrap_or_default();
            out.push_str(&braced(inner, environment, depth)?);
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            let (name, after) = after.split_at(name_length(after));
            if name.is_empty() {
                return Err("a name is missing behind $; $$ is a dollar sign".to_owned());
            }
            out.push_str(environment.get(name).map_or("", String::as_str));
            rest = after;
        }
        if out.len() > BYTES {
            return Err("it becomes too large".to_owned());
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The brace that closes the one before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut before = '\0';
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if before == '$' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
        before = letter;
    }
    None
}

fn name_length(text: &str) -> usize {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        return 0;
    }
    text.find(|letter| !is_name(letter)).unwrap_or(text.len())
}

fn braced(
    inner: &str,
    environment: &BTreeMap<String, String>,
    depth: usize,
) -> Result<String, String> {
    let (name, operation) = inner.split_at(name_length(inner));
    if name.is_empty() {
        return Err(format!("{inner:?} is no variable"));
    }
    let value = environment.get(name);
    let (value, operation) = match operation.strip_prefix(':') {
        Some(operation) => (value.filter(|value| !value.is_empty()), operation),
        None => (value, operation),
    };
    let plain = value.cloned().unwrap_or_default();
    let mut letters = operation.chars();
    let other = |word: &str| expand(word, environment, depth + 1);
    match (letters.next(), value) {
        (None, _) => Ok(plain),
        (Some('-'), Some(_)) | (Some('?'), Some(_)) => Ok(plain),
        (Some('-'), None) | (Some('+'), Some(_)) => other(letters.as_str()),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => Err(format!("{name} is not set: {}", other(letters.as_str())?)),
        (Some(_), _) => Err(format!("{inner:?} is no variable")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_on_variables() {
        let environment =
            BTreeMap::from([("A".to_owned(), "a".to_owned()), ("EMPTY".to_owned(), String::new())]);
        for (text, wanted) in [
            ("$A-${A}", "a-a"),
            ("$$A", "$A"),
            ("${EMPTY:-x}${EMPTY-y}", "x"),
            ("${NO:-${A}}", "a"),
            ("${A:+x}${NO:+y}", "x"),
            ("${NO}", ""),
        ] {
            assert_eq!(expand(text, &environment, 0).as_deref(), Ok(wanted), "{text}");
        }
        let long = BTreeMap::from([("L".to_owned(), "x".repeat(BYTES / 2))]);
        let mut node = crate::yaml::parse(0, "a: [$L, $L, $L]").unwrap();
        assert!(put_in(&mut node, &long).is_err());
        for text in ["${NO:?it is needed}", "${A", "$1", "${A!}"] {
            assert!(expand(text, &environment, 0).is_err(), "{text}");
        }
    }
}
