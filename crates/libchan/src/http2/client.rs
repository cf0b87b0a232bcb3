//! The side that connects: requests on as many connections as the server lets them have.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::{StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use super::carrier::{Answered, Carrier};
use super::connection::{self, Carried};
use super::core::Core;
use super::opening::{Carriers, Opening};
use super::request::{self, Purpose, Token};
use super::{Arrivals, Handle, control};
use crate::limits::Limits;
use crate::mux::{Arrivals as AnyArrivals, Mux};
use crate::session::{Session, Side};
use crate::transport::ConnectError;

/// Requests that wait for streams of the server's. It may have as many more each time that news of one take there and back.
const SPARES: usize = 8;

/// What a session needs for requests.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `http` or `https`, host, port and path.
    pub(crate) uri: Uri,
    /// For errors.
    pub(crate) address: String,
    /// By extended CONNECT.
    pub(crate) by_connect: bool,
    pub(crate) limits: Limits,
}

impl Target {
    fn failed(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> ConnectError + use<> {
        let address = self.address.clone();
        move |cause| ConnectError::Io { action, address, cause }
    }
}

/// Where connections come from, of which a session may need several.
pub(crate) trait Dial: Send + Sync + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// A connection that speaks HTTP/2.
    fn dial(&self) -> impl Future<Output = Result<Self::Io, ConnectError>> + Send;
}

/// Makes a session; returns once the server has taken it.
pub(crate) async fn connect(target: Target, dial: impl Dial) -> Result<Session, ConnectError> {
    let cut = target.failed("ask for a session at");
    let refused = |status: StatusCode| ConnectError::Refused {
        address: target.address.clone(),
        status: status.as_u16(),
    };
    let token = Token::random().map_err(target.failed("name a session at"))?;
    let (requests, openings) = mpsc::unbounded_channel();
    let (control, orders) = mpsc::unbounded_channel();
    let limits = target.limits.clone();
    let (core, arrived) = Core::new(limits.clone(), Carriers::Client(requests), control, None);
    let mut pool = Pool { target: target.clone(), token, dial, connections: Vec::new() };
    let ticket = core.control();
    let ends = ticket.lane.ends();
    let (answered, answer) = oneshot::channel();
    let opening = Opening::new(ticket, None);
    pool.open(opening, Some(answered)).await?;
    let answer = answer.await.map_err(|_cut| cut(std::io::ErrorKind::ConnectionAborted.into()))?;
    answer.map_err(refused)?;
    tokio::spawn(control::run(Arc::clone(&core), ends, orders));
    tokio::spawn(pool.run(openings));
    for _ in 0..SPARES {
        core.want_spare();
    }
    let mux = Mux::Http2(Handle(core));
    Ok(Session::over((mux, AnyArrivals::Http2(Arrivals(arrived))), Side::Client, limits))
}

/// The connections of a session.
struct Pool<D> {
    target: Target,
    token: Token,
    dial: D,
    connections: Vec<Connection>,
}

struct Connection {
    requests: SendRequest<Bytes>,
    carriers: mpsc::UnboundedSender<Carrier>,
    /// Streams that are open.
    streams: Arc<AtomicUsize>,
}

impl<D: Dial> Pool<D> {
    /// Makes requests until the session has no use for more.
    async fn run(mut self, mut openings: mpsc::UnboundedReceiver<Opening>) {
        while let Some(opening) = openings.recv().await {
            // A stream without a carrier fails as it is dropped.
            let _refused = self.open(opening, None).await;
        }
    }

    /// Makes a request for a stream.
    async fn open(
        &mut self,
        opening: Opening,
        answered: Option<Answered>,
    ) -> Result<(), ConnectError> {
        let purpose = match (opening.numbers, &answered) {
            (Some(numbers), _) => Purpose::Stream(numbers),
            (None, Some(_)) => Purpose::Control,
            (None, None) => Purpose::Accept,
        };
        let Target { uri, by_connect, .. } = &self.target;
        let request = request::write(uri, *by_connect, self.token, purpose);
        loop {
            self.connections.retain(|connection| !connection.carriers.is_closed());
            let place = match self.connections.iter().position(Connection::has_room) {
                Some(place) => place,
                None => {
                    let connection = connect_once(&self.target, &self.dial).await?;
                    self.connections.push(connection);
                    self.connections.len() - 1
                }
            };
            let Some(connection) = self.connections.get_mut(place) else { continue };
            match connection.requests.send_request(request.clone(), false) {
                Ok(sent) => {
                    connection.streams.fetch_add(1, Ordering::Relaxed);
                    // Its task is over where the connection is just cut: then the stream fails.
                    let _cut = connection.carriers.send(Carrier::client(opening, sent, answered));
                    return Ok(());
                }
                // It takes no more, as a proxy says after some number of requests; those on it go on.
                Err(_going_away) => drop(self.connections.swap_remove(place)),
            }
        }
    }
}

impl Connection {
    fn has_room(&self) -> bool {
        self.streams.load(Ordering::Relaxed) < self.requests.current_max_send_streams()
    }
}

/// One more connection, with a task that serves it.
async fn connect_once(target: &Target, dial: &impl Dial) -> Result<Connection, ConnectError> {
    let late = target.failed("greet the peer at");
    let greeted = tokio::time::timeout(target.limits.greeting_wait, greet(target, dial)).await;
    greeted.map_err(|_elapsed| late(std::io::ErrorKind::TimedOut.into()))?
}

async fn greet(target: &Target, dial: &impl Dial) -> Result<Connection, ConnectError> {
    let limits = &target.limits;
    let io = dial.dial().await?;
    // A server opens no streams by itself.
    let (window, connection_window) = connection::windows(limits, connection::most_streams(limits));
    let greeting = Builder::new()
        .enable_push(false)
        .initial_window_size(window)
        .initial_connection_window_size(connection_window)
        .max_frame_size(connection::DATA_BYTES)
        .max_header_list_size(connection::HEAD_BYTES)
        .max_concurrent_reset_streams(connection::KNOWN_RESETS)
        .max_pending_accept_reset_streams(connection::UNTAKEN_RESETS)
        .max_local_error_reset_streams(Some(connection::FAULTS))
        .data_frame_budget(connection::FRAME_BYTES)
        .handshake::<_, Bytes>(io);
    let failed = || target.failed("speak HTTP/2 with");
    let cause = |error: h2::Error| failed()(std::io::Error::other(error));
    let (requests, mut http2) = greeting.await.map_err(cause)?;
    let pings = http2.ping_pong();
    let (carriers, mut arriving) = mpsc::unbounded_channel();
    let streams = Arc::new(AtomicUsize::new(0));
    let open = Arc::clone(&streams);
    let mut carried = Carried::new(limits);
    tokio::spawn(async move {
        poll_fn(|context| {
            while let Poll::Ready(Some(carrier)) = arriving.poll_recv(context) {
                carried.push(carrier);
            }
            let _some_are_left = carried.poll(context);
            open.store(carried.len(), Ordering::Relaxed);
            std::pin::Pin::new(&mut http2).poll(context).map(drop)
        })
        .await;
        // Streams hear of its end as it is dropped; what has arrived is received still.
        drop(http2);
        arriving.close();
        while let Ok(carrier) = arriving.try_recv() {
            carried.push(carrier);
        }
        poll_fn(|context| carried.poll(context)).await;
    });
    // What the server can is in its first frame, which is there when a ping is answered.
    if let (true, Some(mut pings)) = (target.by_connect, pings) {
        pings.ping(h2::Ping::opaque()).await.map_err(cause)?;
        if !requests.is_extended_connect_protocol_enabled() {
            return Err(ConnectError::NoExtendedConnect(target.address.clone()));
        }
    }
    Ok(Connection { requests, carriers, streams })
}
