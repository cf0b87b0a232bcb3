//! How far a transfer is: counters that threads write and a renderer reads whenever it likes. Never prints.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Parts (layers, configurations) and notices of one pull, push or copy.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    parts: Vec<Arc<Part>>,
    notices: Vec<String>,
    done: bool,
    changes: u64,
}

/// One thing that is transferred.
#[derive(Debug)]
pub struct Part {
    /// What people know it by: twelve digits of its digest.
    pub name: String,
    /// Its whole digest.
    pub digest: String,
    total: AtomicU64,
    transferred: AtomicU64,
    processed: AtomicU64,
    state: AtomicU8,
}

/// Where a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PartState {
    /// Its turn has not come.
    Waiting,
    /// Bytes come or go; what has come is unpacked beside it.
    Transferring,
    /// All bytes have come, not all are unpacked.
    Unpacking,
    /// It waits for a further try.
    Retrying,
    /// Nothing had to be done.
    Exists,
    /// Another repository of the registry had it.
    Mounted,
    /// Another command brings it.
    Elsewhere,
    /// It is whole.
    Done,
    /// It will not come.
    Failed,
}

const STATES: [PartState; 9] = [
    PartState::Waiting,
    PartState::Transferring,
    PartState::Unpacking,
    PartState::Retrying,
    PartState::Exists,
    PartState::Mounted,
    PartState::Elsewhere,
    PartState::Done,
    PartState::Failed,
];

impl Progress {
    /// Adds a part, which waits.
    pub fn part(&self, digest: &spec::Digest, total: u64) -> Arc<Part> {
        let part = self.add(digest.short().to_owned(), digest.to_string());
        part.set_total(total);
        part
    }

    /// Adds a part that is known by a name alone: what another machine transfers, and tells of.
    pub fn part_called(&self, name: &str) -> Arc<Part> {
        self.add(name.to_owned(), name.to_owned())
    }

    fn add(&self, name: String, digest: String) -> Arc<Part> {
        let part = Arc::new(Part {
            name,
            digest,
            total: AtomicU64::new(0),
            transferred: AtomicU64::new(0),
            processed: AtomicU64::new(0),
            state: AtomicU8::new(PartState::Waiting as u8),
        });
        self.lock().parts.push(Arc::clone(&part));
        self.wake();
        part
    }

    /// Tells something in one line: a retry, a stall.
    pub fn notice(&self, text: impl Into<String>) {
        self.lock().notices.push(text.into());
        self.wake();
    }

    /// Moves a part on.
    pub fn set(&self, part: &Part, state: PartState) {
        part.state.store(state as u8, Ordering::Relaxed);
        self.wake();
    }

    /// Moves a part on, unless it has moved on by itself meanwhile.
    pub fn advance(&self, part: &Part, from: PartState, to: PartState) {
        let (from, to) = (from as u8, to as u8);
        let moved =
            part.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if moved {
            self.wake();
        }
    }

    /// Says that nothing will change any more.
    pub fn finish(&self) {
        self.lock().done = true;
        self.wake();
    }

    /// Forgets all parts: the next image begins. Notices that nobody took stay.
    pub fn begin_again(&self) {
        let mut state = self.lock();
        state.parts.clear();
        state.done = false;
        drop(state);
        self.wake();
    }

    /// Every part so far, in the order of their coming.
    #[must_use]
    pub fn parts(&self) -> Vec<Arc<Part>> {
        self.lock().parts.clone()
    }

    /// Notices since the last call.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().notices)
    }

    /// Waits until a part changes its state, a notice comes or all is done, at most `most`; whether all is done.
    #[must_use]
    pub fn wait(&self, most: Duration) -> bool {
        let state = self.lock();
        let before = state.changes;
        let same = |state: &mut State| state.changes == before && !state.done;
        let waited = self.changed.wait_timeout_while(state, most, same);
        waited.unwrap_or_else(PoisonError::into_inner).0.done
    }

    /// Works while another thread looks: at each change, every `frame`, and once more after the end, so that what it saw last is complete.
    pub fn watched<T>(
        &self,
        frame: Duration,
        mut look: impl FnMut(&[Arc<Part>], Vec<String>) + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        std::thread::scope(|scope| {
            let _finishing = Finishing(self);
            scope.spawn(move || {
                loop {
                    let done = self.wait(frame);
                    look(&self.parts(), self.take_notices());
                    if done {
                        return;
                    }
                }
            });
            work()
        })
    }

    fn wake(&self) {
        self.lock().changes += 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the other thread, whatever becomes of the work.
struct Finishing<'a>(&'a Progress);

impl Drop for Finishing<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Part {
    /// Bytes of the whole; 0 while nobody knows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Bytes that have come or gone.
    #[must_use]
    pub fn transferred(&self) -> u64 {
        self.transferred.load(Ordering::Relaxed)
    }

    /// Of those that came, how many are unpacked.
    #[must_use]
    pub fn processed(&self) -> u64 {
        self.processed.load(Ordering::Relaxed)
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> PartState {
        let known = STATES.get(usize::from(self.state.load(Ordering::Relaxed)));
        known.copied().unwrap_or(PartState::Waiting)
    }

    /// Sets the bytes of the whole.
    pub fn set_total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    /// Sets the bytes that have come or gone.
    pub fn set_transferred(&self, bytes: u64) {
        self.transferred.store(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that have been unpacked.
    pub fn add_processed(&self, bytes: u64) {
        self.processed.fetch_add(bytes, Ordering::Relaxed);
    }
}
