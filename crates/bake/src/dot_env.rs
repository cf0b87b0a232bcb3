//! A file `.env`: variables that Compose files have where the environment has none. Start at [`dot_env`].
//!
//! `NAME=value`, `export NAME=value`, `NAME: value`; in single quotes as it stands, in double quotes with escapes and over several lines,
//! without quotes up to ` #` or the end of the line. `NAME` alone is the environment's. Source: Compose's reference, "Env file syntax".

use std::collections::BTreeMap;

use crate::budget::BYTES;
use crate::compose::variables::expand;
use crate::problem::{BakeError, Fault, Problem};
use crate::source::{BakeFile, Place, tell};

/// The environment with what the file says of variables that it has not.
///
/// # Errors
/// A line that says nothing of a variable, a quote that is not closed.
pub fn dot_env(
    file: &BakeFile,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BakeError> {
    let mut all = environment.clone();
    let (mut at, mut size) = (0, 0);
    while let Some(rest) = file.text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let start = at + blank;
        let told = |problem| {
            let place = Place { file: 0, start, end: start };
            tell(std::slice::from_ref(file), Fault::new(place, problem))
        };
        let (length, variable) = variable(rest, &all).map_err(|why| {
            let text = rest.lines().next().unwrap_or_default().to_owned();
            told(Problem::Entry { what: "the variable".to_owned(), text, why })
        })?;
        if let Some((name, value)) = variable {
            // Each may say the one before it twice.
            size += value.len();
            if size > BYTES {
                return Err(told(Problem::TooLarge(BYTES)));
            }
            all.entry(name).or_insert(value);
        }
        at = start + length;
    }
    Ok(all)
}

/// A name and its value.
type Pair = (String, String);

/// How long the first variable of `text` is, and what it says, unless it is a comment or nothing.
fn variable(
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<(usize, Option<Pair>), String> {
    let line = text.split('\n').next().unwrap_or_default();
    if line.is_empty() || line.starts_with('#') {
        return Ok((line.len() + 1, None));
    }
    let begin = line.strip_prefix("export ").map_or(0, |rest| line.len() - rest.trim_start().len());
    let named = line.get(begin..).unwrap_or_default();
    let end = named.find(['=', ':']).unwrap_or(named.len());
    let name = named.get(..end).unwrap_or_default().trim();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-[]".contains(letter);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err("it is not of the form NAME=VALUE".to_owned());
    }
    if end == named.len() {
        // It is there already, or there is none.
        return Ok((line.len() + 1, None));
    }
    let after = text.get(begin + end + 1..).unwrap_or_default();
    let value = after.trim_start_matches([' ', '\t']);
    let before = text.len() - value.len();
    let (length, value) = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(value, quote, environment)?,
        _ => {
            let line = value.split('\n').next().unwrap_or_default();
            let said = if line.starts_with('#') { "" } else { line };
            let said = said.find(" #").map_or(said, |end| said.get(..end).unwrap_or_default());
            (line.len(), expand(said.trim(), environment, 0)?)
        }
    };
    Ok((before + length, Some((name.to_owned(), value))))
}

/// A value in quotes: how long it is with the rest of its line, and what it says.
fn quoted(
    text: &str,
    quote: char,
    environment: &BTreeMap<String, String>,
) -> Result<(usize, String), String> {
    let mut said = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            letter if letter == quote => {
                let rest = text.get(at + 1..).unwrap_or_default();
                let rest = rest.split('\n').next().unwrap_or_default();
                let word = rest.trim();
                if !word.is_empty() && !word.starts_with('#') {
                    return Err("something follows a quote".to_owned());
                }
                let said = if quote == '"' { expand(&said, environment, 0)? } else { said };
                return Ok((at + 1 + rest.len(), said));
            }
            '\\' if quote == '"' => match letters.next().map(|(_, letter)| letter) {
                Some('n') => said.push('\n'),
                Some('r') => said.push('\r'),
                Some('t') => said.push('\t'),
                // As `expand` has it.
                Some('$') => said.push_str("$$"),
                Some(other @ ('"' | '\\')) => said.push(other),
                Some(other) => said.extend(['\\', other]),
                None => break,
            },
            other => said.push(other),
        }
    }
    Err("a quote is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>, BakeError> {
        let file = BakeFile { name: ".env".to_owned(), text: text.to_owned() };
        let environment = BTreeMap::from([("KNOWN".to_owned(), "environment".to_owned())]);
        dot_env(&file, &environment)
    }

    #[test]
    fn variables_by_their_lines() {
        let text = "# a comment\nA=1 # more\n\nexport B = two words\nC: 'as $A \\n'\nD=\"x${A}\\t\\$A\n\
            y\" # z\nKNOWN=file\nNONE\nE=\nF=${MISSING:-f}\nG=a#b";
        let all = read(text).unwrap();
        for (name, value) in [
            ("A", "1"),
            ("B", "two words"),
            ("C", "as $A \\n"),
            ("D", "x1\t$A\ny"),
            ("KNOWN", "environment"),
            ("E", ""),
            ("F", "f"),
            ("G", "a#b"),
        ] {
            assert_eq!(all.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn what_is_none_is_told_with_its_place() {
        for (text, wanted) in [
            ("A=1\n  =2\n", ".env:2:3: "),
            ("A='1\n2", ".env:1:1: "),
            ("A=\"1\"2", "something follows a quote"),
            ("a b=1", "it is not of the form NAME=VALUE"),
            ("A=${B", "a brace is not closed"),
        ] {
            let told = read(text).unwrap_err().render();
            assert!(told.contains(wanted), "{text}: {told}");
        }
        let mut doubling = "A0=aaaaaaaa\n".to_owned();
        (0..40).for_each(|at| doubling.push_str(&format!("A{}=$A{at}$A{at}\n", at + 1)));
        assert!(read(&doubling).unwrap_err().render().contains("makes more than"));
    }
}
