//! What the peer says: frame by frame, what becomes of each.
//!
//! Never ends the session but for what both sides share; what is wrong with one stream resets that one. Start at [`State::input`]. Sources:
//! SPDY draft 3, sections 2.3, 2.4 and 2.6.

use bytes::Bytes;

use crate::decode::{Event, Read};
use crate::entry::{End, Entry, Opened, Reply};
use crate::flow::Flow;
use crate::frame::{SynStream, kind};
use crate::state::{Over, State};
use crate::{Fault, Frame, Headers, Setting, Status};

/// Bytes of answers that wait for the connection: a peer that asks for more and reads none is not read, either.
const MOST_ANSWERS: usize = 64 << 10;

impl State {
    /// Takes what can be taken from the front of `input`, which is in `block`; what is left belongs in front of what comes next. Returns whether the connection
    /// stands still: a stream is full, or the peer does not read answers.
    pub(crate) fn input<'a>(&mut self, block: &'a Bytes, input: &mut &'a [u8]) -> bool {
        self.flow.blocked = None;
        while self.life.over.is_none() {
            if self.answers > MOST_ANSWERS {
                return true;
            }
            let (streams, flow, limits) = (&self.streams, &self.flow, &self.limits);
            let room = |stream| match streams.get(&stream) {
                Some(entry) if entry.takes() => {
                    let own = flow.queue_bytes.saturating_sub(entry.queue.len());
                    own.min(limits.session_bytes.saturating_sub(flow.held))
                }
                Some(_) | None => usize::MAX,
            };
            let done = match self.decoder.next_within(input, room) {
                Ok(Read::Event(event)) => self.event(event, block),
                Ok(Read::More) => break,
                Ok(Read::NoRoom(stream)) => {
                    self.flow.blocked = Some(stream);
                    break;
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = done {
                self.end(Over::Fault(fault));
            }
        }
        if std::mem::take(&mut self.flow.reopened) {
            self.all_windows_opened();
        }
        self.flow.blocked.is_some()
    }

    /// The connection has ended; `left` bytes of a frame are there.
    pub(crate) fn input_ended(&mut self, left: usize) {
        if left > 0 || !self.decoder.between_frames() {
            self.end(Over::Fault(Fault::Truncated));
        } else {
            self.end(Over::Closed);
        }
    }

    fn event(&mut self, event: Event<'_>, block: &Bytes) -> Result<(), Fault> {
        if !self.flow.peer_heard {
            self.flow.peer_heard = true;
            self.flow.reopened = true;
        }
        match event {
            Event::Data { stream, bytes, last, finished } => {
                self.data((stream, bytes), last, finished, block);
                Ok(())
            }
            Event::Control(frame) => self.frame(frame),
            Event::Wrong { kind, stream, fault } => {
                if stream == 0 {
                    return Err(Fault::StreamZero(kind));
                }
                if kind == kind::SYN_STREAM && self.ids.role.peer().opens(stream) {
                    self.ids.last_remote = self.ids.last_remote.max(stream);
                }
                self.reject(stream, fault.status());
                Ok(())
            }
            Event::Ignored { .. } => Ok(()),
        }
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Fault> {
        match frame {
            Frame::SynStream(syn) => return self.syn_stream(syn),
            Frame::SynReply { stream, finished, headers } => {
                self.syn_reply(stream, finished, headers);
            }
            // Nobody here has asked what a stream says later; FIN counts.
            Frame::Headers { stream, finished, .. } => {
                if !self.was_opened(stream) {
                    self.answer(&Frame::RstStream { stream, status: Status::INVALID_STREAM });
                } else if finished {
                    self.peer_finished(stream);
                }
            }
            Frame::RstStream { stream, status } => self.rst_stream(stream, status),
            Frame::Settings { values, .. } => return self.settings(&values),
            Frame::Ping { id } => self.ping(id),
            Frame::GoAway { last, .. } => self.peer_goes_away(last),
            Frame::WindowUpdate { stream, delta } => return self.window_update(stream, delta),
        }
        Ok(())
    }

    /// Section 2.6.1; ids, section 2.3.2.
    fn syn_stream(&mut self, syn: SynStream) -> Result<(), Fault> {
        let stream = syn.stream;
        if stream == 0 {
            return Err(Fault::StreamZero(kind::SYN_STREAM));
        }
        if !self.ids.role.peer().opens(stream) || stream <= self.ids.last_remote {
            self.reject(stream, Status::PROTOCOL_ERROR);
            return Ok(());
        }
        let header_bytes = syn.headers.plain_bytes();
        if self.life.goaway_sent {
            // We said that nothing is accepted after the last one: the peer knows what became of it.
            return Ok(());
        }
        self.ids.last_remote = stream;
        if self.life.closing
            || !self.life.accepts
            || self.ids.remote >= self.limits.streams
            || self.flow.held + header_bytes > self.limits.session_bytes
        {
            self.answer(&Frame::RstStream { stream, status: Status::REFUSED_STREAM });
            return Ok(());
        }
        let SynStream { headers, associated, priority, unidirectional, finished, .. } = syn;
        let opened = Opened { headers, associated, priority, unidirectional };
        let reply = Reply::Owed(Box::new(opened));
        let mut entry = Entry::new(false, reply, self.flow.stream_credit);
        entry.received_all = finished;
        self.flow.held += header_bytes;
        self.streams.insert(stream, entry);
        self.ids.remote += 1;
        self.arrivals.push_back(stream);
        self.wakes.push(self.accepting.take());
        Ok(())
    }

    /// Section 2.6.2.
    fn syn_reply(&mut self, stream: u32, finished: bool, headers: Headers) {
        let header_bytes = headers.plain_bytes();
        let Some(entry) = self.streams.get_mut(&stream) else {
            if !self.was_opened(stream) || !self.ids.role.opens(stream) {
                self.answer(&Frame::RstStream { stream, status: Status::INVALID_STREAM });
            }
            return;
        };
        if entry.end.is_some() {
            return;
        }
        if !matches!(entry.reply, Reply::Awaited) {
            self.reject(stream, Status::STREAM_IN_USE);
            return;
        }
        // Nobody is there to look at it, or there is no room for it.
        let kept = entry.held() && self.flow.held + header_bytes <= self.limits.session_bytes;
        entry.reply = Reply::Came(if kept { headers } else { Headers::new() });
        self.flow.held += entry.header_bytes();
        self.wakes.push(entry.reply_waker.take());
        if finished {
            self.peer_finished(stream);
        }
    }

    /// Section 2.6.3: both directions are over. What came before it can still be read, and is all there is where FIN came before.
    fn rst_stream(&mut self, stream: u32, status: Status) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if !entry.over() {
            entry.end = Some(End::Reset(status));
        }
        entry.pending.clear();
        entry.wakers().for_each(|waker| self.wakes.push(Some(waker)));
        self.settle(stream);
    }

    /// Section 2.6.4.
    fn settings(&mut self, values: &[Setting]) -> Result<(), Fault> {
        self.flow.peer_takes_part = true;
        for setting in values {
            match setting.id {
                Setting::INITIAL_WINDOW_SIZE => {
                    let window = i64::from(setting.value);
                    if window > Flow::LARGEST {
                        return Err(Fault::Window);
                    }
                    self.flow.peer_initial = window;
                    self.flow.reopened = true;
                }
                Setting::MAX_CONCURRENT_STREAMS => {
                    self.ids.local_most = usize::try_from(setting.value).unwrap_or(usize::MAX);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Section 2.6.8; stream 0 is the session's, in SPDY 3.1.
    fn window_update(&mut self, stream: u32, delta: u32) -> Result<(), Fault> {
        self.flow.peer_takes_part = true;
        let delta = i64::from(delta);
        if stream == 0 {
            let shut = self.flow.session_window() <= 0;
            self.flow.peer_has_session_window = true;
            self.flow.granted += delta;
            let window = self.flow.session_window();
            if window > Flow::LARGEST {
                return Err(Fault::Window);
            }
            if shut && window > 0 {
                self.pump();
                self.wake_waiting();
            }
            return Ok(());
        }
        let (initial, opened) = (self.flow.peer_initial, self.was_opened(stream));
        match self.streams.get_mut(&stream) {
            Some(entry) if entry.end.is_some() => {}
            Some(entry) => {
                entry.granted += delta;
                if initial + entry.granted - entry.sent > Flow::LARGEST {
                    self.reject(stream, Status::FLOW_CONTROL_ERROR);
                } else {
                    self.window_opened(stream);
                }
            }
            None if !opened => {
                self.answer(&Frame::RstStream { stream, status: Status::INVALID_STREAM });
            }
            None => {}
        }
        Ok(())
    }

    /// Section 2.6.5: one of the peer's goes back as it is, one of ours has come back.
    fn ping(&mut self, id: u32) {
        if !self.ids.role.opens(id) {
            self.answer(&Frame::Ping { id });
        } else if let Some(ping) = self.pings.get_mut(&id) {
            ping.answered = true;
            self.wakes.push(ping.waker.take());
        }
    }

    /// Section 2.6.6: streams of ours that the peer had not accepted were not begun.
    fn peer_goes_away(&mut self, last: u32) {
        if self.life.peer_last.is_some_and(|before| before <= last) {
            return;
        }
        self.life.peer_last = Some(last);
        let role = self.ids.role;
        let mut lost: Vec<u32> = Vec::new();
        for (stream, entry) in &mut self.streams {
            if role.opens(*stream) && *stream > last && !entry.over() {
                entry.end = Some(End::NotBegun);
                entry.pending.clear();
                entry.wakers().for_each(|waker| self.wakes.push(Some(waker)));
                lost.push(*stream);
            }
        }
        for stream in lost {
            self.settle(stream);
        }
        self.wakes.push(self.accepting.take());
        self.wake_driver();
    }

    /// A frame about a stream cannot be: the peer hears of it, and the stream is over where there is one.
    fn reject(&mut self, stream: u32, status: Status) {
        let before = self.out.len();
        if self.streams.get(&stream).is_some_and(|entry| !entry.over()) {
            self.reset(stream, status, End::Reset(status));
        } else {
            self.control(&Frame::RstStream { stream, status });
        }
        self.answers += self.out.len() - before;
    }
}
