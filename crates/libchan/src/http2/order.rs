//! The peer's channels in the order in which he has opened them: a proxy spreads streams over connections, and what was opened first may come
//! last. Each channel has its place among those of its side, from 1.
//!
//! A place may stay empty, where a proxy refused or lost its stream. Whoever opened it knows and says so (control); what nobody says is waited
//! for as long as a message waits for a stream. Once so many are kept for it that a session may have no more, it is given up, too.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::mux::Arrival;

/// What waits for those before it, and who accepts.
#[derive(Debug)]
pub(super) struct Ordered {
    accepted: mpsc::UnboundedSender<Arrival>,
    /// The place whose turn it is.
    next: u64,
    /// Places after that; without an arrival, such as stay empty.
    early: BTreeMap<u64, Option<Arrival>>,
    /// So many are kept.
    most: usize,
    /// The place that is being waited for.
    awaited: u64,
}

/// What nobody accepts any more. It is dropped, and so reset, where nothing is locked.
pub(super) type Refused = Vec<Arrival>;

impl Ordered {
    pub(super) fn new(accepted: mpsc::UnboundedSender<Arrival>, most: usize) -> Self {
        Self { accepted, next: 1, early: BTreeMap::new(), most, awaited: 0 }
    }

    /// A stream is there. One without a place, as any that a message names, comes at once.
    pub(super) fn arrive(&mut self, place: Option<u64>, arrival: Arrival) -> Refused {
        let mut refused = Refused::new();
        match place {
            Some(place) if place >= self.next && !self.early.contains_key(&place) => {
                self.early.insert(place, Some(arrival));
                self.go_on(&mut refused);
            }
            _ => self.accept(arrival, &mut refused),
        }
        refused
    }

    /// A place stays empty.
    pub(super) fn skip(&mut self, place: u64) -> Refused {
        let mut refused = Refused::new();
        if place >= self.next {
            self.early.entry(place).or_default();
            self.go_on(&mut refused);
        }
        refused
    }

    /// The place that others wait for since now.
    pub(super) fn newly_missing(&mut self) -> Option<u64> {
        let is_new = !self.early.is_empty() && self.awaited != self.next;
        is_new.then(|| {
            self.awaited = self.next;
            self.next
        })
    }

    /// A place was waited for as long as it may.
    pub(super) fn give_up(&mut self, place: u64) -> Refused {
        let mut refused = Refused::new();
        if place == self.next {
            self.accept_all(&mut refused);
        }
        refused
    }

    fn go_on(&mut self, refused: &mut Refused) {
        while let Some(arrival) = self.early.remove(&self.next) {
            self.next = self.next.saturating_add(1);
            arrival.into_iter().for_each(|arrival| self.accept(arrival, refused));
        }
        if self.early.len() > self.most {
            self.accept_all(refused);
        }
    }

    /// All that is there, in its order.
    fn accept_all(&mut self, refused: &mut Refused) {
        for (place, arrival) in std::mem::take(&mut self.early) {
            self.next = place.saturating_add(1);
            arrival.into_iter().for_each(|arrival| self.accept(arrival, refused));
        }
    }

    fn accept(&self, arrival: Arrival, refused: &mut Refused) {
        refused.extend(self.accepted.send(arrival).err().map(|refused| refused.0));
    }
}

impl Drop for Ordered {
    /// None will come any more, and those that are there are not lost.
    fn drop(&mut self) {
        self.accept_all(&mut Refused::new());
    }
}
