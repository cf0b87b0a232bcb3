//! Answers that are told while the work goes on: Docker's JSON lines, and archives.
//!
//! The head waits until there is something to say: what fails before is refused with a code of its own, what fails later is said
//! in the stream, or breaks it off. A client that leaves ends the work.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::Engine;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::answer::{Answer, JSON};
use crate::failure::Failure;
use crate::flow::{Outgoing, outgoing};
use crate::shared::Shared;

/// Lines that wait for a slow client before those are left out that a later one makes up for.
const WAITING: usize = 64;

/// The head of an answer, which waits.
#[derive(Debug)]
struct Head(Mutex<Option<oneshot::Sender<Result<(), Failure>>>>);

impl Head {
    /// Lets it go, once; whether it was still there.
    fn send(&self, result: Result<(), Failure>) -> Result<(), Failure> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match waiting {
            // Whoever waited for it may be gone.
            Some(waiting) => waiting.send(result).or(Ok(())),
            None => result,
        }
    }
}

/// Where lines go. It never waits for the client.
#[derive(Debug)]
pub(crate) struct Lines {
    sender: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
    head: Arc<Head>,
}

impl Lines {
    /// Says a document in a line.
    pub(crate) fn say(&self, document: &impl Serialize) {
        let Ok(mut line) = serde_json::to_vec(document) else { return };
        line.extend_from_slice(b"\r\n");
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A client that is gone hears nothing more.
        let _gone = self.sender.send(line.into());
        let _begun = self.head.send(Ok(()));
    }

    /// Says something in words.
    pub(crate) fn status(&self, text: impl Into<String>) {
        self.say(&json!({ "status": text.into() }));
    }

    /// Whether the client is slow: what a later line makes up for need not be said.
    pub(crate) fn is_slow(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > WAITING
    }

    /// Says why the work failed.
    pub(crate) fn fail(&self, failure: &Failure) {
        let message = &failure.message;
        self.say(&json!({ "errorDetail": { "message": message }, "error": message }));
    }

    fn end(&self, done: Result<(), Failure>) {
        if let Err(failure) = self.head.send(done) {
            self.fail(&failure);
        }
    }
}

struct LineBody {
    receiver: mpsc::UnboundedReceiver<Bytes>,
    waiting: Arc<AtomicUsize>,
}

impl HttpBody for LineBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let line = self.receiver.poll_recv(context);
        if matches!(line, Poll::Ready(Some(_))) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        line.map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

/// Works in a thread that tells how far it is; `stop` is called when nobody listens any more.
pub(crate) async fn told(
    shared: &Arc<Shared>,
    stop: impl FnOnce() + Send + 'static,
    work: impl FnOnce(&Engine, &Lines) -> Result<(), Failure> + Send + 'static,
) -> Result<Answer, Failure> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (begun, has_begun) = oneshot::channel();
    let (waiting, head) = (Arc::default(), Arc::new(Head(Mutex::new(Some(begun)))));
    let body = LineBody { receiver, waiting: Arc::clone(&waiting) };
    let lines = Lines { sender: sender.clone(), waiting, head: Arc::clone(&head) };
    let shared = Arc::clone(shared);
    let worker = tokio::spawn(async move {
        let worked = shared.paced(move |engine| {
            lines.end(work(engine, &lines));
            Ok(())
        });
        let _said = head.send(worked.await);
    });
    tokio::spawn(async move {
        tokio::select! {
            _ended = worker => {}
            () = sender.closed() => stop(),
        }
    });
    has_begun.await.map_err(|_dropped| Failure::internal("the request ended unexpectedly"))??;
    Ok(Answer::stream(JSON, body.boxed()))
}

/// An archive that goes out piece by piece.
#[derive(Debug)]
pub(crate) struct Pieces {
    outgoing: Outgoing,
    head: Arc<Head>,
    gathered: Vec<u8>,
}

/// Bytes of a piece.
const PIECE: usize = 256 * 1024;

impl Pieces {
    fn send(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        if piece.is_ok() {
            let _begun = self.head.send(Ok(()));
        }
        self.outgoing.send_waiting(piece)
    }

    /// Sends everything that is read.
    pub(crate) fn pour(&mut self, mut source: impl io::Read) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::internal(engine::chain(&error));
        loop {
            let mut piece = vec![0; PIECE];
            let mut count = 0;
            while let Some(space) = piece.get_mut(count..).filter(|space| !space.is_empty()) {
                match source.read(space) {
                    Ok(0) => break,
                    Ok(more) => count += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            if count == 0 {
                return Ok(());
            }
            piece.truncate(count);
            self.send(Ok(piece.into())).map_err(failed)?;
        }
    }

    fn end(mut self, done: Result<(), Failure>) {
        let flushed = done.and_then(|()| {
            io::Write::flush(&mut self).map_err(|error| Failure::internal(error.to_string()))
        });
        if let Err(Failure { message, .. }) = self.head.send(flushed) {
            // It is broken off, so that no client takes a part for the whole.
            let _gone = self.outgoing.send_waiting(Err(io::Error::other(message)));
        }
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gathered.is_empty() && bytes.len() >= PIECE {
            self.send(Ok(Bytes::copy_from_slice(bytes)))?;
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
        self.send(Ok(piece.into()))
    }
}

/// Works in a thread that writes an archive.
pub(crate) async fn written(
    shared: &Arc<Shared>,
    kind: &'static str,
    work: impl FnOnce(&Engine, &mut Pieces) -> Result<(), Failure> + Send + 'static,
) -> Result<Answer, Failure> {
    let (outgoing, body) = outgoing();
    let (begun, has_begun) = oneshot::channel();
    let head = Arc::new(Head(Mutex::new(Some(begun))));
    let mut pieces = Pieces { outgoing, head: Arc::clone(&head), gathered: Vec::new() };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let worked = shared.paced(move |engine| {
            let done = work(engine, &mut pieces);
            pieces.end(done);
            Ok(())
        });
        let _said = head.send(worked.await);
    });
    has_begun.await.map_err(|_dropped| Failure::internal("the request ended unexpectedly"))??;
    Ok(Answer::stream(kind, body))
}
