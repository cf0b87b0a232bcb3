//! A stream between its two ends and what carries it: bytes each way that wait, and how each way ends. The ends never wait for a carrier:
//! a stream that has none yet takes what is sent until its queue is full.
//!
//! ```text
//! OutEnd  ──send──▶  out    ──take──▶  carrier ──▶ HTTP/2
//! InEnd  ◀─receive─  input  ◀──give──  carrier ◀── HTTP/2
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use tokio::io::ReadBuf;

use super::held::Held;
use super::part;
use crate::error::Error;
use crate::line::Reason;

/// The most that is taken at once: a part's size has four bytes, and the library takes no more than a window.
const MOST_TAKEN: usize = 1 << 30;

/// One stream's bytes.
#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    /// Bytes each way after which its sender waits.
    room: usize,
    /// What waits on all streams of the session.
    held: Arc<Held>,
}

#[derive(Debug, Default)]
struct State {
    /// Room for the head of a part, then its bytes; or nothing.
    out: BytesMut,
    out_end: OutWay,
    input: BytesMut,
    /// Some of it was taken since the last look.
    is_read: bool,
    /// No more comes.
    input_ended: bool,
    /// Nobody wants what comes.
    unwanted: bool,
    /// Bytes that were taken and whose room the peer has not got back.
    taken: usize,
    /// Both ways are over, and why.
    failure: Option<Error>,
    /// What the peer is to be told of that.
    reset: Option<Reason>,
    writer: Option<Waker>,
    readers: Vec<Waker>,
    carrier: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OutWay {
    #[default]
    Open,
    /// What waits is the last.
    Ended,
    /// The carrier has all of it.
    Taken,
}

/// Whoever is to be woken once the lock is released.
type Woken = [Option<Waker>; 2];

/// What a carrier is to do next.
pub(super) enum Task {
    /// Nothing is there to be sent.
    Nothing,
    /// To send: [`Lane::take`] has it.
    Send,
    /// To reset the stream.
    Reset(Reason),
    /// To give it up: both ways have failed.
    GiveUp,
}

/// The end that sends. Dropped without [`OutEnd::finish`] the stream is reset.
#[derive(Debug)]
pub(crate) struct OutEnd(Arc<Lane>);

/// The end that receives. Dropped, the rest of what comes is thrown away.
#[derive(Debug)]
pub(crate) struct InEnd(Arc<Lane>);

impl Lane {
    /// With its two ends.
    pub(super) fn new(room: usize, held: &Arc<Held>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), room, held: Arc::clone(held) })
    }

    /// Its ends, which are for one owner each.
    pub(super) fn ends(self: &Arc<Self>) -> (OutEnd, InEnd) {
        (OutEnd(Arc::clone(self)), InEnd(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both ways are over, with what waits; what has come is still received.
    pub(super) fn fail(&self, error: Error) {
        self.end_with(error, None);
    }

    /// The same, and the peer is told why.
    pub(super) fn reset(&self, reason: Reason) {
        self.end_with(Error::Closed, Some(reason));
    }

    /// Both ways have ended in good order.
    pub(super) fn is_done(&self) -> bool {
        self.lock().is_done()
    }

    /// All is said, and nobody waits for what the peer still may.
    pub(super) fn is_left(&self) -> bool {
        let state = self.lock();
        state.unwanted && state.out_end == OutWay::Taken
    }

    fn end_with(&self, error: Error, reset: Option<Reason>) {
        let mut state = self.lock();
        if state.failure.is_some() || state.is_done() {
            return;
        }
        state.failure = Some(error);
        state.reset = reset;
        state.out = BytesMut::new();
        let readers = std::mem::take(&mut state.readers);
        let woken = [state.writer.take(), state.carrier.take()];
        drop(state);
        readers.into_iter().for_each(Waker::wake);
        wake(woken);
    }

    /// What its carrier is to do, who is woken when that changes.
    pub(super) fn task(&self, context: &Context<'_>) -> Task {
        let mut state = self.lock();
        if let Some(reason) = state.reset {
            return Task::Reset(reason);
        }
        if state.failure.is_some() {
            return Task::GiveUp;
        }
        register(&mut state.carrier, context);
        let is_last = state.out_end == OutWay::Ended;
        if is_last || !state.out.is_empty() { Task::Send } else { Task::Nothing }
    }

    /// What waits to be sent, as one part, and whether it is the last.
    pub(super) fn take(&self) -> (Bytes, bool) {
        let mut state = self.lock();
        let mut parts = std::mem::take(&mut state.out);
        if parts.len() > MOST_TAKEN {
            let rest = parts.split_off(MOST_TAKEN);
            append(&mut state.out, &rest);
        }
        if let Some(size) = parts.len().checked_sub(part::HEAD) {
            part::write_head(&mut parts, part::Kind::Bytes, size);
        }
        let is_last = state.out_end == OutWay::Ended && state.out.is_empty();
        if is_last {
            part::append(&mut parts, part::Kind::End, &[]);
            state.out_end = OutWay::Taken;
        }
        let writer = state.writer.take();
        drop(state);
        wake([writer, None]);
        (parts.freeze(), is_last)
    }

    /// Bytes have come; whether anybody wants them.
    pub(super) fn give(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        if state.unwanted || state.failure.is_some() {
            return false;
        }
        state.input.extend_from_slice(bytes);
        self.held.add(bytes.len());
        let readers = std::mem::take(&mut state.readers);
        drop(state);
        readers.into_iter().for_each(Waker::wake);
        true
    }

    /// What waits here, where nobody has taken anything since this was asked last.
    pub(super) fn unread(&self) -> usize {
        let mut state = self.lock();
        if std::mem::take(&mut state.is_read) { 0 } else { state.input.len() }
    }

    /// Nobody reads it, and what waits is too much.
    pub(super) fn give_up(&self) {
        let mut state = self.lock();
        let dropped = state.drop_input();
        drop(state);
        self.held.remove(dropped);
        self.end_with(Error::Limit("session_bytes"), Some(Reason::Refused));
    }

    /// The peer has ended his way.
    pub(super) fn give_end(&self) {
        let mut state = self.lock();
        state.input_ended = true;
        let readers = std::mem::take(&mut state.readers);
        drop(state);
        readers.into_iter().for_each(Waker::wake);
    }

    /// Bytes whose room the peer gets back.
    pub(super) fn released(&self) -> usize {
        std::mem::take(&mut self.lock().taken)
    }
}

impl State {
    fn is_done(&self) -> bool {
        self.input_ended && self.out_end == OutWay::Taken
    }

    /// Room goes back in large steps: a quarter of the window is never missed by who sends.
    fn take_note(&mut self, size: usize, room: usize) -> Option<Waker> {
        self.taken += size;
        self.is_read = true;
        if self.taken >= room / 4 { self.carrier.take() } else { None }
    }

    /// Nobody is to read what waits, whose room the peer gets back.
    fn drop_input(&mut self) -> usize {
        let dropped = std::mem::take(&mut self.input).len();
        self.taken += dropped;
        dropped
    }

    /// Whether anything can be sent.
    fn check_out(&self) -> Result<(), Error> {
        match (&self.failure, self.out_end) {
            (Some(error), _) => Err(error.clone()),
            (None, OutWay::Open) => Ok(()),
            (None, OutWay::Ended | OutWay::Taken) => Err(Error::Closed),
        }
    }
}

impl OutEnd {
    /// Ready when the next message would not wait.
    pub(crate) fn poll_ready(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.0.lock();
        state.check_out()?;
        if state.out.len() < self.0.room {
            return Poll::Ready(Ok(()));
        }
        register(&mut state.writer, context);
        Poll::Pending
    }

    /// Takes a whole message when it would not wait.
    pub(crate) fn poll_send(
        &self,
        context: &Context<'_>,
        message: &[u8],
    ) -> Poll<Result<(), Error>> {
        std::task::ready!(self.poll_ready(context))?;
        Poll::Ready(self.send(message))
    }

    /// Takes a whole message.
    pub(crate) fn send(&self, message: &[u8]) -> Result<(), Error> {
        let mut state = self.0.lock();
        state.check_out()?;
        append(&mut state.out, message);
        let carrier = state.carrier.take();
        drop(state);
        wake([carrier, None]);
        Ok(())
    }

    /// Takes as much as there is room for.
    pub(crate) fn poll_write(
        &self,
        context: &Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        std::task::ready!(self.poll_ready(context))?;
        let size = bytes.len().min(self.0.room);
        Poll::Ready(self.send(&bytes[..size]).map(|()| size))
    }

    /// Nothing more is sent.
    pub(crate) fn finish(&self) {
        let mut state = self.0.lock();
        if state.out_end == OutWay::Open {
            state.out_end = OutWay::Ended;
        }
        let carrier = state.carrier.take();
        drop(state);
        wake([carrier, None]);
    }

    /// Ends both ways before their time.
    pub(crate) fn reset(&self, reason: Reason) {
        self.0.reset(reason);
    }
}

impl Drop for OutEnd {
    fn drop(&mut self) {
        if self.0.lock().out_end == OutWay::Open {
            self.reset(Reason::Cancelled);
        }
    }
}

impl InEnd {
    /// What has arrived; nothing at the end.
    pub(crate) fn poll_receive(
        &mut self,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        let mut state = self.0.lock();
        if state.input.is_empty() {
            return self.poll_end(state, context).map_ok(|()| None);
        }
        let bytes = std::mem::take(&mut state.input);
        let carrier = state.take_note(bytes.len(), self.0.room);
        drop(state);
        self.0.held.remove(bytes.len());
        wake([carrier, None]);
        Poll::Ready(Ok(Some(bytes.freeze())))
    }

    /// What has arrived and has room; no bytes at the end.
    pub(crate) fn poll_read(
        &mut self,
        context: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut state = self.0.lock();
        if state.input.is_empty() {
            return self.poll_end(state, context);
        }
        let size = state.input.len().min(buffer.remaining());
        buffer.put_slice(&state.input.split_to(size));
        let carrier = state.take_note(size, self.0.room);
        drop(state);
        self.0.held.remove(size);
        wake([carrier, None]);
        Poll::Ready(Ok(()))
    }

    fn poll_end(
        &self,
        mut state: MutexGuard<'_, State>,
        context: &Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if state.input_ended {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = &state.failure {
            return Poll::Ready(Err(error.clone()));
        }
        // Several may wait: whoever asks whether a channel is closed asks here.
        if !state.readers.iter().any(|reader| reader.will_wake(context.waker())) {
            state.readers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for InEnd {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.unwanted = true;
        let dropped = state.drop_input();
        let carrier = state.carrier.take();
        drop(state);
        self.0.held.remove(dropped);
        wake([carrier, None]);
    }
}

fn append(out: &mut BytesMut, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if out.is_empty() {
        out.reserve(part::HEAD + bytes.len());
        out.extend_from_slice(&[0; part::HEAD]);
    }
    out.extend_from_slice(bytes);
}

fn register(place: &mut Option<Waker>, context: &Context<'_>) {
    if !place.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
        *place = Some(context.waker().clone());
    }
}

fn wake(woken: Woken) {
    woken.into_iter().flatten().for_each(Waker::wake);
}
