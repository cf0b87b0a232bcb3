//! What may be wrong with a Dockerfile. [`FileError`] says where, [`Cause`] what, once.

use crate::expand::ExpandError;
use crate::mode::BadMode;
use crate::mount::MountProblem;
use crate::port::PortProblem;
use crate::source::{Source, Span};

/// Something in a Dockerfile is wrong: where, and in which instruction. Its source is the [`Cause`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}", instruction.as_deref().map(|word| format!(": {word}")).unwrap_or_default())]
pub struct FileError {
    /// The place to mark.
    pub span: Span,
    /// Its line, from one.
    pub line: usize,
    /// The instruction's word as it is written.
    pub instruction: Option<String>,
    /// What is wrong there.
    #[source]
    pub cause: Box<Cause>,
}

/// Why a Dockerfile is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum Cause {
    #[error("the text is no UTF-8")]
    NotUtf8,
    #[error("the parser directive {name} stands twice")]
    DirectiveTwice { name: String },
    #[error("the escape character {value:?} is neither \\ nor `")]
    EscapeCharacter { value: String },
    #[error(
        "check option {option:?} is none of skip=RULES, experimental=RULES and error=true|false"
    )]
    CheckOption { option: String },
    #[error("the file has no instruction")]
    NoInstruction,
    #[error("the file has no FROM")]
    NoStage,
    #[error("it stands before the first FROM, where only ARG may")]
    BeforeFrom,
    #[error("the line goes on, and nothing follows")]
    EmptyInstruction,
    #[error("{word:?} is no instruction")]
    UnknownInstruction { word: String, closest: Option<String> },
    #[error("the document <<{name} has no end: no line is {name:?}")]
    HeredocOpen { name: String },
    #[error("a document cannot be the destination")]
    HeredocDestination,
    #[error("flag --{flag} is unknown")]
    UnknownFlag { flag: String, closest: Option<String> },
    #[error("flag --{flag} stands twice")]
    FlagTwice { flag: String },
    #[error("flag --{flag} has no value")]
    FlagWithoutValue { flag: String },
    #[error("flag --{flag} is true or false, not {value:?}")]
    FlagNotBoolean { flag: String, value: String },
    #[error("value {value:?} of --{flag} is unknown")]
    FlagValue { flag: String, value: String, closest: Option<String> },
    #[error("it takes exactly one argument")]
    NotOneArgument,
    #[error("it takes at least one argument")]
    NoArgument,
    #[error("it takes a source and a destination")]
    NoDestination,
    #[error("it takes an image, or an image, AS and a name")]
    FromArguments,
    #[error(
        "stage name {name:?} does not begin with a letter, or has other characters than letters, digits, '-', '_' and '.'"
    )]
    StageName { name: String },
    #[error("{key:?} has no value")]
    KeyWithoutValue { key: String },
    #[error("{word:?} has no '=': it must be name=value")]
    NoEquals { word: String },
    #[error("a name is empty")]
    EmptyName,
    #[error("the array holds something that is no string")]
    NotStrings,
    #[error("it takes a JSON array of strings")]
    NotArray,
    #[error("{word} cannot be a trigger")]
    NoTrigger { word: String },
    #[error("{word:?} is neither CMD nor NONE")]
    HealthcheckKind { word: String, closest: Option<String> },
    #[error("NONE takes neither arguments nor flags")]
    HealthcheckNone,
    #[error("it has no command")]
    NoCommand,
    #[error("value {value:?} of --{flag} is no duration")]
    Duration { flag: String, value: String },
    #[error("value {value:?} of --{flag} is below 1ms")]
    ShortDuration { flag: String, value: String },
    #[error("value {value:?} of --retries is no number from 0 on")]
    Retries { value: String },
    #[error("a volume is empty")]
    EmptyVolume,
    #[error("read --mount {text:?}")]
    Mount {
        text: String,
        #[source]
        problem: Box<MountProblem>,
    },
    #[error("read --device {text:?}")]
    Device {
        text: String,
        #[source]
        problem: Box<MountProblem>,
    },
    #[error("expand {text:?}")]
    Expand {
        text: String,
        #[source]
        problem: Box<ExpandError>,
    },
    #[error("read port {text:?}")]
    Port {
        text: String,
        #[source]
        problem: PortProblem,
    },
    #[error("read mode {text:?}")]
    Mode {
        text: String,
        #[source]
        problem: BadMode,
    },
    #[error("flag --from takes no variable")]
    FromVariable,
    #[error("flag --checksum takes a single source, which is a URL")]
    ChecksumSources,
    #[error("source {source_text:?} is a URL")]
    CopyOfUrl { source_text: String },
    #[error("base {written:?} is empty once its variables are put in")]
    EmptyBase { written: String },
    #[error(
        "platform {written:?} is {value:?} once its variables are put in, which is no platform"
    )]
    Platform { written: String, value: String, closest: Option<String> },
    #[error("there is no stage {number}: the file has {count}")]
    StageNumber { number: String, count: usize },
    #[error("stage {name:?} comes later")]
    LaterStage { name: String },
    #[error("stage {name:?} is the one that this stands in")]
    OwnStage { name: String },
}

impl FileError {
    pub(crate) fn new(
        source: &Source,
        span: Span,
        instruction: Option<&str>,
        cause: Cause,
    ) -> Self {
        let line = source.position(span.start).line;
        Self { span, line, instruction: instruction.map(str::to_owned), cause: Box::new(cause) }
    }

    /// What may mend it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.cause.hint()
    }
}

impl Cause {
    /// What may mend it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let meant = |closest: &Option<String>, before: &str| {
            closest.as_ref().map(|name| format!("did you mean {before}{name}?"))
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others say all there is")]
        match self {
            Self::UnknownInstruction { closest, .. }
            | Self::FlagValue { closest, .. }
            | Self::HealthcheckKind { closest, .. } => meant(closest, ""),
            Self::UnknownFlag { closest, .. } => meant(closest, "--"),
            Self::Platform { closest, .. } => meant(closest, "$"),
            Self::Mount { problem, .. } | Self::Device { problem, .. } => problem.hint(),
            Self::NotArray => Some("write it as [\"word\", \"word\"]".to_owned()),
            Self::FromVariable => Some("name a stage of its own: FROM $NAME AS stage".to_owned()),
            Self::CopyOfUrl { .. } => Some("ADD takes URLs".to_owned()),
            Self::LaterStage { .. } => Some("move that stage up".to_owned()),
            _ => None,
        }
    }
}
