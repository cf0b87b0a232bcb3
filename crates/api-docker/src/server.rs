//! Listens, and answers each connection's requests. Start at [`serve`].

use std::convert::Infallible;
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
use tokio::net::UnixListener;

use crate::answer::{Answer, Body, response};
use crate::failure::Failure;
use crate::handlers::{self, Call};
use crate::hijack::{Duplex, Slot, Wire};
use crate::query::Query;
use crate::router::route;
use crate::shared::Shared;

/// Bytes of a request's line and headers at most.
const HEAD: usize = 64 * 1024;
/// How long a client may take for them.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a thread's stack.
const STACK: usize = 512 * 1024;
/// Requests whose work is done or waited for at once; further ones wait for their turn.
const THREADS: usize = 512;
/// Between looks for monitors that have ended; until then the kernel keeps a line of each.
const REAPING: Duration = Duration::from_secs(5);

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
    let shared = Arc::new(Shared::new(config));
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        tokio::spawn(reap());
        loop {
            let (stream, _address) = listener.accept().await?;
            tokio::spawn(connection(stream, Arc::clone(&shared)));
        }
    })
}

async fn reap() {
    loop {
        tokio::time::sleep(REAPING).await;
        engine::reap_monitors();
    }
}

async fn connection(stream: impl Duplex + 'static, shared: Arc<Shared>) {
    let slot = Arc::new(Slot::default());
    let service = service_fn(|request| {
        let (shared, slot) = (Arc::clone(&shared), Arc::clone(&slot));
        async move { Ok::<_, Infallible>(answer(request, shared, &slot).await) }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let (hijack, version) = tokio::select! {
        // The client is gone, or has said something that is no HTTP and was told so.
        _ended = &mut connection => return,
        left = slot.taken() => left,
    };
    let parts = connection.into_parts();
    hijack.run(Wire::new(parts.io.into_inner(), parts.read_buf), &version).await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>, slot: &Slot) -> Response<Body> {
    let routed = match route(request.method().as_str(), request.uri().path()) {
        Ok(routed) => routed,
        Err(error) => return response(Failure::from(error).into(), None),
    };
    let version = routed.version;
    let answered = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => handlers::answer(Call { routed, query, request, shared }).await,
        Err(error) => Err(error.into()),
    };
    match answered {
        Ok(Answer::Whole(whole)) => response(whole, Some(version)),
        Err(failure) => response(failure.into(), Some(version)),
        Ok(Answer::Hijack(hijack)) => {
            slot.leave(hijack, version.to_string());
            // The connection is taken out of the hands of who waits for this.
            std::future::pending().await
        }
    }
}
