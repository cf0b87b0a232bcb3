//! The side that is connected to: connections of anybody's, on which requests name sessions.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::carrier::{Carrier, Laned};
use super::connection::{self, Carried};
use super::core::Core;
use super::opening::Carriers;
use super::request::{self, Purpose, Token};
use super::{Arrivals, Handle, control, part};
use crate::error::Error;
use crate::limits::Limits;
use crate::mux::{Arrivals as AnyArrivals, Mux};
use crate::session::{Session, Side};

/// Requests that a client may keep open for streams of this side's.
const MOST_SPARES: usize = 64;

/// The sessions of one address, whatever connections they come by.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: String,
    limits: Limits,
    sessions: Mutex<HashMap<Token, Weak<Core>>>,
    accepted: mpsc::Sender<Session>,
}

/// A session's place among the others, which is free when this is dropped.
#[derive(Debug)]
pub(super) struct Leave {
    server: Weak<Shared>,
    token: Token,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(server) = self.server.upgrade() {
            server.sessions().remove(&self.token);
        }
    }
}

type Requested = (Request<RecvStream>, SendResponse<Bytes>);

impl Server {
    /// With the queue of its sessions.
    pub(crate) fn new(path: String, limits: Limits) -> (Self, mpsc::Receiver<Session>) {
        let (accepted, sessions) = mpsc::channel(limits.sessions.max(1));
        let shared = Shared { path, limits, sessions: Mutex::default(), accepted };
        (Self(Arc::new(shared)), sessions)
    }

    /// Serves a connection until it is over.
    pub(crate) async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let limits = &self.0.limits;
        let streams = connection::most_streams(limits);
        let (window, connection_window) = connection::windows(limits, streams);
        let greeting = Builder::new()
            .enable_connect_protocol()
            .initial_window_size(window)
            .initial_connection_window_size(connection_window)
            .max_concurrent_streams(streams)
            .max_frame_size(connection::DATA_BYTES)
            .max_header_list_size(connection::HEAD_BYTES)
            .max_concurrent_reset_streams(connection::KNOWN_RESETS)
            .max_pending_accept_reset_streams(connection::UNTAKEN_RESETS)
            .max_local_error_reset_streams(Some(connection::FAULTS))
            .data_frame_budget(connection::FRAME_BYTES)
            .handshake::<_, Bytes>(io);
        let greeted = tokio::time::timeout(limits.greeting_wait, greeting).await;
        // Who does not greet is nobody.
        let Ok(Ok(mut http2)) = greeted else { return };
        let mut carried = Carried::new(limits);
        let mut idle = Idle::default();
        poll_fn(|context| self.poll_serve(context, &mut http2, &mut carried, &mut idle)).await;
        drop(http2);
        // What has arrived is received still.
        poll_fn(|context| carried.poll(context)).await;
    }

    fn poll_serve(
        &self,
        context: &mut Context<'_>,
        http2: &mut Connection<impl AsyncRead + AsyncWrite + Unpin, Bytes>,
        carried: &mut Carried,
        idle: &mut Idle,
    ) -> Poll<()> {
        loop {
            // Before the connection is written to, and woken for what it has read.
            let _some_are_left = carried.poll(context);
            match http2.poll_accept(context) {
                Poll::Ready(Some(Ok(requested))) => {
                    if let Some(carrier) = self.answer(requested) {
                        carried.push(carrier);
                    }
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending if !carried.is_empty() => {
                    idle.0 = None;
                    return Poll::Pending;
                }
                Poll::Pending => {
                    std::task::ready!(idle.poll(context, self.0.limits.greeting_wait));
                    // The second time it is not asked to go.
                    if std::mem::replace(&mut idle.1, true) {
                        return Poll::Ready(());
                    }
                    http2.graceful_shutdown();
                }
            }
        }
    }

    /// Answers a request, and gives what carries its stream.
    fn answer(&self, (request, mut respond): Requested) -> Option<Carrier> {
        let found = request::read(&request, &self.0.path);
        let laned = found.and_then(|(token, purpose)| self.0.lane(token, purpose));
        match laned {
            Ok(laned) => {
                let mut send = send_head(&mut respond, StatusCode::OK, false)?;
                // Where it is over by now, what carries it hears so.
                let _over = send.send_data(part::nothing(), false);
                Some(Carrier::server(laned, send, request.into_body()))
            }
            Err(status) => {
                // Its end resets what the client still sends. RFC 9113, section 8.1.
                let _over = send_head(&mut respond, status, true);
                None
            }
        }
    }
}

impl Shared {
    fn sessions(&self) -> MutexGuard<'_, HashMap<Token, Weak<Core>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of a session that a request is for.
    fn lane(self: &Arc<Self>, token: Token, purpose: Purpose) -> Result<Laned, StatusCode> {
        if purpose == Purpose::Control {
            return self.begin(token);
        }
        let known = self.sessions().get(&token).and_then(Weak::upgrade);
        let core = known.ok_or(StatusCode::NOT_FOUND)?;
        let full = StatusCode::SERVICE_UNAVAILABLE;
        match purpose {
            Purpose::Stream(numbers) => match core.arrive(numbers) {
                Ok(ticket) => Ok(Laned::Is(ticket)),
                Err(Error::Limit(_)) => Err(full),
                Err(_over) => Err(StatusCode::NOT_FOUND),
            },
            Purpose::Accept | Purpose::Control => {
                core.offer_spare(MOST_SPARES).map(Laned::Waits).ok_or(full)
            }
        }
    }

    /// A new session.
    fn begin(self: &Arc<Self>, token: Token) -> Result<Laned, StatusCode> {
        let (control, orders) = mpsc::unbounded_channel();
        let carriers = Carriers::of_server();
        let mut sessions = self.sessions();
        if sessions.contains_key(&token) {
            return Err(StatusCode::CONFLICT);
        }
        let place = self.accepted.try_reserve();
        let place = place.ok().filter(|_| sessions.len() < self.limits.sessions);
        let place = place.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let leave = Leave { server: Arc::downgrade(self), token };
        let limits = self.limits.clone();
        let (core, arrived) = Core::new(limits.clone(), carriers, control, Some(leave));
        sessions.insert(token, Arc::downgrade(&core));
        drop(sessions);
        let ticket = core.control();
        tokio::spawn(control::run(Arc::clone(&core), ticket.lane.ends(), orders));
        let mux = Mux::Http2(Handle(core));
        place.send(Session::over(
            (mux, AnyArrivals::Http2(Arrivals(arrived))),
            Side::Server,
            limits,
        ));
        Ok(Laned::Is(ticket))
    }
}

/// How long a connection has had no stream, and whether it was asked to go for that.
#[derive(Default)]
struct Idle(Option<Pin<Box<Sleep>>>, bool);

impl Idle {
    fn poll(&mut self, context: &mut Context<'_>, wait: Duration) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        std::task::ready!(sleep.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(())
    }
}

fn send_head(
    respond: &mut SendResponse<Bytes>,
    status: StatusCode,
    is_end: bool,
) -> Option<SendStream<Bytes>> {
    let mut head = Response::new(());
    *head.status_mut() = status;
    request::mark(head.headers_mut());
    // One that is reset by now is nobody's.
    respond.send_response(head, is_end).ok()
}
