//! What both ends of a channel in memory share: values that were taken, values whose senders wait, and who is to be woken.
//!
//! ```text
//! send ──> waiting (each with its sender) ──> accepted (at most `capacity`) ──> receive
//! ```
//!
//! A value is sent once it is accepted; in an unbuffered channel, whose capacity is nothing, once it is received. A sender that
//! gives up has its value back: what waits is still its own. Nothing is dropped and nobody woken under the lock.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::error::Error;
use crate::sync::{Mutex, lock};

/// One channel.
pub(super) struct Core<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    accepted: VecDeque<T>,
    /// The tickets are in order.
    waiting: VecDeque<Waiting<T>>,
    next_ticket: Ticket,
    capacity: usize,
    receiver: Option<Waker>,
    senders: usize,
    /// No further value comes.
    ended: bool,
    /// Why none comes, where that is no good end.
    failure: Option<Error>,
    /// Nobody receives any more.
    gone: bool,
    /// Who waits for the receiver's end.
    watchers: Vec<Waker>,
}

struct Waiting<T> {
    ticket: Ticket,
    value: T,
    sender: Waker,
}

/// Which of the values that wait.
type Ticket = u64;

/// What became of a value.
pub(super) enum Offer<T> {
    /// It is sent.
    Accepted,
    /// It waits.
    Waits(Ticket),
    /// Nobody will receive it.
    Refused(T),
    /// It would have to wait.
    Full(T),
}

impl<T> Core<T> {
    /// With one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                accepted: VecDeque::new(),
                waiting: VecDeque::new(),
                next_ticket: 0,
                capacity,
                receiver: None,
                senders: 1,
                ended: false,
                failure: None,
                gone: false,
                watchers: Vec::new(),
            }),
        }
    }

    /// Takes a value; where it has to wait, `sender` is woken once that is over, and without one it does not wait.
    pub(super) fn offer(&self, value: T, sender: Option<&Waker>) -> Offer<T> {
        let mut state = lock(&self.state);
        if state.gone || state.ended {
            return Offer::Refused(value);
        }
        let has_room = state.waiting.is_empty() && state.accepted.len() < state.capacity;
        let offer = if has_room {
            state.accepted.push_back(value);
            Offer::Accepted
        } else {
            let Some(sender) = sender else { return Offer::Full(value) };
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.waiting.push_back(Waiting { ticket, value, sender: sender.clone() });
            Offer::Waits(ticket)
        };
        let receiver = state.receiver.take();
        drop(state);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        offer
    }

    /// Whether a value that waited is sent by now.
    pub(super) fn poll_offer(&self, ticket: Ticket, sender: &Waker) -> Poll<Result<(), T>> {
        let mut state = lock(&self.state);
        let Some(place) = state.place_of(ticket) else { return Poll::Ready(Ok(())) };
        if state.gone || state.ended {
            let refused = state.waiting.remove(place);
            drop(state);
            return refused.map_or(Poll::Ready(Ok(())), |waiting| Poll::Ready(Err(waiting.value)));
        }
        let known = state.waiting.get_mut(place).map(|waiting| &mut waiting.sender);
        let replaced = known
            .filter(|known| !known.will_wake(sender))
            .map(|known| std::mem::replace(known, sender.clone()));
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Gives a value that waits back to its sender; nothing where it is sent.
    pub(super) fn withdraw(&self, ticket: Ticket) -> Option<T> {
        let mut state = lock(&self.state);
        let place = state.place_of(ticket)?;
        let withdrawn = state.waiting.remove(place);
        drop(state);
        withdrawn.map(|waiting| waiting.value)
    }

    /// The next value, nothing after the last one. Without somebody to wake it only looks.
    pub(super) fn poll_receive(&self, receiver: Option<&Waker>) -> Poll<Result<Option<T>, Error>> {
        let mut state = lock(&self.state);
        let (value, sender) = match state.accepted.pop_front() {
            Some(value) => (value, state.promote()),
            None => match state.waiting.pop_front() {
                Some(waiting) => (waiting.value, Some(waiting.sender)),
                None if state.ended => {
                    return Poll::Ready(state.failure.clone().map_or(Ok(None), Err));
                }
                None => {
                    let Some(receiver) = receiver else { return Poll::Pending };
                    let is_known =
                        state.receiver.as_ref().is_some_and(|known| known.will_wake(receiver));
                    if !is_known {
                        let replaced = state.receiver.replace(receiver.clone());
                        drop(state);
                        drop(replaced);
                    }
                    return Poll::Pending;
                }
            },
        };
        drop(state);
        if let Some(sender) = sender {
            sender.wake();
        }
        Poll::Ready(Ok(Some(value)))
    }

    /// Whether the receiver is gone; `sender` is woken once it is.
    pub(super) fn poll_gone(&self, sender: &Waker) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.gone || state.ended {
            return Poll::Ready(());
        }
        if !state.watchers.iter().any(|watcher| watcher.will_wake(sender)) {
            state.watchers.push(sender.clone());
        }
        Poll::Pending
    }

    /// Whether what is sent from now on is refused.
    pub(super) fn is_over(&self) -> bool {
        let state = lock(&self.state);
        state.gone || state.ended
    }

    pub(super) fn add_sender(&self) {
        lock(&self.state).senders += 1;
    }

    pub(super) fn drop_sender(&self) {
        let mut state = lock(&self.state);
        state.senders -= 1;
        if state.senders > 0 {
            return;
        }
        drop(state);
        self.end();
    }

    /// The same, and why: whoever receives hears it after what was accepted.
    pub(super) fn fail(&self, error: Error) {
        let mut state = lock(&self.state);
        if !state.ended {
            state.failure = Some(error);
        }
        drop(state);
        self.end();
    }

    /// No further value is taken, as either end may say. What was accepted is received; what waits goes back to its senders.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        let woken = state.everybody();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// The receiver goes. What was accepted is lost with it; what waits goes back to its senders.
    pub(super) fn leave(&self) {
        let mut state = lock(&self.state);
        state.gone = true;
        let lost = std::mem::take(&mut state.accepted);
        let woken = state.everybody();
        drop(state);
        drop(lost);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl<T> State<T> {
    fn place_of(&self, ticket: Ticket) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }

    /// There is room for the value that waits longest, whose sender is to be woken.
    fn promote(&mut self) -> Option<Waker> {
        let waiting = self.waiting.pop_front()?;
        self.accepted.push_back(waiting.value);
        Some(waiting.sender)
    }

    /// Whoever waits for something.
    fn everybody(&mut self) -> Vec<Waker> {
        let senders = self.waiting.iter().map(|waiting| waiting.sender.clone());
        senders.chain(self.watchers.drain(..)).chain(self.receiver.take()).collect()
    }
}
