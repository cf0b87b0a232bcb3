//! What stands between `${` and `}`.

use super::pattern::{Pattern, Reach};
use super::{DEEPEST, ExpandError, Walk};

impl Walk<'_> {
    /// Behind `${`.
    pub(super) fn braces(&mut self) -> Result<String, ExpandError> {
        if self.depth >= DEEPEST {
            return Err(ExpandError::Deep);
        }
        self.depth += 1;
        let value = self.operation();
        self.depth -= 1;
        value
    }

    fn operation(&mut self) -> Result<String, ExpandError> {
        let name = self.name();
        if name.is_empty() {
            return Err(if self.peek().is_none() { ExpandError::Brace } else { ExpandError::Name });
        }
        match self.next() {
            None => Err(ExpandError::Brace),
            Some('}') => match self.value(name) {
                None if self.lexer.keep_undefined => Ok(format!("${{{name}}}")),
                value => Ok(value.unwrap_or_default().to_owned()),
            },
            Some(':') => match self.next() {
                Some(operator @ ('-' | '+' | '?')) => self.conditional(name, operator, true),
                Some(other) => Err(ExpandError::Operator(format!(":{other}"))),
                None => Err(ExpandError::Brace),
            },
            Some(operator @ ('-' | '+' | '?')) => self.conditional(name, operator, false),
            Some(operator @ ('#' | '%')) => self.trim(name, operator),
            Some('/') => self.replace(name),
            Some(other) => Err(ExpandError::Operator(other.to_string())),
        }
    }

    /// `-`, `+` and `?`; with a colon an empty value counts as none.
    fn conditional(
        &mut self,
        name: &str,
        operator: char,
        empty_is_unset: bool,
    ) -> Result<String, ExpandError> {
        let word = self.until(Some('}'), false)?.text;
        let value = self.value(name);
        if value.is_none() && self.lexer.keep_undefined {
            let colon = if empty_is_unset { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{operator}{word}}}"));
        }
        let counts = value.filter(|value| !(empty_is_unset && value.is_empty()));
        match (operator, counts) {
            ('+', None) => Ok(String::new()),
            ('+', Some(_)) | ('-', None) => Ok(word),
            ('?', None) => {
                let why = if value.is_some() { "is empty" } else { "is not set" };
                let message =
                    if word.is_empty() { why.to_owned() } else { format!("{why}: {word}") };
                Err(ExpandError::Missing { name: name.to_owned(), message })
            }
            (_, Some(value)) => Ok(value.to_owned()),
            (other, None) => Err(ExpandError::Operator(other.to_string())),
        }
    }

    /// `#` takes the beginning away, `%` the end; twice the longest that fits.
    fn trim(&mut self, name: &str, operator: char) -> Result<String, ExpandError> {
        let word = self.until(Some('}'), true)?.text;
        let value = self.value(name);
        if value.is_none() && self.lexer.keep_undefined {
            return Ok(format!("${{{name}{operator}{word}}}"));
        }
        let (reach, text) = match word.strip_prefix(operator) {
            Some(text) => (Reach::Longest, text),
            None => (Reach::Shortest, word.as_str()),
        };
        let pattern = Pattern::new(text)?;
        let value = value.unwrap_or_default();
        Ok(if operator == '#' {
            pattern.trim_start(value, reach)
        } else {
            pattern.trim_end(value, reach)
        })
    }

    /// `/` replaces the first, `//` every place where the pattern fits.
    fn replace(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.peek() == Some('/');
        if all {
            self.next();
        }
        let text = self.until(Some('/'), true)?.text;
        let replacement = self.until(Some('}'), true)?.text;
        let value = self.value(name);
        if value.is_none() && self.lexer.keep_undefined {
            let slash = if all { "//" } else { "/" };
            return Ok(format!("${{{name}{slash}{text}/{replacement}}}"));
        }
        let pattern = Pattern::new(&text)?;
        let replaced = pattern.replace(value.unwrap_or_default(), &replacement, all);
        replaced.ok_or(ExpandError::Large)
    }
}
