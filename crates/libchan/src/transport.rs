//! What a session is made of, by the scheme of a URL. Each transport is a file of its own; all but the first one and HTTP/2 carry SPDY.
//!
//! | URL | |
//! |---|---|
//! | `memory://name` | another task of this process: nothing is encoded |
//! | `unix:///run/service.sock` | a Unix socket, with descriptors ([`crate::Descriptor`]) |
//! | `tcp://host:9323` | TCP |
//! | `tls://host:9323` | TLS, with client certificates where [`Options::tls_client`] has them |
//! | `ws://host/path`, `wss://host/path` | binary messages of a WebSocket, behind any path of a web server |
//! | `http://host/path`, `https://host/path` | HTTP/2, a stream for each channel, through proxies and load balancers |
//!
//! Start at [`connect`] and [`Listener`].

mod address;
mod carrier;
mod http2;
mod memory;
mod tcp;
mod tls;
mod unix;
pub(crate) mod websocket;

use std::sync::Arc;

use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};

pub use address::{Address, BadAddress};
pub(crate) use carrier::Carrier;
use http2::Http2Listener;
pub use unix::UnixListener;

use self::memory::MemoryListener;
use crate::limits::Limits;
use crate::session::{Session, Side};
use crate::stream::ByteStream;

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
    /// The server speaks TLS, and does not choose HTTP/2 by ALPN.
    #[error("{0} does not choose HTTP/2 in TLS")]
    NoHttp2(String),
    /// The bytes of one connection were wanted, and what is there is none.
    #[error("{0} is not carried by one connection")]
    NoBytes(String),
    /// The server, or a proxy before it, does not know extended CONNECT.
    #[error("{0} does not know extended CONNECT (RFC 8441), and may take POST")]
    NoExtendedConnect(String),
    /// The server, or a proxy before it, answers otherwise than by 200.
    #[error("{address} answers {status}")]
    Refused {
        /// Where.
        address: String,
        /// HTTP's status.
        status: u16,
    },
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
    /// Whether a client of HTTP/2 asks by extended CONNECT (RFC 8441) instead of POST. A server takes both; a proxy that knows POST alone
    /// is [`ConnectError::NoExtendedConnect`].
    pub http2_connect: bool,
}

/// Connects, and makes a session of the connection.
///
/// # Errors
/// The address is none, or nobody answers there.
pub async fn connect(url: &str, options: &Options) -> Result<Session, ConnectError> {
    let (_address, reached) = reach(url, options).await?;
    Ok(reached.into_session(Side::Client, &options.limits))
}

/// Connects as [`connect`] does, and gives the bytes that a session would be made of: for who passes them on, or looks at them.
///
/// # Errors
/// As [`connect`], and [`ConnectError::NoBytes`] for what no single connection carries.
pub async fn connect_bytes(url: &str, options: &Options) -> Result<ByteStream, ConnectError> {
    let (address, reached) = reach(url, options).await?;
    reached.into_bytes(&address)
}

async fn reach(url: &str, options: &Options) -> Result<(Address, Reached), ConnectError> {
    let address = parse(url)?;
    let (io, host): (Box<dyn Connection>, _) = match &address {
        Address::Memory(name) => {
            let session = memory::connect(name, &options.limits)?;
            return Ok((address, Reached::Session(session)));
        }
        Address::Unix(path) => {
            let socket = unix::connect(path).await?;
            return Ok((address, Reached::Unix(socket)));
        }
        Address::Tcp(host) | Address::Tls(host) | Address::WebSocket { host, .. } => {
            (Box::new(tcp::connect(host).await?), host)
        }
        Address::Http2 { host, path, .. } => {
            let session = http2::connect(&address, (host, path), options).await?;
            return Ok((address, Reached::Session(session)));
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
    let io = io.await?;
    Ok((address, Reached::Bytes(io)))
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
    Memory(MemoryListener),
    Unix(UnixListener),
    Tcp(tokio::net::TcpListener),
    Http2(Http2Listener),
}

impl Listener {
    /// Listens at an address.
    ///
    /// # Errors
    /// The address is none, or cannot be listened at.
    pub async fn bind(url: &str, options: Options) -> Result<Self, ConnectError> {
        let address = parse(url)?;
        if address.is_secure() && options.tls_server.is_none() {
            return Err(ConnectError::NoTls(address.to_string()));
        }
        let socket = match &address {
            Address::Memory(name) => Socket::Memory(MemoryListener::bind(name)?),
            Address::Unix(path) => Socket::Unix(UnixListener::bind(path)?),
            Address::Tcp(host) | Address::Tls(host) | Address::WebSocket { host, .. } => {
                Socket::Tcp(tcp::listen(host).await?)
            }
            Address::Http2 { host, path, .. } => {
                Socket::Http2(Http2Listener::bind(&address, (host, path), &options).await?)
            }
        };
        Ok(Self { address, socket, options })
    }

    /// Where it listens: with the port that the system chose where none was given.
    #[must_use]
    pub fn address(&self) -> Address {
        let local = match &self.socket {
            Socket::Memory(_) | Socket::Unix(_) => None,
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Http2(listener) => listener.local(),
        };
        local.map_or(self.address.clone(), |local| self.address.at(local.to_string()))
    }

    /// The next connection, which is to be made a session of by [`Accepted::session`]: in a task of its own, since a peer may take
    /// his time with TLS and heads. By HTTP/2 it is the next session.
    ///
    /// # Errors
    /// The system has no room for one, or the listener is broken.
    pub async fn accept(&self) -> Result<Accepted, ConnectError> {
        let reached = match &self.socket {
            Socket::Memory(listener) => Reached::Session(listener.accept().await?),
            Socket::Unix(listener) => Reached::Unix(listener.accept().await?),
            Socket::Tcp(listener) => Reached::Bytes(Box::new(tcp::accept(listener).await?)),
            Socket::Http2(listener) => Reached::Session(listener.accept().await?),
        };
        Ok(Accepted { reached, address: self.address.clone(), options: self.options.clone() })
    }
}

/// A connection that is no session yet.
pub struct Accepted {
    reached: Reached,
    address: Address,
    options: Options,
}

impl Accepted {
    /// Does what the transport wants first, and makes a session.
    ///
    /// # Errors
    /// The peer does not speak that transport or says nothing, or TLS refused him.
    pub async fn session(self) -> Result<Session, ConnectError> {
        let limits = self.options.limits.clone();
        let (_address, reached) = self.greeted().await?;
        Ok(reached.into_session(Side::Server, &limits))
    }

    /// Does the same, and gives the bytes that a session would be made of.
    ///
    /// # Errors
    /// As [`Accepted::session`], and [`ConnectError::NoBytes`] for what no single connection carries.
    pub async fn bytes(self) -> Result<ByteStream, ConnectError> {
        let (address, reached) = self.greeted().await?;
        reached.into_bytes(&address)
    }

    async fn greeted(self) -> Result<(Address, Reached), ConnectError> {
        let Self { reached, address, options } = self;
        let io = match reached {
            Reached::Bytes(io) => io,
            Reached::Session(_) | Reached::Unix(_) => return Ok((address, reached)),
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
        let io = io.await?;
        Ok((address, Reached::Bytes(io)))
    }
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Accepted").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What a session is made of, or the session where no single connection carries it.
enum Reached {
    Session(Session),
    Unix(tokio::net::UnixStream),
    Bytes(Box<dyn Connection>),
}

impl Reached {
    fn into_session(self, side: Side, limits: &Limits) -> Session {
        match self {
            Self::Session(session) => session,
            Self::Unix(socket) => Session::over_unix(socket, side, limits.clone()),
            Self::Bytes(io) => Session::new(io, side, limits.clone()),
        }
    }

    fn into_bytes(self, address: &Address) -> Result<ByteStream, ConnectError> {
        match self {
            Self::Session(_) => Err(ConnectError::NoBytes(address.to_string())),
            Self::Unix(socket) => Ok(ByteStream::new(socket)),
            Self::Bytes(io) => Ok(ByteStream::new(io)),
        }
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
