//! The handles on a session: who opens streams, and who accepts them.
//! Never reads or writes: that is the driver's. Start at [`session`]. Sources: SPDY draft 3, sections 2.1 and 2.3.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::driver::{Driver, Timer};
use crate::entry::{End, Opened};
use crate::state::{Over, Ping, State};
use crate::{Error, Fault, Frame, Headers, Limits, Opening, ReceiveHalf, SendHalf, Status, Stream};

/// Which side of the connection this is; it decides whose stream ids are odd. Section 2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that has connected: odd.
    Client,
    /// The one that was connected to: even.
    Server,
}

impl Role {
    /// Whether streams, or pings, of that id are this side's.
    pub(crate) fn opens(self, id: u32) -> bool {
        id % 2 == u32::from(self == Self::Client)
    }

    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Makes a session of a connection.
///
/// Nothing happens before the driver is polled; it ends when the session does. Dropping it ends the session at once. `timer` makes what
/// [`Limits::stall`] is measured with.
pub fn session<IO: AsyncRead + AsyncWrite>(
    io: IO,
    role: Role,
    limits: Limits,
    timer: Timer,
) -> (Session, Incoming, Driver<IO>) {
    let times = (limits.stall, limits.keep_alive);
    let shared = Arc::new(Shared(Mutex::new(State::new(role, limits))));
    let driver = Driver::new(io, shared.clone(), timer, times);
    (Session { shared: shared.clone() }, Incoming { shared }, driver)
}

/// The state, and the lock that all share.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<State>);

impl Shared {
    /// Does something with the state; whom that wakes is woken when the lock is released.
    pub(crate) fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = action(&mut state);
        let wakes = state.wakes.take();
        drop(state);
        wakes.wake();
        result
    }
}

/// Opens streams. When the last handle of that kind, [`Incoming`] and all streams are gone, the session ends as after [`Self::close`].
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What a session has at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Streams that are not forgotten yet.
    pub streams: usize,
    /// Of those, such as only wait for the peer's FIN.
    pub lingering: usize,
    /// Bytes that wait to be read.
    pub held_bytes: usize,
    /// Bytes that wait for the connection.
    pub out_bytes: usize,
}

impl Session {
    /// Opens a stream. Returns at once: data may follow before the peer has accepted it, and [`ReceiveHalf::replied`] says when it has.
    /// Sections 2.3.2 and 2.6.1.
    ///
    /// # Errors
    /// [`Error::Closed`] and [`Error::GoingAway`] when the session takes no new ones, [`Error::Limit`] when the headers are too long or the
    /// peer allows no more streams, [`Error::Exhausted`] after 2³⁰ streams, [`Error::Protocol`] after the peer's fault.
    pub fn open(&self, headers: Headers, opening: Opening) -> Result<Stream, Error> {
        let stream = self.shared.with(|state| state.open(headers, opening))?;
        Ok(Stream::new(self.shared.clone(), stream))
    }

    /// Asks the peer for a sign of life; returns when it has come. Section 2.6.5.
    ///
    /// # Errors
    /// [`Error::Closed`] or [`Error::Protocol`] when the session ends before.
    pub async fn ping(&self) -> Result<(), Error> {
        let pinging = self.shared.with(|state| {
            let id = state.ids.next_ping;
            state.ids.next_ping = id.wrapping_add(2);
            state.pings.insert(id, Ping::default());
            if state.life.over.is_none() {
                state.control(&Frame::Ping { id });
            }
            Pinging { shared: self.shared.clone(), id }
        });
        poll_fn(|context| pinging.poll(context)).await
    }

    /// Ends the session in good order: nothing new is opened or accepted, GOAWAY is sent when all streams are over, then the connection is
    /// closed. A stream that is not ended by whoever has it keeps the session. Section 2.6.6.
    pub fn close(&self) {
        self.shared.with(|state| {
            state.life.closing = true;
            let waiting = state.accepting.take();
            state.wakes.push(waiting);
            state.wake_driver();
        });
    }

    /// Whether no stream can be opened any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.with(|state| {
            state.life.closing || state.life.over.is_some() || state.life.peer_last.is_some()
        })
    }

    /// What the peer did that ended the session, if that is what ended it.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.shared.with(|state| match state.life.over? {
            Over::Fault(fault) => Some(fault),
            Over::Closed => None,
        })
    }

    /// Bytes that have come on a stream and were not read; none of one that is forgotten.
    #[must_use]
    pub fn unread_bytes(&self, stream: u32) -> usize {
        self.shared.with(|state| state.streams.get(&stream).map_or(0, |entry| entry.queue.len()))
    }

    /// What the session has now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.with(|state| Usage {
            streams: state.streams.len(),
            lingering: state.lingering.len(),
            held_bytes: state.flow.held,
            out_bytes: state.out.len(),
        })
    }
}

impl Clone for Session {
    fn clone(&self) -> Self {
        self.shared.with(|state| state.life.sessions += 1);
        Self { shared: self.shared.clone() }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.life.sessions -= 1;
            if !state.life.used() {
                state.wake_driver();
            }
        });
    }
}

/// A PING that waits to come back; forgotten when nobody waits any more.
struct Pinging {
    shared: Arc<Shared>,
    id: u32,
}

impl Pinging {
    fn poll(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.with(|state| {
            let Some(ping) = state.pings.get_mut(&self.id) else {
                return Poll::Ready(Err(Error::Closed));
            };
            if ping.answered {
                return Poll::Ready(Ok(()));
            }
            if let Some(over) = state.life.over {
                return Poll::Ready(Err(over.error()));
            }
            state.wakes.register(&mut ping.waker, context);
            Poll::Pending
        })
    }
}

impl Drop for Pinging {
    fn drop(&mut self) {
        self.shared.with(|state| {
            let ping = state.pings.remove(&self.id);
            state.wakes.push(ping.and_then(|ping| ping.waker));
        });
    }
}

/// Accepts streams of the peer's. When it is dropped, those that wait and those that come are refused.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
}

impl Incoming {
    /// The next stream of the peer's; nothing when none can come any more. Nothing is lost when the future is dropped.
    pub async fn accept(&mut self) -> Option<Arrival> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// As [`Self::accept`].
    pub fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Option<Arrival>> {
        self.shared.with(|state| state.poll_accept(context)).map(|arrived| {
            let (stream, Opened { headers, associated, priority, unidirectional }) = arrived?;
            let offer = Offer { shared: Some(self.shared.clone()), stream, unidirectional };
            Some(Arrival { headers, associated, priority, offer })
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.life.accepts = false;
            for stream in std::mem::take(&mut state.arrivals) {
                let refused = Status::REFUSED_STREAM;
                state.reset(stream, refused, End::Reset(refused));
                state.let_go(stream);
            }
            if !state.life.used() {
                state.wake_driver();
            }
        });
    }
}

/// A stream that the peer has opened and that waits to be accepted. Dropped without an answer it is refused. Section 2.6.1.
#[derive(Debug)]
pub struct Arrival {
    /// What the peer says of it.
    pub headers: Headers,
    /// A stream that it belongs to, or 0.
    pub associated: u32,
    /// 0 is the most urgent, 7 the least.
    pub priority: u8,
    offer: Offer,
}

#[derive(Debug)]
struct Offer {
    /// Nothing once it was answered.
    shared: Option<Arc<Shared>>,
    stream: u32,
    unidirectional: bool,
}

impl Arrival {
    /// The stream's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.offer.stream
    }

    /// Whether nothing may be sent on it: [`Self::reply`] sends nothing, and the half that sends is finished.
    #[must_use]
    pub fn is_unidirectional(&self) -> bool {
        self.offer.unidirectional
    }

    /// Accepts the stream: SYN_REPLY goes out before anything else on it. Section 2.6.2. One that was reset meanwhile is accepted, too, or
    /// with which the session has ended: its halves give what came before, and tell how it ended.
    ///
    /// # Errors
    /// The headers are too long.
    pub fn reply(self, headers: Headers) -> Result<Stream, Error> {
        self.answer(headers, false)
    }

    /// Accepts the stream and says that nothing will be sent on it.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub fn reply_finished(self, headers: Headers) -> Result<Stream, Error> {
        self.answer(headers, true)
    }

    fn answer(mut self, headers: Headers, finished: bool) -> Result<Stream, Error> {
        let Offer { stream, unidirectional, .. } = self.offer;
        let Some(shared) = self.offer.shared.clone() else { return Err(Error::Closed) };
        shared.with(|state| state.reply(stream, headers, finished, unidirectional))?;
        self.offer.shared = None;
        Ok(Stream::new(shared, stream))
    }

    /// Refuses the stream with that reason.
    pub fn refuse(mut self, status: Status) {
        self.offer.refuse(status);
    }
}

impl Offer {
    fn refuse(&mut self, status: Status) {
        if let Some(shared) = self.shared.take() {
            shared.with(|state| {
                state.reset(self.stream, status, End::Reset(status));
                state.let_go(self.stream);
            });
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.refuse(Status::REFUSED_STREAM);
    }
}

impl Stream {
    fn new(shared: Arc<Shared>, stream: u32) -> Self {
        let send = SendHalf::new(shared.clone(), stream);
        Self { send, receive: ReceiveHalf::new(shared, stream) }
    }
}
