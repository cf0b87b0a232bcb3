//! Wakers that are to be called once the lock on the session is released: what they wake, and what dropping them drops, may want it.
//! Never calls one under the lock.

use std::mem;
use std::task::{Context, Waker};

/// A list that mostly has one element.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakes {
    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            Some(waker) => self.more.push(waker),
            None => {}
        }
    }

    /// Remembers in `place` whom to wake; who was there before is woken, which it may ignore.
    pub(crate) fn register(&mut self, place: &mut Option<Waker>, context: &Context<'_>) {
        if place.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
            let before = place.replace(context.waker().clone());
            self.push(before);
        }
    }

    pub(crate) fn take(&mut self) -> Self {
        mem::take(self)
    }

    pub(crate) fn wake(self) {
        self.first.into_iter().chain(self.more).for_each(Waker::wake);
    }
}
