//! One stream of a session, whatever the session is made of: bytes both ways, each way with an end of its own.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::Error;
use crate::http2::{InEnd, OutEnd};
use crate::table::Presence;

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
    /// For one on which messages can come.
    pub(crate) presence: Option<Presence>,
}

/// What goes to the peer. Dropped without [`Out::finish`] the stream is reset.
#[derive(Debug)]
pub(crate) enum Out {
    Spdy(spdy::SendHalf),
    Http2(OutEnd),
}

/// What comes from the peer. Dropped, the rest of it is thrown away.
#[derive(Debug)]
pub(crate) enum In {
    Spdy(spdy::ReceiveHalf),
    Http2(InEnd),
}

impl From<spdy::Stream> for Line {
    fn from(stream: spdy::Stream) -> Self {
        let (out, input) = stream.split();
        Self { out: Out::Spdy(out), input: In::Spdy(input), presence: None }
    }
}

impl From<(OutEnd, InEnd)> for Line {
    fn from((out, input): (OutEnd, InEnd)) -> Self {
        Self { out: Out::Http2(out), input: In::Http2(input), presence: None }
    }
}

impl Line {
    /// What has arrived; nothing at the end.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        if let Some(presence) = &self.presence {
            presence.reads();
        }
        self.input.poll_receive(context)
    }

    /// No message comes on it, or none any more: what waits for one does not wait for it.
    pub(crate) fn brings_no_message(&mut self) {
        if let Some(presence) = self.presence.take() {
            presence.end_read();
        }
    }

    /// Ends both ways before their time.
    pub(crate) fn reset(self, reason: Reason) {
        self.out.reset(reason);
    }
}

impl Out {
    /// Ready when the next message would not wait.
    pub(crate) fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self {
            Self::Spdy(out) => out.poll_ready(context).map_err(Error::from),
            Self::Http2(out) => out.poll_ready(context),
        }
    }

    /// The stream's id, which generation 2 names.
    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Spdy(out) => out.id(),
            Self::Http2(_) => 0,
        }
    }

    /// Takes a whole message.
    pub(crate) fn send(&self, message: Bytes) -> Result<(), Error> {
        match self {
            Self::Spdy(out) => Ok(out.start_send(message)?),
            Self::Http2(out) => out.send(&message),
        }
    }

    /// Takes a whole message when it would not wait.
    pub(crate) fn poll_send(
        &self,
        context: &mut Context<'_>,
        message: &Bytes,
    ) -> Poll<Result<(), Error>> {
        match self {
            Self::Spdy(out) => out.poll_send(context, message).map_err(Error::from),
            Self::Http2(out) => out.poll_send(context, message),
        }
    }

    /// The same, and copies it to where others wait for the connection.
    pub(crate) fn poll_send_slice(
        &self,
        context: &mut Context<'_>,
        message: &[u8],
    ) -> Poll<Result<(), Error>> {
        match self {
            Self::Spdy(out) => out.poll_send_slice(context, message).map_err(Error::from),
            Self::Http2(out) => out.poll_send(context, message),
        }
    }

    /// Nothing more is sent.
    pub(crate) fn finish(&self) {
        match self {
            // What is over by now has nothing to finish.
            Self::Spdy(out) => drop(out.finish()),
            Self::Http2(out) => out.finish(),
        }
    }

    pub(crate) fn reset(&self, reason: Reason) {
        match self {
            Self::Spdy(out) => out.reset(spdy::Status(reason as u32)),
            Self::Http2(out) => out.reset(reason),
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
            Self::Http2(input) => input.poll_receive(context),
        }
    }
}

impl In {
    /// What the peer has answered when the stream was opened.
    pub(crate) async fn replied(&mut self) -> Result<spdy::Headers, Error> {
        match self {
            Self::Spdy(input) => Ok(input.replied().await?),
            // Nothing is asked there.
            Self::Http2(_) => Ok(spdy::Headers::new()),
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
            In::Http2(input) => input.poll_read(context, buffer).map_err(Error::into),
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
            Out::Http2(out) => out.poll_write(context, bytes).map_err(Error::into),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.out {
            Out::Spdy(out) => Pin::new(out).poll_flush(context),
            // Its task holds nothing back.
            Out::Http2(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.out {
            Out::Spdy(out) => Pin::new(out).poll_shutdown(context),
            Out::Http2(out) => {
                out.finish();
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// Waits until the peer has ended its way, throwing away what comes.
pub(crate) fn poll_over(input: &mut In, context: &mut Context<'_>) -> Poll<()> {
    while let Ok(Some(_)) = ready!(input.poll_receive(context)) {}
    Poll::Ready(())
}
