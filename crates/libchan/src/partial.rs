//! How many bytes of messages that are not whole yet the channels of a session have together: each may have a large one, and a peer
//! may begin one on each of a thousand channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;

/// What the channels of a session share.
#[derive(Clone, Debug)]
pub(crate) struct Partial {
    held: Arc<AtomicUsize>,
    most: usize,
}

/// What one channel has of it. Dropped, it has nothing.
#[derive(Debug)]
pub(crate) struct Share {
    of: Partial,
    bytes: usize,
}

impl Partial {
    pub(crate) fn new(most: usize) -> Self {
        Self { held: Arc::default(), most }
    }

    pub(crate) fn share(&self) -> Share {
        Share { of: self.clone(), bytes: 0 }
    }
}

impl Share {
    /// Has so many bytes from now on. It costs nothing where that is nothing and was nothing.
    ///
    /// # Errors
    /// They are too many, with those of the other channels.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Error> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if before > bytes {
            self.of.held.fetch_sub(before - bytes, Ordering::Relaxed);
        } else if before < bytes {
            let more = bytes - before;
            if self.of.held.fetch_add(more, Ordering::Relaxed) + more > self.of.most {
                return Err(Error::Limit("partial_bytes"));
            }
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
