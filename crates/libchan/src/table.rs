//! Streams of the peer's that a message will name, and which channels such messages can still come on.
//!
//! A stream waits under the number of its parent, the channel on which the message comes. When nobody receives from that channel any more,
//! nobody will name it: it is reset, and so is one that comes later.
//!
//! A number does not say whose channel it is. Ours never are the peer's; the original counts from 2 at both sides, and then a channel that
//! we have opened and one of the peer's may share a number, and messages may come on both. What is on the wire:
//!
//! - Frames come in their order: the parent is there when the stream comes, or nobody has it here any more and the peer may not know.
//! - A message goes as soon as its streams are opened, by one who has the turn on the channel: it is the next thing that comes there.
//!
//! ```text
//! of both channels, when the stream comes       it belongs
//! one is there, the other never was             to that one
//! one is there, the other has come to its end   to that one
//! one is there, the other was left              to that one, in doubt
//! neither is there, one was                     to nobody
//! both are there                                to either. Then one
//!     has come to its end, and names it not         to the other
//!     is found to bring no messages                 to the other
//!     is left: messages on it may be lost           to the other, in doubt
//! ```
//!
//! Only what is in doubt cannot be told from the wire: the message may have been lost with the channel that was left, or may be about to
//! come on the other one. It is taken for lost once there was time for it ([`crate::Limits::reference_wait`]), the peer has answered a PING
//! behind that, and the channel that is there has been read to the last byte. While somebody here has that channel and does not read it,
//! the stream waits with it, as it does where nothing is in doubt. Over HTTP/2, where frames of several streams have no order, both sides
//! are of this crate, and no number is shared.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::task::AbortHandle;

use crate::error::Error;
use crate::line::Reason;
use crate::passing::Parked;
use crate::session::Inner;

/// What is known of streams.
#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    parked: HashMap<u64, Waits>,
    /// Streams on which messages can come.
    present: HashMap<Channel, Present>,
    /// Such as are over, and in which order.
    over: Remembered,
    waiting: Vec<Waker>,
    is_over: bool,
}

/// Who has opened a stream, and given it its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Opener {
    Us,
    Peer,
}

/// A stream on which messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Channel {
    opener: Opener,
    number: u64,
}

impl Channel {
    /// The other one that may have the number.
    const fn other(self) -> Self {
        let opener = match self.opener {
            Opener::Us => Opener::Peer,
            Opener::Peer => Opener::Us,
        };
        Self { opener, number: self.number }
    }
}

#[derive(Debug)]
struct Present {
    /// Of that number: a peer may give it to several, against the rules.
    streams: usize,
    /// The last one's.
    mark: Arc<Mark>,
}

/// How far a channel is read.
#[derive(Debug, Default)]
struct Mark {
    /// Its stream's id.
    stream: AtomicU32,
    /// Whoever reads it has seen nothing behind what he has read.
    is_drained: AtomicBool,
}

/// How a channel was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// No message on it is lost.
    Read,
    /// Some may be.
    Left,
}

/// Channels that are over; so many that of a peer's behaviour nothing depends on more.
#[derive(Debug, Default)]
struct Remembered {
    left: HashSet<Channel>,
    read: HashSet<Channel>,
    in_order: VecDeque<Channel>,
}

#[derive(Debug)]
struct Waits {
    stream: Parked,
    parent: Option<u64>,
    whose: Whose,
    /// While it is in doubt, what looks after it.
    doubt: Option<Doubt>,
}

/// Which of both channels of its parent's number a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    One(Opener),
    /// It may be either, or one that is still to come.
    Either,
}

/// A task. Dropped, it ends.
#[derive(Debug)]
struct Doubt(AbortHandle);

impl Drop for Doubt {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// That a stream of this number is there. Dropped, what waits under the number is reset.
#[derive(Debug)]
pub(crate) struct Presence {
    session: Weak<Inner>,
    channel: Channel,
    mark: Arc<Mark>,
    over: Over,
}

impl Presence {
    pub(crate) fn new(session: &Arc<Inner>, opener: Opener, number: u64) -> Self {
        session.table.state().begin(session, Channel { opener, number })
    }

    /// It is the stream of that id.
    pub(crate) fn on(self, stream: u32) -> Self {
        self.mark.stream.store(stream, Ordering::Relaxed);
        self
    }

    /// Somebody reads.
    pub(crate) fn reads(&self) {
        // Before he takes the session's lock: who finds nothing unread there sees this.
        self.mark.is_drained.store(false, Ordering::Release);
    }

    /// He has found nothing, and has nothing left.
    pub(crate) fn drained(&self) {
        self.mark.is_drained.store(true, Ordering::Release);
    }

    /// All its messages were read, or it has none.
    pub(crate) fn end_read(mut self) {
        self.over = Over::Read;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Where the session is gone, all its streams are.
        if let Some(session) = self.session.upgrade() {
            session.table.end(self.channel, self.over, &session);
        }
    }
}

impl Table {
    fn end(&self, channel: Channel, over: Over, session: &Arc<Inner>) {
        let mut state = self.state();
        match state.present.get_mut(&channel) {
            Some(present) if present.streams > 1 => return present.streams -= 1,
            _ => state.present.remove(&channel),
        };
        state.over.remember(channel, over, session.limits.streams);
        let has_other = state.present.contains_key(&channel.other());
        let is_orphan = |number: &u64, waits: &mut Waits| {
            if waits.parent != Some(channel.number) {
                return false;
            }
            match waits.whose {
                Whose::One(opener) => opener == channel.opener,
                Whose::Either if has_other => {
                    waits.whose = Whose::One(channel.other().opener);
                    if over == Over::Left {
                        waits.doubt = Some(doubt(session, *number));
                    }
                    false
                }
                Whose::Either => true,
            }
        };
        let orphans: Vec<Waits> =
            state.parked.extract_if(is_orphan).map(|(_, waits)| waits).collect();
        drop(state);
        // Each may have such as wait under its own number.
        orphans.into_iter().for_each(|orphan| orphan.stream.reset(Reason::Cancelled));
    }

    /// A stream that waits to be named, and may be a channel on which messages come itself.
    pub(crate) fn park(
        &self,
        number: u64,
        parent: Option<u64>,
        mut stream: Parked,
        session: &Arc<Inner>,
    ) {
        let mut state = self.state();
        // Before it is there itself: its parent may have its number.
        let whose = state.whose(parent);
        if let Parked::Line(line) = &mut stream {
            let presence = state.begin(session, Channel { opener: Opener::Peer, number });
            line.presence = Some(presence.on(line.out.id()));
        }
        let refused = if state.parked.contains_key(&number) {
            Some((stream, Reason::Protocol))
        } else {
            match whose {
                None => Some((stream, Reason::Cancelled)),
                Some(_) if state.parked.len() >= session.limits.parked => {
                    Some((stream, Reason::Refused))
                }
                Some((whose, is_in_doubt)) => {
                    let doubt = is_in_doubt.then(|| doubt(session, number));
                    state.parked.insert(number, Waits { stream, parent, whose, doubt });
                    None
                }
            }
        };
        let woken = std::mem::take(&mut state.waiting);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        if let Some((stream, reason)) = refused {
            stream.reset(reason);
        }
    }

    /// The streams of these numbers, once all of them are there.
    pub(crate) fn poll_take(
        &self,
        numbers: &[u64],
        context: &Context<'_>,
    ) -> Poll<Result<Vec<(u64, Parked)>, Error>> {
        let mut state = self.state();
        if numbers.iter().all(|number| state.parked.contains_key(number)) {
            let mut take = |number: &u64| Some((*number, state.parked.remove(number)?.stream));
            return Poll::Ready(Ok(numbers.iter().filter_map(&mut take).collect()));
        }
        if state.is_over {
            return Poll::Ready(Err(Error::Closed));
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Resets a stream in doubt where the channel that it may belong to has nothing unread; gives whether it still waits.
    fn doubted(&self, number: u64, session: &Inner) -> bool {
        let mut state = self.state();
        let Some(Waits { parent: Some(parent), whose: Whose::One(opener), .. }) =
            state.parked.get(&number)
        else {
            return false;
        };
        let channel = Channel { opener: *opener, number: *parent };
        if state.present.get(&channel).is_some_and(|present| !present.mark.is_idle(session)) {
            return true;
        }
        let lost = state.parked.remove(&number);
        drop(state);
        if let Some(lost) = lost {
            lost.stream.reset(Reason::Cancelled);
        }
        false
    }

    /// No stream will come any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_over = true;
        let woken = std::mem::take(&mut state.waiting);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, session: &Arc<Inner>, channel: Channel) -> Presence {
        let mark = Arc::<Mark>::default();
        let streams = self.present.get(&channel).map_or(1, |present| present.streams + 1);
        self.present.insert(channel, Present { streams, mark: Arc::clone(&mark) });
        self.over.forget(channel);
        Presence { session: Arc::downgrade(session), channel, mark, over: Over::Left }
    }

    /// Where a stream that comes belongs, and whether that is in doubt. To nobody, where its parent is over.
    fn whose(&self, parent: Option<u64>) -> Option<(Whose, bool)> {
        let Some(number) = parent else { return Some((Whose::Either, false)) };
        let both = [Opener::Us, Opener::Peer].map(|opener| Channel { opener, number });
        match both.map(|channel| self.present.contains_key(&channel)) {
            [true, true] => Some((Whose::Either, false)),
            [true, false] => Some((Whose::One(Opener::Us), self.over.left.contains(&both[1]))),
            [false, true] => Some((Whose::One(Opener::Peer), self.over.left.contains(&both[0]))),
            [false, false] => {
                let is_over = both.iter().any(|channel| self.over.has(channel));
                (!is_over).then_some((Whose::Either, false))
            }
        }
    }
}

impl Mark {
    /// Whether nothing has come that was not read. The order counts: what was unread before is being read now.
    fn is_idle(&self, session: &Inner) -> bool {
        let stream = self.stream.load(Ordering::Relaxed);
        !session.has_unread(stream) && self.is_drained.load(Ordering::Acquire)
    }
}

impl Remembered {
    fn has(&self, channel: &Channel) -> bool {
        self.left.contains(channel) || self.read.contains(channel)
    }

    fn forget(&mut self, channel: Channel) -> bool {
        self.left.remove(&channel) || self.read.remove(&channel)
    }

    /// One more, of `most`.
    fn remember(&mut self, channel: Channel, over: Over, most: usize) {
        if !self.forget(channel) {
            self.in_order.push_back(channel);
        }
        match over {
            Over::Read => self.read.insert(channel),
            Over::Left => self.left.insert(channel),
        };
        if self.in_order.len() > most
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.forget(oldest);
        }
    }
}

/// Looks from time to time whether a stream in doubt was lost.
fn doubt(session: &Arc<Inner>, number: u64) -> Doubt {
    let wait = session.limits.reference_wait;
    let runtime = session.runtime.clone();
    let session = Arc::downgrade(session);
    let work = runtime.spawn(async move {
        loop {
            tokio::time::sleep(wait).await;
            let Some(session) = session.upgrade() else { return };
            // Behind everything that the peer had said by then.
            let _silent = tokio::time::timeout(wait, session.ping()).await;
            if !session.table.doubted(number, &session) {
                return;
            }
        }
    });
    Doubt(work.abort_handle())
}
