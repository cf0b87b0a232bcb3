//! Why a server was not asked, or did not do it.

use std::io;
use std::path::PathBuf;

use sys::Errno;

use crate::version::ApiVersion;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("connect to {host}: {why}")]
    Connect {
        /// Where.
        host: String,
        /// Why not, in one line.
        why: String,
        /// What would help.
        hint: Option<String>,
    },
    /// A certificate or key that cannot be used.
    #[error("read {}: {why}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It speaks, and not this API.
    #[error("{host} does not speak the Docker Engine API: {why}")]
    Foreign {
        /// Where.
        host: String,
        /// What it said instead.
        why: String,
    },
    /// Its newest version is older than what is spoken here.
    #[error(
        "{host} speaks version {version} of the API, and {} is the oldest that is understood",
        ApiVersion::OLDEST
    )]
    TooOld {
        /// Where.
        host: String,
        /// Its version.
        version: ApiVersion,
    },
    /// It refused.
    #[error("{message}")]
    Refused {
        /// Its status code.
        status: u16,
        /// In its words.
        message: String,
    },
    /// The connection ended in the middle.
    #[error("{what} {host}: {why}")]
    Broken {
        /// `ask`, `hear`.
        what: &'static str,
        /// Whom.
        host: String,
        /// Why, in one line.
        why: String,
    },
}

impl ClientError {
    /// What would help, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { hint, .. } => hint.clone(),
            Self::Certificate { .. }
            | Self::Foreign { .. }
            | Self::TooOld { .. }
            | Self::Refused { .. }
            | Self::Broken { .. } => None,
        }
    }

    /// The status code of a refusal; 0 of anything else.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Refused { status, .. } => *status,
            Self::Connect { .. }
            | Self::Certificate { .. }
            | Self::Foreign { .. }
            | Self::TooOld { .. }
            | Self::Broken { .. } => 0,
        }
    }
}

/// An error of a system call by its name.
pub(crate) fn errno(cause: &io::Error) -> String {
    match cause.raw_os_error() {
        Some(number) => Errno::from_raw(number).to_string(),
        None => cause.to_string(),
    }
}
