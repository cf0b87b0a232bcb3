//! Stages that others wait for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use dockerfile::StageScope;
use spec::image::ImageConfig;
use spec::{Digest, ImageId};

/// A stage that is done.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its configuration, with its layers.
    pub(crate) config: ImageConfig,
    /// Its variables at its end.
    pub(crate) scope: StageScope,
    /// Those of them that are arguments: who builds on it has them, too.
    pub(crate) arguments: Vec<(String, String)>,
    /// Steps of the history that are its base's, which another build has made.
    pub(crate) foreign_steps: usize,
    /// The image that it began with, and how many of its layers are of it.
    pub(crate) base: Option<(ImageId, usize)>,
}

impl Finished {
    pub(crate) fn layers(&self) -> &[Digest] {
        &self.config.rootfs.diff_ids
    }
}

/// Where a stage is.
#[derive(Clone, Debug)]
enum Slot {
    Pending,
    Done(Arc<Finished>),
    Failed,
}

/// All of them, by their numbers.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Mutex<Vec<Slot>>,
    changed: Condvar,
}

impl Slots {
    pub(crate) fn new(count: usize) -> Self {
        Self { slots: Mutex::new(vec![Slot::Pending; count]), changed: Condvar::new() }
    }

    /// Ends a stage: with what it is, or with nothing where it failed.
    pub(crate) fn end(&self, stage: usize, finished: Option<Arc<Finished>>) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(stage) {
            *slot = finished.map_or(Slot::Failed, Slot::Done);
        }
        self.changed.notify_all();
    }

    /// Waits for a stage; nothing where it failed.
    pub(crate) fn wait(&self, stage: usize) -> Option<Arc<Finished>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match slots.get(stage) {
                Some(Slot::Done(finished)) => return Some(Arc::clone(finished)),
                Some(Slot::Failed) | None => return None,
                Some(Slot::Pending) => {}
            }
            slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
