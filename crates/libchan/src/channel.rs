//! Channels in memory: values pass as they are, without encoding. Start at [`pipe`] and [`buffered`].

mod core;
mod receiver;
mod sender;

pub use receiver::Receiver;
pub use sender::{Sender, TrySendError};

use self::core::Core;
use crate::sync::Arc;

/// An unbuffered channel: a value is sent once it is received.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), libchan::Error> {
/// let (sender, mut receiver) = libchan::pipe();
/// let (sent, received) = tokio::join!(sender.send("hello"), receiver.recv());
/// sent?;
/// assert_eq!(received?, Some("hello"));
/// # Ok(()) }
/// ```
#[must_use]
pub fn pipe<T>() -> (Sender<T>, Receiver<T>) {
    buffered(0)
}

/// A channel that takes so many values before anybody receives them. With none it is [`pipe`].
#[must_use]
pub fn buffered<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(capacity));
    (Sender::of(Arc::clone(&core)), Receiver::of(core))
}

#[cfg(all(test, model))]
mod model;
