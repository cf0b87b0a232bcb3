//! What may go wrong: for a call on a stream or a session, for a whole session, and in one block of headers.
//! Never a cause that the caller cannot tell apart. Start at [`Error`].

use std::io;
use std::sync::Arc;

use crate::Status;

/// Why a call did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(
    clippy::error_impl_error,
    reason = "the one error of the crate: callers write `spdy::Error`"
)]
pub enum Error {
    /// The connection is gone, or the session was closed here.
    #[error("the session is closed")]
    Closed,
    /// The peer takes no new streams; those that it had not accepted by then were not begun and may be tried elsewhere.
    #[error("the peer is going away")]
    GoingAway,
    /// The stream was reset, by either side.
    #[error("the stream was reset: {0}")]
    Reset(Status),
    /// This half is finished.
    #[error("the stream is finished")]
    Finished,
    /// A limit was reached; `name` is its field in [`Limits`](crate::Limits), or the setting of the peer.
    #[error("the limit `{name}` is reached")]
    Limit {
        /// Which limit.
        name: &'static str,
    },
    /// All stream ids of this side are used up. SPDY draft 3, section 2.3.2.
    #[error("the session has no stream ids left")]
    Exhausted,
    /// The peer broke what both sides share, so the session is over.
    #[error("the peer breaks the protocol")]
    Protocol(#[source] Fault),
    /// The connection failed; told by the driver alone.
    #[error("use the connection")]
    Connection(#[source] Arc<io::Error>),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Closed | Error::GoingAway | Error::Finished => io::ErrorKind::BrokenPipe,
            Error::Reset(_) => io::ErrorKind::ConnectionReset,
            Error::Limit { .. } | Error::Exhausted => io::ErrorKind::QuotaExceeded,
            Error::Protocol(_) => io::ErrorKind::InvalidData,
            Error::Connection(cause) => cause.kind(),
        };
        Self::new(kind, error)
    }
}

/// What ends a session: after it both sides no longer agree about the bytes that follow, or the peer is hostile.
///
/// SPDY draft 3, section 2.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A control frame of another version: its headers could not be read, and all later ones depend on them.
    #[error("control frame of version {0}")]
    Version(u16),
    /// A frame about the session of a length that frames of its type do not have.
    #[error("frame of type {kind} with {length} bytes")]
    Length {
        /// Its type.
        kind: u16,
        /// The length that it declares.
        length: u32,
    },
    /// Compressed headers that are none.
    #[error("inflate a block of headers")]
    Compression,
    /// Headers compressed with a dictionary that is not SPDY's.
    #[error("block of headers for the dictionary {0:08x}")]
    Dictionary(u32),
    /// A block that inflates to far more than is kept, or more settings than are read.
    #[error("the limit `{name}` is reached")]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        name: &'static str,
    },
    /// A frame that names stream 0 where a stream is needed.
    #[error("frame of type {0} about stream 0")]
    StreamZero(u16),
    /// A window of more than 2³¹−1 bytes. SPDY draft 3, section 2.6.8.
    #[error("window beyond 2147483647 bytes")]
    Window,
    /// The connection ended inside a frame.
    #[error("connection ends inside a frame")]
    Truncated,
}

/// What is wrong with one block of headers, or with one frame about one stream: that stream is reset, others go on.
///
/// SPDY draft 3, section 2.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The block ends before its last header does.
    #[error("block of headers ends too early")]
    Short,
    /// Bytes behind the last header.
    #[error("bytes after the last header")]
    Trailing,
    /// A name that is empty, has upper-case letters, or bytes that are not visible ASCII.
    #[error("name of a header is not lower-case ASCII")]
    Name,
    /// More than [`Limits::header_bytes`](crate::Limits::header_bytes), and not so much that it would be an attack.
    #[error("the limit `header_bytes` is reached")]
    TooLarge,
    /// A length that frames of this type do not have.
    #[error("frame with {0} bytes")]
    Length(u32),
}

impl StreamFault {
    /// What the peer is told by RST_STREAM.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::TooLarge => Status::FRAME_TOO_LARGE,
            Self::Short | Self::Trailing | Self::Name | Self::Length(_) => Status::PROTOCOL_ERROR,
        }
    }
}
