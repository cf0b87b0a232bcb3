//! Something that many use in turn, each for as long as it takes him: whoever has to wait for it keeps his turn, and the others stand
//! behind him in the order in which they came. Where nobody waits, taking it costs one lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What is used in turn.
#[derive(Debug, Default)]
pub(crate) struct Turns<T> {
    value: Mutex<T>,
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
pub(crate) struct Turn<'a, T> {
    turns: &'a Turns<T>,
    /// In the queue.
    place: Option<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Turns<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), queue: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Another one who wants it.
    pub(crate) const fn turn(&self) -> Turn<'_, T> {
        Turn { turns: self, place: None }
    }

    /// Uses it at once, unless somebody uses it or waits in his turn.
    pub(crate) fn try_with(&self, action: impl FnOnce(&mut T)) {
        if self.waiting.load(Ordering::SeqCst) == 0
            && let Ok(mut value) = self.value.try_lock()
        {
            action(&mut value);
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this place is the first one; otherwise it is there, or is made, with that waker.
    fn is_first(&self, place: &mut Option<u64>, waker: &Waker) -> bool {
        if place.is_none() && self.waiting.load(Ordering::SeqCst) == 0 {
            return true;
        }
        let mut queue = lock(&self.queue);
        let own = *place.get_or_insert_with(|| queue.enter(waker));
        self.waiting.store(queue.places.len(), Ordering::SeqCst);
        if queue.places.front().is_some_and(|(first, _)| *first == own) {
            return true;
        }
        if let Some((_, before)) = queue.places.iter_mut().find(|(number, _)| *number == own) {
            before.clone_from(waker);
        }
        false
    }

    /// Keeps the turn of who has to wait.
    fn keep(&self, place: &mut Option<u64>, waker: &Waker) {
        if place.is_none() {
            let mut queue = lock(&self.queue);
            *place = Some(queue.enter(waker));
            self.waiting.store(queue.places.len(), Ordering::SeqCst);
        }
    }

    fn leave(&self, place: u64) {
        let mut queue = lock(&self.queue);
        let was_first = queue.places.front().is_some_and(|(first, _)| *first == place);
        queue.places.retain(|(number, _)| *number != place);
        self.waiting.store(queue.places.len(), Ordering::SeqCst);
        let next = queue.places.front().filter(|_| was_first).map(|(_, waker)| waker.clone());
        drop(queue);
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl Queue {
    fn enter(&mut self, waker: &Waker) -> u64 {
        let number = self.next;
        self.next += 1;
        self.places.push_back((number, waker.clone()));
        number
    }
}

impl<T> Turn<'_, T> {
    /// Uses it once it is his turn, until `action` is ready: then the next one has it.
    pub(crate) fn poll<R>(
        &mut self,
        context: &mut Context<'_>,
        action: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        if !self.turns.is_first(&mut self.place, context.waker()) {
            return Poll::Pending;
        }
        // For as long as a look takes: nobody waits under this lock.
        let mut value = lock(&self.turns.value);
        let done = action(&mut value, context);
        if done.is_pending() {
            self.turns.keep(&mut self.place, context.waker());
            return Poll::Pending;
        }
        drop(value);
        self.leave();
        done
    }

    /// Ready when it is his turn, which stays so until [`Turn::poll`] is ready or he goes.
    pub(crate) fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.turns.keep(&mut self.place, context.waker());
        if self.turns.is_first(&mut self.place, context.waker()) {
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

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use super::*;

    /// Takes so many looks each time, and says who it was.
    async fn work(turns: &Turns<Vec<u32>>, who: u32, looks: u32) {
        let mut turn = turns.turn();
        let mut looked = 0;
        poll_fn(|context| {
            turn.poll(context, |log, context| {
                looked += 1;
                if looked < looks {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                log.push(who);
                Poll::Ready(())
            })
        })
        .await;
    }

    #[tokio::test]
    async fn who_waits_is_not_overtaken() {
        let turns = Arc::new(Turns::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for who in 0..3 {
            let turns = Arc::clone(&turns);
            tasks.spawn(async move {
                for _ in 0..10 {
                    work(&turns, who, 3).await;
                }
            });
        }
        tasks.join_all().await;
        let log = std::mem::take(&mut *lock(&turns.value));
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
        let turns = Arc::new(Turns::new(Vec::new()));
        let mut first = turns.turn();
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.poll(&mut context, |_, _| Poll::<()>::Pending).is_pending());
        let second = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { work(&turns, 2, 1).await }
        });
        tokio::task::yield_now().await;
        turns.try_with(|log| log.push(0));
        assert!(lock(&turns.value).is_empty(), "it is the first one's turn");
        drop(first);
        second.await.unwrap();
        turns.try_with(|log| log.push(3));
        assert_eq!(*lock(&turns.value), [2, 3]);
        assert_eq!(turns.waiting.load(Ordering::SeqCst), 0);
    }
}
