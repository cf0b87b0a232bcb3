//! Data to the peer: who may send, how it is cut into frames, and what waits for windows.
//! Never writes to the connection. Sources: SPDY draft 3, sections 2.2.2, 2.3.6 and 2.6.8.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::encode::data_head;
use crate::entry::{Entry, Sending};
use crate::flow::Flow;
use crate::outgoing::Outgoing;
use crate::receiving::signed;
use crate::state::State;
use crate::{Error, Limits};

/// Of data that waited for windows, what goes in one frame when several streams have some: they take turns.
const TURN: usize = 64 << 10;

/// Data to be sent, which is copied where it is small or only lent.
pub(crate) enum Piece<'a> {
    Lent(&'a [u8]),
    Given(Bytes),
}

impl Piece<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Lent(bytes) => bytes.len(),
            Self::Given(bytes) => bytes.len(),
        }
    }

    fn put(&mut self, length: usize, out: &mut Outgoing) {
        match self {
            Self::Lent(bytes) => {
                let (part, rest) = bytes.split_at(length.min(bytes.len()));
                out.buffer().extend_from_slice(part);
                *bytes = rest;
            }
            Self::Given(bytes) => out.push(bytes.split_to(length.min(bytes.len()))),
        }
    }

    fn rest(self) -> Bytes {
        match self {
            Self::Lent(bytes) => Bytes::copy_from_slice(bytes),
            Self::Given(bytes) => bytes,
        }
    }
}

impl State {
    /// Whether [`Self::send`] may be called: nothing of the stream waits, a window is open, and the connection keeps up.
    pub(crate) fn poll_ready(
        &mut self,
        stream: u32,
        context: &Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let Some(entry) = self.streams.get_mut(&stream) else {
            return Poll::Ready(Err(Error::Closed));
        };
        if let Some(error) = refusal(entry).or(self.life.over.map(super::state::Over::error)) {
            return Poll::Ready(Err(error));
        }
        let own = entry.pending.is_empty() && stream_window(&self.flow, entry) > 0;
        let shared = self.out.len() < self.limits.out_bytes && self.flow.session_window() > 0;
        if own && shared {
            return Poll::Ready(Ok(()));
        }
        // Room for all is told to all that wait for it; a window of its own, to the stream alone.
        if own && !entry.waiting {
            entry.waiting = true;
            self.flow.waiting.push_back(stream);
        }
        self.wakes.register(&mut entry.send_waker, context);
        Poll::Pending
    }

    /// Joins a small message to the frame of the same stream that still waits for the connection, to a peer that takes part in windows:
    /// where nothing would have it wait. The driver has heard of that frame.
    pub(crate) fn join(&mut self, stream: u32, data: &[u8]) -> bool {
        let Some(entry) = self.streams.get_mut(&stream) else { return false };
        let is_open = refusal(entry).is_none() && self.life.over.is_none();
        let joins = is_open
            && self.flow.peer_takes_part
            && entry.pending.is_empty()
            && self.out.len() < self.limits.out_bytes
            && allowed(&self.flow, entry, &self.limits) >= data.len()
            && self.out.joins(stream, data.len(), self.limits.frame_bytes);
        if joins {
            self.out.buffer().extend_from_slice(data);
            count(data.len(), entry, &mut self.flow);
        }
        joins
    }

    /// Takes all of `piece`: what windows allow goes out, the rest follows when they do. Asked after [`Self::poll_ready`].
    pub(crate) fn send(&mut self, stream: u32, mut piece: Piece<'_>) -> Result<(), Error> {
        let Some(entry) = self.streams.get_mut(&stream) else { return Err(Error::Closed) };
        if let Some(error) = refusal(entry).or(self.life.over.map(super::state::Over::error)) {
            return Err(error);
        }
        while piece.len() > 0 && entry.pending.is_empty() {
            let allowed = allowed(&self.flow, entry, &self.limits).min(piece.len());
            if allowed == 0 {
                break;
            }
            frame(stream, entry, &mut self.flow, &mut self.out, (&mut piece, allowed, false));
        }
        if piece.len() > 0 {
            if entry.pending.is_empty() {
                entry.pending = piece.rest();
            } else {
                // Somebody sends without having asked: nothing is lost.
                entry.pending = [entry.pending.clone(), piece.rest()].concat().into();
            }
            stall(stream, entry, &mut self.flow);
        }
        self.wake_driver();
        Ok(())
    }

    /// Says FIN after all that was sent.
    pub(crate) fn finish(&mut self, stream: u32) -> Result<(), Error> {
        let Some(entry) = self.streams.get_mut(&stream) else { return Err(Error::Closed) };
        if let Some(error) = refusal(entry).or(self.life.over.map(super::state::Over::error)) {
            return Err(error);
        }
        if entry.pending.is_empty() {
            entry.sending = Sending::Finished;
            self.out.buffer().extend_from_slice(&data_head(stream, 0, true));
            self.wake_driver();
            self.settle(stream);
        } else {
            entry.sending = Sending::Finishing;
        }
        Ok(())
    }

    /// Swaps what waits for the connection into `batch`, which is empty, and lets senders go on.
    pub(crate) fn take_output(&mut self, batch: &mut Outgoing) {
        if self.out.is_empty() {
            return;
        }
        std::mem::swap(&mut self.out, batch);
        self.answers = 0;
        self.pump();
        self.wake_waiting();
    }

    /// Sends what waits for windows, as far as they and the room allow, stream by stream.
    pub(crate) fn pump(&mut self) {
        while self.out.len() < self.limits.out_bytes
            && self.flow.session_window() > 0
            && let Some(stream) = self.flow.stalled.pop_front()
        {
            let Some(entry) = self.streams.get_mut(&stream) else { continue };
            entry.stalled = false;
            let turn = if self.flow.stalled.is_empty() { usize::MAX } else { TURN };
            let length =
                allowed(&self.flow, entry, &self.limits).min(entry.pending.len()).min(turn);
            if length == 0 {
                continue;
            }
            let mut piece = Piece::Given(entry.pending.split_to(length));
            let finished = entry.pending.is_empty() && entry.sending == Sending::Finishing;
            frame(stream, entry, &mut self.flow, &mut self.out, (&mut piece, length, finished));
            if !entry.pending.is_empty() {
                stall(stream, entry, &mut self.flow);
                continue;
            }
            // What it was cut from may be large.
            entry.pending = Bytes::new();
            self.wakes.push(entry.send_waker.take());
            if finished {
                entry.sending = Sending::Finished;
                self.settle(stream);
            }
        }
        if !self.out.is_empty() {
            self.wake_driver();
        }
    }

    /// There is room, or the session's window is open: in the order in which they came, senders look again.
    pub(crate) fn wake_waiting(&mut self) {
        for _ in 0..self.flow.waiting.len() {
            let Some(stream) = self.flow.waiting.pop_front() else { return };
            if let Some(entry) = self.streams.get_mut(&stream) {
                entry.waiting = false;
                self.wakes.push(entry.send_waker.take());
            }
        }
    }

    /// The window of one stream is open.
    pub(crate) fn window_opened(&mut self, stream: u32) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if entry.pending.is_empty() {
            self.wakes.push(entry.send_waker.take());
        } else {
            stall(stream, entry, &mut self.flow);
            self.pump();
        }
    }

    /// Windows of all streams have changed.
    pub(crate) fn all_windows_opened(&mut self) {
        for (stream, entry) in &mut self.streams {
            if entry.pending.is_empty() {
                self.wakes.push(entry.send_waker.take());
            } else {
                stall(*stream, entry, &mut self.flow);
            }
        }
        self.pump();
    }
}

fn refusal(entry: &Entry) -> Option<Error> {
    match (entry.end, entry.sending) {
        (Some(end), _) => Some(end.error()),
        (None, Sending::Open) => None,
        (None, Sending::Finishing | Sending::Finished) => Some(Error::Finished),
    }
}

fn stream_window(flow: &Flow, entry: &Entry) -> i64 {
    if flow.peer_takes_part {
        flow.peer_initial + entry.granted - entry.sent
    } else if !flow.peer_heard {
        Flow::DEFAULT - entry.sent
    } else {
        i64::MAX
    }
}

/// Bytes that the next frame may have.
fn allowed(flow: &Flow, entry: &Entry, limits: &Limits) -> usize {
    let window = stream_window(flow, entry).min(flow.session_window()).max(0);
    let most = limits.frame_bytes.clamp(1, crate::limits::LARGEST_FRAME);
    usize::try_from(window).unwrap_or(usize::MAX).min(most)
}

fn stall(stream: u32, entry: &mut Entry, flow: &mut Flow) {
    if !entry.stalled {
        entry.stalled = true;
        flow.stalled.push_back(stream);
    }
}

fn frame(
    stream: u32,
    entry: &mut Entry,
    flow: &mut Flow,
    out: &mut Outgoing,
    (piece, length, finished): (&mut Piece<'_>, usize, bool),
) {
    let head = data_head(stream, u32::try_from(length).unwrap_or(u32::MAX), finished);
    out.begin(stream, head);
    piece.put(length, out);
    if !finished {
        out.end(length);
    }
    count(length, entry, flow);
}

fn count(length: usize, entry: &mut Entry, flow: &mut Flow) {
    entry.sent += signed(length);
    flow.sent += signed(length);
}
