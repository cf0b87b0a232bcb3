//! One stream of a session, whatever the session is made of: bytes both ways, each way with an end of its own.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::Error;

/// Why a stream is ended before its time, SPDY's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It has what no stream of ours has.
    Protocol = 1,
    /// There are too many.
    Refused = 3,
    /// Nobody wants it.
    Cancelled = 5,
}

/// A stream.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) out: Out,
    pub(crate) input: In,
}

/// What goes to the peer. Dropped without [`Out::finish`] the stream is reset.
#[derive(Debug)]
pub(crate) enum Out {
    Spdy(spdy::SendHalf),
}

/// What comes from the peer. Dropped, the rest of it is thrown away.
#[derive(Debug)]
pub(crate) enum In {
    Spdy(spdy::ReceiveHalf),
}

impl From<spdy::Stream> for Line {
    fn from(stream: spdy::Stream) -> Self {
        let (out, input) = stream.split();
        Self { out: Out::Spdy(out), input: In::Spdy(input) }
    }
}

impl Line {
    /// Ends both ways before their time.
    pub(crate) fn reset(mut self, reason: Reason) {
        self.out.reset(reason);
    }
}

impl Out {
    /// Ready when the next message would not wait.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self {
            Self::Spdy(out) => out.poll_ready(context).map_err(Error::from),
        }
    }

    /// Takes a whole message.
    pub(crate) fn send(&mut self, message: Bytes) -> Result<(), Error> {
        match self {
            Self::Spdy(out) => Ok(out.start_send(message)?),
        }
    }

    /// Nothing more is sent.
    pub(crate) fn finish(&mut self) {
        match self {
            // What is over by now has nothing to finish.
            Self::Spdy(out) => drop(out.finish()),
        }
    }

    pub(crate) fn reset(&mut self, reason: Reason) {
        match self {
            Self::Spdy(out) => out.reset(spdy::Status(reason as u32)),
        }
    }
}

impl In {
    /// What has arrived; nothing at the end.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        match self {
            Self::Spdy(input) => input.poll_receive(context).map_err(Error::from),
        }
    }
}

impl In {
    /// What the peer has answered when the stream was opened.
    pub(crate) async fn replied(&mut self) -> Result<spdy::Headers, Error> {
        match self {
            Self::Spdy(input) => Ok(input.replied().await?),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.input {
            In::Spdy(input) => Pin::new(input).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match &mut self.out {
            Out::Spdy(out) => Pin::new(out).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.out {
            Out::Spdy(out) => Pin::new(out).poll_flush(context),
        }
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.out {
            Out::Spdy(out) => Pin::new(out).poll_shutdown(context),
        }
    }
}

/// Waits until the peer has ended its way, throwing away what comes.
pub(crate) fn poll_over(input: &mut In, context: &mut Context<'_>) -> Poll<()> {
    while let Ok(Some(_)) = ready!(input.poll_receive(context)) {}
    Poll::Ready(())
}
