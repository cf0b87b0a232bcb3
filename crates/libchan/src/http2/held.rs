//! What has come on all streams of a session and nobody has taken, and when it is too much: each stream has a window of its own, which
//! nobody can take back, so that what is too much goes with a stream that nobody reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How long there may be too much, while somebody may still read it.
pub(super) const STALL: Duration = Duration::from_secs(1);

/// Bytes that wait, and how many may.
#[derive(Debug)]
pub(super) struct Held {
    bytes: AtomicUsize,
    most: usize,
    grown: Notify,
}

impl Held {
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), most, grown: Notify::new() }
    }

    pub(super) fn add(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::SeqCst);
        if before <= self.most && before + bytes > self.most {
            self.grown.notify_one();
        }
    }

    pub(super) fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::SeqCst);
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.bytes.load(Ordering::SeqCst) > self.most
    }

    /// Returns when it is too much, for one who waits.
    pub(super) async fn too_much(&self) {
        while !self.is_too_much() {
            // What grows from here on is told to who waits next.
            self.grown.notified().await;
        }
    }
}
