//! Listens, and answers each connection's requests. Start at [`serve`].

use std::io;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::time::Duration;

use engine::EngineConfig;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};

use crate::answer::{Body, response};
use crate::engines::Engines;
use crate::handlers::{self, Call};
use crate::query::Query;
use crate::router::route;

/// Bytes of a request's line and headers at most.
const HEAD: usize = 64 * 1024;
/// How long a client may take for them.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a thread's stack; a follower of a log is one.
const STACK: usize = 256 * 1024;
/// Requests that work at once, and followers.
const THREADS: usize = 4096;

/// Answers on a listening socket until it fails.
///
/// # Errors
/// When no thread can be made, or the socket cannot be used.
pub fn serve(config: EngineConfig, listener: StdUnixListener) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .max_blocking_threads(THREADS)
        .build()?;
    let engines = Arc::new(Engines::new(config));
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        loop {
            let (stream, _address) = listener.accept().await?;
            tokio::spawn(connection(stream, Arc::clone(&engines)));
        }
    })
}

async fn connection(stream: UnixStream, engines: Arc<Engines>) {
    let service = service_fn(move |request| {
        let engines = Arc::clone(&engines);
        async move { Ok::<_, std::convert::Infallible>(answer(request, &engines).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // The client is gone, or has said something that is no HTTP and was told so.
    let _ended = connection.await;
}

async fn answer(request: Request<Incoming>, engines: &Arc<Engines>) -> Response<Body> {
    let routed = match route(request.method().as_str(), request.uri().path()) {
        Ok(routed) => routed,
        Err(error) => return response(Err(error.into()), None),
    };
    let version = Some(routed.version);
    let query = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return response(Err(error.into()), version),
    };
    let engines = Arc::clone(engines);
    response(handlers::answer(Call { routed, query, request, engines }).await, version)
}
