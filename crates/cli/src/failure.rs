//! How a command fails: one line, a hint where one is known, and the right exit code.

use engine::EngineError;

use crate::arguments::UsageError;
use crate::output;
use crate::template::TemplateError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The line was not understood.
    #[error("{error}")]
    Usage { command: String, error: UsageError },
    /// A command that does not exist.
    #[error("'{word}' is not a corten command")]
    UnknownCommand { word: String, family: String, closest: Option<String> },
    /// A flag or a command that Docker has.
    #[error("{what} is not supported yet")]
    Later { what: String, is_flag: bool },
    /// Values of flags that no container can have.
    #[error("{0}")]
    Values(Box<Failure>),
    /// The engine refused.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// The same, with what was tried.
    #[error("{what}: {error}")]
    Doing { what: String, error: EngineError },
    /// A container of the OCI runtime's face.
    #[error("{0}")]
    Container(#[from] libcontainer::ContainerError),
    /// A registry, or the way to it.
    #[error("{0}")]
    Registry(#[from] registry::RegistryError),
    /// An image that may not be used, or of which nobody knows.
    #[error("{0}")]
    Admit(#[from] registry::AdmitError),
    /// A build that came to nothing.
    #[error("{0}")]
    Build(Box<build::BuildError>),
    /// Bake files that are wrong, or do not have what is asked of them.
    #[error("{0}")]
    Bake(Box<bake::BakeError>),
    /// Something of one target of a bake file.
    #[error("target {name}: {failure}")]
    Target { name: String, failure: Box<Failure> },
    /// A login that cannot be read or kept.
    #[error("{0}")]
    Credentials(#[from] registry::CredentialsError),
    /// A file on registries.
    #[error("{0}")]
    Rules(#[from] registry::BadRules),
    /// A format that is none, or does not fit.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// A format that is none, of a command that shows one object.
    #[error("{0}")]
    Unreadable(TemplateError),
    /// A server, or the way to it.
    #[error("{0}")]
    Far(Box<client_docker::ClientError>),
    /// A server that did not start a container or a process.
    #[error("{error}")]
    FarStart { error: Box<client_docker::ClientError> },
    /// What is done on the machine of the containers only.
    #[error("{what} cannot be done at {host}: the Docker Engine API has nothing for it")]
    OnlyHere { what: String, host: String },
    /// Neither the container nor its monitor had a part in it.
    #[error("the input device is not a TTY")]
    NoTerminal,
    /// Nobody reads what is written: nothing is said about it.
    #[error("nobody reads the output")]
    Unread,
    /// A file of the caller's.
    #[error("{action} {path}: {}", sys::Errno::from(std::io::Error::from(cause.kind())).name().map_or_else(|| cause.to_string(), |_| errno_of(cause)))]
    File { action: &'static str, path: String, cause: std::io::Error },
    /// In so many words.
    #[error("{0}")]
    Words(String),
}

impl From<client_docker::ClientError> for Failure {
    fn from(error: client_docker::ClientError) -> Self {
        Self::Far(Box::new(error))
    }
}

/// By the words of the server, as Docker's own command line tells a program that is not there from one that cannot be run.
fn far_code(error: &client_docker::ClientError, in_existing: bool) -> i32 {
    let words = error.to_string();
    let says = |all: &[&str]| all.iter().any(|one| words.contains(one));
    if says(&["executable file not found", "no such file or directory"]) {
        127
    } else if says(&["permission denied", "is a directory", "exec format error"]) {
        126
    } else if in_existing && matches!(error.status(), 404 | 409) {
        1
    } else {
        125
    }
}

fn errno_of(cause: &std::io::Error) -> String {
    cause
        .raw_os_error()
        .map_or_else(|| cause.to_string(), |number| sys::Errno::from_raw(number).to_string())
}

impl Failure {
    pub(crate) fn file(
        action: &'static str,
        path: impl std::fmt::Display,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_string();
        move |cause| Self::File { action, path, cause }
    }

    /// The error on one line, with its causes.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other failure is one line already")]
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Engine(error) => engine::chain(error),
            Self::Container(error) => engine::chain(error),
            Self::Registry(error) => engine::chain(error),
            Self::Admit(error) => engine::chain(error),
            Self::Build(error) => engine::chain(error),
            Self::Credentials(error) => engine::chain(error),
            Self::Bake(error) => engine::chain(error),
            Self::Target { name, failure } => format!("target {name}: {}", failure.line()),
            Self::Values(failure) => failure.line(),
            Self::Doing { what, error } => format!("{what}: {}", engine::chain(error)),
            other => other.to_string(),
        }
    }

    /// What would help.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most failures need no hint")]
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Engine(error) | Self::Doing { error, .. } => error.hint(),
            Self::Container(error) => error.hint(),
            Self::Build(error) => error.hint(),
            Self::Bake(error) => error.problem.hint(),
            Self::Target { failure, .. } => failure.hint(),
            Self::Far(error) | Self::FarStart { error } => error.hint(),
            Self::OnlyHere { .. } => {
                Some("run it on that machine, or for this one with --context default".to_owned())
            }
            Self::Values(failure) => failure.hint(),
            Self::UnknownCommand { closest: Some(closest), .. } => {
                Some(format!("did you mean 'corten {closest}'?"))
            }
            Self::Usage {
                error: UsageError::UnknownFlag { closest: Some(closest), .. }, ..
            } => Some(format!("did you mean --{closest}?")),
            _ => None,
        }
    }

    /// The command whose help would explain it; empty for the program's own.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only a misspelt line needs it")]
    pub(crate) fn help_of(&self) -> Option<&str> {
        match self {
            Self::Usage { command, .. } => Some(command),
            Self::UnknownCommand { family, .. } => Some(family),
            _ => None,
        }
    }

    /// Docker's exit codes, as its version 28 answers: `run`, `create` and `exec` tell their own failures from the program's by 125 to 127.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "everything else is the engine's own failure"
    )]
    pub(crate) fn exit_code(&self, runs_programs: bool, in_existing: bool) -> i32 {
        match self {
            Self::Unread => output::UNREAD,
            // For every command: a flag that is wrong is 125, words too many or too few are 1.
            Self::Usage { error: UsageError::Arity { .. }, .. } => 1,
            Self::Usage { .. } | Self::Values(_) => 125,
            Self::Later { is_flag: true, .. } => 125,
            Self::Later { .. } | Self::NoTerminal => 1,
            Self::Unreadable(_) => 64,
            Self::Engine(error @ (EngineError::Start { .. } | EngineError::Exec { .. }))
                if runs_programs =>
            {
                error.exit_code().into()
            }
            Self::OnlyHere { .. } => 125,
            Self::FarStart { error } if runs_programs => far_code(error, in_existing),
            Self::Far(error) if in_existing && matches!(error.status(), 404 | 409) => 1,
            // A container that is not there, or not running: Docker's exec answers 1, its run with `--network container:` 125.
            Self::Engine(error) if in_existing && error.concerns_existing() => 1,
            _ if runs_programs => 125,
            _ => 1,
        }
    }
}
