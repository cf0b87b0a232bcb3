//! One case: what its directory says.
//!
//! `case.toml` has `about`, one sentence; `flags` of `docker build`, in which `@CASE@` is the directory with the context's copy and `@AGENT@` a
//! socket; `first`, images that are built before; `varies`, patterns of paths whose contents depend on the machine: they are the same for all
//! builders; `cannot`, why a builder cannot build it, which it has to refuse; `differs`, lines that a builder makes otherwise. A file
//! `prepare` in the directory is a shell script that makes what git does not keep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::builder::Built;

/// Files that say what the case is, and are not of its context.
pub(crate) const OWN: [&str; 3] = ["case.toml", "expected", "prepare"];

/// A case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    /// What an image of it is, by lines.
    pub(crate) expected: Vec<String>,
}

/// How long a case takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    Fast,
    /// Its image is a whole Debian.
    Slow,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    pub(crate) file: Option<String>,
    #[serde(default)]
    pub(crate) first: Vec<First>,
    #[serde(default)]
    pub(crate) varies: Vec<String>,
    #[serde(default)]
    pub(crate) cannot: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) differs: Vec<Differs>,
    #[serde(default)]
    slow: bool,
    /// What Corten does not do yet: whatever it makes is not looked at.
    #[serde(default)]
    pub(crate) pending: Option<String>,
}

/// An image that is built before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {
    pub(crate) file: String,
    pub(crate) tag: String,
}

/// What some builders make otherwise: with `-` the lines that they lack, with `+` those that they have instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differs {
    pub(crate) builders: Vec<String>,
    pub(crate) lines: Vec<String>,
    pub(crate) why: String,
}

impl Case {
    /// All there are, by their names.
    pub(crate) fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
        let mut cases: Vec<Self> = entries.map(|path| Self::read(&path)).collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    fn read(path: &Path) -> Self {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let settings = std::fs::read_to_string(path.join("case.toml"));
        let settings = settings.unwrap_or_else(|error| panic!("{name}/case.toml: {error}"));
        let settings: Settings =
            toml::from_str(&settings).unwrap_or_else(|error| panic!("{name}/case.toml: {error}"));
        let expected = std::fs::read_to_string(path.join("expected")).unwrap_or_default();
        Self { name, settings, expected: expected.lines().map(str::to_owned).collect() }
    }

    /// Its directory.
    pub(crate) fn directory(&self) -> PathBuf {
        directory().join(&self.name)
    }

    pub(crate) fn speed(&self) -> Speed {
        if self.settings.slow { Speed::Slow } else { Speed::Fast }
    }

    /// Lines with contents that the machine decides are the same everywhere.
    pub(crate) fn steady(&self, line: &str) -> String {
        let mut words: Vec<&str> = line.splitn(6, ' ').collect();
        if words[0] == "f" && self.is_varying(words[5]) {
            words[3] = "*";
            words[4] = "*";
        }
        words.join(" ")
    }

    /// Whether a path's contents depend on the machine. `*` stands for anything.
    pub(crate) fn is_varying(&self, path: &str) -> bool {
        self.settings.varies.iter().any(|pattern| match pattern.split_once('*') {
            None => path == pattern,
            Some((start, end)) => {
                path.len() >= start.len() + end.len()
                    && path.starts_with(start)
                    && path.ends_with(end)
            }
        })
    }

    /// Makes what a builder has made the measure; gives what it said instead.
    pub(crate) fn write_expected(&self, built: &Built) -> String {
        match built {
            Ok(lines) => {
                let text: String = lines.iter().map(|line| self.steady(line) + "\n").collect();
                write(&self.directory().join("expected"), text.as_bytes());
                String::new()
            }
            Err(said) => format!("## {}\n{said}\n", self.name),
        }
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/cases")
}

#[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
