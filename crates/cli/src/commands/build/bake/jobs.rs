//! Builds in the order of their links, those that need nothing of each other beside each other. Start at [`run`].
//!
//! A build that has links is given what these became. The first that fails ends the others. Nothing here knows what a build is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How all went.
#[derive(Debug)]
pub(super) struct Ended<T, E> {
    /// What they became, by their places.
    pub(super) done: Vec<Option<T>>,
    /// The one that failed first, and why.
    pub(super) failure: Option<(usize, E)>,
}

/// Runs a build for each list of `links`, which are the places of those that come before it; at most `most` at once. `build` is called with
/// the place, and what the links became, from several threads; `stop` when one fails: it makes the others end.
pub(super) fn run<T: Clone + Send, E: Send>(
    links: &[Vec<usize>],
    most: usize,
    build: impl Fn(usize, Vec<T>) -> Result<T, E> + Sync,
    stop: impl Fn() + Sync,
) -> Ended<T, E> {
    let stands = links.iter().map(|_| Stand::Waiting).collect();
    let table = Table {
        links,
        builds: Mutex::new(Builds { stands, failure: None }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 0..most.clamp(1, links.len().max(1)) {
            scope.spawn(|| {
                while let Some((place, linked)) = table.next() {
                    if !table.end(place, build(place, linked)) {
                        stop();
                    }
                }
            });
        }
    });
    let builds = table.builds.into_inner().unwrap_or_else(PoisonError::into_inner);
    let done = |stand| if let Stand::Done(done) = stand { Some(done) } else { None };
    Ended { done: builds.stands.into_iter().map(done).collect(), failure: builds.failure }
}

struct Table<'a, T, E> {
    links: &'a [Vec<usize>],
    builds: Mutex<Builds<T, E>>,
    changed: Condvar,
}

struct Builds<T, E> {
    stands: Vec<Stand<T>>,
    failure: Option<(usize, E)>,
}

/// Where a build stands.
enum Stand<T> {
    Waiting,
    Running,
    Done(T),
    Failed,
}

impl<T: Clone, E> Table<'_, T, E> {
    /// The next build that waits for none, with what its links became; nothing when there will be none.
    fn next(&self) -> Option<(usize, Vec<T>)> {
        let mut builds = self.lock();
        loop {
            if builds.failure.is_some() {
                return None;
            }
            let waiting = builds.stands.iter().zip(self.links).enumerate();
            let waiting = waiting.filter(|(_, (stand, _))| matches!(stand, Stand::Waiting));
            let mut waiting = waiting.map(|(place, (_, links))| (place, links)).peekable();
            let is_any = waiting.peek().is_some();
            let ready = waiting.find_map(|(place, links)| Some((place, builds.of(links)?)));
            if let Some((place, linked)) = ready {
                builds.stands.get_mut(place).map(|stand| *stand = Stand::Running)?;
                return Some((place, linked));
            }
            let runs = builds.stands.iter().any(|stand| matches!(stand, Stand::Running));
            // Those that wait for each other would wait for ever.
            if !is_any || !runs {
                return None;
            }
            builds = self.changed.wait(builds).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes down how a build ended; whether it is well.
    fn end(&self, place: usize, ended: Result<T, E>) -> bool {
        let mut builds = self.lock();
        let is_well = ended.is_ok();
        let stand = match ended {
            Ok(done) => Stand::Done(done),
            Err(error) => {
                // Those that were stopped after it say nothing.
                builds.failure.get_or_insert((place, error));
                Stand::Failed
            }
        };
        if let Some(old) = builds.stands.get_mut(place) {
            *old = stand;
        }
        self.changed.notify_all();
        is_well
    }

    fn lock(&self) -> MutexGuard<'_, Builds<T, E>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone, E> Builds<T, E> {
    /// What builds became; nothing where one is not done.
    fn of(&self, places: &[usize]) -> Option<Vec<T>> {
        let of = |place: &usize| match self.stands.get(*place)? {
            Stand::Done(done) => Some(done.clone()),
            Stand::Waiting | Stand::Running | Stand::Failed => None,
        };
        places.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn those_that_need_nothing_of_each_other_run_beside_each_other() {
        let both = Barrier::new(2);
        let build = |place, _linked| {
            both.wait();
            Ok::<usize, ()>(place)
        };
        let ended = run(&[vec![], vec![]], 2, build, || {});
        assert_eq!((ended.done, ended.failure), (vec![Some(0), Some(1)], None));
    }

    #[test]
    fn links_come_first() {
        let order = Mutex::new(Vec::new());
        let build = |place, linked| {
            order.lock().unwrap().push((place, linked));
            Ok::<usize, ()>(place * 10)
        };
        let ended = run(&[vec![1, 2], vec![2], vec![]], 8, build, || {});
        assert_eq!(*order.lock().unwrap(), [(2, vec![]), (1, vec![20]), (0, vec![10, 20])]);
        assert!(ended.failure.is_none());
    }

    #[test]
    fn the_first_that_fails_ends_the_others() {
        let (begun, stops) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::SeqCst);
        let build = |_, _linked: Vec<()>| {
            count(&begun);
            Err("it cannot be")
        };
        let ended = run(&[vec![], vec![0], vec![]], 1, build, || {
            count(&stops);
        });
        assert_eq!((begun.into_inner(), stops.into_inner()), (1, 1));
        assert_eq!((ended.done, ended.failure), (vec![None; 3], Some((0, "it cannot be"))));
    }

    #[test]
    fn a_circle_ends() {
        let ended = run(&[vec![1], vec![0]], 2, |place, _| Ok::<usize, ()>(place), || {});
        assert_eq!(ended.done, [None, None]);
    }
}
