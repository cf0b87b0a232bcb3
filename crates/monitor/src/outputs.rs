//! What the container writes: read once, logged once, and passed on to every client that asked for it.
//!
//! There is one buffer. While a client's socket is full, or the log's receiver is busy, nothing more is read: a slow client slows
//! the container instead of losing its output or growing this process. Once the container has ended, what its pipes still hold
//! is little: it is read at once and waits in the clients' queues, so that the end is recorded whatever they do.
//!
//! A container that fills its pipe is given a larger one, and is read in larger pieces; the memory for that goes when it is calm.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno as Raw;

use crate::behind::Behind;
use crate::clients::Clients;
use crate::console::Console;
use crate::log::Log;
use crate::message::{MOST_DATA, MOST_PACKET, kind};

/// What is read at most after the end: two pipes of the largest size.
const MOST_DRAINED: usize = 2 * LARGE_PIPE;
/// What is read at once while no client takes packets.
const MOST_READ: usize = 128 * 1024;
/// The largest that /proc/sys/fs/pipe-max-size allows by default.
const LARGE_PIPE: usize = 1024 * 1024;
/// After a burst it is quiet for so long before its memory is given back.
const CALM: Duration = Duration::from_secs(1);

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
    streams: Vec<Output>,
    log: Log,
    /// The kind of the message, then what was read. Larger than what is used: the C library gives memory of that size fresh
    /// from the kernel, and only pages that are written to count.
    buffer: Vec<u8>,
    length: usize,
    /// What was read last still has to reach these clients.
    behind: Behind,
    /// Where the streams are a console that more is done with.
    console: Option<Console>,
    /// So much of what was read last is logged, where the log's receiver is busy.
    logged: Option<(Stream, usize)>,
    /// When a burst is over if nothing comes.
    calm_at: Option<Instant>,
}

struct Output {
    stream: Stream,
    descriptor: OwnedFd,
    is_large: bool,
}

impl Outputs {
    pub(crate) fn new(streams: Vec<(Stream, OwnedFd)>, log: Log, console: Option<Console>) -> Self {
        let streams = streams
            .into_iter()
            .map(|(stream, descriptor)| Output { stream, descriptor, is_large: false })
            .collect();
        Self {
            streams,
            log,
            buffer: vec![0; MOST_PACKET],
            length: 0,
            behind: Behind::default(),
            console,
            logged: None,
            calm_at: None,
        }
    }

    /// Descriptors to wait for; none while clients or the log are behind.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (Stream, BorrowedFd<'_>)> {
        let ready = self.behind.is_empty() && self.logged.is_none();
        self.streams
            .iter()
            .filter(move |_| ready)
            .map(|output| (output.stream, output.descriptor.as_fd()))
    }

    /// Whether a client's socket is full.
    pub(crate) fn is_behind(&self, client: u32) -> bool {
        self.behind.contains(client)
    }

    pub(crate) const fn console(&self) -> Option<&Console> {
        self.console.as_ref()
    }

    pub(crate) const fn console_mut(&mut self) -> Option<&mut Console> {
        self.console.as_mut()
    }

    /// What the log waits for.
    pub(crate) fn log_waits_for(&self) -> Option<BorrowedFd<'_>> {
        self.log.waits_for()
    }

    /// The log's receiver takes more.
    pub(crate) fn resume_log(&mut self) {
        self.log.resume();
        let Some((stream, at)) = self.logged.take() else { return };
        let rest = self.buffer.get(1 + at..self.length).unwrap_or_default();
        let taken = self.log.write(stream, rest);
        self.logged = (taken < rest.len()).then_some((stream, at + taken));
    }

    /// Reads once from a stream and passes it on.
    pub(crate) fn read(&mut self, stream: Stream, clients: &mut Clients) {
        if !self.behind.is_empty() || self.logged.is_some() {
            return;
        }
        let most =
            if clients.iter().any(|client| client.wants_output) { MOST_DATA } else { MOST_READ };
        if self.take(stream, most) {
            let packet = self.buffer.get(..self.length).unwrap_or_default();
            self.behind.send(packet, clients, |client| client.wants_output);
        }
    }

    /// Tries again to reach the clients that were busy.
    pub(crate) fn pass_on(&mut self, clients: &mut Clients) {
        let packet = self.buffer.get(..self.length).unwrap_or_default();
        self.behind.send_again(packet, clients);
    }

    /// Reads what is left after the end, and closes. A log whose receiver is busy has a few seconds.
    pub(crate) fn drain(&mut self, clients: &mut Clients) {
        let packet = self.buffer.get(..self.length).unwrap_or_default();
        self.behind.owe(packet, clients);
        let deadline = Log::last_moment();
        self.finish_log(deadline);
        let mut left = MOST_DRAINED;
        while let Some(output) = self.streams.first() {
            let stream = output.stream;
            if left > 0 && self.take(stream, MOST_DATA) {
                left = left.saturating_sub(self.length);
                let packet = self.buffer.get(..self.length).unwrap_or_default();
                clients.owe_all(packet, |client| client.wants_output);
                self.finish_log(deadline);
            } else {
                self.streams.retain(|own| own.stream != stream);
            }
        }
        self.log.finish(deadline);
    }

    /// Logs the rest of what was read last.
    fn finish_log(&mut self, deadline: Instant) {
        while self.logged.is_some() && self.log.wait(deadline) {
            self.resume_log();
        }
        self.logged = None;
    }

    /// Reads once into the buffer, and logs it. False when nothing was there.
    fn take(&mut self, stream: Stream, most: usize) -> bool {
        let Some(output) = self.streams.iter_mut().find(|own| own.stream == stream) else {
            return false;
        };
        let Some((kind, space)) = self.buffer.split_first_mut() else { return false };
        let Some(space) = space.get_mut(..most) else { return false };
        match rustix::io::read(&output.descriptor, &mut *space) {
            // A terminal whose last slave was closed answers EIO.
            Ok(0) | Err(Raw::IO) => {
                self.streams.retain(|own| own.stream != stream);
                self.log.end_stream(stream);
                false
            }
            Ok(count) => {
                *kind = stream.kind();
                self.length = count + 1;
                if count >= MOST_DATA {
                    output.enlarge();
                    self.calm_at = Some(Instant::now() + CALM);
                }
                let read = space.get(..count).unwrap_or_default();
                if let Some(console) = &mut self.console {
                    console.show(read);
                }
                let taken = self.log.write(stream, read);
                self.logged = (taken < count).then_some((stream, taken));
                true
            }
            Err(_again) => false,
        }
    }

    /// When memory is given back if nothing comes.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.calm_at
    }

    /// Gives back what only a burst needs, once it is over.
    pub(crate) fn calm(&mut self, now: Instant) {
        if self.calm_at.is_none_or(|at| now < at)
            || self.logged.is_some()
            || !self.behind.is_empty()
        {
            return;
        }
        self.calm_at = None;
        self.log.shrink();
        self.buffer = Vec::new();
        sys::trim_heap();
        self.buffer = vec![0; MOST_PACKET];
    }
}

impl Output {
    /// Once; a terminal has no size, and a user without rights perhaps no more room.
    fn enlarge(&mut self) {
        if !self.is_large {
            self.is_large = true;
            let _smaller = rustix::pipe::fcntl_setpipe_size(&self.descriptor, LARGE_PIPE);
        }
    }
}
