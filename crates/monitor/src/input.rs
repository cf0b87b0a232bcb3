//! The container's standard input: what clients write, kept until it is taken, and its end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno as Raw;

/// Where input goes, and what still has to. While something waits, nothing more is taken from clients.
pub(crate) struct Input {
    /// The pipe or a copy of the terminal's master; nothing when there is no input, or nobody reads it any more.
    to: Option<OwnedFd>,
    /// Whether it ends with the first client that wrote.
    once: bool,
    ending: bool,
    waiting: Vec<u8>,
}

impl Input {
    pub(crate) const fn new(to: Option<OwnedFd>, once: bool) -> Self {
        Self { to, once, ending: false, waiting: Vec::new() }
    }

    /// Whether something waits for the container to take it.
    pub(crate) const fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What to wait for.
    pub(crate) fn writable(&self) -> Option<BorrowedFd<'_>> {
        self.to.as_ref().filter(|_| self.is_behind()).map(AsFd::as_fd)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.to.is_some() && !self.ending {
            self.waiting.extend_from_slice(bytes);
            self.flush();
        }
    }

    /// The client that wrote has nothing more; what it wrote is delivered first.
    pub(crate) fn end(&mut self) {
        self.ending |= self.once;
        self.flush();
    }

    pub(crate) fn flush(&mut self) {
        if let Some(to) = self.to.as_ref().filter(|_| self.is_behind()) {
            match rustix::io::write(to, &self.waiting) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(Raw::AGAIN | Raw::INTR) => {}
                // Nobody reads it any more.
                Err(_) => self.to = None,
            }
        }
        if self.to.is_none() || !self.is_behind() {
            self.waiting = Vec::new();
        }
        if self.ending && !self.is_behind() {
            self.to = None;
        }
    }
}
