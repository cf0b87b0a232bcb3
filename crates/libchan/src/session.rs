//! One connection with a peer, over which both sides open channels. Start at [`Session`].
//!
//! ```text
//! open    number 2, 3, … in a header `libchan-ref`; the peer accepts it as a top-level channel
//! nested  the same with the channel's number in `libchan-parent-ref`; it waits in the table until a message names it
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
use crate::passing::{self, Arrived, Offered, Parked, Passing, Room};
use crate::transport::Carrier;

/// The header with a stream's number, which its opener gives it.
const REFERENCE: &str = "libchan-ref";
/// The number of the channel that a stream belongs to.
const PARENT: &str = "libchan-parent-ref";
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
    mux: spdy::Session,
    pub(crate) limits: Limits,
    /// Where the connection carries descriptors.
    passing: Option<Arc<Passing>>,
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
    parked: HashMap<u64, Parked>,
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
        Self::start(connection, side, limits, None)
    }

    /// The same of a Unix socket, which carries descriptors, too: [`crate::Descriptor`].
    #[must_use]
    pub fn over_unix(socket: tokio::net::UnixStream, side: Side, limits: Limits) -> Self {
        let carrier = Carrier::new(socket, limits.descriptors);
        let passing = carrier.passing();
        Self::start(carrier, side, limits, Some(passing))
    }

    fn start(
        connection: impl AsyncRead + AsyncWrite + Send + 'static,
        side: Side,
        limits: Limits,
        passing: Option<Arc<Passing>>,
    ) -> Self {
        let role = match side {
            Side::Client => spdy::Role::Client,
            Side::Server => spdy::Role::Server,
        };
        let bounds = spdy::Limits {
            streams: limits.streams,
            stream_bytes: limits.queue_bytes,
            lingering: limits.streams,
            ..spdy::Limits::default()
        };
        let timer = spdy::Timer::new(tokio::time::sleep);
        let (mux, incoming, driver) = spdy::session(connection, role, bounds, timer);
        let (arrive, arrived) = buffered(limits.streams);
        let (accepting, unwanted) = oneshot::channel();
        let inner = Arc::new(Inner {
            mux,
            limits,
            passing,
            next: AtomicU64::new(FIRST),
            table: Mutex::default(),
            arrive,
            arrived: tokio::sync::Mutex::new(arrived),
            _accepting: accepting,
        });
        // Every channel hears by itself how its session has ended.
        tokio::spawn(async move { drop(driver.await) });
        tokio::spawn(accept(incoming, Arc::downgrade(&inner), unwanted));
        Self { inner }
    }

    /// Opens a channel, of which the peer gets the end that receives by [`Session::accept`].
    ///
    /// # Errors
    /// The session is closed, or has as many channels as it may.
    pub fn open<T: Serialize>(&self) -> Result<Sender<T>, Error> {
        let number = self.inner.next_number();
        let line = self.inner.open(number, None, None)?;
        Ok(Sender::of_line(line, &self.inner, number))
    }

    /// The next channel that the peer has opened; nothing once none can come any more. Cancelled, none is lost.
    ///
    /// # Errors
    /// [`Error::Limit`] where the peer has sent ever more descriptors that no message has.
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
        Ok(self.inner.mux.ping().await?)
    }
}

impl Inner {
    /// A number that no other stream of ours has.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Opens a stream of that number, which belongs to another one, and may stand for a descriptor.
    pub(crate) fn open(
        &self,
        number: u64,
        parent: Option<u64>,
        descriptor: Option<u64>,
    ) -> Result<Line, Error> {
        let mut headers = spdy::Headers::new();
        let own = [(REFERENCE, Some(number)), (PARENT, parent), (passing::HEADER, descriptor)];
        for (name, number) in own {
            if let Some(number) = number {
                // The names are right, and digits are.
                let _right = headers.push(name, number.to_string());
            }
        }
        Ok(self.mux.open(headers, spdy::Opening::default())?.into())
    }

    /// Places for so many descriptors on their way to the peer; nothing where none is carried.
    pub(crate) async fn room(&self, count: usize) -> Option<Room> {
        self.passing.as_ref()?.room(count, &self.mux, self.limits.descriptor_wait).await
    }

    /// The streams of these numbers, once all of them are there.
    pub(crate) fn poll_lines(
        &self,
        numbers: &[u64],
        context: &Context<'_>,
    ) -> Poll<Result<Vec<(u64, Parked)>, Error>> {
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
    fn arrive(&self, arrival: spdy::Arrival) {
        let numbers = numbers(&arrival.headers);
        let arrived = Arrived::of(arrival, self.passing.as_ref(), |most| {
            let table = self.table();
            let is_offered = |parked: &&Parked| matches!(parked, Parked::Offered(_));
            table.parked.values().filter(is_offered).count() < most
        });
        let (arrival, answer) = match arrived {
            Arrived::Stream(arrival, answer) => (arrival, answer),
            Arrived::Offered(offered) => return self.arrive_offered(numbers, offered),
            Arrived::Asked => return,
        };
        let mut headers = spdy::Headers::new();
        let _right = headers.push(":status", "200");
        if let Some(answer) = answer {
            let _right = headers.push(passing::HEADER, answer);
        }
        let Ok(stream) = arrival.reply(headers) else { return };
        let line = Line::from(stream);
        match numbers {
            None => line.reset(Reason::Cancelled),
            Some((_number, None)) => {
                if let Err(full) = self.arrive.try_send(line) {
                    full.into_value().reset(Reason::Refused);
                }
            }
            Some((number, Some(_parent))) => self.park(number, line.into()),
        }
    }

    /// One that stands for a descriptor, and is answered when that is taken.
    fn arrive_offered(&self, numbers: Option<(u64, Option<u64>)>, offered: Offered) {
        let offered = Parked::Offered(offered);
        match numbers {
            Some((number, Some(_parent))) => self.park(number, offered),
            _ => offered.reset(Reason::Protocol),
        }
    }

    fn park(&self, number: u64, line: Parked) {
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
        match self.passing.as_ref().and_then(|passing| passing.failure()) {
            Some(error) => self.arrive.fail(error),
            None => self.arrive.close(),
        }
        let mut table = self.table();
        table.is_over = true;
        let woken = std::mem::take(&mut table.waiting);
        drop(table);
        woken.into_iter().for_each(Waker::wake);
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

/// A stream's own number and its parent's; nothing of one that has none.
fn numbers(headers: &spdy::Headers) -> Option<(u64, Option<u64>)> {
    let number = |name| headers.text(name).and_then(|text| text.parse::<u64>().ok());
    let parent = number(PARENT).filter(|parent| *parent > 0);
    number(REFERENCE).map(|own| (own, parent))
}
