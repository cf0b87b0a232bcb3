//! One connection with a peer, over which both sides open channels. Start at [`Session`].
//!
//! ```text
//! open    a number in a header `libchan-ref`; the peer accepts it as a top-level channel
//! nested  the same with the channel's number in `libchan-parent-ref`; it waits in the table until a message names it
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};

use crate::channel::{Receiver, Sender, buffered};
use crate::error::Error;
use crate::generation::{Belongs, Generation, Place, Spoken};
use crate::limits::Limits;
use crate::line::{Line, Reason};
use crate::msgpack::extension::Role;
use crate::partial::Partial;
use crate::table::{Presence, Table};

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
    mux: spdy::Session,
    pub(crate) limits: Limits,
    /// Of messages that are not whole yet.
    pub(crate) partial: Partial,
    next: AtomicU64,
    spoken: Spoken,
    pub(crate) table: Table,
    arrive: Sender<Line>,
    arrived: tokio::sync::Mutex<Receiver<Line>>,
    /// How it has ended, once it has.
    ended: watch::Receiver<Option<Result<(), Error>>>,
    /// Dropped with it: nobody accepts any more.
    _accepting: oneshot::Sender<std::convert::Infallible>,
}

impl Session {
    /// Makes a session of a connection, with tasks that serve it on the runtime of tokio that this is called on.
    pub fn new(
        connection: impl AsyncRead + AsyncWrite + Send + 'static,
        side: Side,
        limits: Limits,
    ) -> Self {
        let role = match side {
            Side::Client => spdy::Role::Client,
            Side::Server => spdy::Role::Server,
        };
        let bounds = spdy::Limits {
            streams: limits.streams,
            stream_bytes: limits.queue_bytes,
            session_bytes: limits.session_bytes,
            keep_alive: limits.keep_alive,
            lingering: limits.streams,
            ..spdy::Limits::default()
        };
        let timer = spdy::Timer::new(tokio::time::sleep);
        let (mux, incoming, driver) = spdy::session(connection, role, bounds, timer);
        let (arrive, arrived) = buffered(limits.streams);
        let (accepting, unwanted) = oneshot::channel();
        let (tell, ended) = watch::channel(None);
        let inner = Arc::new(Inner {
            mux,
            partial: Partial::new(limits.partial_bytes),
            limits,
            next: AtomicU64::new(if side == Side::Server { 2 } else { 3 }),
            spoken: Spoken::default(),
            table: Table::default(),
            arrive,
            arrived: tokio::sync::Mutex::new(arrived),
            ended,
            _accepting: accepting,
        });
        tokio::spawn(async move {
            let end = driver.await.map_err(Error::from);
            // Every channel hears of it by itself, whether anybody has the session or not.
            let _nobody = tell.send(Some(end));
        });
        tokio::spawn(accept(incoming, Arc::downgrade(&inner), unwanted));
        Self { inner }
    }

    /// Opens a channel, of which the peer gets the end that receives by [`Session::accept`].
    ///
    /// # Errors
    /// The session is closed, or has as many channels as it may.
    pub fn open<T: Serialize>(&self) -> Result<Sender<T>, Error> {
        let number = self.inner.next_number();
        let line = self.inner.open(number, None)?;
        Ok(Sender::of_line(line, &self.inner, number))
    }

    /// The next channel that the peer has opened; nothing once none can come any more. Cancelled, none is lost.
    ///
    /// # Errors
    /// The peer broke what both sides share, so that the session is over.
    pub async fn accept<T: DeserializeOwned>(&self) -> Result<Option<Receiver<T>>, Error> {
        let arrived = self.inner.arrived.lock().await.recv().await?;
        Ok(arrived.map(|line| Receiver::of_line(line, &self.inner)))
    }

    /// Returns once the session is over: after [`Session::close`] here or there when the last channel is over, or because the connection
    /// is gone. Both sides of a session that nobody closes wait for ever.
    ///
    /// # Errors
    /// The peer broke the protocol, the connection failed, or nothing came from the peer any more ([`Error::TimedOut`],
    /// [`Limits::keep_alive`]).
    pub async fn ended(&self) -> Result<(), Error> {
        let mut ended = self.inner.ended.clone();
        // The driver's task tells it before it goes, but for a runtime that is shut down.
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
        Ok(self.inner.mux.ping().await?)
    }
}

impl Inner {
    /// A number that no other stream has: even ones are a server's, odd ones a client's. The original of 2016 gives both sides 2, 3, … and
    /// takes any; that of 2014 gives them as we do, and a client's first one, 1, tells it from us.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(2, Ordering::Relaxed)
    }

    /// What the peer speaks.
    pub(crate) fn generation(&self) -> Generation {
        self.spoken.get()
    }

    /// Opens a stream of that number, which belongs to a message or is a channel by itself.
    pub(crate) fn open(
        self: &Arc<Self>,
        number: u64,
        belongs: Option<Belongs>,
    ) -> Result<Line, Error> {
        let (headers, opening) = self.generation().opening(number, belongs);
        // Before the peer can send anything on it.
        let brings = belongs.is_some_and(|belongs| belongs.role == Role::SentByReceiver);
        let presence = brings.then(|| Presence::new(self, number));
        let mut line = Line::from(self.mux.open(headers, opening)?);
        line.presence = presence;
        Ok(line)
    }

    /// A stream of the peer's.
    fn arrive(self: &Arc<Self>, arrival: spdy::Arrival) {
        let place = self.spoken.place(&arrival.headers);
        let mut headers = spdy::Headers::new();
        let _right = headers.push(":status", "200");
        let Ok(stream) = arrival.reply(headers) else { return };
        let mut line = Line::from(stream);
        let Some(Place { number, is_top, parent }) = place else {
            return line.reset(Reason::Cancelled);
        };
        line.presence = Some(Presence::new(self, number));
        if !is_top {
            self.table.park(number, parent, line, self.limits.parked);
        } else if let Err(full) = self.arrive.try_send(line) {
            full.into_value().reset(Reason::Refused);
        }
    }

    /// No stream will come any more.
    fn end(&self) {
        match self.mux.fault() {
            Some(fault) => self.arrive.fail(spdy::Error::Protocol(fault).into()),
            None => self.arrive.close(),
        }
        self.table.close();
    }
}

/// Takes what the peer opens, until nobody wants it.
async fn accept(
    mut incoming: spdy::Incoming,
    session: Weak<Inner>,
    mut unwanted: oneshot::Receiver<std::convert::Infallible>,
) {
    loop {
        let arrival = tokio::select! {
            arrival = incoming.accept() => arrival,
            _ = &mut unwanted => return,
        };
        let Some(inner) = session.upgrade() else { return };
        let Some(arrival) = arrival else { return inner.end() };
        inner.arrive(arrival);
    }
}
