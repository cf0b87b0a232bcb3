//! The streams of a container elsewhere, over a connection that was a request's: what a foreground needs of them.

use std::cell::RefCell;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use client_docker::{Client, Frames, Hijacked, Link, Request};

use crate::attach::{Heard, Streams};

const CHUNK: usize = 32 * 1024;

/// Streams, and where their terminal is.
pub(super) struct FarStreams<'c> {
    link: Link,
    /// Both outputs come apart; nothing where a terminal has one.
    frames: Option<Frames>,
    buffer: Vec<u8>,
    at: usize,
    end: bool,
    client: &'c Client,
    /// `containers` or `exec`, and which.
    of: (&'static str, String),
    /// The size that was told last.
    told: RefCell<Option<(u16, u16)>>,
}

impl<'c> FarStreams<'c> {
    pub(super) fn new(
        hijacked: Hijacked,
        tty: bool,
        client: &'c Client,
        of: (&'static str, String),
    ) -> Self {
        let frames = (!tty).then(Frames::default);
        let Hijacked { link, begun, .. } = hijacked;
        Self { link, frames, buffer: begun, at: 0, end: false, client, of, told: None.into() }
    }
}

impl AsFd for FarStreams<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

impl Streams for FarStreams<'_> {
    fn hear(&mut self) -> Heard<'_> {
        if self.at == self.buffer.len() {
            if self.end {
                return Heard::Closed;
            }
            self.buffer.resize(CHUNK, 0);
            self.at = 0;
            let read = self.link.stream().read(&mut self.buffer);
            let count = match read {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    self.buffer.clear();
                    return Heard::Nothing;
                }
                Err(_gone) => 0,
            };
            self.buffer.truncate(count);
            if count == 0 {
                self.end = true;
                return Heard::Closed;
            }
        }
        let mut rest = self.buffer.get(self.at..).unwrap_or_default();
        let before = rest.len();
        let Some(frames) = &mut self.frames else {
            self.at = self.buffer.len();
            return Heard::Output { is_error: false, bytes: rest };
        };
        let piece = frames.next(&mut rest);
        self.at += before - rest.len();
        match piece {
            Some(piece) => Heard::Output { is_error: piece.is_error, bytes: piece.bytes },
            None => Heard::Nothing,
        }
    }

    fn has_more(&self) -> bool {
        self.at < self.buffer.len()
    }

    fn end_input(&self) {
        let _gone = self.link.stream().shutdown(Shutdown::Write);
    }

    fn give_input(&self, pending: &mut Vec<u8>) {
        // As much as there is room for: output is read meanwhile.
        let flags = rustix::net::SendFlags::DONTWAIT | rustix::net::SendFlags::NOSIGNAL;
        match rustix::net::send(self.link.stream(), pending, flags) {
            Ok(count) => drop(pending.drain(..count)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_gone) => pending.clear(),
        }
    }

    fn resize(&self, rows: u16, columns: u16) {
        if self.told.replace(Some((rows, columns))) == Some((rows, columns)) {
            return;
        }
        let (family, id) = (self.of.0, self.of.1.as_str());
        let request = Request::post(&[family, id, "resize"])
            .with("h", rows.to_string())
            .with("w", columns.to_string());
        // One that has ended has no terminal any more.
        let _ended = self.client.done(request);
    }
}
