//! Flags of instructions: which there are, and what they were given. Start at [`Flags::read`].

use spec::suggest::closest;

use crate::error::Cause;
use crate::source::{Span, Spanned};

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `--x`, `--x=true`, `--x=false`.
    Boolean,
    /// `--x=value`, once.
    Value,
    /// `--x=value`, as often as one likes.
    Values,
}

/// The flags that an instruction was given.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    given: Vec<(&'static str, Spanned<String>)>,
}

/// true and false as the engine's other readers take them.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

impl Flags {
    /// Sorts an instruction's flags by those that it has. A value's place is behind the `=` when nothing was unquoted.
    pub(crate) fn read(
        words: Vec<Spanned<String>>,
        known: &[(&'static str, Takes)],
    ) -> Result<Self, (Span, Cause)> {
        let mut flags = Self::default();
        for word in words {
            let text = word.value.strip_prefix("--").unwrap_or(&word.value);
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let refused = |cause| (word.span, cause);
            let flag = || name.to_owned();
            let Some((name, takes)) = known.iter().find(|(known, _)| *known == name) else {
                let names = known.iter().map(|(name, _)| (*name).to_owned());
                let closest = closest(name, names).into_iter().next();
                return Err(refused(Cause::UnknownFlag { flag: flag(), closest }));
            };
            if *takes != Takes::Values && flags.has(name) {
                return Err(refused(Cause::FlagTwice { flag: flag() }));
            }
            let value = match (takes, value) {
                (Takes::Boolean, None) => "true",
                (Takes::Boolean, Some(value)) => match value.to_ascii_lowercase().as_str() {
                    "true" => "true",
                    "false" => "false",
                    _ => {
                        return Err(refused(Cause::FlagNotBoolean {
                            flag: flag(),
                            value: value.to_owned(),
                        }));
                    }
                },
                (_, Some(value)) => value,
                (_, None) => return Err(refused(Cause::FlagWithoutValue { flag: flag() })),
            };
            let as_written = word.span.end - word.span.start == word.value.len();
            let start = word.span.end.saturating_sub(value.len()).max(word.span.start);
            let span = if as_written && !value.is_empty() && *takes != Takes::Boolean {
                Span::new(start, word.span.end)
            } else {
                word.span
            };
            flags.given.push((name, Spanned::new(value.to_owned(), span)));
        }
        Ok(flags)
    }

    fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// Takes a flag's value.
    pub(crate) fn value(&mut self, name: &str) -> Option<Spanned<String>> {
        let at = self.given.iter().position(|(given, _)| *given == name)?;
        Some(self.given.remove(at).1)
    }

    /// Takes a flag's value that counts only when it is not empty.
    pub(crate) fn filled(&mut self, name: &str) -> Option<Spanned<String>> {
        self.value(name).filter(|value| !value.value.is_empty())
    }

    /// Takes all of a flag's values.
    pub(crate) fn values(&mut self, name: &str) -> Vec<Spanned<String>> {
        std::iter::from_fn(|| self.value(name)).collect()
    }

    /// Takes a flag that is true or false.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.value(name).map(|value| value.value == "true")
    }
}
