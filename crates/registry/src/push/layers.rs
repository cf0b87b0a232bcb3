//! An image's layers to a registry, at the same time: each is looked for, asked for across repositories, and sent at last.
//!
//! ```text
//! HEAD of each blob that it is known as ── there ──▶ Exists
//!        │ not there
//! POST ?mount=…&from=… (same registry)  ── taken over ──▶ Mounted
//!        │ 202: an upload was begun instead
//! the journal's upload, or that one, or a new one ── sent ──▶ Done
//! ```
//! A connection to the database belongs to one thread: each that sends opens the store for itself. Start at [`bring`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use spec::Digest;
use spec::image::Descriptor;
use store::compression::Compression;
use store::{Journal, LayerBlob, Paths, Sending, Store};

use super::gate::Gate;
use super::stream::{self, Outcome};
use super::{Push, manifest};
use crate::patience::wait_after;
use crate::{Form, Mount, Part, PartState, Progress, RegistryError, Repository, Upload};

/// Layers that are looked for at once.
const MOST_THREADS: usize = 8;
/// Layers that are sent at once: more would share the same line.
const MOST_UPLOADS: usize = 3;
/// Each one that is refused leaves an upload behind, which the registry has to clear away.
const MOST_MOUNTS: usize = 2;
/// How often another command's upload is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// A layer that is to be there.
#[derive(Debug)]
pub(super) struct Layer {
    /// Which.
    pub(super) diff_id: Digest,
    /// Blobs that it may be there as, the best first.
    pub(super) blobs: Vec<LayerBlob>,
    /// How far it is.
    pub(super) part: Arc<Part>,
}

/// What the threads share.
struct Brigade<'a> {
    paths: &'a Paths,
    repository: &'a Repository,
    /// Of the reference: repositories of the same registry begin with it.
    domain: &'a str,
    form: Form,
    now_ns: i64,
    progress: &'a Progress,
    gate: Gate,
    next: AtomicUsize,
    found: Mutex<Vec<Option<Descriptor>>>,
    failure: Mutex<Option<RegistryError>>,
}

/// Sees to it that the repository has every layer; gives the blobs, in the same order.
///
/// # Errors
/// The first failure; the other layers end at their next chunk, and go on there with the next push.
pub(super) fn bring(
    push: Push<'_>,
    repository: &Repository,
    layers: &[Layer],
) -> Result<Vec<Descriptor>, RegistryError> {
    let brigade = Brigade {
        paths: push.store.paths(),
        repository,
        domain: push.reference.domain(),
        form: push.form,
        now_ns: push.now_ns,
        progress: push.progress,
        gate: Gate::new(MOST_UPLOADS),
        next: AtomicUsize::new(0),
        found: Mutex::new(vec![None; layers.len()]),
        failure: Mutex::new(None),
    };
    thread::scope(|scope| {
        for _ in 0..layers.len().min(MOST_THREADS) {
            scope.spawn(|| brigade.work(layers));
        }
    });
    let failure = brigade.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    let found = brigade.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or_else(|| Ok(found.into_iter().flatten().collect()), Err)
}

impl Brigade<'_> {
    /// One thread.
    fn work(&self, layers: &[Layer]) {
        while !self.gate.is_stopped() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(layer) = layers.get(number) else { return };
            match self.bring(layer) {
                Ok(blob) => {
                    let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                    found[number] = Some(blob);
                }
                Err(error) => {
                    self.progress.set(&layer.part, PartState::Failed);
                    // The first failure counts; the others are what follows from it.
                    let failure = self.failure.lock();
                    failure.unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    self.gate.stop();
                }
            }
        }
    }

    fn bring(&self, layer: &Layer) -> Result<Descriptor, RegistryError> {
        if let Some(blob) = self.find(&layer.blobs)? {
            self.progress.set(&layer.part, PartState::Exists);
            return Ok(blob);
        }
        let mut begun = None;
        for blob in self.elsewhere(&layer.blobs).take(MOST_MOUNTS) {
            let from = blob.repository[self.domain.len() + 1..].to_owned();
            match self.repository.mount_blob(&blob.descriptor.digest, &from)? {
                Mount::Done => {
                    self.progress.set(&layer.part, PartState::Mounted);
                    return Ok(blob.descriptor.clone());
                }
                Mount::Upload(upload) => begun = Some(upload),
            }
        }
        let Some(_turn) = self.gate.enter() else { return Err(stopped(layer)) };
        self.send(layer, begun)
    }

    /// The first of the blobs that the repository has.
    fn find(&self, blobs: &[LayerBlob]) -> Result<Option<Descriptor>, RegistryError> {
        let mut asked: Vec<&Digest> = Vec::new();
        for LayerBlob { descriptor, .. } in blobs {
            if asked.contains(&&descriptor.digest) {
                continue;
            }
            asked.push(&descriptor.digest);
            if self.repository.has_blob(&descriptor.digest)? == Some(descriptor.size) {
                return Ok(Some(descriptor.clone()));
            }
        }
        Ok(None)
    }

    /// Blobs that other repositories of the same registry had.
    fn elsewhere<'b>(&self, blobs: &'b [LayerBlob]) -> impl Iterator<Item = &'b LayerBlob> {
        let is_here = |blob: &&LayerBlob| {
            let path = blob.repository.strip_prefix(self.domain);
            path.is_some_and(|path| path.starts_with('/'))
                && blob.repository != self.repository.name()
        };
        blobs.iter().filter(is_here)
    }

    /// Sends a layer, unless another command has done so when its turn comes.
    fn send(&self, layer: &Layer, begun: Option<Upload>) -> Result<Descriptor, RegistryError> {
        let store = Store::open(self.paths.clone())?;
        let (mut journal, waited) = self.journal(&store, layer)?;
        if waited {
            let mut blobs = store.images().layer_blobs(&layer.diff_id)?;
            blobs.retain(|blob| self.form.takes(&blob.descriptor));
            if let Some(blob) = self.find(&blobs)? {
                self.progress.set(&layer.part, PartState::Exists);
                return Ok(blob);
            }
        }
        let size = store.images().layer_archive(&layer.diff_id)?.size();
        layer.part.set_total(size);
        // What is not compressed has the layer's own digest.
        let is_plain = self.form.compress.method() == Compression::Plain;
        if is_plain && self.repository.has_blob(&layer.diff_id)? == Some(size) {
            self.progress.set(&layer.part, PartState::Exists);
            return Ok(self.descriptor(layer.diff_id.clone(), size));
        }
        let sent = self.try_to_send(&store, layer, &mut journal, begun)?;
        // Before the journal goes: who waits for its lock finds one of both.
        store.images().record_layer_blob(&layer.diff_id, self.repository.name(), &sent)?;
        journal.forget()?;
        self.progress.set(&layer.part, PartState::Done);
        Ok(sent)
    }

    fn descriptor(&self, digest: Digest, size: u64) -> Descriptor {
        let kind = manifest::layer_type(self.form.compress.method());
        Descriptor::new(kind, digest, size)
    }

    /// The journal of a layer, and whether another command had it before.
    fn journal(&self, store: &Store, layer: &Layer) -> Result<(Journal, bool), RegistryError> {
        let (uploads, name) = (store.uploads(), self.repository.name());
        let mut waited = false;
        loop {
            match uploads.begin(name, &layer.diff_id, self.form.compress, self.now_ns)? {
                Sending::Ours(journal) => return Ok((journal, waited)),
                Sending::Busy(_) if self.gate.pause(BETWEEN_LOOKS) => return Err(stopped(layer)),
                Sending::Busy(_) if waited => {}
                Sending::Busy(_) => {
                    waited = true;
                    self.progress.set(&layer.part, PartState::Elsewhere);
                }
            }
        }
    }

    /// Sends a layer, from its first byte again where the registry has forgotten what came before.
    fn try_to_send(
        &self,
        store: &Store,
        layer: &Layer,
        journal: &mut Journal,
        mut begun: Option<Upload>,
    ) -> Result<Descriptor, RegistryError> {
        let limits = self.repository.limits();
        let (mut tries, mut furthest) = (0, 0);
        loop {
            let upload = self.upload(journal, begun.take())?;
            journal.record(upload.location())?;
            self.progress.set(&layer.part, PartState::Transferring);
            let sending = stream::Sending {
                archive: store.images().layer_archive(&layer.diff_id)?,
                how: self.form.compress,
                journal,
                part: &layer.part,
                gate: &self.gate,
            };
            let (error, reached) = match stream::send(sending, upload) {
                Outcome::Sent { digest, size } => return Ok(self.descriptor(digest, size)),
                Outcome::Failed(error) => return Err(error),
                Outcome::Lost { error, reached } => (error, reached),
            };
            journal.forget()?;
            tries = if reached > furthest { 1 } else { tries + 1 };
            furthest = furthest.max(reached);
            self.progress.set(&layer.part, PartState::Retrying);
            if tries >= limits.tries || self.gate.pause(wait_after(tries, None, &limits)) {
                return Err(error);
            }
            let notice = format!("layer {}: {error}; it is sent anew", layer.part.name);
            self.progress.notice(notice);
        }
    }

    /// The upload that an earlier command began, if the registry still knows it; or the one that was begun instead of a mount.
    fn upload(&self, journal: &Journal, begun: Option<Upload>) -> Result<Upload, RegistryError> {
        if let Some(location) = journal.location()
            && let Some(upload) = self.repository.resume_upload(location)?
        {
            return Ok(upload);
        }
        begun.map_or_else(|| self.repository.begin_upload(), Ok)
    }
}

fn stopped(layer: &Layer) -> RegistryError {
    let what = format!("send layer {}", layer.part.name);
    RegistryError::Broken { what, why: "another layer has failed".to_owned() }
}
