//! How a command of the tool fails.

use crate::notation::BadNotation;

/// Why a command of the tool failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChanError {
    /// There is no session.
    #[error(transparent)]
    Connect(#[from] libchan::ConnectError),
    /// A file of the caller's.
    #[error("{action} {path}")]
    File {
        /// What was done.
        action: &'static str,
        /// Which.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// A certificate or a key that cannot be used.
    #[error("use the certificates for {url}: {why}")]
    Tls {
        /// For whom.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// What was to be sent is no message.
    #[error("send {place}")]
    Message {
        /// Where it is.
        place: String,
        /// What is wrong.
        #[source]
        cause: BadMessage,
    },
    /// A channel failed.
    #[error("{action} {channel}")]
    Channel {
        /// What was done.
        action: &'static str,
        /// Which.
        channel: String,
        /// Why not.
        #[source]
        cause: libchan::Error,
    },
    /// A stream of bytes failed.
    #[error("{action} {stream}")]
    Bytes {
        /// What was done.
        action: &'static str,
        /// Which.
        stream: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// A program that answers.
    #[error("answer by {program:?}: {why}")]
    Program {
        /// The line for the shell.
        program: String,
        /// What happened.
        why: String,
    },
    /// It took longer than it may.
    #[error("{0} is not over in time")]
    Late(String),
    /// Standard output is full, or nobody reads it any more.
    #[error("write standard output")]
    Output(#[source] std::io::Error),
    /// The system has no room for what the tool needs.
    #[error("{0}")]
    System(&'static str, #[source] std::io::Error),
}

/// Why a text is no message.
#[derive(Debug, thiserror::Error)]
pub enum BadMessage {
    /// It is no JSON.
    #[error("read the JSON")]
    Json(#[source] serde_json::Error),
    /// It is no UTF-8.
    #[error("it is no UTF-8")]
    Text,
    /// The command ended before.
    #[error("the command has ended")]
    Stopped,
    /// It has something that is no notation.
    #[error(transparent)]
    Notation(#[from] BadNotation),
}

impl ChanError {
    pub(crate) fn file(
        action: &'static str,
        path: impl std::fmt::Display,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_string();
        move |cause| Self::File { action, path, cause }
    }
}
