//! Bytes between requests and threads that may wait: bodies of answers that come by and by, and bodies of requests that are read as they come.
//!
//! Both ends hold a few pieces at most: who is slow slows the other one down, and who is gone ends it.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};

use crate::answer::Body;
use crate::halves::Half;
use crate::limits;

/// Pieces that wait between both ends.
const PIECES: usize = 4;
/// Bytes of a request that are handed over at once, if they come without a pause.
const BATCH: usize = 256 * 1024;
/// Bytes of a request that wait for its thread before the client has to.
const WAITING: usize = 1024 * 1024;

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

    /// Breaks the answer off, so that nobody takes what has come of it for all.
    pub(crate) async fn fail(self, why: String) {
        let _gone = self.pieces.send(Err(io::Error::other(why))).await;
    }

    /// Until the client reads no more.
    pub(crate) async fn gone(&self) {
        self.pieces.closed().await;
    }

    /// Gives a piece, for a thread that may wait.
    pub(crate) fn send_waiting(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        self.pieces.blocking_send(piece).map_err(|_closed| io::ErrorKind::BrokenPipe.into())
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

/// A request's body for a thread that may wait. Both sides are woken once for many pieces: a client sends them by the kilobyte.
#[derive(Debug)]
pub(crate) struct BodyReader {
    arrived: Arc<Arrived>,
    /// What was taken over and not read yet.
    pieces: VecDeque<Bytes>,
    /// The body, before anybody has read of it.
    unread: Option<Unread>,
}

/// A body of which nothing is kept until somebody wants it: readers may have to wait for their turn.
#[derive(Debug)]
struct Unread {
    body: Incoming,
    half: Arc<Half>,
    runtime: Handle,
}

/// What has come of a body.
#[derive(Debug, Default)]
struct Arrived {
    queue: Mutex<Queue>,
    has_more: Condvar,
    has_room: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// How it ended.
    end: Option<io::Result<()>>,
    /// Nobody reads it any more.
    is_unread: bool,
}

impl Arrived {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds pieces; whether there is room for more, or nothing where nobody reads.
    fn add(&self, pieces: Vec<Bytes>) -> Option<bool> {
        let mut queue = self.lock();
        if queue.is_unread {
            return None;
        }
        queue.bytes += pieces.iter().map(Bytes::len).sum::<usize>();
        queue.pieces.extend(pieces);
        let has_room = queue.bytes < WAITING;
        drop(queue);
        self.has_more.notify_one();
        Some(has_room)
    }

    fn end(&self, end: io::Result<()>) {
        self.lock().end = Some(end);
        self.has_more.notify_one();
    }

    /// Everything that is there; waits while there is nothing, and gives nothing at the end.
    fn take(&self) -> io::Result<VecDeque<Bytes>> {
        let mut queue = self.lock();
        while queue.pieces.is_empty() {
            match queue.end.take() {
                Some(Ok(())) => {
                    queue.end = Some(Ok(()));
                    return Ok(VecDeque::new());
                }
                Some(Err(error)) => {
                    queue.end = Some(Err(error.kind().into()));
                    return Err(error);
                }
                None => {}
            }
            queue = self.has_more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let was_full = queue.bytes >= WAITING;
        queue.bytes = 0;
        let pieces = std::mem::take(&mut queue.pieces);
        drop(queue);
        if was_full {
            self.has_room.notify_one();
        }
        Ok(pieces)
    }
}

impl BodyReader {
    /// Reads a body, ahead by some pieces once it is read.
    pub(crate) fn of(body: Incoming, half: Arc<Half>) -> Self {
        let unread = Some(Unread { body, half, runtime: Handle::current() });
        Self { arrived: Arc::default(), pieces: VecDeque::new(), unread }
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        if let Some(Unread { body, runtime, .. }) = self.unread.take() {
            runtime.spawn(drain(body));
            return;
        }
        let mut queue = self.arrived.lock();
        queue.is_unread = true;
        queue.pieces.clear();
        drop(queue);
        self.arrived.has_room.notify_one();
    }
}

async fn arrive(mut body: Incoming, half: Arc<Half>, arrived: Arc<Arrived>) {
    loop {
        let (batch, end) = batch(&mut body).await;
        if let Some(Ok(())) = end {
            half.whole();
        }
        match arrived.add(batch) {
            Some(_) if end.is_some() => break arrived.end(end.unwrap_or(Ok(()))),
            Some(true) => {}
            Some(false) => arrived.has_room.notified().await,
            None => return drain(body).await,
        }
    }
}

/// What comes without a pause, up to some size, and how the body ended if it did.
async fn batch(body: &mut Incoming) -> (Vec<Bytes>, Option<io::Result<()>>) {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            // The connection reads on meanwhile.
            () = tokio::task::yield_now(), if bytes > 0 => return (batch, None),
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(piece))) => {
                bytes += piece.len();
                batch.push(piece);
            }
            // Trailers say nothing here.
            Some(Ok(Err(_trailers))) => {}
            Some(Err(error)) => {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, error);
                return (batch, Some(Err(error)));
            }
            None => return (batch, Some(Ok(()))),
        }
    }
    (batch, None)
}

/// Takes what a client still sends that has been refused, so that it hears why: until then it writes and does not read.
async fn drain(mut body: Incoming) {
    let mut left = limits::LINGERED;
    while let Some(Ok(frame)) = body.frame().await {
        let count = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(count) else { return };
        left = less;
    }
}

impl Read for BodyReader {
    /// Fills as much of the space as what is there does.
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if let Some(Unread { body, half, runtime }) = self.unread.take() {
            runtime.spawn(arrive(body, half, Arc::clone(&self.arrived)));
        }
        if self.pieces.is_empty() && !space.is_empty() {
            self.pieces = self.arrived.take()?;
        }
        let mut count = 0;
        while let Some(piece) = self.pieces.front_mut() {
            let rest = space.get_mut(count..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let more = piece.len().min(rest.len());
            let (into, _rest) = rest.split_at_mut(more);
            piece.copy_to_slice(into);
            count += more;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> (Arc<Arrived>, BodyReader) {
        let arrived = Arc::new(Arrived::default());
        let reader =
            BodyReader { arrived: Arc::clone(&arrived), pieces: VecDeque::new(), unread: None };
        (arrived, reader)
    }

    #[test]
    fn pieces_are_read_as_one() {
        let (arrived, mut reader) = reader();
        assert_eq!(arrived.add(vec![Bytes::from_static(b"ab")]), Some(true));
        assert_eq!(arrived.add(vec![Bytes::from_static(b"cde")]), Some(true));
        let mut space = [0; 4];
        assert_eq!(reader.read(&mut space).unwrap(), 4);
        assert_eq!(&space, b"abcd");
        arrived.end(Ok(()));
        assert_eq!(reader.read(&mut space).unwrap(), 1);
        assert_eq!((reader.read(&mut space).unwrap(), reader.read(&mut space).unwrap()), (0, 0));
    }

    #[test]
    fn a_body_that_breaks_is_no_whole_one() {
        let (arrived, mut reader) = reader();
        arrived.add(vec![Bytes::from_static(b"a")]);
        arrived.end(Err(io::ErrorKind::UnexpectedEof.into()));
        let mut space = [0; 4];
        assert_eq!(reader.read(&mut space).unwrap(), 1);
        for _ in 0..2 {
            let error = reader.read(&mut space).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn who_reads_no_more_is_heard() {
        let (arrived, reader) = reader();
        assert_eq!(arrived.add(vec![vec![0; WAITING].into()]), Some(false));
        drop(reader);
        assert_eq!(arrived.add(vec![Bytes::from_static(b"a")]), None);
        assert!(arrived.lock().pieces.is_empty());
    }
}
