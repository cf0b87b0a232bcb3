//! What instructions say.

use std::time::Duration;

use crate::command_line::CommandLine;
use crate::heredoc::{Heredoc, opening};
use crate::keyword::Keyword;
use crate::mount::MountFlag;
use crate::source::{Span, Spanned};
use crate::transfer::{Add, Copy};

/// An instruction other than `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its word.
    pub keyword: Keyword,
    /// The word as it is written.
    pub written: Spanned<String>,
    /// From its word to the end of its line, or of the last one when it goes on; documents are behind it.
    pub span: Span,
    /// The line, joined.
    pub text: String,
    /// Comments that stand before it, since the last instruction or empty comment.
    pub comments: Vec<Spanned<String>>,
    /// What it says.
    pub kind: Kind,
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Files, archives, URLs, repositories.
    Add(Add),
    /// Arguments of the build.
    Arg(Vec<ArgItem>),
    /// What a container runs by default.
    Cmd(CommandLine),
    /// Files.
    Copy(Copy),
    /// What a container always runs.
    Entrypoint(CommandLine),
    /// Variables of the build and of containers.
    Env(Vec<Pair>),
    /// Ports, [`crate::ExposedPort`]s once their variables are put in.
    Expose(Vec<Spanned<String>>),
    /// How a container is asked whether it is well.
    Healthcheck(Healthcheck),
    /// Labels.
    Label(Vec<Pair>),
    /// Who made it.
    Maintainer(Spanned<String>),
    /// What builds on this image begin with.
    Onbuild(Trigger),
    /// A step.
    Run(Run),
    /// The shell of the lines that follow.
    Shell(Vec<Spanned<String>>),
    /// The signal that stops a container.
    Stopsignal(Spanned<String>),
    /// User and group.
    User(Spanned<String>),
    /// Directories that are volumes.
    Volume(Vec<Spanned<String>>),
    /// The working directory.
    Workdir(Spanned<String>),
}

/// `name` or `name=default` of `ARG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgItem {
    /// The name.
    pub name: Spanned<String>,
    /// What it is when nobody says otherwise.
    pub default: Option<Spanned<String>>,
}

/// A name and a value of `ENV` or `LABEL`, with their quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: Spanned<String>,
    /// The value.
    pub value: Spanned<String>,
    /// Whether a blank stands between them, not `=`.
    pub is_legacy: bool,
}

/// `RUN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What is run.
    pub command: CommandLine,
    /// Documents that the line reads.
    pub documents: Vec<Heredoc>,
    /// `--mount`.
    pub mounts: Vec<MountFlag>,
    /// `--network`.
    pub network: NetworkMode,
    /// `--security`.
    pub security: SecurityMode,
    /// `--device`.
    pub devices: Vec<Device>,
}

/// The network of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// As the build was told.
    #[default]
    Default,
    /// None.
    None,
    /// The host's.
    Host,
}

/// How much a step may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityMode {
    /// What a container may.
    #[default]
    Sandbox,
    /// Everything.
    Insecure,
}

/// A device of a step, by its CDI name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `vendor.com/class=name`.
    pub name: Spanned<String>,
    /// Whether the step fails without it.
    pub required: bool,
}

/// `HEALTHCHECK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healthcheck {
    /// The base's is switched off.
    None,
    /// A command asks.
    Probe(Probe),
}

/// A command that says whether a container is well. `None` is what the engine takes by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The command.
    pub command: CommandLine,
    /// Between two of them.
    pub interval: Option<Duration>,
    /// For each.
    pub timeout: Option<Duration>,
    /// Failures do not count so long.
    pub start_period: Option<Duration>,
    /// Between two of them so long.
    pub start_interval: Option<Duration>,
    /// Failures in a row that count.
    pub retries: Option<u32>,
}

/// An instruction for builds on this image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The instruction.
    pub instruction: Box<Instruction>,
    /// Its text with its documents, as an image's configuration keeps it.
    pub text: String,
}

impl Run {
    /// The document that is the whole step: the line is `<<WORD` and nothing else. Its first line may name its program (`#!`).
    #[must_use]
    pub fn script(&self) -> Option<&Heredoc> {
        let (CommandLine::Shell(line), [document]) = (&self.command, self.documents.as_slice())
        else {
            return None;
        };
        matches!(opening(line.value.trim()), Ok(Some(_))).then_some(document)
    }
}

impl Instruction {
    /// What comments before it say of a name: `# name words`.
    #[must_use]
    pub fn description(&self, name: &str) -> Option<&str> {
        description(&self.comments, name)
    }
}

/// The words behind a name in the first comment that begins with it.
pub(crate) fn description<'a>(comments: &'a [Spanned<String>], name: &str) -> Option<&'a str> {
    comments.iter().find_map(|comment| comment.value.strip_prefix(name)?.strip_prefix(' '))
}
