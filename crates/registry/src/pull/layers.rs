//! All missing layers at once: connections fill transfers, threads unpack what has come, and each layer becomes visible as soon as
//! it is whole.
//!
//! The store is used by this thread alone; the others get files and places. Start at [`bring`].

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

use spec::Digest;
use spec::image::Descriptor;
use store::{Begun, Busy, ExpectedLayer, Incoming, LayerPlace, Store, Transfer, UnpackedLayer};

use super::plan::Plan;
use super::{Pull, full, worker};
use crate::{Part, PartState, Progress, RegistryError, Repository};

/// How often another command's transfer is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A layer that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The blob that it comes as.
    pub(super) blob: Descriptor,
    /// What it must turn out to be.
    pub(super) diff_id: Digest,
    /// How far it is.
    pub(super) part: Arc<Part>,
}

/// What other threads tell.
enum Event {
    /// A layer was unpacked, or not.
    Unpacked(usize, Result<UnpackedLayer, store::StoreError>),
    /// The command that fetched a layer is done with it, or gone.
    Released(usize),
}

/// A transfer whose bytes are to be unpacked as they come.
struct Job {
    layer: usize,
    transfer: Arc<Transfer>,
    place: LayerPlace,
    expected: ExpectedLayer,
    part: Arc<Part>,
}

/// Brings every layer that is not here.
///
/// # Errors
/// The first failure; the other layers keep what has come of them.
pub(super) fn bring(
    pull: Pull<'_>,
    incoming: &mut Incoming<'_>,
    wanted: &[Wanted],
) -> Result<(), RegistryError> {
    let Pull { store, progress, .. } = pull;
    let repository = &pull.resolution.repository;
    let mut missing = Vec::new();
    for layer in wanted {
        if incoming.has(&layer.diff_id)? {
            progress.set(&layer.part, PartState::Exists);
            store.transfers().discard(&layer.blob.digest)?;
        } else {
            missing.push(layer);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    // The largest first: what is begun last should not be what takes longest.
    missing.sort_by_key(|layer| std::cmp::Reverse(layer.blob.size));
    let what = format!("pull {}", repository.name());
    full::refuse_hopeless(store, &what, &missing)?;
    let plan = Plan::new(repository.limits(), progress);
    let queue = Queue::default();
    let (sender, events) = channel();
    let parallel = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let _closing = Closing { plan: &plan, queue: &queue };
        for _ in 0..pull.connections.max(1) {
            scope.spawn(|| worker::work(&plan, repository));
        }
        for _ in 0..(2 * parallel).min(missing.len()) {
            let sender = sender.clone();
            let queue = &queue;
            scope.spawn(move || unpack(queue, &sender));
        }
        let mut brigade = Brigade {
            store,
            incoming,
            missing: &missing,
            progress,
            plan: &plan,
            repository,
            queue: &queue,
            now_ns: pull.now_ns,
            sender,
            transfers: missing.iter().map(|_| None).collect(),
            restarted: vec![false; missing.len()],
            published: Vec::new(),
            abandoned: Vec::new(),
            open: 0,
            failure: None,
        };
        brigade.run(scope, &events);
        brigade.end(&what)
    })
}

/// Ends the threads, whatever happens.
struct Closing<'a> {
    plan: &'a Plan<'a>,
    queue: &'a Queue,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.plan.close("the pull has ended");
        self.queue.close();
    }
}

/// What the main thread knows of the layers that come.
struct Brigade<'a, 'i> {
    store: &'a Store,
    incoming: &'a mut Incoming<'i>,
    missing: &'a [&'a Wanted],
    progress: &'a Progress,
    plan: &'a Plan<'a>,
    repository: &'a Repository,
    queue: &'a Queue,
    now_ns: i64,
    sender: Sender<Event>,
    transfers: Vec<Option<Arc<Transfer>>>,
    /// Whether a layer was begun anew, because what an earlier command had brought of it was not true.
    restarted: Vec<bool>,
    published: Vec<Digest>,
    /// What was begun and has failed; held until the end, when it may have to be removed.
    abandoned: Vec<Arc<Transfer>>,
    /// Layers whose end nobody has told yet.
    open: usize,
    failure: Option<RegistryError>,
}

impl<'a> Brigade<'a, '_> {
    fn run<'scope>(&mut self, scope: &'scope Scope<'scope, 'a>, events: &Receiver<Event>)
    where
        'a: 'scope,
    {
        for layer in 0..self.missing.len() {
            if let Err(error) = self.begin(scope, layer) {
                self.fail(error);
            }
        }
        while self.open > 0 {
            // This thread has a sender: there is always one.
            let Ok(event) = events.recv() else { return };
            self.open -= 1;
            let outcome = match event {
                Event::Unpacked(layer, Ok(unpacked)) => self.publish(layer, unpacked),
                Event::Unpacked(layer, Err(error)) => self.again(scope, layer, error),
                Event::Released(_) if self.failure.is_some() => Ok(()),
                Event::Released(layer) => self.begin(scope, layer),
            };
            if let Err(error) = outcome {
                self.fail(error);
            }
        }
    }

    /// Begins with a layer, unless it has come meanwhile.
    fn begin<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, 'a>,
        layer: usize,
    ) -> Result<(), RegistryError>
    where
        'a: 'scope,
    {
        let wanted = self.missing[layer];
        if self.failure.is_some() {
            return Ok(());
        }
        match self.store.transfers().begin(&wanted.blob.digest, wanted.blob.size)? {
            Begun::Ours(transfer) => {
                // Whoever had it may just have finished.
                if self.incoming.has(&wanted.diff_id)? {
                    self.progress.set(&wanted.part, PartState::Exists);
                    return Ok(transfer.remove()?);
                }
                self.start(layer, transfer);
            }
            Begun::Busy(busy) => {
                self.progress.set(&wanted.part, PartState::Elsewhere);
                let (plan, sender) = (self.plan, self.sender.clone());
                self.open += 1;
                scope.spawn(move || {
                    wait_for(busy, plan);
                    let _nobody_waits = sender.send(Event::Released(layer));
                });
            }
        }
        Ok(())
    }

    fn start(&mut self, layer: usize, transfer: Arc<Transfer>) {
        let Wanted { blob, diff_id, part } = self.missing[layer];
        part.set_transferred(transfer.filled());
        self.plan.add(layer, blob, &transfer, part);
        let expected = ExpectedLayer { blob: blob.digest.clone(), diff_id: diff_id.clone() };
        let (place, part) = (self.incoming.place(), Arc::clone(part));
        self.transfers[layer] = Some(Arc::clone(&transfer));
        self.queue.push(Job { layer, transfer, place, expected, part });
        self.open += 1;
    }

    fn publish(&mut self, layer: usize, unpacked: UnpackedLayer) -> Result<(), RegistryError> {
        let wanted = self.missing[layer];
        self.incoming.publish(unpacked, self.now_ns)?;
        self.published.push(wanted.diff_id.clone());
        self.progress.set(&wanted.part, PartState::Done);
        // Its lock goes with it, after the layer can be seen: who waits for it finds one of both.
        match self.transfers[layer].take() {
            Some(transfer) => Ok(transfer.remove()?),
            None => Ok(()),
        }
    }

    /// A layer that was not unpacked: once more from its first byte where an earlier command had brought a part of it, which a
    /// power cut may have changed; or from somebody else where a mirror gave what it should not.
    fn again<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, 'a>,
        layer: usize,
        error: store::StoreError,
    ) -> Result<(), RegistryError>
    where
        'a: 'scope,
    {
        let (refused, sources) = self.plan.take_back(layer);
        let part = &self.missing[layer].part;
        let transfer = self.transfers[layer].take();
        let is_damaged = refused.is_none() && error.kind() == store::Kind::Invalid;
        match transfer {
            Some(transfer) if self.failure.is_none() && is_damaged => {
                transfer.remove()?;
                let resumed = transfer.resumed() > 0 && !self.restarted[layer];
                self.restarted[layer] |= resumed;
                let mirrors = sources.iter().filter(|source| self.repository.distrust(source));
                let distrusted = mirrors.count() > 0;
                drop(transfer);
                if resumed || distrusted {
                    let words = format!("layer {}: {}", part.name, chain(&error));
                    self.progress.notice(format!("{words}; it is fetched anew"));
                    return self.begin(scope, layer);
                }
            }
            Some(transfer) => self.abandoned.push(transfer),
            None => {}
        }
        self.progress.set(part, PartState::Failed);
        Err(refused.unwrap_or(RegistryError::Store(error)))
    }

    /// The first failure counts; the others are what follows from it.
    fn fail(&mut self, error: RegistryError) {
        self.plan.close("another layer has failed");
        self.repository.stop();
        self.failure.get_or_insert(error);
    }

    fn end(&mut self, what: &str) -> Result<(), RegistryError> {
        let Some(error) = self.failure.take() else { return Ok(()) };
        if error.kind() != crate::Kind::Full {
            return Err(error);
        }
        let needed = self.missing.iter().map(|layer| layer.blob.size).sum();
        let told = full::became_full(self.store, what, needed);
        for transfer in self.transfers.iter().flatten().chain(&self.abandoned) {
            let _kept = transfer.remove();
        }
        full::give_back(self.incoming, &self.published);
        Err(told)
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// Waits until another command is done with a transfer, or is gone, or nobody waits any more.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is locked is let go here, before anybody is told"
)]
fn wait_for(busy: Busy, plan: &Plan<'_>) {
    while !busy.is_released().unwrap_or(true) {
        if plan.pause(BETWEEN_LOOKS) {
            return;
        }
    }
}

/// One unpacking thread.
fn unpack(queue: &Queue, sender: &Sender<Event>) {
    while let Some(Job { layer, transfer, place, expected, part }) = queue.pop() {
        let reader = Counted { reader: transfer.reader(), part: &part };
        let unpacked = place.unpack(reader, &expected);
        let _nobody_waits = sender.send(Event::Unpacked(layer, unpacked));
    }
}

/// Counts what is unpacked.
struct Counted<'a, R> {
    reader: R,
    part: &'a Part,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.part.add_processed(count as u64);
        Ok(count)
    }
}

/// Transfers that wait for a thread.
#[derive(Default)]
struct Queue {
    state: Mutex<(VecDeque<Job>, bool)>,
    changed: Condvar,
}

impl Queue {
    fn push(&self, job: Job) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.push_back(job);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.changed.notify_all();
    }

    /// The next one; waits for it, and gives nothing once the queue is closed and empty.
    fn pop(&self) -> Option<Job> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |state: &mut (VecDeque<Job>, bool)| state.0.is_empty() && !state.1;
        let waited = self.changed.wait_while(state, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}
