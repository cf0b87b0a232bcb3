//! A stage: `FROM` and what follows it.

use crate::error::Cause;
use crate::flags::{Flags, Takes};
use crate::instruction::{Instruction, description};
use crate::source::{Span, Spanned};

/// A stage of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its place in the file, from 0.
    pub number: usize,
    /// The image or stage that it begins with; variables are put in by [`crate::Globals`].
    pub base: Spanned<String>,
    /// `--platform`.
    pub platform: Option<Spanned<String>>,
    /// `AS` as it is written.
    pub as_word: Option<Spanned<String>>,
    /// Its name as it is written.
    pub written_name: Option<Spanned<String>>,
    /// Its name in small letters, by which it is found.
    pub name: Option<String>,
    /// `FROM` as it is written.
    pub written: Spanned<String>,
    /// The whole `FROM`.
    pub span: Span,
    /// Its line, joined.
    pub text: String,
    /// Comments that stand before it.
    pub comments: Vec<Spanned<String>>,
    /// What follows.
    pub instructions: Vec<Instruction>,
}

/// What `FROM` says.
#[derive(Clone, Debug)]
pub(crate) struct From {
    pub(crate) base: Spanned<String>,
    pub(crate) platform: Option<Spanned<String>>,
    pub(crate) name: Option<(Spanned<String>, Spanned<String>)>,
}

impl Stage {
    /// The name, or the number where it has none.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.number.to_string())
    }

    /// What comments before it say of it: `# name words`.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        description(&self.comments, self.name.as_deref()?)
    }
}

impl From {
    /// Reads the words behind `FROM`.
    pub(crate) fn read(
        words: Vec<Spanned<String>>,
        flags: Vec<Spanned<String>>,
        whole: Span,
    ) -> Result<Self, (Span, Cause)> {
        let mut flags = Flags::read(flags, &[("platform", Takes::Value)])?;
        let platform = flags.filled("platform");
        let mut words = words.into_iter();
        let (base, as_word, name, more) = (words.next(), words.next(), words.next(), words.next());
        let name = match (as_word, name, more) {
            (None, None, None) => None,
            (Some(as_word), Some(name), None) if as_word.value.eq_ignore_ascii_case("as") => {
                if !is_stage_name(&name.value) {
                    return Err((name.span, Cause::StageName { name: name.value }));
                }
                Some((as_word, name))
            }
            _ => return Err((whole, Cause::FromArguments)),
        };
        let base = base.ok_or((whole, Cause::FromArguments))?;
        Ok(Self { base, platform, name })
    }
}

fn is_stage_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
