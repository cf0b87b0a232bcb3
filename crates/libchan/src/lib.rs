//! Channels over a network, as goroutines have them in memory: messages that carry channels and byte streams, which work wherever
//! they arrive.
//!
//! ```text
//! Sender<T>, Receiver<T>, ByteStream     in memory (channel), or the end of a stream of a session
//! Descriptor                             itself over a Unix socket (passing), elsewhere its bytes
//!    | msgpack, by serde; what is attached to a message names its stream (attach, pump)
//! Session                                numbers of streams, those that no message has named yet
//!    | SPDY (crate spdy), or HTTP/2 (http2)
//! Unix sockets, TCP, TLS, WebSockets     (transport)
//! ```
//!
//! Start at [`pipe`] and [`buffered`] in memory, at [`connect`] and [`Listener`] over a network.

#![forbid(unsafe_code)]

mod attach;
pub mod blocking;
mod channel;
mod descriptor;
mod error;
#[cfg(any(all(test, not(model)), fuzzing))]
pub mod fuzzing;
mod generation;
mod http2;
mod incoming;
mod limits;
mod line;
mod msgpack;
mod mux;
mod native;
mod outgoing;
mod pair;
mod partial;
mod passing;
mod pump;
mod relay;
mod session;
mod stream;
mod sync;
mod table;
mod time;
mod transport;
#[cfg(all(test, not(model)))]
mod trees;
mod turns;
mod value;
mod waiters;

pub use channel::{Receiver, Sender, TrySendError, buffered, pipe};
pub use descriptor::Descriptor;
pub use error::{Error, SendError};
pub use http2::{Numbers, Part, Parts};
pub use limits::Limits;
pub use msgpack::item::{Item, Items};
pub use pump::copy;
pub use relay::relay;
pub use session::{Session, Side};
pub use stream::{ByteReader, ByteStream, ByteWriter};
pub use time::{OutOfRange, Time};
pub use transport::{
    Accepted, Address, BadAddress, ConnectError, Listener, Options, UnixListener, connect,
    connect_bytes,
};
pub use value::Value;

/// The examples of the README compile, and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
