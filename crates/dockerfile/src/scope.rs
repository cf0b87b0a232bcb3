//! What variables hold: arguments before the first `FROM`, what is predefined, and what `ARG` and `ENV` add in a stage.
//!
//! A stage begins with the variables of its base; one that is built on another stage has that one's arguments, too. `ARG NAME`
//! takes what the caller says, or else the global value. Proxies are passed to steps without an `ARG`. Source: "Dockerfile
//! reference", "ARG", "Understand how ARG and FROM interact", "Predefined ARGs", "Automatic platform ARGs in the global scope".

use std::collections::{BTreeMap, BTreeSet};

use spec::image::Platform;
use spec::suggest::closest;

use crate::error::{Cause, FileError};
use crate::expand::{Expansion, Lexer, Uses, Variables};
use crate::file::Dockerfile;
use crate::instruction::{ArgItem, Kind, Pair};
use crate::source::{Source, Spanned};
use crate::stage::Stage;

/// Arguments that need no `ARG`, in capitals or small letters.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Arguments that are for whoever builds, and need no `ARG`.
const BUILDERS: [&str; 2] = ["BUILDKIT_", "SOURCE_DATE_EPOCH"];

/// Where a build runs, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platforms {
    /// The machine that builds.
    pub build: Platform,
    /// The machine that the image is for.
    pub target: Platform,
}

/// What holds before the first `FROM`.
#[derive(Clone, Debug)]
pub struct Globals {
    lexer: Lexer,
    given: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
    /// Global `ARG`s, with or without a value.
    declared: BTreeSet<String>,
}

/// What holds at one place of a stage.
#[derive(Clone, Debug)]
pub struct StageScope {
    values: BTreeMap<String, String>,
    /// Names of `ARG`, with or without a value.
    declared: BTreeSet<String>,
}

/// Whether a name is one of the proxies, which steps get without an `ARG`, and which no history shows.
#[must_use]
pub fn is_proxy_argument(name: &str) -> bool {
    PROXIES.iter().any(|proxy| *proxy == name || proxy.to_ascii_lowercase() == name)
}

impl Globals {
    /// Reads the global arguments. `given` are those of the caller, `target` the name of the stage that is built.
    ///
    /// # Errors
    /// When a default cannot be expanded.
    pub fn new(
        file: &Dockerfile,
        source: &Source,
        given: &BTreeMap<String, String>,
        platforms: &Platforms,
        target: &str,
    ) -> Result<Self, FileError> {
        let mut globals = Self {
            lexer: Lexer::new(file.directives.escape),
            given: given.clone(),
            values: predefined(platforms, target),
            declared: BTreeSet::new(),
        };
        for (name, value) in &mut globals.values {
            if let Some(given) = given.get(name) {
                value.clone_from(given);
            }
        }
        for instruction in &file.global_args {
            let Kind::Arg(items) = &instruction.kind else { continue };
            for item in items {
                globals.declared.insert(item.name.value.clone());
                let value = match (given.get(&item.name.value), &item.default) {
                    (Some(given), _) => Some(given.clone()),
                    (None, Some(default)) => {
                        let word = Some(instruction.written.value.as_str());
                        Some(expand(globals.lexer, source, word, default, &globals.values)?.text)
                    }
                    (None, None) => None,
                };
                if let Some(value) = value {
                    globals.values.insert(item.name.value.clone(), value);
                }
            }
        }
        Ok(globals)
    }

    /// How words of this file are read.
    #[must_use]
    pub fn lexer(&self) -> Lexer {
        self.lexer
    }

    /// Whether there is an `ARG` of that name, or it is predefined.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.declared.contains(name) || self.values.contains_key(name)
    }

    /// All names that there are, with or without a value.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys().chain(&self.declared)
    }

    /// The image or stage that a stage begins with.
    ///
    /// # Errors
    /// When it cannot be expanded, or is empty.
    pub fn base(&self, source: &Source, stage: &Stage) -> Result<(String, Uses), FileError> {
        let word = Some(stage.written.value.as_str());
        let found = expand(self.lexer, source, word, &stage.base, &self.values)?;
        if found.text.is_empty() {
            let cause = Cause::EmptyBase { written: stage.base.value.clone() };
            return Err(FileError::new(source, stage.base.span, word, cause));
        }
        Ok((found.text, found.uses))
    }

    /// The platform that a stage asks for.
    ///
    /// # Errors
    /// When it cannot be expanded, or is none.
    pub fn platform(&self, source: &Source, stage: &Stage) -> Result<Option<Platform>, FileError> {
        let Some(written) = &stage.platform else { return Ok(None) };
        let word = Some(stage.written.value.as_str());
        let found = expand(self.lexer, source, word, written, &self.values)?;
        let platform: Result<Platform, _> = found.text.parse();
        platform.map(Some).map_err(|_no_platform| {
            let names = || self.names().cloned();
            let nearest = found
                .uses
                .undefined
                .iter()
                .find_map(|name| closest(name, names()).into_iter().next());
            let cause = Cause::Platform {
                written: written.value.clone(),
                value: found.text.clone(),
                closest: nearest,
            };
            FileError::new(source, written.span, word, cause)
        })
    }

    /// What a stage begins with whose base has these variables.
    #[must_use]
    pub fn stage(&self, base: BTreeMap<String, String>) -> StageScope {
        StageScope { values: base, declared: BTreeSet::new() }
    }

    /// Proxies that the caller gave.
    pub fn proxies(&self) -> impl Iterator<Item = (&String, &String)> {
        self.given.iter().filter(|(name, _)| is_proxy_argument(name))
    }

    /// Arguments that the caller gave and nothing takes: no `ARG` of the file has their names.
    #[must_use]
    pub fn unused(&self, file: &Dockerfile) -> Vec<String> {
        let kinds =
            file.stages.iter().flat_map(|stage| &stage.instructions).map(|found| &found.kind);
        let items =
            kinds.filter_map(|kind| if let Kind::Arg(items) = kind { Some(items) } else { None });
        let taken: BTreeSet<&String> = items.flatten().map(|item| &item.name.value).collect();
        let is_unused = |name: &String| {
            !taken.contains(name)
                && !self.knows(name)
                && !is_proxy_argument(name)
                && !BUILDERS.iter().any(|prefix| name.starts_with(prefix))
        };
        self.given.keys().filter(|name| is_unused(name)).cloned().collect()
    }
}

impl Variables for Globals {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.value(name)
    }
}

impl Variables for StageScope {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.value(name)
    }
}

impl StageScope {
    /// Whether there is an `ARG` of that name, even without a value.
    #[must_use]
    pub fn declares(&self, name: &str) -> bool {
        self.declared.contains(name)
    }

    /// Names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    /// All that holds, as steps see it.
    #[must_use]
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Takes an `ARG` in, and says its value and which variables its default asked for. A default that is not needed is not expanded.
    ///
    /// # Errors
    /// When the default cannot be expanded.
    pub fn arg(
        &mut self,
        globals: &Globals,
        source: &Source,
        item: &ArgItem,
    ) -> Result<(Option<String>, Uses), FileError> {
        let name = &item.name.value;
        let mut uses = Uses::default();
        let value = match (globals.given.get(name), &item.default) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => {
                let found = expand(globals.lexer, source, Some("ARG"), default, &self.values)?;
                uses = found.uses;
                Some(found.text)
            }
            (None, None) => globals.values.get(name).cloned(),
        };
        self.declared.insert(name.clone());
        if let Some(value) = &value {
            self.values.insert(name.clone(), value.clone());
        }
        Ok((value, uses))
    }

    /// Takes an `ENV` in whose variables are put in ([`crate::Instruction::expand`]).
    pub fn env(&mut self, pairs: &[Pair]) {
        for pair in pairs {
            self.values.insert(pair.name.value.clone(), pair.value.value.clone());
        }
    }
}

/// Expands a word, and says where when that fails.
pub(crate) fn expand(
    lexer: Lexer,
    source: &Source,
    instruction: Option<&str>,
    word: &Spanned<String>,
    variables: &dyn Variables,
) -> Result<Expansion, FileError> {
    lexer.word(&word.value, variables).map_err(|problem| {
        let cause = Cause::Expand { text: word.value.clone(), problem: Box::new(problem) };
        FileError::new(source, word.span, instruction, cause)
    })
}

fn predefined(platforms: &Platforms, target: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (prefix, platform) in [("BUILD", &platforms.build), ("TARGET", &platforms.target)] {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        for (suffix, value) in [
            ("PLATFORM", platform.to_string()),
            ("OS", platform.os.clone()),
            ("OSVERSION", optional(&platform.os_version)),
            ("ARCH", platform.architecture.clone()),
            ("VARIANT", optional(&platform.variant)),
        ] {
            values.insert(format!("{prefix}{suffix}"), value);
        }
    }
    let target = if target.is_empty() { "default" } else { target };
    values.insert("TARGETSTAGE".to_owned(), target.to_owned());
    values
}
