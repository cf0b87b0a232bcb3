//! Why a request is refused: Docker's status codes, and `{"message": …}`.

use engine::{EngineError, Kind};
use hyper::StatusCode;

use crate::filters::BadFilters;
use crate::query::BadParameter;
use crate::router::NoRoute;

/// A refusal as the client hears it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its code.
    pub status: StatusCode,
    /// What is wrong, in one line.
    pub message: String,
}

impl Failure {
    /// A request that makes no sense.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// Something that the client cannot help.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: message.into() }
    }
}

/// The one table of codes.
pub(crate) const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Unchanged => StatusCode::NOT_MODIFIED,
        Kind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Kind::Permission => StatusCode::FORBIDDEN,
        Kind::Full | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let mut message = engine::chain(&error);
        if let Some((name, holder)) = taken(&message) {
            message = format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{holder}\". You have to remove (or rename) that container to be able to reuse that name."
            );
        }
        // Programs look for Docker's words.
        if let Some(name) = message.strip_prefix("no such network: ") {
            message = format!("network {name} not found");
        } else if let Some(name) = message.strip_prefix("no such volume: ") {
            message = format!("get {name}: no such volume");
        } else if let Some(rest) = message.strip_prefix("no such ") {
            message = format!("No such {rest}");
        } else if let Some(rest) = message.strip_prefix("could not find ") {
            message = format!("Could not find {rest}");
        }
        if message.starts_with("invalid published port ") && message.ends_with(" has it") {
            message.push_str(": port is already allocated");
        }
        // The command line takes its exit code from the words of a program that cannot be run.
        let (status, words) = match error.exit_code() {
            127 => (StatusCode::BAD_REQUEST, ": executable file not found in $PATH"),
            126 => (StatusCode::BAD_REQUEST, ": permission denied"),
            _ => (status(error.kind()), ""),
        };
        message.push_str(words);
        Self { status, message }
    }
}

/// A container's name, and who has it.
fn taken(message: &str) -> Option<(&str, &str)> {
    message.strip_prefix("the name \"")?.split_once("\" is taken by container ")
}

impl From<NoRoute> for Failure {
    fn from(error: NoRoute) -> Self {
        let status = match error {
            NoRoute::Nowhere => StatusCode::NOT_FOUND,
            NoRoute::NoText | NoRoute::Version(_) => StatusCode::BAD_REQUEST,
        };
        Self { status, message: error.to_string() }
    }
}

impl From<BadParameter> for Failure {
    fn from(error: BadParameter) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<BadFilters> for Failure {
    fn from(error: BadFilters) -> Self {
        Self::bad(error.to_string())
    }
}
