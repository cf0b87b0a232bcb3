//! What a session is made of, by the scheme of a URL. Each transport is a file of its own, and carries SPDY.
//!
//! | URL | |
//! |---|---|
//! | `unix:///run/service.sock` | a Unix socket, with descriptors ([`crate::Descriptor`]) |
//! | `tcp://host:9323` | TCP |
//! | `tls://host:9323` | TLS, with client certificates where [`Options::tls_client`] has them |
//! | `ws://host/path`, `wss://host/path` | binary messages of a WebSocket, behind any path of a web server |
//!
//! Start at [`connect`] and [`Listener`].

mod address;
mod carrier;
mod tcp;
mod tls;
mod unix;
mod websocket;

use std::sync::Arc;

use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};

pub use address::{Address, BadAddress};
pub(crate) use carrier::Carrier;
pub use unix::UnixListener;

use crate::limits::Limits;
use crate::session::{Session, Side};

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none that is known.
    #[error("read the address {url:?}")]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong.
        #[source]
        cause: BadAddress,
    },
    /// The system refused it.
    #[error("{action} {address}")]
    Io {
        /// What was done.
        action: &'static str,
        /// Where.
        address: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The address wants TLS, and nothing says with which certificates.
    #[error("{0} needs a configuration of TLS in the options")]
    NoTls(String),
}

/// What a transport is told beside its address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// How much a peer may have us keep.
    pub limits: Limits,
    /// How `tls` and `wss` are connected to: which servers are trusted, and the client's own certificate.
    pub tls_client: Option<Arc<ClientConfig>>,
    /// How they are listened at: the server's certificate, and which clients are trusted.
    pub tls_server: Option<Arc<ServerConfig>>,
    /// A subprotocol of WebSockets: asked for by a client, and demanded by a server.
    pub subprotocol: Option<String>,
}

/// Connects, and makes a session of the connection.
///
/// # Errors
/// The address is none, or nobody answers there.
pub async fn connect(url: &str, options: &Options) -> Result<Session, ConnectError> {
    let address = parse(url)?;
    let (io, host): (Box<dyn Connection>, _) = match &address {
        Address::Unix(path) => {
            let socket = unix::connect(path).await?;
            return Ok(Session::over_unix(socket, Side::Client, options.limits.clone()));
        }
        Address::Tcp(host) | Address::Tls(host) | Address::WebSocket { host, .. } => {
            (Box::new(tcp::connect(host).await?), host)
        }
    };
    let io = in_time(&address, options, async {
        let mut io = io;
        if address.is_secure() {
            io = Box::new(tls::connect(io, host, options).await?);
        }
        if let Address::WebSocket { path, .. } = &address {
            io = Box::new(websocket::connect(io, (host, path), options).await?);
        }
        Ok(io)
    });
    Ok(Session::new(io.await?, Side::Client, options.limits.clone()))
}

/// What comes before a session, if the peer does not take longer for it than he may.
async fn in_time<T>(
    address: &Address,
    options: &Options,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let late = || io("greet the peer at", address)(std::io::ErrorKind::TimedOut.into());
    let done = tokio::time::timeout(options.limits.greeting_wait, work).await;
    done.unwrap_or_else(|_elapsed| Err(late()))
}

/// Listens, and makes a session of each connection.
#[derive(Debug)]
pub struct Listener {
    address: Address,
    socket: Socket,
    options: Options,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl Listener {
    /// Listens at an address.
    ///
    /// # Errors
    /// The address is none, or cannot be listened at.
    pub async fn bind(url: &str, options: Options) -> Result<Self, ConnectError> {
        let address = parse(url)?;
        let socket = match &address {
            Address::Unix(path) => Socket::Unix(UnixListener::bind(path)?),
            Address::Tcp(host) | Address::Tls(host) | Address::WebSocket { host, .. } => {
                Socket::Tcp(tcp::listen(host).await?)
            }
        };
        if address.is_secure() && options.tls_server.is_none() {
            return Err(ConnectError::NoTls(address.to_string()));
        }
        Ok(Self { address, socket, options })
    }

    /// Where it listens: with the port that the system chose where none was given.
    #[must_use]
    pub fn address(&self) -> Address {
        match &self.socket {
            Socket::Unix(_) => self.address.clone(),
            Socket::Tcp(listener) => {
                let local = listener.local_addr();
                local.map_or(self.address.clone(), |local| self.address.at(local.to_string()))
            }
        }
    }

    /// The next connection, which is to be made a session of by [`Accepted::session`]: in a task of its own, since a peer may take
    /// his time with TLS and heads.
    ///
    /// # Errors
    /// The system has no room for one, or the listener is broken.
    pub async fn accept(&self) -> Result<Accepted, ConnectError> {
        let io = match &self.socket {
            Socket::Unix(listener) => AcceptedIo::Unix(listener.accept().await?),
            Socket::Tcp(listener) => AcceptedIo::Other(Box::new(tcp::accept(listener).await?)),
        };
        Ok(Accepted { io, address: self.address.clone(), options: self.options.clone() })
    }
}

/// A connection that is no session yet.
pub struct Accepted {
    io: AcceptedIo,
    address: Address,
    options: Options,
}

/// What carries descriptors, and what does not.
enum AcceptedIo {
    Unix(tokio::net::UnixStream),
    Other(Box<dyn Connection>),
}

impl Accepted {
    /// Does what the transport wants first, and makes a session.
    ///
    /// # Errors
    /// The peer does not speak that transport or says nothing, or TLS refused him.
    pub async fn session(self) -> Result<Session, ConnectError> {
        let Self { io, address, options } = self;
        let io = match io {
            AcceptedIo::Unix(socket) => {
                return Ok(Session::over_unix(socket, Side::Server, options.limits));
            }
            AcceptedIo::Other(io) => io,
        };
        let io = in_time(&address, &options, async {
            let mut io = io;
            if address.is_secure() {
                io = Box::new(tls::accept(io, &address, &options).await?);
            }
            if let Address::WebSocket { path, .. } = &address {
                io = Box::new(websocket::accept(io, path, &options).await?);
            }
            Ok(io)
        });
        Ok(Session::new(io.await?, Side::Server, options.limits))
    }
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Accepted").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Bytes both ways.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

fn parse(url: &str) -> Result<Address, ConnectError> {
    url.parse().map_err(|cause| ConnectError::Address { url: url.to_owned(), cause })
}

/// An error of something that was done at an address.
fn io(
    action: &'static str,
    address: impl std::fmt::Display,
) -> impl FnOnce(std::io::Error) -> ConnectError {
    let address = address.to_string();
    move |cause| ConnectError::Io { action, address, cause }
}
