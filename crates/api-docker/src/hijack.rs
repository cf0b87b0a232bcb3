//! Connections that are taken over: behind the head of an answer both sides speak freely, which Docker's clients call hijacking.
//!
//! hyper lets go of a connection only where the client asks for an upgrade, and many do not. So the answer is kept from it: the connection is taken
//! out of its hands while it waits for one, with what it has read ahead, and the head is written here.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::HeaderMap;
use hyper::header::UPGRADE;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio_rustls::server::TlsStream;

/// The bytes of a client, both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {
    /// The socket itself.
    fn socket(&self) -> BorrowedFd<'_>;
}

impl Duplex for UnixStream {
    fn socket(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

impl Duplex for TlsStream<TcpStream> {
    fn socket(&self) -> BorrowedFd<'_> {
        self.get_ref().0.as_fd()
    }
}

/// What is done with a connection.
type Job = Box<dyn FnOnce(Wire) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// An answer that takes its connection over.
pub(crate) struct Hijack {
    head: String,
    job: Job,
}

impl Hijack {
    /// The answer to a request with these headers: who asks for an upgrade gets one, others the plain head that Docker has sent ever since.
    pub(crate) fn answering<F>(
        headers: &HeaderMap,
        kind: &str,
        job: impl FnOnce(Wire) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let head = if headers.contains_key(UPGRADE) {
            format!(
                "HTTP/1.1 101 UPGRADED\r\nContent-Type: {kind}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            )
        } else {
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n")
        };
        Self { head, job: Box::new(move |wire| Box::pin(job(wire))) }
    }

    /// The same with a head of its own: its first line, and others.
    pub(crate) fn with_head<F>(head: String, job: impl FnOnce(Wire) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { head, job: Box::new(move |wire| Box::pin(job(wire))) }
    }

    /// Answers, and does what is to be done.
    pub(crate) async fn run(mut self, mut wire: Wire, version: &str) {
        let _infallible = write!(
            self.head,
            "Api-Version: {version}\r\nDocker-Experimental: true\r\nOstype: linux\r\nServer: Corten/{} (linux)\r\n\r\n",
            engine::VERSION
        );
        if wire.write_all(self.head.as_bytes()).await.is_ok() {
            (self.job)(wire).await;
        }
    }
}

/// Where a request's function leaves it for the connection.
#[derive(Default)]
pub(crate) struct Slot {
    left: Mutex<Option<(Hijack, String)>>,
    is_left: Notify,
}

impl Slot {
    /// Leaves it, with the version that is spoken.
    pub(crate) fn leave(&self, hijack: Hijack, version: String) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some((hijack, version));
        self.is_left.notify_one();
    }

    /// Waits for one.
    pub(crate) async fn taken(&self) -> (Hijack, String) {
        loop {
            self.is_left.notified().await;
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(left) = left {
                return left;
            }
        }
    }
}

/// A connection that was taken over: first what was read ahead, then the rest.
pub(crate) struct Wire {
    ahead: Bytes,
    stream: Box<dyn Duplex>,
}

impl Wire {
    pub(crate) fn new(stream: impl Duplex + 'static, ahead: Bytes) -> Self {
        Self { ahead, stream: Box::new(stream) }
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.stream.socket()
    }

    /// A second descriptor of the socket, to ask whether anybody is there.
    pub(crate) fn probe(&self) -> Option<OwnedFd> {
        self.stream.socket().try_clone_to_owned().ok()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, space);
        }
        let count = self.ahead.len().min(space.remaining());
        space.put_slice(self.ahead.get(..count).unwrap_or_default());
        self.ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
