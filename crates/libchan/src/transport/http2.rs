//! HTTP/2: by prior knowledge over TCP (RFC 9113, section 3.3), or chosen by ALPN in TLS. Sessions do not keep to connections: a listener
//! takes connections by itself, and what it accepts are sessions.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::{Address, ConnectError, Connection, Options, in_time, io, tcp, tls};
use crate::http2::{Dial, Server, Target};
use crate::session::Session;

/// ALPN's name for HTTP/2. RFC 9113, section 3.2.
const H2: &[u8] = b"h2";

pub(super) async fn connect(
    address: &Address,
    (host, path): (&str, &str),
    options: &Options,
) -> Result<Session, ConnectError> {
    let scheme = if address.is_secure() { "https" } else { "http" };
    let uri = Uri::builder().scheme(scheme).authority(host).path_and_query(path).build();
    let uri = uri.map_err(std::io::Error::other).map_err(io("ask for", address))?;
    let target = Target {
        uri,
        address: address.to_string(),
        by_connect: options.http2_connect,
        limits: options.limits.clone(),
    };
    let dialer =
        Dialer { address: address.clone(), host: host.to_owned(), options: with_h2(options) };
    in_time(address, options, crate::http2::connect(target, dialer)).await
}

/// Makes the connections of a session.
struct Dialer {
    address: Address,
    host: String,
    options: Options,
}

impl Dial for Dialer {
    type Io = Box<dyn Connection>;

    async fn dial(&self) -> Result<Self::Io, ConnectError> {
        let stream = tcp::connect(&self.host).await?;
        if !self.address.is_secure() {
            return Ok(Box::new(stream));
        }
        let stream = tls::connect(stream, &self.host, &self.options).await?;
        if stream.get_ref().1.alpn_protocol() != Some(H2) {
            return Err(ConnectError::NoHttp2(self.address.to_string()));
        }
        Ok(Box::new(stream))
    }
}

/// What TLS is to say beside: the rest is the program's.
fn with_h2(options: &Options) -> Options {
    let mut options = options.clone();
    if let Some(client) = &mut options.tls_client {
        Arc::make_mut(client).alpn_protocols = vec![H2.to_vec()];
    }
    if let Some(server) = &mut options.tls_server {
        Arc::make_mut(server).alpn_protocols = vec![H2.to_vec()];
    }
    options
}

/// Takes connections until it is dropped; those that are there go on then.
#[derive(Debug)]
pub(super) struct Http2Listener {
    local: Option<SocketAddr>,
    sessions: Mutex<mpsc::Receiver<Session>>,
    errors: Mutex<mpsc::Receiver<ConnectError>>,
    task: tokio::task::AbortHandle,
}

impl Http2Listener {
    pub(super) async fn bind(
        address: &Address,
        (host, path): (&str, &str),
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let listener = tcp::listen(host).await?;
        let local = listener.local_addr().ok();
        let (server, sessions) = Server::new(path.to_owned(), options.limits.clone());
        let (failed, errors) = mpsc::channel(1);
        let entrance = Entrance { address: address.clone(), options: with_h2(options), server };
        let task = tokio::spawn(entrance.run(listener, failed)).abort_handle();
        Ok(Self { local, sessions: Mutex::new(sessions), errors: Mutex::new(errors), task })
    }

    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    pub(super) async fn accept(&self) -> Result<Session, ConnectError> {
        let (mut sessions, mut errors) = (self.sessions.lock().await, self.errors.lock().await);
        let over = || io("accept at", "a port")(std::io::ErrorKind::BrokenPipe.into());
        tokio::select! {
            Some(session) = sessions.recv() => Ok(session),
            Some(error) = errors.recv() => Err(error),
            else => Err(over()),
        }
    }
}

impl Drop for Http2Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What takes connections.
#[derive(Clone)]
struct Entrance {
    address: Address,
    options: Options,
    server: Server,
}

impl Entrance {
    async fn run(self, listener: TcpListener, failed: mpsc::Sender<ConnectError>) {
        let places = Arc::new(Semaphore::new(self.options.limits.connections));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match tcp::accept(&listener).await {
                Ok(stream) => {
                    let entrance = self.clone();
                    tokio::spawn(async move {
                        entrance.serve(stream).await;
                        drop(place);
                    });
                }
                // Whoever accepts sessions hears it, and as long as he does not nothing is tried again.
                Err(error) => {
                    if failed.send(error).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// A connection that is no HTTP/2 is nobody's.
    async fn serve(self, stream: tokio::net::TcpStream) {
        let Self { address, options, server } = self;
        if !address.is_secure() {
            return server.serve(stream).await;
        }
        let greeted = in_time(&address, &options, tls::accept(stream, &address, &options)).await;
        if let Ok(stream) = greeted
            && stream.get_ref().1.alpn_protocol() == Some(H2)
        {
            server.serve(stream).await;
        }
    }
}
