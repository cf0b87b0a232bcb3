//! What may be wrong with configurations. [`ConfigError`] says where, [`Problem`] what, [`BadValue`] why a value is none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name as it was reached.
    pub file: Arc<Path>,
    /// From one; zero stands for the file as a whole.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => self.file.display().fmt(formatter),
            line => write!(formatter, "{}:{line}", self.file.display()),
        }
    }
}

/// Something in a configuration's files is wrong. Its source is the [`Problem`].
#[derive(Debug, thiserror::Error)]
#[error("read {place}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    #[source]
    pub problem: Box<Problem>,
}

/// Why a configuration, or a change of one, is refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum Problem {
    #[error("an entry is written KEY = VALUE")]
    NotAnEntry,
    #[error("an entry holds bytes that are not UTF-8")]
    NotText,
    #[error("an entry is one line")]
    NotALine,
    #[error("a file of text holds no byte zero")]
    Zero,
    #[error("a line is longer than {0} bytes")]
    LineTooLong(usize),
    #[error("a file is longer than {0} bytes")]
    FileTooLong(u64),
    #[error("the files have more than {0} bytes")]
    TooManyBytes(u64),
    #[error("the files have more than {0} lines")]
    TooManyLines(usize),
    #[error("more than {0} files are included")]
    TooManyFiles(usize),
    #[error("files include each other more than {0} deep")]
    TooDeep(usize),
    #[error("files include each other in a circle: {}", chain_of(.0))]
    Circle(Vec<PathBuf>),
    #[error("open the file")]
    Open(#[source] Unreadable),
    #[error("include {}", path.display())]
    Include {
        path: PathBuf,
        #[source]
        cause: Unreadable,
    },
    #[error("there is no key {key}{}", hint(.closest))]
    UnknownKey { key: String, closest: Option<String> },
    #[error("key {key} is of LXC before 2.1 and is called {successor} now")]
    Renamed { key: String, successor: String },
    #[error("key {key} is of LXC before 2.1 and has no successor")]
    Gone { key: String },
    #[error("key {0} takes no value, it can only be cleared")]
    OnlyCleared(String),
    #[error("key {0} is an order, not a value")]
    NotAValue(String),
    #[error("key {0} has no value: there is no such network, or it is of another type")]
    NoNetwork(String),
    #[error("key {key}: {value:?}")]
    Value {
        key: String,
        value: String,
        #[source]
        cause: BadValue,
    },
}

/// Why a value is none for its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum BadValue {
    #[error("not {0}")]
    Not(&'static str),
    #[error("not one of {0}")]
    NotOneOf(String),
    #[error("more than {0}")]
    MoreThan(u64),
    #[error("longer than {0} bytes")]
    LongerThan(usize),
    #[error("excluded by {0}")]
    ExcludedBy(&'static str),
    #[error("only for networks of type {0}, which has to be set before")]
    OnlyFor(&'static str),
}

/// Why a file that is to be included cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum Unreadable {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("it is of a kind that cannot be read here")]
    Kind,
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
}

fn hint(closest: &Option<String>) -> String {
    closest.as_ref().map(|name| format!("; the nearest is {name}")).unwrap_or_default()
}

fn chain_of(chain: &[PathBuf]) -> String {
    let names: Vec<String> = chain.iter().map(|path| path.display().to_string()).collect();
    names.join(" → ")
}

/// Names of a table, for [`BadValue::NotOneOf`].
pub(crate) fn not_one_of<T>(table: &[(&str, T)]) -> BadValue {
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    BadValue::NotOneOf(names.join(", "))
}
