//! The end of a channel of a session that receives.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use serde::de::DeserializeOwned;
use tokio::time::Sleep;

use crate::attach;
use crate::error::Error;
use crate::limits::Limits;
use crate::line::{Line, Reason};
use crate::msgpack::read::{Malformed, plain};
use crate::msgpack::scan::{Scan, Scanned};
use crate::partial::Share;
use crate::passing::Parked;
use crate::session::Inner;
use crate::table::Presence;

/// From here on what has come at once is worth a look of the connection's task.
const MUCH: usize = 16 << 10;

/// Bytes of a message whose room is given back once it is read.
const LARGE: usize = 64 << 10;

/// The next messages of one channel. Dropped before the end, the peer hears that nobody receives.
pub(crate) struct Incoming<T> {
    session: Arc<Inner>,
    /// Nothing after the end.
    line: Option<Line>,
    /// Of a channel that was closed here: what is still to be read may name streams.
    closed: Option<Presence>,
    decode: Decode<T>,
    /// As most messages are read.
    plain: Plain<T>,
    bytes: BytesMut,
    /// Of the bytes that a session has of messages that are not whole, those here.
    share: Share,
    scan: Scan,
    /// A message that waits for streams that it names.
    whole: Option<Waiting>,
    /// It has not looked yet at what has come last.
    rests: bool,
    /// What went wrong is told each time.
    failed: Option<Error>,
}

/// How a message becomes a value, known where its type is.
type Decode<T> = fn(&Arc<Inner>, Vec<(u64, Parked)>, &[u8]) -> Result<T, Malformed>;

/// The same with its size, of a message that names no stream.
type Plain<T> = fn(&[u8], &Limits) -> Option<(T, usize)>;

struct Waiting {
    size: usize,
    numbers: Vec<u64>,
    /// Until when.
    until: Option<Pin<Box<Sleep>>>,
}

impl<T: DeserializeOwned> Incoming<T> {
    pub(crate) fn new(line: Line, session: &Arc<Inner>) -> Self {
        Self {
            session: Arc::clone(session),
            line: Some(line),
            closed: None,
            decode: attach::read::<T>,
            plain: plain::<T>,
            bytes: BytesMut::new(),
            share: session.partial.share(),
            scan: Scan::default(),
            whole: None,
            rests: false,
            failed: None,
        }
    }
}

impl<T> Incoming<T> {
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.session.runtime
    }

    /// The next message if it is here; nothing may also say that none comes any more.
    pub(crate) fn try_recv(&mut self) -> Result<Option<T>, Error> {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match self.poll_recv(&mut context) {
                Poll::Ready(received) => return received,
                Poll::Pending if !self.rests => return Ok(None),
                Poll::Pending => {}
            }
        }
    }

    pub(crate) fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<T>, Error>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone()));
        }
        self.rests = false;
        let received = ready!(self.poll_next(context));
        if let Err(error) = &received {
            self.fail(error.clone());
        }
        Poll::Ready(received)
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>, Error>> {
        loop {
            if self.whole.is_none() {
                if self.scan.is_new()
                    && let Some((value, size)) = (self.plain)(&self.bytes, &self.session.limits)
                {
                    self.pass(size)?;
                    return Poll::Ready(Ok(Some(value)));
                }
                self.whole = self.scan()?;
            }
            if let Some(waiting) = &mut self.whole {
                let Poll::Ready(lines) = waiting.poll(&self.session, context) else {
                    self.share.set(self.bytes.len())?;
                    return Poll::Pending;
                };
                let lines = lines?;
                return Poll::Ready(self.read(lines).map(Some));
            }
            let Some(line) = &mut self.line else {
                // What is left of a message that the close has cut is none.
                self.bytes = BytesMut::new();
                self.closed = None;
                return Poll::Ready(self.share.set(0).map(|()| None));
            };
            self.share.set(self.bytes.len())?;
            let Poll::Ready(received) = line.poll_receive(context) else {
                if self.bytes.is_empty()
                    && let Some(presence) = &line.presence
                {
                    presence.drained();
                }
                return Poll::Pending;
            };
            let Some(bytes) = received? else { return Poll::Ready(self.end()) };
            self.rests = bytes.len() >= MUCH;
            if self.bytes.is_empty() {
                self.bytes = bytes.into();
            } else {
                self.bytes.extend_from_slice(&bytes);
            }
            if self.rests {
                // The peer is told that he may go on before all of it is looked at.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// The message that is there, whole.
    fn scan(&mut self) -> Result<Option<Waiting>, Error> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let scanned =
            self.scan.go_on(&self.bytes, &self.session.limits, self.session.generation())?;
        Ok(scanned.map(|Scanned { size, references }| {
            let numbers = references.iter().map(|reference| reference.number).collect();
            Waiting { size, numbers, until: None }
        }))
    }

    fn read(&mut self, lines: Vec<(u64, Parked)>) -> Result<T, Error> {
        let size = self.whole.take().map_or(0, |whole| whole.size);
        let message = self.bytes.get(..size).unwrap_or_default();
        let read = (self.decode)(&self.session, lines, message);
        self.pass(size)?;
        Ok(read?)
    }

    /// A message of so many bytes is read.
    fn pass(&mut self, size: usize) -> Result<(), Error> {
        self.bytes.advance(size);
        // What follows would keep the room of a large message.
        if size > LARGE && self.bytes.len() < size {
            self.bytes = BytesMut::from(&self.bytes[..]);
        }
        self.share.set(0)
    }

    /// The peer sends nothing more, and is answered the same.
    fn end(&mut self) -> Result<Option<T>, Error> {
        if !self.bytes.is_empty() {
            return Err(Malformed::End.into());
        }
        if let Some(mut line) = self.line.take() {
            line.out.finish();
            line.brings_no_message();
        }
        Ok(None)
    }

    /// The peer hears that nobody receives; what has come by now is still read.
    pub(crate) fn close(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match line.input.poll_receive(&mut context) {
                Poll::Ready(Ok(Some(bytes))) => self.bytes.extend_from_slice(&bytes),
                // The end is there, and told behind that.
                Poll::Ready(Ok(None) | Err(_)) => return self.line = Some(line),
                Poll::Pending => break,
            }
        }
        self.closed = line.presence.take();
        line.reset(Reason::Cancelled);
        if let Err(error) = self.share.set(self.bytes.len()) {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: Error) {
        self.bytes = BytesMut::new();
        self.closed = None;
        // Less is never too much.
        let _fits = self.share.set(0);
        if let Some(line) = self.line.take()
            && matches!(error, Error::Protocol(_) | Error::Limit(_) | Error::TimedOut)
        {
            line.reset(Reason::Protocol);
        }
        self.failed = Some(error);
    }
}

impl Waiting {
    /// The streams of a message, once all are there.
    fn poll(
        &mut self,
        session: &Inner,
        context: &mut Context<'_>,
    ) -> Poll<Result<Vec<(u64, Parked)>, Error>> {
        if self.numbers.is_empty() {
            return Poll::Ready(Ok(Vec::new()));
        }
        if let Poll::Ready(lines) = session.table.poll_take(&self.numbers, context) {
            return Poll::Ready(lines);
        }
        let wait = session.limits.reference_wait;
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(until.as_mut().poll(context));
        Poll::Ready(Err(Error::TimedOut))
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Limit(name) => Self::Limit(name),
            Malformed::Marker
            | Malformed::Extension(_)
            | Malformed::Connection
            | Malformed::End
            | Malformed::Type(_) => Self::Protocol(malformed.to_string()),
        }
    }
}

impl<T> fmt::Debug for Incoming<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Incoming").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
