//! The end that receives.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::core::Core;
use crate::error::Error;
use crate::sync::Arc;

/// The end of a channel that receives. Dropped, senders hear that the channel is closed.
pub struct Receiver<T> {
    core: Arc<Core<T>>,
}

impl<T> Receiver<T> {
    pub(super) const fn of(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    /// The next value; nothing once the channel is closed and all that it had taken is received. Cancelled, no value is lost.
    ///
    /// # Errors
    /// None in memory.
    pub async fn recv(&mut self) -> Result<Option<T>, Error> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// The next value unless that takes longer; no value is lost.
    ///
    /// # Errors
    /// As [`Receiver::recv`], and [`Error::TimedOut`].
    pub async fn recv_timeout(&mut self, longest: Duration) -> Result<Option<T>, Error> {
        tokio::time::timeout(longest, self.recv()).await.unwrap_or(Err(Error::TimedOut))
    }

    /// The next value if it is there; nothing where none is, whether one can still come or not.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub fn try_recv(&mut self) -> Result<Option<T>, Error> {
        match self.core.poll_receive(None) {
            Poll::Ready(value) => Ok(value),
            Poll::Pending => Ok(None),
        }
    }

    /// As [`Receiver::recv`], for futures that are written by hand.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>, Error>> {
        self.core.poll_receive(Some(context.waker())).map(Ok)
    }

    /// Takes no further values; those that were sent are received.
    pub fn close(&mut self) {
        self.core.end();
    }
}

impl<T> Stream for Receiver<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(context).map(Result::transpose)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.core.leave();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").field("queued", &self.core.len()).finish_non_exhaustive()
    }
}
