//! Bytes between requests and threads that may wait: bodies of answers that come by and by, and bodies of requests that are read as they come.
//!
//! Both ends hold a few pieces at most: who is slow slows the other one down, and who is gone ends it.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use tokio::sync::mpsc;

use crate::answer::Body;

/// Pieces that wait between both ends.
const PIECES: usize = 4;
/// Bytes of a piece that a thread writes.
const PIECE: usize = 64 * 1024;

/// Bytes of a request that are taken from a client which has been refused.
const DRAINED: usize = 64 * 1024 * 1024;

/// The end that an answer's bytes go into. An answer ends with it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pieces: mpsc::Sender<io::Result<Bytes>>,
}

/// The client reads no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

/// An answer's body, and the end that its bytes go into.
pub(crate) fn outgoing() -> (Outgoing, Body) {
    let (pieces, receiver) = mpsc::channel(PIECES);
    (Outgoing { pieces }, Pieces(receiver).boxed())
}

impl Outgoing {
    /// Gives bytes; waits while the client is slow.
    pub(crate) async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Ok(());
        }
        self.pieces.send(Ok(bytes)).await.map_err(|_closed| Gone)
    }

    /// Until the client reads no more.
    pub(crate) async fn gone(&self) {
        self.pieces.closed().await;
    }

    /// For a thread that may wait.
    pub(crate) fn writer(self) -> PieceWriter {
        PieceWriter { outgoing: self, gathered: Vec::new() }
    }

    /// The same for a thread that may wait.
    pub(crate) fn send_waiting(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        self.pieces.blocking_send(piece).map_err(|_closed| io::ErrorKind::BrokenPipe.into())
    }
}

/// Gathers what is written into pieces.
#[derive(Debug)]
pub(crate) struct PieceWriter {
    outgoing: Outgoing,
    gathered: Vec<u8>,
}

impl PieceWriter {
    /// Ends the answer: whole, or broken off, so that no client takes a part for the whole.
    pub(crate) fn end(mut self, written: io::Result<()>) {
        let ended = written.and_then(|()| self.flush());
        if let Err(error) = ended {
            // Nobody is there any more to hear it.
            let _gone = self.outgoing.send_waiting(Err(error));
        }
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gathered.is_empty() && bytes.len() >= PIECE {
            self.outgoing.send_waiting(Ok(Bytes::copy_from_slice(bytes)))?;
            return Ok(bytes.len());
        }
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.gathered, Vec::with_capacity(PIECE));
        self.outgoing.send_waiting(Ok(piece.into()))
    }
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A request's body for a thread that may wait.
#[derive(Debug)]
pub(crate) struct BodyReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl BodyReader {
    /// Reads a body ahead by some pieces.
    pub(crate) fn of(mut body: Incoming) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            while let Some(frame) = body.frame().await {
                let piece = match frame.map(Frame::into_data) {
                    Ok(Ok(piece)) => Ok(piece),
                    // Trailers say nothing here.
                    Ok(Err(_trailers)) => continue,
                    Err(error) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
                };
                if sender.send(piece).await.is_err() {
                    return drain(body).await;
                }
            }
        });
        Self { pieces, piece: Bytes::new() }
    }
}

/// Takes what a client still sends that has been refused, so that it hears why: until then it writes and does not read.
async fn drain(mut body: Incoming) {
    let mut left = DRAINED;
    while let Some(Ok(frame)) = body.frame().await {
        let count = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(count) else { return };
        left = less;
    }
}

impl Read for BodyReader {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(space.len());
        let (into, _rest) = space.split_at_mut(count);
        self.piece.copy_to_slice(into);
        Ok(count)
    }
}
