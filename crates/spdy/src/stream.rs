//! A stream's two halves.
//! Never waits for the peer to accept it. Sources: SPDY draft 3, sections 2.3.5 to 2.3.7.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::entry::End;
use crate::sending::Piece;
use crate::session::Shared;
use crate::{Error, Headers, Status};

/// Both directions of a stream; also `AsyncRead` and `AsyncWrite`, whose shutdown is FIN.
#[derive(Debug)]
pub struct Stream {
    /// What goes to the peer.
    pub send: SendHalf,
    /// What comes from it.
    pub receive: ReceiveHalf,
}

impl Stream {
    /// The stream's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.send.stream
    }

    /// Its halves, for two owners.
    #[must_use]
    pub fn split(self) -> (SendHalf, ReceiveHalf) {
        (self.send, self.receive)
    }

    /// Ends both directions abnormally. Section 2.3.7.2.
    pub fn reset(&mut self, status: Status) {
        self.send.reset(status);
    }
}

/// Sends on a stream; also `AsyncWrite`.
///
/// Dropped before [`finish`](Self::finish), it resets the stream with [`Status::CANCEL`], both directions of it: SPDY has no way to end one
/// abnormally, and FIN would say that the data is complete.
#[derive(Debug)]
pub struct SendHalf {
    shared: Arc<Shared>,
    stream: u32,
}

impl SendHalf {
    pub(crate) fn new(shared: Arc<Shared>, stream: u32) -> Self {
        Self { shared, stream }
    }

    /// The stream's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.stream
    }

    /// Sends `data`, in one DATA frame where the windows and [`Limits::frame_bytes`](crate::Limits::frame_bytes) allow it.
    ///
    /// Waits until a window is open and the connection has taken what came before; then takes all of `data` at once: what the windows do not
    /// allow yet is sent when they do. When the future is dropped before it is ready, nothing of it is sent.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::Limit`] and [`Error::GoingAway`] when the stream has ended abnormally, [`Error::Finished`] after FIN,
    /// [`Error::Closed`] and [`Error::Protocol`] when the session has ended.
    pub async fn send(&mut self, data: impl Into<Bytes>) -> Result<(), Error> {
        let data = data.into();
        poll_fn(|context| self.poll_send(context, &data)).await
    }

    /// As [`Self::send`]. Where several call it at once, whoever was told last to wait is woken when there is room, and the one before him
    /// at once, to look again: they are to wait in a queue of their own.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn poll_send(&self, context: &mut Context<'_>, data: &Bytes) -> Poll<Result<(), Error>> {
        self.shared.with(|state| {
            ready!(state.poll_ready(self.stream, context))?;
            Poll::Ready(state.send(self.stream, Piece::Given(data.clone())))
        })
    }

    /// As [`Self::send`], copying `data` to where frames wait for the connection: for small messages, without an allocation. To a peer that
    /// takes part in windows it joins the frame before it, if that still waits: who counts on frames as messages does not take part.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_slice(&mut self, data: &[u8]) -> Result<(), Error> {
        poll_fn(|context| self.poll_send_slice(context, data)).await
    }

    /// As [`Self::send_slice`], for several as [`Self::poll_send`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn poll_send_slice(
        &self,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<(), Error>> {
        self.shared.with(|state| {
            if state.join(self.stream, data) {
                return Poll::Ready(Ok(()));
            }
            ready!(state.poll_ready(self.stream, context))?;
            Poll::Ready(state.send(self.stream, Piece::Lent(data)))
        })
    }

    /// Ready when [`Self::send`] would not wait.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.with(|state| state.poll_ready(self.stream, context))
    }

    /// Takes `data` to send after [`Self::poll_ready`] was ready. Without that it is taken all the same, whatever waits already.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn start_send(&self, data: impl Into<Bytes>) -> Result<(), Error> {
        let data = data.into();
        self.shared.with(|state| state.send(self.stream, Piece::Given(data)))
    }

    /// Says FIN after all that was sent; waits for nothing. Section 2.3.6.
    ///
    /// # Errors
    /// As [`Self::send`]; a second time, [`Error::Finished`].
    pub fn finish(&self) -> Result<(), Error> {
        self.shared.with(|state| state.finish(self.stream))
    }

    /// Ends both directions abnormally; what waits to be sent or read here is gone. Section 2.3.7.2.
    pub fn reset(&self, status: Status) {
        self.shared.with(|state| state.reset(self.stream, status, End::Reset(status)));
    }
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        self.shared.with(|state| state.let_go_sending(self.stream));
    }
}

/// Receives from a stream; also `AsyncRead`.
///
/// Dropped before FIN has come, what arrives is thrown away. Where our direction is finished and dropped, too, the peer's FIN is awaited, and
/// data instead of it is answered by a reset with [`Status::CANCEL`].
#[derive(Debug)]
pub struct ReceiveHalf {
    shared: Arc<Shared>,
    stream: u32,
    /// Taken from the session, and not yet by whoever reads.
    pub(crate) rest: Bytes,
}

impl ReceiveHalf {
    pub(crate) fn new(shared: Arc<Shared>, stream: u32) -> Self {
        Self { shared, stream, rest: Bytes::new() }
    }

    /// The stream's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.stream
    }

    /// What has arrived since, without the bounds of frames; nothing after FIN. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// After all that had arrived: [`Error::Reset`], [`Error::Limit`] and [`Error::GoingAway`] when the stream has ended abnormally,
    /// [`Error::Closed`] and [`Error::Protocol`] when the session ended before FIN.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// As [`Self::receive`].
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.rest))));
        }
        self.shared.with(|state| state.poll_receive(self.stream, context))
    }

    /// The headers with which the peer has accepted the stream; none for a stream that the peer has opened.
    ///
    /// # Errors
    /// [`Error::Reset`] with [`Status::REFUSED_STREAM`] when it was refused, otherwise as [`Self::receive`].
    pub async fn replied(&mut self) -> Result<Headers, Error> {
        poll_fn(|context| self.shared.with(|state| state.poll_replied(self.stream, context))).await
    }

    /// Ends both directions abnormally. Section 2.3.7.2.
    pub fn stop(self, status: Status) {
        self.shared.with(|state| state.reset(self.stream, status, End::Reset(status)));
    }
}

impl Drop for ReceiveHalf {
    fn drop(&mut self) {
        self.shared.with(|state| state.let_go_receiving(self.stream));
    }
}
