//! Why a build ends without an image.

use std::path::PathBuf;

use dockerfile::FileError;
use engine::{EngineError, Kind};
use store::StoreError;

/// Why a build ends without an image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The file cannot be read, or there is none.
    #[error("read the Dockerfile {name}")]
    NoFile {
        /// Its name as it was given, or is usual.
        name: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The file is wrong, or cannot be what the caller asks for.
    #[error("{name}")]
    File {
        /// Its name.
        name: String,
        /// The place in it with its line, as [`dockerfile::render`] shows it.
        shown: String,
        /// Why.
        #[source]
        cause: FileError,
    },
    /// A step was refused or failed.
    #[error("{name}:{line}: {text}")]
    Step {
        /// Name of the file.
        name: String,
        /// Its line in it, from 1.
        line: usize,
        /// The instruction, on one line.
        text: String,
        /// The place in the file, as [`dockerfile::render`] shows it.
        shown: String,
        /// Why.
        #[source]
        cause: Box<StepError>,
    },
    /// There is no such stage.
    #[error("target stage {name} is not in the Dockerfile")]
    NoStage {
        /// What was asked for.
        name: String,
        /// What was perhaps meant.
        closest: Option<String>,
    },
    /// The context cannot be had.
    #[error("{what}")]
    Context {
        /// Verb and object.
        what: String,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the caller asks for contradicts itself, or cannot be.
    #[error("{0}")]
    Request(String),
    /// The store, or what is below it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Somebody ended it.
    #[error("the build was cancelled")]
    Cancelled,
}

/// Why a step fails.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Its program ended so.
    #[error("the command {command:?} ended with code {code}")]
    Exit {
        /// The line, or the words.
        command: String,
        /// 1 to 255.
        code: i32,
    },
    /// A source that is not there.
    #[error("{path:?} is not in {place}")]
    NoSource {
        /// As it stands in the file.
        path: String,
        /// `the build context`, `stage NAME`, `image NAME`.
        place: String,
        /// Whether a file of that name is there and `.dockerignore` leaves it out.
        is_ignored: bool,
    },
    /// A value that cannot be.
    #[error("{what} {value:?}: {why}")]
    Value {
        /// What it is of.
        what: &'static str,
        /// The value.
        value: String,
        /// Why not.
        why: String,
    },
    /// A file or directory, and what was done with it.
    #[error("{action} {}", path.display())]
    Path {
        /// Verb.
        action: &'static str,
        /// Its path, in the context or in the image.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// A file changed while it was read.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// Its path in the context.
        path: PathBuf,
    },
    /// A checksum is another one.
    #[error("{what} has the digest {found}, not {wanted}")]
    Checksum {
        /// URL.
        what: String,
        /// What it has.
        found: String,
        /// What it was to have.
        wanted: String,
    },
    /// Something that another one has to allow first.
    #[error("{what} is not allowed")]
    NotAllowed {
        /// What it is, as `--allow` calls it.
        what: &'static str,
    },
    /// A device that another one has to allow first.
    #[error("device {name} is not allowed")]
    DeviceNotAllowed {
        /// Its whole name.
        name: String,
    },
    /// What is not there: a secret, an agent.
    #[error("there is no {what} {name:?}")]
    Absent {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// What the outside says: a registry, a web server, git.
    #[error("{what}")]
    Outside {
        /// Verb and object.
        what: String,
        /// Why not.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The build was cancelled, or another step failed.
    #[error("cancelled")]
    Cancelled,
}

impl BuildError {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoFile { .. } | Self::File { .. } | Self::NoStage { .. } | Self::Request(_) => {
                Kind::Invalid
            }
            Self::Context { .. } | Self::Cancelled => Kind::Internal,
            Self::Step { cause, .. } => cause.kind(),
            Self::Engine(error) => error.kind(),
        }
    }

    /// What could be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { cause, .. } => cause.hint(),
            Self::NoStage { closest, .. } => {
                closest.as_ref().map(|name| format!("did you mean {name}?"))
            }
            Self::Step { cause, .. } => cause.hint(),
            Self::NoFile { .. }
            | Self::Context { .. }
            | Self::Request(_)
            | Self::Engine(_)
            | Self::Cancelled => None,
        }
    }

    /// The place in the file, with its lines, where it is known.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::File { shown, .. } | Self::Step { shown, .. } => Some(shown),
            Self::NoFile { .. }
            | Self::NoStage { .. }
            | Self::Context { .. }
            | Self::Request(_)
            | Self::Engine(_)
            | Self::Cancelled => None,
        }
    }
}

impl StepError {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Engine(error) => error.kind(),
            Self::NoSource { .. } | Self::Value { .. } | Self::Absent { .. } => Kind::Invalid,
            Self::NotAllowed { .. } | Self::DeviceNotAllowed { .. } => Kind::Permission,
            Self::Exit { .. }
            | Self::Path { .. }
            | Self::Changed { .. }
            | Self::Checksum { .. }
            | Self::Outside { .. }
            | Self::Store(_)
            | Self::Cancelled => Kind::Internal,
        }
    }

    /// What could be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSource { is_ignored: true, .. } => {
                Some("a pattern of .dockerignore leaves it out".to_owned())
            }
            Self::NotAllowed { what } => Some(format!("build with --allow {what}")),
            Self::DeviceNotAllowed { name } => {
                Some(format!("build with --allow device={name}, or --allow device for all of them"))
            }
            Self::Absent { what: "secret", name } => {
                Some(format!("build with --secret id={name},src=FILE"))
            }
            Self::Absent { what: "agent", name } => Some(format!("build with --ssh {name}")),
            Self::NoSource { .. }
            | Self::Value { .. }
            | Self::Absent { .. }
            | Self::Exit { .. }
            | Self::Path { .. }
            | Self::Changed { .. }
            | Self::Checksum { .. }
            | Self::Outside { .. }
            | Self::Engine(_)
            | Self::Store(_)
            | Self::Cancelled => None,
        }
    }
}
