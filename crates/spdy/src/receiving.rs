//! Data from the peer: queues, what the peer may send, and what becomes of a stream that nobody reads.
//! Never parses. Sources: SPDY draft 3, sections 2.2.2, 2.3.7 and 2.6.8.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::entry::{End, Entry, Reply, Sending};
use crate::frame::LARGEST_ID;
use crate::state::State;
use crate::{Error, Frame, Status};

/// Of the session's window, what has to be open for streams that are read.
const LEAST: usize = 64 << 10;

impl State {
    /// Some data of one frame, part of `block`, has arrived; there is room for it.
    pub(crate) fn data(
        &mut self,
        (stream, bytes): (u32, &[u8]),
        last: bool,
        finished: bool,
        block: &Bytes,
    ) {
        self.flow.credit -= signed(bytes.len());
        let Some(entry) = self.streams.get_mut(&stream) else {
            self.consumed(stream, bytes.len());
            // What was under way when the stream ended is no fault.
            if last && !self.was_opened(stream) {
                self.answer(&Frame::RstStream { stream, status: Status::INVALID_STREAM });
            }
            return;
        };
        entry.credit -= signed(bytes.len());
        if entry.takes() && !early(entry) {
            if !bytes.is_empty() {
                entry.queue.push(bytes, block);
                self.flow.held += bytes.len();
                self.wakes.push(entry.receive_waker.take());
            }
        } else {
            let fault = misplaced(entry, bytes);
            self.consumed(stream, bytes.len());
            if let Some(status) = fault {
                self.reset(stream, status, End::Reset(status));
            }
        }
        if finished {
            self.peer_finished(stream);
        }
    }

    /// FIN has come.
    pub(crate) fn peer_finished(&mut self, stream: u32) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        entry.received_all = true;
        self.wakes.push(entry.receive_waker.take());
        self.settle(stream);
    }

    /// What has arrived, as much as lies together; nothing after FIN.
    pub(crate) fn poll_receive(
        &mut self,
        stream: u32,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        let Some(entry) = self.streams.get_mut(&stream) else {
            return Poll::Ready(Err(Error::Closed));
        };
        if !entry.queue.is_empty() {
            let data = entry.queue.pop();
            entry.read_epoch = self.flow.epoch;
            self.flow.held -= data.len();
            self.consumed(stream, data.len());
            return Poll::Ready(Ok(Some(data)));
        }
        if entry.received_all {
            return Poll::Ready(Ok(None));
        }
        if let Some(end) = entry.end {
            return Poll::Ready(Err(end.error()));
        }
        if let Some(over) = self.life.over {
            return Poll::Ready(Err(over.error()));
        }
        self.wakes.register(&mut entry.receive_waker, context);
        Poll::Pending
    }

    /// That much no longer waits here: the peer may send more, and a connection that stands still may go on.
    pub(crate) fn consumed(&mut self, stream: u32, bytes: usize) {
        if bytes == 0 {
            return;
        }
        if self.flow.blocked.is_some() {
            self.wake_driver();
        }
        if !self.limits.windows || self.life.over.is_some() {
            return;
        }
        self.flow.unreported += signed(bytes);
        // Half the window: told late enough to be seldom, and early enough for a peer that never stops. When unread streams have most of
        // it, the halves are those of what is left.
        if self.flow.unreported >= self.flow.credit {
            let delta = std::mem::take(&mut self.flow.unreported);
            self.flow.credit += delta;
            self.answer(&Frame::WindowUpdate { stream: 0, delta: unsigned(delta) });
        }
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if entry.received_all || entry.end.is_some() {
            return;
        }
        entry.unreported += signed(bytes);
        if entry.unreported >= entry.credit {
            let delta = std::mem::take(&mut entry.unreported);
            entry.credit += delta;
            self.answer(&Frame::WindowUpdate { stream, delta: unsigned(delta) });
        }
    }

    /// Whether somebody has to read soon: the connection stands still, or so little is left of what is held for all streams that none of
    /// them gets on well.
    pub(crate) fn is_pressed(&self) -> bool {
        let least = LEAST.min(self.limits.session_bytes / 4);
        self.flow.blocked.is_some() || self.flow.held + least > self.limits.session_bytes
    }

    /// From here on it is seen who reads.
    pub(crate) fn begin_stall(&mut self) {
        self.flow.epoch = self.flow.epoch.wrapping_add(1);
    }

    /// The time is over: resets the stream that is in everybody's way, when nothing of it was read since [`Self::begin_stall`].
    pub(crate) fn end_stall(&mut self) {
        if !self.is_pressed() {
            return;
        }
        let epoch = self.flow.epoch;
        let still = |entry: &Entry| entry.read_epoch != epoch;
        if let Some(stream) = self.flow.blocked
            && let Some(entry) = self.streams.get(&stream)
            && entry.queue.len() >= self.flow.queue_bytes
        {
            if still(entry) {
                self.give_up(stream, "stream_bytes");
            }
            return;
        }
        let unread = self.streams.iter().filter(|(_, entry)| still(entry));
        let fullest = unread.max_by_key(|(stream, entry)| (entry.held_bytes(), **stream));
        if let Some((&stream, entry)) = fullest
            && entry.held_bytes() > 0
        {
            self.give_up(stream, "session_bytes");
        }
    }

    fn give_up(&mut self, stream: u32, name: &'static str) {
        self.reset(stream, Status::FLOW_CONTROL_ERROR, End::Limit(name));
        self.wake_driver();
    }

    /// Whether a stream of that id has ever been.
    pub(crate) fn was_opened(&self, stream: u32) -> bool {
        if self.ids.role.opens(stream) {
            stream < self.ids.next_local
        } else {
            stream <= self.ids.last_remote && stream > 0
        }
    }
}

/// Data before the acceptance of a stream of ours. SPDY draft 3, section 2.2.2.
fn early(entry: &Entry) -> bool {
    matches!(entry.reply, Reply::Awaited)
}

/// What is answered to data that is not kept.
fn misplaced(entry: &Entry, bytes: &[u8]) -> Option<Status> {
    if entry.end.is_some() {
        None
    } else if early(entry) {
        Some(Status::PROTOCOL_ERROR)
    } else if entry.received_all {
        Some(Status::STREAM_ALREADY_CLOSED)
    } else {
        // Ours is said, and nobody is there to read: it could go on for ever.
        let said = entry.sending == Sending::Finished && !entry.send_held;
        (said && !bytes.is_empty()).then_some(Status::CANCEL)
    }
}

/// What a frame or a queue holds is far below the largest number.
pub(crate) fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(delta: i64) -> u32 {
    u32::try_from(delta).unwrap_or(LARGEST_ID).min(LARGEST_ID)
}
