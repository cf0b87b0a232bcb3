//! Parser directives: `# syntax=`, `# escape=` and `# check=` before everything else. The first line that is none ends them.
//!
//! Behind a first line `#!` syntax and check still count, escape does not. Source: "Dockerfile reference", "Parser directives".

use crate::error::{Cause, FileError};
use crate::source::{Source, Span, Spanned};

/// What directives say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// The front end that the file is written for, as `docker/dockerfile:1`; nothing runs it.
    pub syntax: Option<Spanned<String>>,
    /// `\` or `` ` ``.
    pub escape: char,
    /// Which checks are left out.
    pub check: CheckOptions,
}

/// `skip=RULES;experimental=RULES;error=BOOL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Rules that are left out.
    pub skip: Skip,
    /// Rules on trial that are taken in.
    pub experimental: Skip,
    /// Whether findings make a build fail.
    pub error: bool,
}

/// Some rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// All of them.
    All,
    /// Those of these names.
    Rules(Vec<String>),
}

impl Default for Skip {
    fn default() -> Self {
        Self::Rules(Vec::new())
    }
}

impl Skip {
    /// Whether a rule is among them.
    #[must_use]
    pub fn has(&self, rule: &str) -> bool {
        match self {
            Self::All => true,
            Self::Rules(names) => names.iter().any(|name| name == rule),
        }
    }

    fn parse(text: &str) -> Self {
        match text.trim() {
            "all" => Self::All,
            names => Self::Rules(names.split(',').map(|name| name.trim().to_owned()).collect()),
        }
    }
}

impl CheckOptions {
    /// Reads what stands behind `check=`. What follows a blank is a comment.
    ///
    /// # Errors
    /// The option that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        let text = text.trim().split(' ').next().unwrap_or_default();
        for option in text.split(';').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or_else(|| option.to_owned())?;
            match name.trim() {
                "skip" => options.skip = Skip::parse(value),
                "experimental" => options.experimental = Skip::parse(value),
                "error" => {
                    options.error =
                        crate::flags::boolean(value.trim()).ok_or_else(|| option.to_owned())?;
                }
                _ => return Err(option.to_owned()),
            }
        }
        Ok(options)
    }

    /// The options that a comment before an instruction gives for it alone.
    pub(crate) fn of_comments(comments: &[Spanned<String>]) -> Option<Self> {
        let value = comments.iter().find_map(|comment| {
            let (name, value) = named(&comment.value)?;
            name.eq_ignore_ascii_case("check").then_some(value)
        })?;
        Self::parse(value).ok()
    }
}

/// Reads the directives, and says how many lines they take.
pub(crate) fn read(source: &Source) -> Result<(Directives, usize), FileError> {
    let mut found = Directives { syntax: None, escape: '\\', check: CheckOptions::default() };
    let mut seen: Vec<String> = Vec::new();
    let mut line = usize::from(source.text().starts_with("#!"));
    let behind_program = line == 1;
    while let Some((start, text)) = source.whole_line(line) {
        let Some((name, value)) = text.trim().strip_prefix('#').and_then(named) else { break };
        let name = name.to_ascii_lowercase();
        if !matches!(name.as_str(), "syntax" | "escape" | "check") {
            break;
        }
        let at = start + (value.as_ptr().addr() - text.as_ptr().addr());
        let value = Spanned::new(value, Span::new(at, at + value.len()));
        let refused = |cause| FileError::new(source, value.span, None, cause);
        if seen.contains(&name) {
            return Err(refused(Cause::DirectiveTwice { name }));
        }
        match name.as_str() {
            "syntax" => found.syntax = Some(value.with(first_word(value.value))),
            "check" => {
                found.check = CheckOptions::parse(value.value)
                    .map_err(|option| refused(Cause::CheckOption { option }))?;
            }
            _ if behind_program => {}
            _ => found.escape = escape(value.value).map_err(refused)?,
        }
        seen.push(name);
        line += 1;
    }
    Ok((found, line))
}

fn escape(value: &str) -> Result<char, Cause> {
    match value {
        "\\" => Ok('\\'),
        "`" => Ok('`'),
        other => Err(Cause::EscapeCharacter { value: other.to_owned() }),
    }
}

fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// `name = value` with a name of letters and digits.
fn named(comment: &str) -> Option<(&str, &str)> {
    let (name, value) = comment.trim_start().split_once('=')?;
    let (name, value) = (name.trim_end(), value.trim());
    let is_name = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    (is_name && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Directives, usize) {
        read(&Source::new(text.as_bytes())).unwrap()
    }

    #[test]
    fn directives_come_first_and_once() {
        let (found, lines) = of(
            "# SYNTAX = docker/dockerfile:1 // x\n#escape=`\n# check=skip=A,B;error=true // why\nFROM a",
        );
        assert_eq!(found.syntax.unwrap().value, "docker/dockerfile:1");
        assert_eq!(found.escape, '`');
        assert!(found.check.error && found.check.skip.has("B") && !found.check.skip.has("C"));
        assert_eq!(lines, 3);
        assert_eq!(of("# a comment\n# escape=`\nFROM a").0.escape, '\\');
        assert_eq!(of("\n# escape=`\nFROM a").0.escape, '\\');
        assert_eq!(of("# key=value\n# escape=`\nFROM a").0.escape, '\\');
        assert_eq!(of("#!/bin/x\n# check=skip=all\n# escape=`").0.check.skip, Skip::All);
        assert_eq!(of("#!/bin/x\n# escape=`").0.escape, '\\');
        let refused = |text: &str| *read(&Source::new(text.as_bytes())).unwrap_err().cause;
        assert!(matches!(refused("#escape=x"), Cause::EscapeCharacter { .. }));
        assert!(matches!(refused("#escape=\\\n#Escape=\\"), Cause::DirectiveTwice { .. }));
        assert!(matches!(refused("#check=skip"), Cause::CheckOption { .. }));
        assert!(matches!(refused("#check=error=perhaps"), Cause::CheckOption { .. }));
    }
}
