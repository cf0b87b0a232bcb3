//! Answers of other name servers, for as long as they hold.
//!
//! Kept by question and by the servers that were asked: who brings a server of its own hears that one alone. What was not asked for
//! longest goes first. Sources: RFC 2181 5.2, 8; RFC 2308 5.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::resolver::message::{Asked, Relayed, Wishes};

/// Bytes of all of it.
const BUDGET: usize = 1 << 20;
/// Bytes of one answer; larger ones are asked for each time.
const LARGEST: usize = 8 << 10;
/// What an answer costs beside its own bytes and twice the question's.
const OVERHEAD: usize = 320;
/// Nothing is believed for longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(3600);

/// Whose answer to which question.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    servers: u64,
    wishes: Wishes,
    question: Box<[u8]>,
}

#[derive(Debug)]
struct Entry {
    answer: Rc<Relayed>,
    since: Instant,
    until: Instant,
    /// Its place in the order of use.
    used: u64,
}

/// What was answered.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: HashMap<Rc<Key>, Entry>,
    order: BTreeMap<u64, Rc<Key>>,
    next: u64,
    bytes: usize,
}

impl Key {
    pub(crate) fn of(asked: &Asked, servers: u64) -> Self {
        Self { servers, wishes: asked.wishes, question: asked.key() }
    }
}

impl Cache {
    /// An answer that still holds, and its age in seconds.
    pub(crate) fn get(&mut self, key: &Key, now: Instant) -> Option<(Rc<Relayed>, u32)> {
        let entry = self.entries.get_mut(key)?;
        if entry.until <= now {
            self.remove(key);
            return None;
        }
        if let Some(key) = self.order.remove(&entry.used) {
            entry.used = self.next;
            self.order.insert(self.next, key);
            self.next += 1;
        }
        let age = now.saturating_duration_since(entry.since).as_secs();
        Some((Rc::clone(&entry.answer), u32::try_from(age).unwrap_or(u32::MAX)))
    }

    /// Keeps an answer, if it may be kept.
    pub(crate) fn put(&mut self, key: Key, answer: &Rc<Relayed>, now: Instant) {
        if answer.lifetime_seconds == 0 || answer.bytes.len() > LARGEST {
            return;
        }
        self.remove(&key);
        self.bytes += cost(&key, answer);
        while self.bytes > BUDGET {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = Rc::clone(oldest);
            self.remove(&oldest);
        }
        let lifetime = Duration::from_secs(answer.lifetime_seconds.into()).min(LONGEST);
        let (since, until, used) = (now, now + lifetime, self.next);
        self.next += 1;
        let key = Rc::new(key);
        self.order.insert(used, Rc::clone(&key));
        self.entries.insert(key, Entry { answer: Rc::clone(answer), since, until, used });
    }

    fn remove(&mut self, key: &Key) {
        let Some((key, entry)) = self.entries.remove_entry(key) else { return };
        self.order.remove(&entry.used);
        self.bytes -= cost(&key, &entry.answer);
    }
}

fn cost(key: &Key, answer: &Relayed) -> usize {
    OVERHEAD + key.question.len() + answer.bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(servers: u64, question: usize) -> Key {
        let query = crate::resolver::message::tests::question(&format!("name{question}.example."));
        Key::of(&Asked::read(&query).unwrap(), servers)
    }

    fn answer(lifetime_seconds: u32, length: usize) -> Rc<Relayed> {
        Rc::new(Relayed::of(vec![0; length], lifetime_seconds))
    }

    #[test]
    fn answers_hold_as_long_as_they_say() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.put(key(1, 1), &answer(10, 50), now);
        cache.put(key(1, 2), &answer(0, 50), now);
        let later = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(cache.get(&key(1, 1), later(9)).unwrap().1, 9);
        assert!(cache.get(&key(2, 1), later(9)).is_none(), "another server's answer");
        assert!(cache.get(&key(1, 2), now).is_none());
        assert!(cache.get(&key(1, 1), later(10)).is_none());
        assert_eq!((cache.bytes, cache.order.len(), cache.entries.len()), (0, 0, 0));
    }

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.put(key(1, 0), &answer(10, 4096), now);
        cache.put(key(1, 1), &answer(10, 4096), now);
        for number in 2..2000 {
            assert!(cache.get(&key(1, 0), now).is_some());
            cache.put(key(1, number), &answer(10, 4096), now);
            assert!(cache.bytes <= BUDGET);
        }
        assert!(cache.get(&key(1, 1), now).is_none());
        assert!(cache.entries.len() > 200 && cache.entries.len() == cache.order.len());
    }
}
