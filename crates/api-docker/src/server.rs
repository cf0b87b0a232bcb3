//! Listens, and answers each connection's requests. Start at [`serve`].
//!
//! One thread speaks with all clients; what the engine does for them it does in threads of its own. Nothing is kept that has to be there after a
//! restart: who kills a server loses its connections and nothing else.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use engine::EngineConfig;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use crate::answer::{Answer, Whole, response};
use crate::descriptor::waited;
use crate::failure::Failure;
use crate::halves::{Half, Halved, Kept, is_for_listeners};
use crate::handlers::{self, Call};
use crate::hijack::{Duplex, Slot, Wire};
use crate::limits;
use crate::listen::{Endpoint, ListenError, Listener, Socket, SocketFile};
use crate::log::Log;
use crate::metrics::Gauge;
use crate::operation::Operation;
use crate::origin;
use crate::policy::Policy;
use crate::query::Query;
use crate::registries::Registries;
use crate::router::route;
use crate::shared::Shared;
use crate::telling::Telling;
use crate::traces::{TraceConfig, Traces};

/// Bytes of a thread's stack.
const STACK: usize = 512 * 1024;
/// Between looks for monitors that have ended; until then the kernel keeps a line of each.
const REAPING: Duration = Duration::from_secs(5);
/// How long nobody is let in after the kernel has refused a connection: it has no descriptor left, perhaps.
const BREATH: Duration = Duration::from_millis(100);

/// How a server answers.
#[derive(Debug)]
pub struct ServeConfig {
    /// What it answers for.
    pub engine: EngineConfig,
    /// How registries are reached.
    pub registries: Registries,
    /// Where it answers; nowhere is an end at once.
    pub endpoints: Vec<Endpoint>,
    /// It ends when nobody was connected for so long.
    pub idle: Option<Duration>,
    /// It ends when this can be read from.
    pub stop: Option<OwnedFd>,
    /// Where it tells what it was asked for.
    pub log: Log,
    /// Where spans of requests go; nowhere where nobody asks for them.
    pub traces: Option<TraceConfig>,
}

/// Why a server cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The kernel.
    #[error("{action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}

/// How clients come in, common to all sockets.
#[derive(Clone)]
struct Door {
    shared: Arc<Shared>,
    /// How many are in.
    guests: watch::Sender<usize>,
    /// Places for more: whoever finds none waits outside, and nobody looks for him meanwhile.
    places: Arc<Semaphore>,
}

/// A client, as its socket tells.
#[derive(Clone)]
struct Visitor {
    policy: Option<Arc<Policy>>,
    /// User and group, over a Unix socket.
    peer: Option<(u32, u32)>,
    /// Whether it comes over TCP.
    is_remote: bool,
}

/// Answers until it is told to stop, or nobody was there for long enough. `ready` is called once it listens everywhere.
///
/// # Errors
/// When it cannot listen somewhere, or no thread can be made.
pub fn serve(config: ServeConfig, ready: impl FnOnce()) -> Result<(), ServeError> {
    let system = |action| move |cause| ServeError::System { action, cause };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .max_blocking_threads(limits::THREADS)
        .build()
        .map_err(system("make the server's threads"))?;
    let ServeConfig { engine, registries, endpoints, idle, stop, log, traces } = config;
    let log = Arc::new(log);
    let traces = traces.map(|traces| Traces::start(traces, Arc::clone(&log))).transpose();
    let traces = traces.map_err(system("make the server's threads"))?;
    let shared = Arc::new(Shared::new(engine, registries, log, traces));
    let served = runtime.block_on(async {
        // Nobody sees what a server that was killed has left half made.
        let settled = shared.with(|engine| Ok(engine.containers().remove_all_remains()?)).await;
        if let Err(failure) = settled {
            shared.log.always(&format!("remove what was half made: {}", failure.message));
        }
        let listeners: Vec<Listener> =
            endpoints.into_iter().map(Listener::open).collect::<Result<_, _>>()?;
        for listener in &listeners {
            shared.log.always(&format!("listen on {}", listener.name));
        }
        let places = limits::connections(getrlimit(Resource::Nofile).current);
        let places = Arc::new(Semaphore::new(places));
        let door = Door { shared: Arc::clone(&shared), guests: watch::Sender::new(0), places };
        let files: Vec<_> = listeners.into_iter().map(|listener| admit(listener, &door)).collect();
        tokio::spawn(reap());
        ready();
        tokio::select! {
            () = idle_for(idle, door.guests.subscribe()) => {}
            stopped = stopped(stop) => stopped.map_err(system("wait for the end"))?,
        }
        drop(files);
        Ok(())
    });
    // Work that goes on in threads ends with the process; what it has not written down was not done.
    runtime.shutdown_background();
    if let Some(traces) = &shared.traces {
        traces.finish();
    }
    served
}

async fn stopped(stop: Option<OwnedFd>) -> io::Result<()> {
    match stop {
        Some(stop) => {
            let _ready = waited(stop, Interest::READABLE)?.readable().await?;
            Ok(())
        }
        None => std::future::pending().await,
    }
}

/// Until nobody was there for so long.
async fn idle_for(patience: Option<Duration>, mut guests: watch::Receiver<usize>) {
    let Some(patience) = patience else { return std::future::pending().await };
    loop {
        let is_empty = *guests.borrow_and_update() == 0;
        if !is_empty {
            let _always = guests.changed().await;
        } else if tokio::time::timeout(patience, guests.changed()).await.is_err() {
            return;
        }
    }
}

async fn reap() {
    loop {
        tokio::time::sleep(REAPING).await;
        engine::reap_monitors();
    }
}

/// Lets clients of a socket in; gives what has to be there until the end.
fn admit(listener: Listener, door: &Door) -> Option<SocketFile> {
    let Listener { socket, policy, file, .. } = listener;
    let door = door.clone();
    tokio::spawn(async move {
        loop {
            let visitor = Visitor { policy: policy.clone(), peer: None, is_remote: false };
            if let Err(_full) = door.accept(&socket, visitor).await {
                tokio::time::sleep(BREATH).await;
            }
        }
    });
    file
}

impl Door {
    async fn accept(&self, socket: &Socket, mut visitor: Visitor) -> io::Result<()> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        match socket {
            Socket::Unix(socket) => {
                let (stream, _address) = socket.accept().await?;
                visitor.peer = stream.peer_cred().ok().map(|peer| (peer.uid(), peer.gid()));
                let door = self.clone();
                tokio::spawn(async move {
                    door.host(stream, visitor).await;
                    drop(place);
                });
            }
            Socket::Tcp(socket, acceptor) => {
                let (stream, _address) = socket.accept().await?;
                let _slower = stream.set_nodelay(true);
                let _unnoticed = probe(&stream);
                visitor.is_remote = true;
                let (door, greeting) = (self.clone(), acceptor.accept(stream));
                tokio::spawn(async move {
                    // Who has no certificate is not answered.
                    if let Ok(Ok(stream)) =
                        tokio::time::timeout(limits::HEAD_PATIENCE, greeting).await
                    {
                        door.host(stream, visitor).await;
                    }
                    drop(place);
                });
            }
        }
        Ok(())
    }

    /// Answers a client as long as it is there.
    async fn host(&self, stream: impl Duplex + 'static, visitor: Visitor) {
        self.guests.send_modify(|guests| *guests += 1);
        let gauge = Gauge::of(&self.shared.metrics.connections);
        connection(stream, Arc::clone(&self.shared), visitor).await;
        drop(gauge);
        self.guests.send_modify(|guests| *guests -= 1);
    }
}

/// Has the kernel look whether a silent client is still there.
fn probe(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, limits::PROBED_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, limits::PROBED_AFTER)?;
    sockopt::set_tcp_keepcnt(stream, limits::PROBES)
}

async fn connection(stream: impl Duplex + 'static, shared: Arc<Shared>, visitor: Visitor) {
    let (slot, half) = (Arc::new(Slot::default()), Arc::new(Half::default()));
    let stream = Halved { stream, half: Arc::clone(&half) };
    let service = service_fn(|request| {
        let (shared, slot, visitor) = (Arc::clone(&shared), Arc::clone(&slot), visitor.clone());
        let half = Arc::clone(&half);
        Box::pin(async move {
            Ok::<_, Infallible>(answer(request, shared, visitor, (&slot, half)).await)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_PATIENCE)
        .max_buf_size(limits::HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let left = tokio::select! {
        // The client is gone, or has said something that is no HTTP and was told so.
        _ended = poll_fn(|context| connection.poll_without_shutdown(context)) => None,
        left = slot.taken() => Some(left),
    };
    let parts = connection.into_parts();
    let stream = parts.io.into_inner().stream;
    let Some((hijack, version)) = left else { return linger(stream).await };
    let _gauge = Gauge::of(&shared.metrics.hijacked);
    hijack.run(Wire::new(stream, parts.read_buf), &version).await;
}

/// Takes what a client still sends that was answered early: while it writes it does not read, and a closed connection would take the answer away.
async fn linger(mut stream: impl Duplex) {
    let read_away = async {
        stream.shutdown().await?;
        let mut space = vec![0; 64 * 1024];
        let mut left = limits::LINGERED;
        while let Some(less) = left.checked_sub(stream.read(&mut space).await?) {
            if less == left {
                break;
            }
            left = less;
        }
        io::Result::Ok(())
    };
    let _closed = tokio::time::timeout(limits::LINGERING, read_away).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    visitor: Visitor,
    (slot, half): (&Slot, Arc<Half>),
) -> Response<Kept> {
    let routed = route(request.method().as_str(), request.uri().path());
    let version = routed.as_ref().ok().map(|routed| routed.version);
    let place = routed.as_ref().ok().map(|routed| routed.operation.place());
    let telling = Telling::begin(&shared, &request, visitor.peer, place);
    let mut is_for_listener = false;
    let answered = async {
        if visitor.is_remote {
            origin::check(request.headers())?;
        }
        let routed = routed?;
        let query = Query::parse(request.uri().query().unwrap_or_default())?;
        is_for_listener = is_for_listeners(routed.operation, &query);
        let may_wait = is_for_listener && matches!(routed.operation, Operation::Image(_));
        let Visitor { policy, peer, .. } = visitor;
        let (shared, half) = (Arc::clone(&shared), Arc::clone(&half));
        let own = Arc::clone(&half);
        let call = Call { routed, query, request, policy, peer, read: None, shared, half };
        tokio::select! {
            answered = handlers::answer(call) => answered,
            () = poll_fn(|context| own.poll_ended(context)), if may_wait => {
                Err(Failure::bad("the client has closed its direction before it was answered"))
            }
        }
    };
    let answered: Result<Answer, Failure> = answered.await;
    half.whole();
    let is_for_listener = is_for_listener && answered.is_ok();
    let whole: Whole = match answered {
        Ok(Answer::Whole(whole)) => whole,
        Err(failure) => failure.into(),
        Ok(Answer::Hijack(hijack)) => {
            telling.end(&shared, 101);
            slot.leave(hijack, version.unwrap_or(crate::version::NEWEST).to_string());
            // The connection is taken out of the hands of who waits for this.
            return std::future::pending().await;
        }
    };
    telling.end(&shared, whole.status().as_u16());
    response(whole, version).map(|body| Kept::new(body, half, is_for_listener))
}
