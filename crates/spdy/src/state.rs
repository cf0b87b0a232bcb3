//! A session without its connection: the table of streams, and what is known of both ends. Bytes go in and come out.
//!
//! Never does input or output, asks no clock and wakes nobody by itself ([`Wakes`]). Start at [`State::new`]; what comes from the peer is
//! `arriving.rs`, data in each direction `receiving.rs` and `sending.rs`. Sources: SPDY draft 3, sections 2.3 and 2.6.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::task::{Context, Poll, Waker};

use crate::entry::{End, Entry, Opened, Reply, Sending};
use crate::flow::Flow;
use crate::frame::{LARGEST_ID, SynStream};
use crate::hash::Spread;
use crate::outgoing::Outgoing;
use crate::queue::Queue;
use crate::wakes::Wakes;
use crate::{
    Decoder, Encoder, Error, Fault, Frame, Headers, Limits, Role, Setting, Status, goaway,
};

/// All that the handles and the driver share, behind one lock: a frame touches most of it at once, hence the many fields.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) decoder: Decoder,
    pub(crate) encoder: Encoder,
    pub(crate) out: Outgoing,
    /// Bytes of `out` that the peer has caused: beyond a bound it is not read until they are gone.
    pub(crate) answers: usize,
    pub(crate) streams: HashMap<u32, Entry, Spread>,
    /// Streams of the peer's that nobody has accepted yet, first come first.
    pub(crate) arrivals: VecDeque<u32>,
    /// Streams that nobody has here, and whose FIN from the peer is still to come.
    pub(crate) lingering: BTreeSet<u32>,
    pub(crate) ids: Ids,
    pub(crate) flow: Flow,
    pub(crate) pings: BTreeMap<u32, Ping>,
    pub(crate) life: Life,
    pub(crate) driver: Option<Waker>,
    pub(crate) accepting: Option<Waker>,
    pub(crate) wakes: Wakes,
}

/// Ids of both sides, and how many streams of each there are. SPDY draft 3, section 2.3.2.
#[derive(Debug)]
pub(crate) struct Ids {
    pub(crate) role: Role,
    pub(crate) next_local: u32,
    pub(crate) last_remote: u32,
    pub(crate) next_ping: u32,
    pub(crate) local: usize,
    pub(crate) remote: usize,
    /// How many of ours the peer allows at once.
    pub(crate) local_most: usize,
}

/// How far the session is.
#[derive(Debug)]
pub(crate) struct Life {
    /// Handles that can open streams, and whether there is one that accepts them.
    pub(crate) sessions: usize,
    pub(crate) accepts: bool,
    /// Nothing new; the end comes when all streams are over.
    pub(crate) closing: bool,
    pub(crate) goaway_sent: bool,
    /// The last stream of ours that the peer has accepted before it went away.
    pub(crate) peer_last: Option<u32>,
    pub(crate) over: Option<Over>,
}

/// How the session ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    Closed,
    Fault(Fault),
}

/// A PING of ours.
#[derive(Debug, Default)]
pub(crate) struct Ping {
    pub(crate) answered: bool,
    pub(crate) waker: Option<Waker>,
}

/// How a stream is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Nothing will be sent on it.
    pub finished: bool,
    /// Nothing may come back on it, not even an acceptance.
    pub unidirectional: bool,
    /// A stream that it belongs to, or 0.
    pub associated: u32,
    /// 0 is the most urgent, 7 the least; told to the peer, and without an effect here.
    pub priority: u8,
}

impl Over {
    pub(crate) fn error(self) -> Error {
        match self {
            Self::Closed => Error::Closed,
            Self::Fault(fault) => Error::Protocol(fault),
        }
    }
}

impl State {
    /// A session that begins: what it says first is in `out`.
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        let (next_local, next_ping) = match role {
            Role::Client => (1, 1),
            Role::Server => (2, 2),
        };
        let mut state = Self {
            decoder: Decoder::new(limits.header_bytes),
            encoder: Encoder::new(limits.compress),
            out: Outgoing::default(),
            answers: 0,
            streams: HashMap::default(),
            arrivals: VecDeque::new(),
            lingering: BTreeSet::new(),
            ids: Ids {
                role,
                next_local,
                last_remote: 0,
                next_ping,
                local: 0,
                remote: 0,
                local_most: usize::MAX,
            },
            flow: Flow::new(&limits),
            pings: BTreeMap::new(),
            life: Life {
                sessions: 1,
                accepts: true,
                closing: false,
                goaway_sent: false,
                peer_last: None,
                over: None,
            },
            driver: None,
            accepting: None,
            wakes: Wakes::default(),
            limits,
        };
        if state.limits.windows {
            state.announce();
        }
        state
    }

    /// Our windows, first of all, so that the peer can know them before it sends anything.
    fn announce(&mut self) {
        let number = |bytes: usize| u32::try_from(bytes).unwrap_or(LARGEST_ID).min(LARGEST_ID);
        let setting = |id, value| Setting { flags: 0, id, value };
        let values = vec![
            setting(Setting::MAX_CONCURRENT_STREAMS, number(self.limits.streams)),
            setting(Setting::INITIAL_WINDOW_SIZE, number(self.limits.stream_bytes)),
        ];
        self.control(&Frame::Settings { clear: false, values });
        let beyond = self.flow.credit - Flow::DEFAULT;
        if let Some(delta) = u32::try_from(beyond).ok().filter(|delta| *delta > 0) {
            self.control(&Frame::WindowUpdate { stream: 0, delta });
        }
        self.ask();
    }

    /// Sends a PING whose answer nobody waits for.
    pub(crate) fn ask(&mut self) {
        let id = self.ids.next_ping;
        self.ids.next_ping = id.wrapping_add(2);
        self.control(&Frame::Ping { id });
    }

    /// Opens a stream; waits for nothing.
    pub(crate) fn open(&mut self, headers: Headers, opening: Opening) -> Result<u32, Error> {
        if let Some(over) = self.life.over {
            return Err(over.error());
        }
        if self.life.closing {
            return Err(Error::Closed);
        }
        if self.life.peer_last.is_some() {
            return Err(Error::GoingAway);
        }
        let stream = self.ids.next_local;
        if stream > LARGEST_ID {
            return Err(Error::Exhausted);
        }
        if self.ids.local >= self.ids.local_most {
            return Err(Error::Limit { name: "MAX_CONCURRENT_STREAMS" });
        }
        self.fits(&headers)?;
        self.ids.next_local += 2;
        self.control(&Frame::SynStream(SynStream {
            stream,
            associated: opening.associated & LARGEST_ID,
            priority: opening.priority & 7,
            slot: 0,
            finished: opening.finished,
            unidirectional: opening.unidirectional,
            headers,
        }));
        let reply = if opening.unidirectional { Reply::Settled } else { Reply::Awaited };
        let mut entry = Entry::new(true, reply, self.flow.stream_credit);
        entry.received_all = opening.unidirectional;
        if opening.finished {
            entry.sending = Sending::Finished;
        }
        self.streams.insert(stream, entry);
        self.ids.local += 1;
        Ok(stream)
    }

    fn fits(&self, headers: &Headers) -> Result<(), Error> {
        if headers.plain_bytes() > self.limits.header_bytes {
            return Err(Error::Limit { name: "header_bytes" });
        }
        Ok(())
    }

    /// The next stream of the peer's; nothing when none can come any more.
    pub(crate) fn poll_accept(&mut self, context: &Context<'_>) -> Poll<Option<(u32, Opened)>> {
        while let Some(stream) = self.arrivals.pop_front() {
            let Some(entry) = self.streams.get_mut(&stream) else { continue };
            let freed = entry.header_bytes();
            let reply = std::mem::replace(&mut entry.reply, Reply::Settled);
            self.flow.held -= freed;
            match reply {
                // Also one that was reset meanwhile: another stream may speak of it.
                Reply::Owed(opened) => return Poll::Ready(Some((stream, *opened))),
                Reply::Awaited | Reply::Came(_) | Reply::Settled => self.let_go(stream),
            }
        }
        if self.life.over.is_some() || self.life.closing || self.life.peer_last.is_some() {
            return Poll::Ready(None);
        }
        self.wakes.register(&mut self.accepting, context);
        Poll::Pending
    }

    /// Accepts a stream of the peer's. SPDY draft 3, section 2.6.2.
    pub(crate) fn reply(
        &mut self,
        stream: u32,
        headers: Headers,
        finished: bool,
        unidirectional: bool,
    ) -> Result<(), Error> {
        self.fits(&headers)?;
        let Some(entry) = self.streams.get_mut(&stream) else { return Err(Error::Closed) };
        if entry.end.is_some() || self.life.over.is_some() {
            // Both halves tell how it ended; what came before is read.
            return Ok(());
        }
        if finished || unidirectional {
            entry.sending = Sending::Finished;
        }
        if !unidirectional {
            self.control(&Frame::SynReply { stream, finished, headers });
        }
        Ok(())
    }

    /// The headers with which the peer has accepted a stream of ours.
    pub(crate) fn poll_replied(
        &mut self,
        stream: u32,
        context: &Context<'_>,
    ) -> Poll<Result<Headers, Error>> {
        let Some(entry) = self.streams.get_mut(&stream) else {
            return Poll::Ready(Err(Error::Closed));
        };
        match &entry.reply {
            Reply::Came(headers) => return Poll::Ready(Ok(headers.clone())),
            Reply::Settled | Reply::Owed(_) => return Poll::Ready(Ok(Headers::new())),
            Reply::Awaited => {}
        }
        if let Some(end) = entry.end {
            return Poll::Ready(Err(end.error()));
        }
        if let Some(over) = self.life.over {
            return Poll::Ready(Err(over.error()));
        }
        self.wakes.register(&mut entry.reply_waker, context);
        Poll::Pending
    }

    /// Ends a stream abnormally, from here: both directions are over, and what waits in them is gone.
    pub(crate) fn reset(&mut self, stream: u32, status: Status, end: End) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if entry.over() {
            return;
        }
        entry.end = Some(end);
        entry.pending.clear();
        self.flow.held -= entry.queue.len();
        entry.queue = Queue::default();
        entry.wakers().for_each(|waker| self.wakes.push(Some(waker)));
        if self.life.over.is_none() {
            self.control(&Frame::RstStream { stream, status });
        }
        self.settle(stream);
    }

    /// Nobody here has any of the stream any more.
    pub(crate) fn let_go(&mut self, stream: u32) {
        self.let_go_sending(stream);
        self.let_go_receiving(stream);
    }

    /// The half that sends is dropped: what was not finished is cancelled, since FIN would say that it is complete.
    pub(crate) fn let_go_sending(&mut self, stream: u32) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        entry.send_held = false;
        if entry.sending == Sending::Open {
            self.reset(stream, Status::CANCEL, End::Reset(Status::CANCEL));
        }
        self.settle(stream);
    }

    /// The half that receives is dropped: what arrives is thrown away from here on.
    pub(crate) fn let_go_receiving(&mut self, stream: u32) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        entry.receive_held = false;
        let unread = std::mem::take(&mut entry.queue).len();
        self.flow.held -= unread;
        if self.flow.blocked == Some(stream) {
            self.wakes.push(self.driver.take());
        }
        // Data that nobody has read, and an answer that is complete: the peer would wait for somebody to read on.
        let said = entry.sending == Sending::Finished && !entry.send_held;
        if unread > 0 && said && !entry.received_all {
            self.reset(stream, Status::CANCEL, End::Reset(Status::CANCEL));
        }
        self.consumed(stream, unread);
        self.settle(stream);
    }

    /// Forgets a stream that is over and that nobody has, and sees to those that only the peer can end.
    pub(crate) fn settle(&mut self, stream: u32) {
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if entry.held() {
            return;
        }
        if !entry.over() && self.life.over.is_none() {
            // What windows hold back goes out first.
            if entry.sending == Sending::Finished {
                self.lingering.insert(stream);
            }
            if self.lingering.len() > self.limits.lingering
                && let Some(oldest) = self.lingering.pop_first()
            {
                self.reset(oldest, Status::CANCEL, End::Reset(Status::CANCEL));
            }
            return;
        }
        if let Some(mut entry) = self.streams.remove(&stream) {
            self.lingering.remove(&stream);
            self.flow.held -= entry.held_bytes();
            entry.wakers().for_each(|waker| self.wakes.push(Some(waker)));
            let count = if entry.local { &mut self.ids.local } else { &mut self.ids.remote };
            *count = count.saturating_sub(1);
        }
        if self.life.closing || self.life.peer_last.is_some() || !self.life.used() {
            self.wake_driver();
        }
    }

    /// Whether the end can be said: nothing new can come, and all streams are over but for what the peer owes to nobody.
    pub(crate) fn is_done(&self) -> bool {
        let nothing_new = self.life.closing || self.life.peer_last.is_some() || !self.life.used();
        let quiet =
            |entry: &Entry| entry.over() || (!entry.held() && entry.sending == Sending::Finished);
        nothing_new && self.streams.values().all(quiet)
    }

    /// Takes no further streams, and says so.
    pub(crate) fn go_away(&mut self, status: u32) {
        self.life.closing = true;
        if !self.life.goaway_sent {
            self.life.goaway_sent = true;
            self.control(&Frame::GoAway { last: self.ids.last_remote, status });
        }
        self.wakes.push(self.accepting.take());
    }

    /// The session is over: everybody who waits hears of it.
    pub(crate) fn end(&mut self, over: Over) {
        if self.life.over.is_some() {
            return;
        }
        if let Over::Fault(_) = over {
            self.go_away(goaway::PROTOCOL_ERROR);
        }
        self.life.over = Some(over);
        self.flow.blocked = None;
        self.wakes.push(self.accepting.take());
        for ping in self.pings.values_mut() {
            self.wakes.push(ping.waker.take());
        }
        let mut forgotten = Vec::new();
        for (stream, entry) in &mut self.streams {
            entry.pending.clear();
            entry.wakers().for_each(|waker| self.wakes.push(Some(waker)));
            if !entry.held() {
                forgotten.push(*stream);
            }
        }
        for stream in forgotten {
            self.settle(stream);
        }
        self.wake_driver();
    }

    /// Queues a control frame.
    pub(crate) fn control(&mut self, frame: &Frame) {
        // Headers are within their limit, far below a frame's: no frame of ours fails to be written.
        let written = self.encoder.control(frame, self.out.buffer());
        debug_assert!(written.is_ok(), "{written:?}");
        self.wake_driver();
    }

    /// Queues a control frame that the peer has caused.
    pub(crate) fn answer(&mut self, frame: &Frame) {
        let before = self.out.len();
        self.control(frame);
        self.answers += self.out.len() - before;
    }

    pub(crate) fn wake_driver(&mut self) {
        self.wakes.push(self.driver.take());
    }
}

impl Life {
    /// Whether anybody could still begin something.
    pub(crate) fn used(&self) -> bool {
        self.sessions > 0 || self.accepts
    }
}
