//! What the container writes: read once, logged once, and passed on to every client that asked for it.
//!
//! There is one buffer. While a client's socket is full nothing more is read, so a slow client slows the container instead of
//! losing its output or growing this process. Once the container has ended, what its pipes still hold is little: it is read
//! at once and waits in the clients' queues, so that the end is recorded whatever they do.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno as Raw;

use crate::client::Sent;
use crate::clients::Clients;
use crate::log::Writer;
use crate::message::{MOST_DATA, MOST_PACKET, kind};

/// What is read at most after the end: two pipes of the largest size that /proc/sys/fs/pipe-max-size has by default.
const MOST_DRAINED: usize = 2 * 1024 * 1024;

/// A stream by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    const fn kind(self) -> u8 {
        match self {
            Self::Stdout => kind::STDOUT,
            Self::Stderr => kind::STDERR,
        }
    }
}

pub(crate) struct Outputs {
    streams: Vec<(Stream, OwnedFd)>,
    log: Writer,
    /// The kind of the message, then what was read. Larger than what is used: the C library gives memory of that size fresh
    /// from the kernel, and only pages that are written to count.
    buffer: Vec<u8>,
    length: usize,
    /// What was read last still has to reach these clients.
    behind: Vec<u32>,
}

impl Outputs {
    pub(crate) fn new(streams: Vec<(Stream, OwnedFd)>, log: Writer) -> Self {
        Self { streams, log, buffer: vec![0; MOST_PACKET], length: 0, behind: Vec::new() }
    }

    /// Descriptors to wait for; none while clients are behind.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (Stream, BorrowedFd<'_>)> {
        let ready = self.behind.is_empty();
        self.streams
            .iter()
            .filter(move |_| ready)
            .map(|(stream, descriptor)| (*stream, descriptor.as_fd()))
    }

    /// Clients whose sockets are full.
    pub(crate) fn behind(&self) -> &[u32] {
        &self.behind
    }

    /// Reads once from a stream and passes it on.
    pub(crate) fn read(&mut self, stream: Stream, clients: &mut Clients) {
        if self.behind.is_empty() && self.take(stream) {
            let interested = clients.iter().filter(|client| client.wants_output);
            self.behind = interested.map(|client| client.id).collect();
            self.pass_on(clients);
        }
    }

    /// Tries again to reach the clients that were busy.
    pub(crate) fn pass_on(&mut self, clients: &mut Clients) {
        let packet = self.buffer.get(..self.length).unwrap_or_default();
        self.behind.retain(|id| {
            let sent = clients.get_mut(*id).map(|client| client.send(&[packet]));
            if sent == Some(Sent::Gone) {
                clients.remove(*id);
            }
            sent == Some(Sent::Busy)
        });
    }

    /// Reads what is left after the end, and closes.
    pub(crate) fn drain(&mut self, clients: &mut Clients) {
        let behind = std::mem::take(&mut self.behind);
        if !behind.is_empty() {
            let packet = self.buffer.get(..self.length).unwrap_or_default();
            clients.owe_all(packet, |client| behind.contains(&client.id));
        }
        let mut left = MOST_DRAINED;
        while let Some((stream, _)) = self.streams.first() {
            let stream = *stream;
            if left > 0 && self.take(stream) {
                left = left.saturating_sub(self.length);
                let packet = self.buffer.get(..self.length).unwrap_or_default();
                clients.owe_all(packet, |client| client.wants_output);
            } else {
                self.streams.retain(|(own, _)| *own != stream);
            }
        }
        self.log.finish();
    }

    /// Reads once into the buffer, and logs it. False when nothing was there.
    fn take(&mut self, stream: Stream) -> bool {
        let Some((_, descriptor)) = self.streams.iter().find(|(own, _)| *own == stream) else {
            return false;
        };
        let Some((kind, space)) = self.buffer.split_first_mut() else { return false };
        let Some(space) = space.get_mut(..MOST_DATA) else { return false };
        match rustix::io::read(descriptor, &mut *space) {
            // A terminal whose last slave was closed answers EIO.
            Ok(0) | Err(Raw::IO) => {
                self.streams.retain(|(own, _)| *own != stream);
                self.log.end_stream(stream);
                false
            }
            Ok(count) => {
                *kind = stream.kind();
                self.length = count + 1;
                self.log.write(stream, space.get(..count).unwrap_or_default());
                true
            }
            Err(_again) => false,
        }
    }
}
