//! Who waits for something that many use, in the order in which they came: whoever has to wait keeps his turn, and the others stand behind
//! him. Where nobody waits, that is all that is looked at.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The order of those who wait.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    queue: Mutex<Queue>,
    /// How many are in the queue, for who looks without its lock.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    /// The first one has his turn.
    places: VecDeque<(u64, Waker)>,
    next: u64,
}

/// Who uses it once. Dropped, he leaves his place.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    /// In the queue.
    place: Option<u64>,
}

impl Turns {
    /// Another one who wants it.
    pub(crate) const fn turn(&self) -> Turn<'_> {
        Turn { turns: self, place: None }
    }

    /// Whoever has his turn looks again.
    pub(crate) fn wake(&self) {
        let first = self.queue().first();
        if let Some(first) = first {
            first.wake();
        }
    }

    /// Whether this place is the first one; otherwise it is there, or is made, with that waker.
    fn is_first(&self, place: &mut Option<u64>, waker: &Waker) -> bool {
        if place.is_none() && self.waiting.load(Ordering::SeqCst) == 0 {
            return true;
        }
        self.keep(place, waker)
    }

    /// The place is there, or is made, and waits with that waker; returns whether it is the first one.
    fn keep(&self, place: &mut Option<u64>, waker: &Waker) -> bool {
        let mut queue = self.queue();
        let own = *place.get_or_insert_with(|| queue.enter(waker));
        self.waiting.store(queue.places.len(), Ordering::SeqCst);
        if let Some((_, before)) = queue.places.iter_mut().find(|(number, _)| *number == own) {
            before.clone_from(waker);
        }
        queue.places.front().is_some_and(|(first, _)| *first == own)
    }

    fn leave(&self, place: u64) {
        let mut queue = self.queue();
        let was_first = queue.places.front().is_some_and(|(first, _)| *first == place);
        queue.places.retain(|(number, _)| *number != place);
        self.waiting.store(queue.places.len(), Ordering::SeqCst);
        let next = if was_first { queue.first() } else { None };
        drop(queue);
        if let Some(next) = next {
            next.wake();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn enter(&mut self, waker: &Waker) -> u64 {
        let number = self.next;
        self.next += 1;
        self.places.push_back((number, waker.clone()));
        number
    }

    fn first(&self) -> Option<Waker> {
        self.places.front().map(|(_, waker)| waker.clone())
    }
}

impl Turn<'_> {
    /// Acts once it is his turn, until `action` is ready: then the next one has it.
    pub(crate) fn poll<R>(
        &mut self,
        context: &mut Context<'_>,
        action: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        if !self.turns.is_first(&mut self.place, context.waker()) {
            return Poll::Pending;
        }
        let done = action(context);
        if done.is_pending() {
            if !self.turns.keep(&mut self.place, context.waker()) {
                // Somebody was faster, and what he waits for may know our waker instead of his.
                self.turns.wake();
            }
        } else {
            self.leave();
        }
        done
    }

    /// Ready when it is his turn, which stays so until [`Turn::poll`] is ready or he goes.
    pub(crate) fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.turns.keep(&mut self.place, context.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.turns.leave(place);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use super::*;

    type Log = Mutex<Vec<u32>>;

    /// Takes so many looks each time, and says who it was.
    async fn work((turns, log): &(Turns, Log), who: u32, looks: u32) {
        let mut turn = turns.turn();
        let mut looked = 0;
        poll_fn(|context| {
            turn.poll(context, |context| {
                looked += 1;
                if looked < looks {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                log.lock().unwrap().push(who);
                Poll::Ready(())
            })
        })
        .await;
    }

    #[tokio::test]
    async fn who_waits_is_not_overtaken() {
        let shared = Arc::new((Turns::default(), Log::default()));
        let mut tasks = tokio::task::JoinSet::new();
        for who in 0..3 {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                for _ in 0..10 {
                    work(&shared, who, 3).await;
                }
            });
        }
        tasks.join_all().await;
        let log = std::mem::take(&mut *shared.1.lock().unwrap());
        // Each in turn, once all of them are there.
        assert_eq!(log.len(), 30);
        for round in log[..24].chunks(3) {
            let mut who = round.to_vec();
            who.sort_unstable();
            assert_eq!(who, [0, 1, 2], "{log:?}");
        }
    }

    #[tokio::test]
    async fn who_goes_leaves_his_turn() {
        let shared = Arc::new((Turns::default(), Log::default()));
        let mut first = shared.0.turn();
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.poll(&mut context, |_| Poll::<()>::Pending).is_pending());
        let second = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { work(&shared, 2, 1).await }
        });
        tokio::task::yield_now().await;
        assert!(shared.1.lock().unwrap().is_empty(), "it is the first one's turn");
        drop(first);
        second.await.unwrap();
        assert_eq!(*shared.1.lock().unwrap(), [2]);
        assert_eq!(shared.0.waiting.load(Ordering::SeqCst), 0);
    }
}
