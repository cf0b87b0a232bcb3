//! Streams of the peer's that a message will name, and which channels such messages can still come on.
//!
//! A stream waits under the number of its parent, the channel on which the message comes. When nobody receives from that channel any more,
//! nobody will name it: it is reset, and so is one that comes later. Channels of ours and of the peer's may have the same number; a stream
//! waits as long as one of them is there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

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
    /// How many streams of that number there are on which messages can come.
    present: HashMap<u64, usize>,
    /// Numbers of such as are over, and in which order.
    over: HashSet<u64>,
    over_in_order: VecDeque<u64>,
    waiting: Vec<Waker>,
    is_over: bool,
}

#[derive(Debug)]
struct Waits {
    stream: Parked,
    parent: Option<u64>,
}

/// That a stream of this number is there. Dropped, what waits under the number is reset.
#[derive(Debug)]
pub(crate) struct Presence {
    session: Weak<Inner>,
    number: u64,
}

impl Presence {
    pub(crate) fn new(session: &std::sync::Arc<Inner>, number: u64) -> Self {
        session.table.begin(number);
        Self { session: std::sync::Arc::downgrade(session), number }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Where the session is gone, all its streams are.
        if let Some(session) = self.session.upgrade() {
            session.table.end(self.number, session.limits.streams);
        }
    }
}

impl Table {
    fn begin(&self, number: u64) {
        let mut state = self.state();
        *state.present.entry(number).or_default() += 1;
        state.over.remove(&number);
    }

    /// Remembers `most` of those that are over.
    fn end(&self, number: u64, most: usize) {
        let mut state = self.state();
        match state.present.get_mut(&number) {
            Some(count) if *count > 1 => return *count -= 1,
            _ => state.present.remove(&number),
        };
        if state.over.insert(number) {
            state.over_in_order.push_back(number);
        }
        if state.over_in_order.len() > most
            && let Some(oldest) = state.over_in_order.pop_front()
        {
            state.over.remove(&oldest);
        }
        let is_orphan = |_number: &u64, waits: &mut Waits| waits.parent == Some(number);
        let orphans: Vec<Waits> =
            state.parked.extract_if(is_orphan).map(|(_, waits)| waits).collect();
        drop(state);
        // Each may have such as wait under its own number.
        orphans.into_iter().for_each(|orphan| orphan.stream.reset(Reason::Cancelled));
    }

    /// A stream that waits to be named.
    pub(crate) fn park(&self, number: u64, parent: Option<u64>, stream: Parked, most: usize) {
        let mut state = self.state();
        let refused = if state.parked.contains_key(&number) {
            Some((stream, Reason::Protocol))
        } else if parent.is_some_and(|parent| state.over.contains(&parent)) {
            Some((stream, Reason::Cancelled))
        } else if state.parked.len() >= most {
            Some((stream, Reason::Refused))
        } else {
            state.parked.insert(number, Waits { stream, parent });
            None
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
