//! What has arrived on a stream and was not read.
//! Never keeps a large block alive for a few bytes: small parts are copied together, only large ones are shared.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// From here on a part of a block is not copied: at most four times as much as waits is kept for it.
pub(crate) const LARGE: usize = crate::driver::READ / 4;

/// Bytes in their order; nothing is allocated while it is empty.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    whole: VecDeque<Bytes>,
    /// Behind all that is whole.
    small: BytesMut,
    length: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends `part` of `block`.
    pub(crate) fn push(&mut self, part: &[u8], block: &Bytes) {
        self.length += part.len();
        if part.len() < LARGE {
            self.small.extend_from_slice(part);
            return;
        }
        if !self.small.is_empty() {
            self.whole.push_back(std::mem::take(&mut self.small).freeze());
        }
        self.whole.push_back(block.slice_ref(part));
    }

    /// The front, as much as lies together.
    pub(crate) fn pop(&mut self) -> Bytes {
        let front = self.whole.pop_front();
        let front = front.unwrap_or_else(|| std::mem::take(&mut self.small).freeze());
        self.length -= front.len();
        if self.length == 0 {
            // A stream that is idle has nothing.
            *self = Self::default();
        }
        front
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.small.capacity() + self.whole.iter().map(Bytes::len).sum::<usize>()
    }
}
