//! Which connection fetches what: each layer gets one, then the large ones get further ones for parts of them.
//!
//! Threads ask [`Plan::next`] for work and report with [`Plan::report`]; a layer that failed waits before it is given out again.
//! Never talks to a network.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spec::image::Descriptor;
use store::{Claim, Transfer};

use crate::patience::wait_after;
use crate::{Part, PartState, Progress, RegistryError, TransferLimits};

/// Everything that is to be fetched.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    state: Mutex<State>,
    changed: Condvar,
    limits: TransferLimits,
    progress: &'a Progress,
}

#[derive(Debug, Default)]
struct State {
    jobs: Vec<Job>,
    closed: bool,
}

/// One blob.
#[derive(Debug)]
struct Job {
    layer: usize,
    blob: Descriptor,
    transfer: Arc<Transfer>,
    part: Arc<Part>,
    /// Connections that fetch it now.
    active: usize,
    /// Whether the server knows no ranges: then one connection is all that helps.
    whole_only: bool,
    /// Tries since the last byte.
    failures: u32,
    not_before: Option<Instant>,
    /// Hosts that bytes of it came from.
    sources: Vec<String>,
    error: Option<RegistryError>,
}

/// A piece of work for one connection.
#[derive(Debug)]
pub(super) struct Work {
    job: usize,
    pub(super) blob: Descriptor,
    pub(super) part: Arc<Part>,
    pub(super) claim: Claim,
    /// One past the last byte to ask for; nothing for everything that follows.
    pub(super) to: Option<u64>,
}

/// How a piece of work ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Everything that was wanted has come.
    Done,
    /// The server sends whole blobs only, and another connection fetches this one already.
    WholeOnly,
    /// The connection broke or stalled; whether a byte had come.
    Broke { why: String, moved: bool },
    /// No further try would help.
    Failed(RegistryError),
}

impl<'a> Plan<'a> {
    pub(super) fn new(limits: TransferLimits, progress: &'a Progress) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), limits, progress }
    }

    /// Adds a blob.
    pub(super) fn add(
        &self,
        layer: usize,
        blob: &Descriptor,
        transfer: &Arc<Transfer>,
        part: &Arc<Part>,
    ) {
        self.lock().jobs.push(Job {
            layer,
            blob: blob.clone(),
            transfer: Arc::clone(transfer),
            part: Arc::clone(part),
            active: 0,
            whole_only: false,
            failures: 0,
            not_before: None,
            sources: Vec::new(),
            error: None,
        });
        self.changed.notify_all();
    }

    /// Nothing more is given out, and what is being fetched stops at its next byte.
    pub(super) fn close(&self, why: &str) {
        let mut state = self.lock();
        state.closed = true;
        state.jobs.iter().for_each(|job| job.transfer.stop(why));
        drop(state);
        self.changed.notify_all();
    }

    /// Waits, at most `most`; whether the plan has been closed.
    pub(super) fn pause(&self, most: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), most, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Says which host bytes of a piece of work come from.
    pub(super) fn note_source(&self, work: &Work, source: &str) {
        if let Some(job) = self.lock().jobs.get_mut(work.job)
            && !job.sources.iter().any(|known| known == source)
        {
            job.sources.push(source.to_owned());
        }
    }

    /// A layer is not asked for any more: why it did not come, and who gave what came of it.
    pub(super) fn take_back(&self, layer: usize) -> (Option<RegistryError>, Vec<String>) {
        let mut state = self.lock();
        match state.jobs.iter_mut().rev().find(|job| job.layer == layer) {
            Some(job) => {
                job.transfer.stop("nobody reads it any more");
                (job.error.take(), std::mem::take(&mut job.sources))
            }
            None => (None, Vec::new()),
        }
    }

    /// The next piece of work; waits for one, and gives nothing once the plan is closed.
    pub(super) fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let now = Instant::now();
            if let Some(work) = state.pick(now) {
                drop(state);
                self.progress.set(&work.part, PartState::Transferring);
                return Some(work);
            }
            // Who waits no more and was not picked has nothing to give.
            let waits = state.jobs.iter().filter_map(|job| job.not_before);
            let wakes = waits.filter(|at| *at > now).min();
            state = match wakes.map(|at| at.saturating_duration_since(now)) {
                Some(wait) => self.wait(state, wait.max(Duration::from_millis(1))),
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State>, most: Duration) -> MutexGuard<'g, State> {
        self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Says how a piece of work ended; its claim is given up.
    pub(super) fn report(&self, work: Work, outcome: Outcome) {
        let Work { job: number, claim, .. } = work;
        drop(claim);
        let mut state = self.lock();
        let tries = self.limits.tries;
        let is_closed = state.closed;
        let Some(job) = state.jobs.get_mut(number) else { return };
        job.active -= 1;
        match outcome {
            Outcome::Done => {
                job.failures = 0;
                if job.transfer.filled() == job.transfer.size() {
                    let (from, to) = (PartState::Transferring, PartState::Unpacking);
                    self.progress.advance(&job.part, from, to);
                }
            }
            Outcome::WholeOnly => job.whole_only = true,
            // Nobody goes on with it: its connection was ended.
            Outcome::Broke { .. } if is_closed => {}
            Outcome::Broke { why, moved } => {
                job.failures = if moved { 1 } else { job.failures + 1 };
                let name = &job.part.name;
                if job.failures >= tries {
                    let what = format!("fetch layer {name}");
                    let why = format!("{why} ({tries} tries without a byte)");
                    job.fail(RegistryError::Broken { what, why });
                    self.progress.set(&job.part, PartState::Failed);
                } else {
                    let wait = wait_after(job.failures, None, &self.limits);
                    job.not_before = Some(Instant::now() + wait);
                    let there = job.transfer.filled();
                    let words = format!("layer {name}: {why}; goes on at byte {there}");
                    self.progress.notice(words);
                    self.progress.set(&job.part, PartState::Retrying);
                }
            }
            Outcome::Failed(error) => {
                job.fail(error);
                self.progress.set(&job.part, PartState::Failed);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The blob with the fewest connections that can use one more.
    fn pick(&mut self, now: Instant) -> Option<Work> {
        let mut order: Vec<usize> = (0..self.jobs.len()).collect();
        order.sort_by_key(|number| self.jobs[*number].active);
        order.into_iter().find_map(|number| self.jobs[number].take(number, now))
    }
}

impl Job {
    fn take(&mut self, number: usize, now: Instant) -> Option<Work> {
        if self.error.is_some() || (self.active > 0 && self.whole_only) {
            return None;
        }
        if self.not_before.is_some_and(|at| at > now) {
            return None;
        }
        let claim = self.transfer.claim()?;
        self.not_before = None;
        // Who is alone asks for all that follows; who shares, for the chunk, so that the connection can be used again.
        let is_shared = self.active > 0;
        self.active += 1;
        let to = is_shared.then(|| claim.end());
        let (blob, part) = (self.blob.clone(), Arc::clone(&self.part));
        Some(Work { job: number, blob, part, claim, to })
    }

    fn fail(&mut self, error: RegistryError) {
        self.transfer.stop(&error.to_string());
        self.error.get_or_insert(error);
    }
}
