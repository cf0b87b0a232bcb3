//! What may be wrong with bake files and with what is asked of them. [`BakeError`] says where, [`Problem`] what, once.

use crate::source::Place;

/// Something in the files, or in what is asked of them, is wrong. Its source is the [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", place.as_ref().map_or_else(|| "read the bake files".to_owned(), ToString::to_string))]
pub struct BakeError {
    /// Where, unless it is not in a file.
    pub place: Option<Told>,
    /// What.
    #[source]
    pub problem: Box<Problem>,
}

/// A place in a file as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The file's name.
    pub file: String,
    /// From one.
    pub line: usize,
    /// From one, in characters.
    pub column: usize,
    /// The line's text.
    pub text: String,
}

impl std::fmt::Display for Told {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why bake files are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum Problem {
    #[error("{0}")]
    Syntax(String),
    #[error("there is no variable {name}")]
    UnknownVariable { name: String, closest: Option<String> },
    #[error("there is no function {name}")]
    UnknownFunction { name: String, closest: Option<String> },
    #[error("function {0} is not offered")]
    NotOffered(String),
    #[error("there is no target {name}")]
    UnknownTarget { name: String, closest: Option<String> },
    #[error("no target matches {0:?}")]
    NoMatch(String),
    #[error("attribute {name} is unknown in a {block}")]
    UnknownAttribute { name: String, block: String, closest: Option<String> },
    #[error("a block {0} cannot stand here")]
    UnknownBlock(String),
    #[error("attribute {name} is missing in {block}")]
    NoAttribute { name: &'static str, block: String },
    #[error("a {0} takes one name")]
    Label(String),
    #[error("it has no element {name}")]
    NoElement { name: String, closest: Option<String> },
    #[error("{what}: {wanted} is needed, not {found}")]
    Type { what: String, wanted: String, found: String },
    #[error("{0} is null")]
    Null(String),
    #[error("{0} depends on itself")]
    Cycle(String),
    #[error("{0} stands twice")]
    Twice(String),
    #[error("call {function}: {why}")]
    Call { function: String, why: String },
    #[error("the division is by zero")]
    Zero,
    #[error("{0}")]
    Validation(String),
    #[error("name {0:?} has other characters than letters, digits, '_' and '-'")]
    Name(String),
    #[error("name needs a matrix")]
    NameWithoutMatrix,
    #[error("matrix is a map of lists")]
    Matrix,
    #[error("variable {name} is {value:?} in the environment, which is no {wanted}")]
    Environment { name: String, value: String, wanted: String },
    #[error("read {what} {text:?}: {why}")]
    Entry { what: String, text: String, why: String },
    #[error("override {text:?}: {why}")]
    Override { text: String, why: String },
    #[error("target {target} has platforms that its context {context} is not built for")]
    Platforms { target: String, context: String },
    #[error("evaluating the files takes more than {0} steps")]
    TooLong(u64),
    #[error("an expression makes more than {0} bytes")]
    TooLarge(usize),
    #[error("expressions refer to each other more than {0} deep")]
    TooDeep(usize),
    #[error("{0} is not offered in Compose files")]
    Compose(String),
}

impl Problem {
    /// What may mend it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others say all there is")]
        match self {
            Self::UnknownVariable { closest, .. }
            | Self::UnknownFunction { closest, .. }
            | Self::UnknownTarget { closest, .. }
            | Self::UnknownAttribute { closest, .. }
            | Self::NoElement { closest, .. } => {
                closest.as_ref().map(|name| format!("did you mean {name}?"))
            }
            _ => None,
        }
    }
}

impl BakeError {
    /// One that is in no file.
    pub(crate) fn outside(problem: Problem) -> Self {
        Self { place: None, problem: Box::new(problem) }
    }

    /// The place with its line and a mark below it, the message and what may mend it.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = match &self.place {
            Some(place) => format!("{place}: {}\n", self.problem),
            None => format!("{}\n", self.problem),
        };
        out.push_str(&self.excerpt());
        if let Some(hint) = self.problem.hint() {
            out.push_str(&format!("hint: {hint}\n"));
        }
        out
    }

    /// The line of the place with a mark below it; nothing where there is no place.
    #[must_use]
    pub fn excerpt(&self) -> String {
        let Some(place) = &self.place else { return String::new() };
        let number = place.line.to_string();
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let text: String = place.text.chars().map(plain).collect();
        let (indent, margin) =
            (" ".repeat(place.column.saturating_sub(1)), " ".repeat(number.len()));
        format!("  {number} | {text}\n  {margin} | {indent}^\n")
    }
}

/// A problem and where it is: what this crate passes on inside.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) problem: Box<Problem>,
}

impl Fault {
    pub(crate) fn new(place: Place, problem: Problem) -> Self {
        Self { place, problem: Box::new(problem) }
    }
}

/// The name among `names` that `wrong` was perhaps meant to be.
pub(crate) fn closest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    spec::suggest::closest(wrong, names.map(str::to_owned)).into_iter().next()
}
