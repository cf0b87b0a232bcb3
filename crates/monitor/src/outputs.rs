//! What the container writes: read once, logged once, and passed on to every client that asked for it.
//!
//! There is one buffer. While a client's socket is full nothing more is read, so a slow client slows the container instead of
//! losing its output or growing this process.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno as Raw;

use crate::client::Sent;
use crate::clients::Clients;
use crate::log::Writer;
use crate::message::{MOST_DATA, kind};

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
    buffer: Vec<u8>,
    /// What was read last and still has to reach these clients.
    pending: Option<(Stream, Vec<u32>)>,
}

impl Outputs {
    pub(crate) fn new(streams: Vec<(Stream, OwnedFd)>, log: Writer) -> Self {
        Self { streams, log, buffer: Vec::with_capacity(MOST_DATA), pending: None }
    }

    /// Descriptors to wait for; none while clients are behind.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (Stream, BorrowedFd<'_>)> {
        let ready = self.pending.is_none();
        self.streams
            .iter()
            .filter(move |_| ready)
            .map(|(stream, descriptor)| (*stream, descriptor.as_fd()))
    }

    /// Clients whose sockets are full.
    pub(crate) fn waits_for(&self) -> &[u32] {
        self.pending.as_ref().map_or(&[], |(_, clients)| clients)
    }

    pub(crate) fn all_closed(&self) -> bool {
        self.streams.is_empty()
    }

    /// Closes what is open: nothing more can come.
    pub(crate) fn close(&mut self) {
        self.streams.clear();
        self.log.finish();
    }

    /// Reads once from a stream and passes it on. Gives false when nothing was there.
    pub(crate) fn read(&mut self, stream: Stream, clients: &mut Clients) -> bool {
        let Some((_, descriptor)) = self.streams.iter().find(|(own, _)| *own == stream) else {
            return false;
        };
        self.buffer.resize(MOST_DATA, 0);
        match rustix::io::read(descriptor, &mut self.buffer[..]) {
            // A terminal whose last slave was closed answers EIO.
            Ok(0) | Err(Raw::IO) => {
                self.streams.retain(|(own, _)| *own != stream);
                self.log.end_stream(stream);
                false
            }
            Ok(count) => {
                self.buffer.truncate(count);
                self.log.write(stream, &self.buffer);
                let interested = clients
                    .iter()
                    .filter(|client| client.wants_output)
                    .map(|client| client.id)
                    .collect();
                self.pass_on(stream, interested, clients);
                true
            }
            Err(_again) => false,
        }
    }

    /// Tries again to reach the clients that were busy.
    pub(crate) fn flush(&mut self, clients: &mut Clients) {
        if let Some((stream, waiting)) = self.pending.take() {
            self.pass_on(stream, waiting, clients);
        }
    }

    fn pass_on(&mut self, stream: Stream, receivers: Vec<u32>, clients: &mut Clients) {
        let mut busy = Vec::new();
        for id in receivers {
            let Some(client) = clients.get_mut(id) else { continue };
            match client.send(&[&[stream.kind()], &self.buffer], None) {
                Sent::Yes => {}
                Sent::Busy => busy.push(id),
                Sent::Gone => clients.remove(id),
            }
        }
        self.pending = (!busy.is_empty()).then_some((stream, busy));
    }
}
