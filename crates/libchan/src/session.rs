//! One connection with a peer, over which both sides open channels. Start at [`Session`].
//!
//! ```text
//! open    number 2, 3, …, which the peer is told (mux); he accepts it as a top-level channel
//! nested  the same with the channel's number; it waits in the table until a message names it
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::channel::{Receiver, Sender, buffered};
use crate::error::Error;
use crate::limits::Limits;
use crate::line::{Line, Reason};
use crate::mux::{self, Arrival, Arrivals, Mux, Numbers};

/// The original's first number.
const FIRST: u64 = 2;

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
    next: AtomicU64,
    table: Mutex<Table>,
    arrive: Sender<Line>,
    arrived: tokio::sync::Mutex<Receiver<Line>>,
    /// Dropped with it: nobody accepts any more.
    _accepting: oneshot::Sender<std::convert::Infallible>,
}

/// Streams of the peer's that a message will name.
#[derive(Debug, Default)]
struct Table {
    parked: HashMap<u64, Line>,
    waiting: Vec<Waker>,
    is_over: bool,
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
        Self::over(mux::spdy(connection, role, &limits), limits)
    }

    /// Makes a session of what opens and accepts its streams.
    pub(crate) fn over((mux, arrivals): (Mux, Arrivals), limits: Limits) -> Self {
        let (arrive, arrived) = buffered(limits.streams);
        let (accepting, unwanted) = oneshot::channel();
        let inner = Arc::new(Inner {
            mux,
            limits,
            next: AtomicU64::new(FIRST),
            table: Mutex::default(),
            arrive,
            arrived: tokio::sync::Mutex::new(arrived),
            _accepting: accepting,
        });
        tokio::spawn(accept(arrivals, Arc::downgrade(&inner), unwanted));
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
    /// None yet.
    pub async fn accept<T: DeserializeOwned>(&self) -> Result<Option<Receiver<T>>, Error> {
        let arrived = self.inner.arrived.lock().await.recv().await?;
        Ok(arrived.map(|line| Receiver::of_line(line, &self.inner)))
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
        self.inner.mux.ping().await
    }
}

impl Inner {
    /// A number that no other stream of ours has.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Opens a stream of that number, which belongs to another one.
    pub(crate) fn open(&self, number: u64, parent: Option<u64>) -> Result<Line, Error> {
        self.mux.open(Numbers { own: number, parent })
    }

    /// The streams of these numbers, once all of them are there.
    pub(crate) fn poll_lines(
        &self,
        numbers: &[u64],
        context: &Context<'_>,
    ) -> Poll<Result<Vec<(u64, Line)>, Error>> {
        let mut table = self.table();
        if numbers.iter().all(|number| table.parked.contains_key(number)) {
            let mut take = |number: &u64| Some((*number, table.parked.remove(number)?));
            return Poll::Ready(Ok(numbers.iter().filter_map(&mut take).collect()));
        }
        if table.is_over {
            return Poll::Ready(Err(Error::Closed));
        }
        if !table.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            table.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream of the peer's.
    fn arrive(&self, Arrival { line, numbers }: Arrival) {
        match numbers {
            None => line.reset(Reason::Cancelled),
            Some(Numbers { parent: None, .. }) => {
                if let Err(full) = self.arrive.try_send(line) {
                    full.into_value().reset(Reason::Refused);
                }
            }
            Some(Numbers { own, .. }) => self.park(own, line),
        }
    }

    fn park(&self, number: u64, line: Line) {
        let mut table = self.table();
        let refused = if table.parked.contains_key(&number) {
            Some((line, Reason::Protocol))
        } else if table.parked.len() >= self.limits.parked {
            Some((line, Reason::Refused))
        } else {
            table.parked.insert(number, line);
            None
        };
        let woken = std::mem::take(&mut table.waiting);
        drop(table);
        woken.into_iter().for_each(Waker::wake);
        if let Some((line, reason)) = refused {
            line.reset(reason);
        }
    }

    /// No stream will come any more.
    fn end(&self) {
        self.arrive.close();
        let mut table = self.table();
        table.is_over = true;
        let woken = std::mem::take(&mut table.waiting);
        drop(table);
        woken.into_iter().for_each(Waker::wake);
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
