//! Channels over a network, as goroutines have them in memory.
//!
//! Start at [`pipe`] for channels in memory.

mod channel;
mod error;
mod limits;
mod msgpack;
mod sync;
mod time;

pub use channel::{Receiver, Sender, TrySendError, buffered, pipe};
pub use error::{Error, SendError};
pub use limits::Limits;
pub use time::{OutOfRange, Time};
