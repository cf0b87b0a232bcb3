//! The one future that reads and writes a session's connection.
//!
//! Never looks into frames: bytes go to the state and come from it. What is queued goes out in few writes; while it is written, more is
//! queued. Start at [`Driver`]'s `poll`.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::Error;
use crate::alive::{Alive, Do};
use crate::outgoing::Outgoing;
use crate::session::Shared;
use crate::state::{Over, State};

/// Bytes of one read.
pub(crate) const READ: usize = 128 << 10;

/// Reads and writes before the driver lets others have the thread.
const ROUNDS: usize = 64;

pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How the driver waits for a time to pass: the caller's clock, since the crate has none.
///
/// ```
/// let timer = spdy::Timer::new(tokio::time::sleep);
/// ```
#[derive(Clone)]
pub struct Timer(Arc<dyn Fn(Duration) -> Sleep + Send + Sync>);

impl Timer {
    /// A timer of a function that returns a future which is ready after that time.
    pub fn new<F, S>(sleep: F) -> Self
    where
        F: Fn(Duration) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |time| Box::pin(sleep(time))))
    }

    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        (self.0)(time)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// Does a session's input and output. Ready when the session has ended: well, by the peer's fault, or because the connection failed.
#[must_use = "nothing is read or written unless it is polled"]
pub struct Driver<IO> {
    shared: Arc<Shared>,
    io: Pin<Box<IO>>,
    timer: Timer,
    stall: Duration,
    /// What is being written, and whether the connection has to be told that it was all.
    batch: Outgoing,
    unflushed: bool,
    input: Input,
    waiting: Option<Sleep>,
    alive: Alive,
    shut: bool,
}

/// What was read and not yet taken.
#[derive(Default)]
struct Input {
    block: Bytes,
    /// Of the block, what is taken.
    start: usize,
    /// The connection has ended.
    ended: bool,
}

/// What the driver is to know of the state in one round.
struct Seen {
    over: Option<Over>,
    pressed: bool,
    nothing_queued: bool,
}

/// What came of a round.
enum Round {
    Progress,
    Idle,
    Done,
}

impl<IO: AsyncRead + AsyncWrite> Driver<IO> {
    /// With the times of [`Limits::stall`](crate::Limits::stall) and [`Limits::keep_alive`](crate::Limits::keep_alive).
    pub(crate) fn new(
        io: IO,
        shared: Arc<Shared>,
        timer: Timer,
        (stall, keep_alive): (Duration, Option<Duration>),
    ) -> Self {
        let vectored = io.is_write_vectored();
        shared.with(|state| state.out.take_pieces(vectored));
        Self {
            shared,
            io: Box::pin(io),
            timer,
            stall,
            batch: Outgoing::new(vectored),
            unflushed: false,
            input: Input::default(),
            waiting: None,
            alive: Alive::new(keep_alive),
            shut: false,
        }
    }

    fn round(&mut self, context: &mut Context<'_>) -> io::Result<Round> {
        let batch = &mut self.batch;
        let seen = self.shared.with(|state| state.round(batch, context));
        let mut progress = self.write(context)?;
        if seen.over.is_some() {
            if progress {
                // A slow peer has time to read all that was said.
                self.waiting = None;
            }
            if seen.nothing_queued && self.batch.is_empty() && !self.unflushed && !self.shut {
                self.shut = self.io.as_mut().poll_shutdown(context)?.is_ready();
                progress |= self.shut;
            }
            progress |= self.discard(context)?;
            if self.shut && self.input.ended {
                return Ok(Round::Done);
            }
        } else {
            progress |= self.read(context)?;
            progress |= self.keep_alive(seen.pressed, context)?;
        }
        if seen.over.is_some() || seen.pressed {
            if self.wait(context) {
                if seen.over.is_some() {
                    return Ok(Round::Done);
                }
                self.shared.with(State::end_stall);
                progress = true;
            }
        } else {
            self.waiting = None;
        }
        Ok(if progress { Round::Progress } else { Round::Idle })
    }

    /// Asks a silent peer for a sign of life; returns whether it did.
    fn keep_alive(&mut self, is_pressed: bool, context: &mut Context<'_>) -> io::Result<bool> {
        if is_pressed {
            // It may have said much that nobody takes.
            self.alive.heard();
        }
        match self.alive.poll(&self.timer, context) {
            Do::Nothing => Ok(false),
            Do::Ask => {
                self.shared.with(State::ask);
                Ok(true)
            }
            Do::GiveUp => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Whether the time for a stall, or for the peer to close its side, is over.
    fn wait(&mut self, context: &mut Context<'_>) -> bool {
        let (timer, stall, shared) = (&self.timer, self.stall, &self.shared);
        let waiting = self.waiting.get_or_insert_with(|| {
            shared.with(State::begin_stall);
            timer.sleep(stall)
        });
        let over = waiting.as_mut().poll(context).is_ready();
        if over {
            self.waiting = None;
        }
        over
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        while !self.batch.is_empty() {
            let written = if self.batch.is_one_piece() {
                self.io.as_mut().poll_write(context, self.batch.front())
            } else {
                let mut slices: Vec<IoSlice<'_>> = Vec::new();
                self.batch.slices(&mut slices);
                self.io.as_mut().poll_write_vectored(context, &slices)
            };
            match written? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.batch.advance(written),
                Poll::Pending => return Ok(progress),
            }
            (self.unflushed, progress) = (true, true);
        }
        if self.unflushed && self.io.as_mut().poll_flush(context)?.is_ready() {
            self.unflushed = false;
        }
        Ok(progress)
    }

    fn read(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        if self.input.left() > 0 {
            let left = self.input.left();
            let full = self.take_input();
            progress = self.input.left() < left;
            if full {
                return Ok(progress);
            }
        }
        let Some(read) = self.fill(context)? else { return Ok(progress) };
        if read == 0 {
            let left = self.input.left();
            self.shared.with(|state| state.input_ended(left));
        } else {
            self.take_input();
        }
        Ok(true)
    }

    /// Gives the state what was read; returns whether it takes no more now.
    fn take_input(&mut self) -> bool {
        let block = &self.input.block;
        let mut rest = &block[self.input.start..];
        let full = self.shared.with(|state| state.input(block, &mut rest));
        self.input.start = block.len() - rest.len();
        full
    }

    /// Nobody is there to take anything: it is read so that the peer can write, and then hears of the end.
    fn discard(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.input.ended {
            return Ok(false);
        }
        self.input.start = self.input.block.len();
        Ok(self.fill(context)?.is_some())
    }

    /// Reads once, behind what is left; nothing when there is nothing to read now, 0 bytes at the connection's end.
    fn fill(&mut self, context: &mut Context<'_>) -> io::Result<Option<usize>> {
        let mut block = self.input.writable();
        let done = pin!(self.io.as_mut().read_buf(&mut block)).poll(context);
        self.input.block = block.freeze();
        Ok(match done? {
            Poll::Ready(length) => {
                self.input.ended |= length == 0;
                self.alive.heard();
                Some(length)
            }
            Poll::Pending => None,
        })
    }
}

impl Input {
    fn left(&self) -> usize {
        self.block.len() - self.start
    }

    /// What is left, the beginning of a frame of a few bytes, with room behind it: in the same block, where nobody shares it.
    fn writable(&mut self) -> BytesMut {
        let left = self.left();
        let start = std::mem::take(&mut self.start);
        match std::mem::take(&mut self.block).try_into_mut() {
            Ok(mut block) if block.capacity() >= READ => {
                block.copy_within(start.., 0);
                block.truncate(left);
                block
            }
            Ok(block) => grown(&block[start..]),
            Err(block) => grown(&block[start..]),
        }
    }
}

fn grown(left: &[u8]) -> BytesMut {
    let mut block = BytesMut::with_capacity(READ + left.len());
    block.extend_from_slice(left);
    block
}

impl State {
    /// One look of the driver's: it takes what is queued, says whom to wake, and begins the end where it has come.
    fn round(&mut self, batch: &mut Outgoing, context: &Context<'_>) -> Seen {
        if self.life.over.is_none() && self.is_done() {
            self.go_away(crate::goaway::OK);
            self.end(Over::Closed);
        }
        if batch.is_empty() {
            self.take_output(batch);
        }
        self.wakes.register(&mut self.driver, context);
        Seen {
            over: self.life.over,
            pressed: self.is_pressed(),
            nothing_queued: self.out.is_empty(),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite> Future for Driver<IO> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        for _ in 0..ROUNDS {
            match self.round(context) {
                Ok(Round::Progress) => {}
                Ok(Round::Idle) => return Poll::Pending,
                Ok(Round::Done) => return Poll::Ready(self.result(None)),
                Err(error) => return Poll::Ready(self.result(Some(error))),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<IO> Driver<IO> {
    /// How the session ended: what had ended it before the connection failed counts.
    fn result(&self, failure: Option<io::Error>) -> Result<(), Error> {
        let before = self.shared.with(|state| {
            let before = state.life.over;
            state.end(Over::Closed);
            before
        });
        match (before, failure) {
            (Some(Over::Fault(fault)), _) => Err(Error::Protocol(fault)),
            (None, Some(error)) => Err(Error::Connection(Arc::new(error))),
            (Some(Over::Closed), _) | (None, None) => Ok(()),
        }
    }
}

impl<IO> Drop for Driver<IO> {
    fn drop(&mut self) {
        self.shared.with(|state| state.end(Over::Closed));
    }
}

impl<IO> fmt::Debug for Driver<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
