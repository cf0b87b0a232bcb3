//! One connection with a peer, over which both sides open channels. Start at [`Session`].
//!
//! ```text
//! open    a number, which the peer is told (mux); he accepts it as a top-level channel
//! nested  the same with the channel's number; it waits in the table until a message names it
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::channel::{Receiver, Sender, TrySendError, buffered};
use crate::error::Error;
use crate::generation::{Belongs, Generation, Place};
use crate::limits::Limits;
use crate::line::{Line, Reason};
use crate::msgpack::extension::Role;
use crate::mux::{self, Arrival, Arrivals, Mux};
use crate::native::{self, Native};
use crate::partial::Partial;
use crate::passing::{Parked, Room};
use crate::table::{Opener, Presence, Table};
use crate::transport::Carrier;

/// Bytes on their way between the two sides of a session in this process.
const LINK_BYTES: usize = 64 << 10;

/// A connection with a peer, over which both sides open channels. Its clones are the same session.
///
/// Channels live on when the last handle is dropped; the connection is closed once all are over.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<Inner>,
}

/// Which side of a connection a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that has connected.
    Client,
    /// The one that was connected to.
    Server,
}

/// What all channels of a session share.
#[derive(Debug)]
pub(crate) struct Inner {
    mux: Mux,
    pub(crate) limits: Limits,
    /// Its tasks are there.
    pub(crate) runtime: Handle,
    /// Of messages that are not whole yet.
    pub(crate) partial: Partial,
    next: AtomicU64,
    /// How much more the number after it is: other ones are the original's.
    #[cfg(test)]
    step: AtomicU64,
    pub(crate) table: Table,
    arrive: Sender<Arrived>,
    arrived: tokio::sync::Mutex<Queue>,
    /// The other side, where it is in this process.
    peer: OnceLock<Weak<Self>>,
    /// Dropped with it: nobody accepts any more.
    _accepting: oneshot::Sender<std::convert::Infallible>,
}

/// A channel that the peer has opened.
#[derive(Debug)]
enum Arrived {
    Line(Line),
    /// In this process.
    Native(Box<dyn Native>),
}

/// Channels that the peer has opened and nobody has accepted.
#[derive(Debug)]
struct Queue {
    arrived: Receiver<Arrived>,
    /// The next one is accepted as another type than it was opened with, and comes by this session.
    translated: Option<Session>,
}

impl Session {
    /// Makes a session of a connection, with tasks that serve it on the runtime of tokio that this is called on.
    pub fn new(
        connection: impl AsyncRead + AsyncWrite + Send + 'static,
        side: Side,
        limits: Limits,
    ) -> Self {
        Self::over(mux::spdy(connection, side, &limits, None), side, limits)
    }

    /// The same of a Unix socket, which carries descriptors, too: [`crate::Descriptor`].
    #[must_use]
    pub fn over_unix(socket: tokio::net::UnixStream, side: Side, limits: Limits) -> Self {
        let carrier = Carrier::new(socket, limits.descriptors);
        let passing = carrier.passing();
        Self::over(mux::spdy(carrier, side, &limits, Some(passing)), side, limits)
    }

    /// Makes a session of what opens and accepts its streams.
    pub(crate) fn over((mux, arrivals): (Mux, Arrivals), side: Side, limits: Limits) -> Self {
        let (arrive, arrived) = buffered(limits.streams);
        let (accepting, unwanted) = oneshot::channel();
        let inner = Arc::new(Inner {
            mux,
            partial: Partial::new(limits.partial_bytes),
            limits,
            runtime: Handle::current(),
            next: AtomicU64::new(if side == Side::Server { 2 } else { 3 }),
            #[cfg(test)]
            step: AtomicU64::new(2),
            table: Table::default(),
            arrive,
            arrived: tokio::sync::Mutex::new(Queue { arrived, translated: None }),
            peer: OnceLock::new(),
            _accepting: accepting,
        });
        tokio::spawn(accept(arrivals, Arc::downgrade(&inner), unwanted));
        Self { inner }
    }

    /// Two sessions that are each other's peer, in this process. Values pass as they are, without encoding, between a channel that is
    /// opened and one that is accepted with the same type. With another type they pass as messages, as over any other transport.
    ///
    /// It has tasks as [`Session::new`] has.
    #[must_use]
    pub fn pair(limits: &Limits) -> (Self, Self) {
        let (near, far) = Self::linked(limits);
        // Nobody else has set them.
        let _first = near.inner.peer.set(Arc::downgrade(&far.inner));
        let _first = far.inner.peer.set(Arc::downgrade(&near.inner));
        (near, far)
    }

    /// As [`Session::pair`], and every value passes as a message.
    pub(crate) fn linked(limits: &Limits) -> (Self, Self) {
        let (near, far) = tokio::io::duplex(LINK_BYTES);
        let near = Self::new(near, Side::Client, limits.clone());
        (near, Self::new(far, Side::Server, limits.clone()))
    }

    /// Opens a channel, of which the peer gets the end that receives by [`Session::accept`]. To a peer in this process it takes 64
    /// values before its sender waits; over a connection as much as is on the way.
    ///
    /// # Errors
    /// The session is closed, or has as many channels as it may.
    pub fn open<T: Serialize + Send + 'static>(&self) -> Result<Sender<T>, Error> {
        if let Some(peer) = self.inner.peer.get() {
            return self.open_native(peer);
        }
        self.open_line()
    }

    /// Opens a channel of messages.
    pub(crate) fn open_line<T: Serialize>(&self) -> Result<Sender<T>, Error> {
        let number = self.inner.next_number();
        let line = self.inner.open(number, None, None)?;
        Ok(Sender::of_line(line, &self.inner, number))
    }

    /// Opens a channel whose values pass as they are.
    fn open_native<T: Serialize + Send + 'static>(
        &self,
        peer: &Weak<Inner>,
    ) -> Result<Sender<T>, Error> {
        let peer = peer.upgrade().ok_or(Error::Closed)?;
        if self.is_closed() || peer.mux.is_closed() {
            return Err(Error::Closed);
        }
        let (sender, receiver) = buffered(native::VALUES);
        match peer.arrive.try_send(Arrived::Native(Box::new(receiver))) {
            Ok(()) => Ok(sender),
            Err(TrySendError::Full(_)) => Err(Error::Limit("streams")),
            Err(TrySendError::Closed(_)) => Err(Error::Closed),
        }
    }

    /// The next channel that the peer has opened; nothing once none can come any more. Cancelled, none is lost.
    ///
    /// # Errors
    /// The peer broke what both sides share, so that the session is over; [`Error::Limit`] where he has sent ever more descriptors that no
    /// message has.
    pub async fn accept<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> Result<Option<Receiver<T>>, Error> {
        let mut queue = self.inner.arrived.lock().await;
        loop {
            if let Some(session) = &queue.translated {
                let line = session.next_line().await?;
                let receiver = line.map(|line| Receiver::of_line(line, &session.inner));
                queue.translated = None;
                return Ok(receiver);
            }
            match queue.arrived.recv().await? {
                None => return Ok(None),
                Some(Arrived::Line(line)) => return Ok(Some(Receiver::of_line(line, &self.inner))),
                Some(Arrived::Native(channel)) if channel.receives::<T>() => {
                    return Ok(channel.into_receiver());
                }
                Some(Arrived::Native(channel)) => {
                    queue.translated = Some(channel.translate(&self.inner.limits)?);
                }
            }
        }
    }

    /// The next channel of messages.
    async fn next_line(&self) -> Result<Option<Line>, Error> {
        loop {
            match self.inner.arrived.lock().await.arrived.recv().await? {
                Some(Arrived::Line(line)) => return Ok(Some(line)),
                Some(Arrived::Native(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Returns once the session is over: after [`Session::close`] here or there when the last channel is over, or because the connection
    /// is gone. Both sides of a session that nobody closes wait for ever.
    ///
    /// # Errors
    /// The peer broke the protocol, the connection failed, or nothing came from the peer any more ([`Error::TimedOut`],
    /// [`Limits::keep_alive`]).
    pub async fn ended(&self) -> Result<(), Error> {
        let mut ended = self.inner.mux.ended();
        // What serves it tells it before it goes, but for a runtime that is shut down.
        let ended = ended.wait_for(Option::is_some).await;
        ended.map_err(|_gone| Error::Closed)?.clone().unwrap_or(Ok(()))
    }

    /// Opens and accepts no more channels; those that are there live on, and the connection is closed when they are over.
    pub fn close(&self) {
        self.inner.mux.close();
    }

    /// Whether no channel can be opened any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.mux.is_closed()
    }

    /// Asks the peer for a sign of life, and returns once it has come.
    ///
    /// # Errors
    /// The session ends before.
    pub async fn ping(&self) -> Result<(), Error> {
        self.inner.ping().await
    }
}

#[cfg(all(test, not(model)))]
impl Session {
    /// Counts streams as the original does, which is 2, 3, 4, … at both sides.
    pub(crate) fn count_as_the_original(&self) {
        self.inner.next.store(2, Ordering::Relaxed);
        self.inner.step.store(1, Ordering::Relaxed);
    }
}

impl Inner {
    /// A number that no other stream has: even ones are a server's, odd ones a client's. The original of 2016 gives both sides 2, 3, … and
    /// takes any; that of 2014 gives them as we do, and a client's first one, 1, tells it from us.
    pub(crate) fn next_number(&self) -> u64 {
        #[cfg(not(test))]
        let step = 2;
        #[cfg(test)]
        let step = self.step.load(Ordering::Relaxed);
        self.next.fetch_add(step, Ordering::Relaxed)
    }

    /// What the peer speaks.
    pub(crate) fn generation(&self) -> Generation {
        self.mux.generation()
    }

    /// Opens a stream of that number, which belongs to a message or is a channel by itself, and may stand for a descriptor.
    pub(crate) fn open(
        self: &Arc<Self>,
        number: u64,
        belongs: Option<Belongs>,
        descriptor: Option<u64>,
    ) -> Result<Line, Error> {
        // Before the peer can send anything on it.
        let brings = belongs.is_some_and(|belongs| belongs.role == Role::SentByReceiver);
        let presence = brings.then(|| Presence::new(self, Opener::Us, number));
        let mut line = self.mux.open(number, belongs, descriptor)?;
        line.presence = presence.map(|presence| presence.on(line.out.id()));
        Ok(line)
    }

    /// Places for so many descriptors on their way to the peer; nothing where none is carried.
    pub(crate) async fn room(&self, count: usize) -> Option<Room> {
        self.mux.room(count, self.limits.descriptor_wait).await
    }

    /// Whether something has come on the stream of that id that nobody has taken.
    pub(crate) fn has_unread(&self, stream: u32) -> bool {
        self.mux.has_unread(stream)
    }

    /// Returns once the peer has given a sign of life.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        self.mux.ping().await
    }

    /// A stream of the peer's.
    fn arrive(self: &Arc<Self>, Arrival { parked, place }: Arrival) {
        let Some(Place { number, is_top, parent }) = place else {
            return parked.reset(Reason::Cancelled);
        };
        match parked {
            Parked::Line(mut line) if is_top => {
                let presence = Presence::new(self, Opener::Peer, number);
                line.presence = Some(presence.on(line.out.id()));
                self.queue(line);
            }
            Parked::Offered(_) if is_top => parked.reset(Reason::Protocol),
            Parked::Line(_) | Parked::Offered(_) => self.table.park(number, parent, parked, self),
        }
    }

    /// A channel that waits to be accepted.
    fn queue(&self, line: Line) {
        if let Err(full) = self.arrive.try_send(Arrived::Line(line))
            && let Arrived::Line(line) = full.into_value()
        {
            line.reset(Reason::Refused);
        }
    }

    /// No stream will come any more.
    fn end(&self) {
        match self.mux.fault() {
            Some(fault) => self.arrive.fail(fault),
            None => self.arrive.close(),
        }
        self.table.close();
    }
}

/// Takes what the peer opens, until nobody wants it.
async fn accept(
    mut arrivals: Arrivals,
    session: Weak<Inner>,
    mut unwanted: oneshot::Receiver<std::convert::Infallible>,
) {
    loop {
        let arrival = tokio::select! {
            arrival = arrivals.next() => arrival,
            _ = &mut unwanted => return,
        };
        let Some(inner) = session.upgrade() else { return };
        let Some(arrival) = arrival else { return inner.end() };
        inner.arrive(arrival);
    }
}
