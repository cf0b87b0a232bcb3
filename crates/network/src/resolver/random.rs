//! Numbers nobody can guess: ids of questions (RFC 5452, 9.2), and the order of addresses.

use rustix::rand::{GetRandomFlags, getrandom};

/// From the kernel, many at once: a call for each question would be one of ten.
#[derive(Debug)]
pub(crate) struct Random {
    bytes: [u8; 512],
    next: usize,
}

impl Random {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; 512], next: 512 }
    }

    pub(crate) fn number(&mut self) -> u16 {
        if self.next + 2 > self.bytes.len() {
            // A part is refused by no kernel of today: up to 256 bytes are always whole. getrandom(2).
            for part in self.bytes.chunks_mut(256) {
                let _whole = getrandom(part, GetRandomFlags::empty());
            }
            self.next = 0;
        }
        let number = self.bytes.get(self.next..self.next + 2);
        self.next += 2;
        number.map_or(0, |pair| u16::from_ne_bytes([pair[0], pair[1]]))
    }

    /// Every order is as likely as any other.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, usize::from(self.number()) % (last + 1));
        }
    }
}
