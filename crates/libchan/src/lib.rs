//! Channels over a network, as goroutines have them in memory.
//!
//! Start at [`pipe`] for channels in memory.

mod channel;
mod error;
mod sync;

pub use channel::{Receiver, Sender, TrySendError, buffered, pipe};
pub use error::{Error, SendError};
