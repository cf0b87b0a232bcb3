//! Channels over a network, as goroutines have them in memory.
//!
//! Start at [`pipe`] for channels in memory.

mod attach;

mod channel;
mod error;
mod incoming;
mod limits;
mod line;
mod msgpack;
mod outgoing;
mod pump;
mod session;
mod stream;
mod sync;
mod time;
mod transport;
mod value;

pub use channel::{Receiver, Sender, TrySendError, buffered, pipe};
pub use error::{Error, SendError};
pub use limits::Limits;
pub use pump::copy;
pub use session::{Session, Side};
pub use stream::{ByteReader, ByteStream, ByteWriter};
pub use time::{OutOfRange, Time};
pub use transport::{
    Accepted, Address, BadAddress, ConnectError, Listener, Options, UnixListener, connect,
};
pub use value::Value;
