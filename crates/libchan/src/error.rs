//! What goes wrong with a channel.

use std::fmt;

/// Why nothing was sent or received.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::error_impl_error,
    reason = "the one error of the crate: callers write `libchan::Error`"
)]
pub enum Error {
    /// Nobody is at the other end any more, or the session is over.
    #[error("channel is closed")]
    Closed,
    /// The other end, or the session, has ended the channel before its time; with SPDY's number for why.
    #[error("channel was reset with status {0}")]
    Reset(u32),
    /// The peer sent what is no message, or not the one that was expected.
    #[error("peer breaks the protocol: {0}")]
    Protocol(String),
    /// It is beyond the limit of this name, a field of [`crate::Limits`].
    #[error("the limit {0} is reached")]
    Limit(&'static str),
    /// It took longer than it may.
    #[error("timed out")]
    TimedOut,
    /// The value cannot be written as a message.
    #[error("value is no message: {0}")]
    Value(String),
}

impl From<spdy::Error> for Error {
    fn from(error: spdy::Error) -> Self {
        match error {
            spdy::Error::Connection(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
                Self::TimedOut
            }
            spdy::Error::Closed
            | spdy::Error::GoingAway
            | spdy::Error::Finished
            | spdy::Error::Connection(_) => Self::Closed,
            spdy::Error::Reset(status) => Self::Reset(status.0),
            spdy::Error::Limit { name: "stream_bytes" } => Self::Limit("queue_bytes"),
            spdy::Error::Limit { name } => Self::Limit(name),
            spdy::Error::Exhausted => Self::Limit("streams"),
            spdy::Error::Protocol(fault) => Self::Protocol(fault.to_string()),
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match &error {
            Error::Closed => ErrorKind::BrokenPipe,
            Error::Reset(_) => ErrorKind::ConnectionReset,
            Error::Protocol(_) => ErrorKind::InvalidData,
            Error::TimedOut => ErrorKind::TimedOut,
            Error::Limit(_) => ErrorKind::QuotaExceeded,
            Error::Value(_) => ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// Why a value was not sent, with the value where it is still whole.
#[derive(Clone, PartialEq, Eq)]
pub struct SendError<T> {
    /// The value.
    pub value: Option<T>,
    /// Why.
    pub error: Error,
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, formatter)
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("send")
    }
}

impl<T> std::error::Error for SendError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<T> From<SendError<T>> for Error {
    fn from(error: SendError<T>) -> Self {
        error.error
    }
}
