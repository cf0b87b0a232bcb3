//! Clients that close their own direction before they are answered, as `printf … | nc -N` does: Docker's server answers them, hyper hangs up.
//!
//! So the end of what a client says is kept from hyper while its request is answered. An answer that lasts as long as somebody wants it (events, logs
//! that are followed, pulls) ends with it, as Docker's does: over TCP nothing else tells that the client is gone.

use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::answer::Body;
use crate::hijack::Duplex;
use crate::operation::{ContainerOperation, ImageOperation, Operation, SystemOperation};
use crate::query::Query;

/// Looks at a stream's end before it is told: who reads a request needs some to see that it is whole.
const LOOKS: u8 = 3;

/// Whether an end is kept back.
#[derive(Clone, Copy, Debug)]
enum Hold {
    /// A request may be on its way, of which hyper knows no end yet; so often its end was looked for.
    Coming(u8),
    /// A request is whole and is answered.
    Answering,
    /// It was, and what is written is on its way.
    Answered,
}

#[derive(Debug)]
struct State {
    hold: Hold,
    /// Whether the client has closed its direction.
    has_ended: bool,
    /// Who reads the end once it is no longer kept.
    reader: Option<Waker>,
    /// Whose answer ends with the client's direction.
    listener: Option<Waker>,
}

/// What a connection's stream and its requests have in common.
#[derive(Debug)]
pub(crate) struct Half(Mutex<State>);

impl Default for Half {
    fn default() -> Self {
        Self(Mutex::new(State {
            hold: Hold::Coming(0),
            has_ended: false,
            reader: None,
            listener: None,
        }))
    }
}

impl Half {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is whole: the end of what its client says is none of its answer's.
    pub(crate) fn whole(&self) {
        self.lock().hold = Hold::Answering;
    }

    /// Until the client has closed its direction.
    pub(crate) fn poll_ended(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.has_ended {
            return Poll::Ready(());
        }
        state.listener = Some(context.waker().clone());
        Poll::Pending
    }

    fn answered(&self) {
        let mut state = self.lock();
        state.hold = Hold::Answered;
        state.listener = None;
    }

    /// Whether the end is kept back; who asks is woken when it no longer is.
    fn keeps(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        match state.hold {
            Hold::Coming(LOOKS..) => false,
            Hold::Coming(looks) => {
                state.hold = Hold::Coming(looks + 1);
                waker.wake_by_ref();
                true
            }
            Hold::Answering | Hold::Answered => {
                state.has_ended = true;
                state.reader = Some(waker.clone());
                if let Some(listener) = state.listener.take() {
                    listener.wake();
                }
                true
            }
        }
    }

    /// Everything that was answered is written.
    fn flushed(&self) {
        let mut state = self.lock();
        if let Hold::Answered = state.hold {
            state.hold = Hold::Coming(0);
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }

    /// Something was read.
    fn heard(&self) {
        let mut state = self.lock();
        if let Hold::Coming(_) = state.hold {
            state.hold = Hold::Coming(0);
        }
    }
}

/// Whether an answer ends with whoever asked for it.
pub(crate) fn is_for_listeners(operation: Operation, query: &Query) -> bool {
    match operation {
        Operation::System(SystemOperation::Events)
        | Operation::Container(ContainerOperation::Wait)
        | Operation::Image(ImageOperation::Create | ImageOperation::Push) => true,
        Operation::Container(ContainerOperation::Logs) => query.is_on("follow"),
        Operation::Container(ContainerOperation::Stats) => query.is_on_or("stream", true),
        Operation::System(_)
        | Operation::Container(_)
        | Operation::Image(_)
        | Operation::Corten(_)
        | Operation::Exec(_)
        | Operation::Build(_)
        | Operation::Distribution(_)
        | Operation::Network(_)
        | Operation::Volume(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => false,
    }
}

/// An answer's body that says when it is over, and is over where its listener is gone. A refusal is nobody's: it is said to its end.
pub(crate) struct Kept {
    body: Body,
    half: Arc<Half>,
    is_for_listener: bool,
}

impl Kept {
    pub(crate) const fn new(body: Body, half: Arc<Half>, is_for_listener: bool) -> Self {
        Self { body, half, is_for_listener }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.half.answered();
    }
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.is_for_listener && self.half.poll_ended(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A client's stream whose end may be kept back.
pub(crate) struct Halved<S> {
    pub(crate) stream: S,
    pub(crate) half: Arc<Half>,
}

impl<S: Duplex> AsyncRead for Halved<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        let wants_some = space.remaining() > 0;
        let polled = Pin::new(&mut self.stream).poll_read(context, space);
        if !matches!(polled, Poll::Ready(Ok(()))) || !wants_some {
            return polled;
        }
        if space.filled().len() > before {
            self.half.heard();
        } else if self.half.keeps(context.waker()) {
            return Poll::Pending;
        }
        polled
    }
}

impl<S: Duplex> AsyncWrite for Halved<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.half.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: Duplex> Duplex for Halved<S> {
    fn socket(&self) -> BorrowedFd<'_> {
        self.stream.socket()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_kept_until_the_answer_is_written() {
        let half = Half::default();
        let keeps = || half.keeps(Waker::noop());
        half.heard();
        assert_eq!([keeps(), keeps(), keeps(), keeps()], [true, true, true, false], "half a head");
        let context = Context::from_waker(Waker::noop());
        assert!(half.poll_ended(&context).is_pending());
        half.whole();
        assert!((0..10).all(|_| keeps()));
        assert!(half.poll_ended(&context).is_ready());
        half.flushed();
        assert!((0..10).all(|_| keeps()), "nothing was answered yet");
        half.answered();
        half.flushed();
        assert_eq!([keeps(), keeps(), keeps(), keeps()], [true, true, true, false], "the next");
    }
}
