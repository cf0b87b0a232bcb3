//! The end that sends.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::core::{Core, Offer};
use crate::error::{Error, SendError};
use crate::sync::Arc;

/// The end of a channel that sends. Its clones are the same end: the channel ends when the last one is dropped, or by
/// [`Sender::close`].
pub struct Sender<T> {
    core: Arc<Core<T>>,
}

/// Why a value was not sent at once, with the value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// It would have to wait: for room, or in an unbuffered channel for the receiver.
    #[error("channel is full")]
    Full(T),
    /// Nobody will receive it.
    #[error("channel is closed")]
    Closed(T),
}

impl<T> Sender<T> {
    pub(super) const fn of(core: Arc<Core<T>>) -> Self {
        Self { core }
    }

    /// Sends a value; returns when the channel has taken it, in an unbuffered one when it is received.
    ///
    /// Cancelled, the value was not sent and is dropped: [`Sender::send_from`] leaves it where it was.
    ///
    /// # Errors
    /// Nobody receives any more. The value comes back.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        let mut slot = Some(value);
        match self.send_from(&mut slot).await {
            Ok(()) => Ok(()),
            Err(error) => Err(SendError { value: slot, error }),
        }
    }

    /// Sends the value in `slot`, if there is one; afterwards it is there only if it was not sent. Cancelled at any moment, too.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn send_from(&self, slot: &mut Option<T>) -> Result<(), Error> {
        Sending { core: &self.core, slot, ticket: None }.await
    }

    /// Sends a value unless that takes longer.
    ///
    /// # Errors
    /// As [`Sender::send`], and [`Error::TimedOut`].
    pub async fn send_timeout(&self, value: T, longest: Duration) -> Result<(), SendError<T>> {
        let mut slot = Some(value);
        let sent = tokio::time::timeout(longest, self.send_from(&mut slot)).await;
        match sent.unwrap_or(Err(Error::TimedOut)) {
            // It was taken at the last moment.
            Err(Error::TimedOut) if slot.is_none() => Ok(()),
            Err(error) => Err(SendError { value: slot, error }),
            Ok(()) => Ok(()),
        }
    }

    /// Sends a value if the channel takes it at once, which an unbuffered one never does.
    ///
    /// # Errors
    /// It would have to wait, or nobody receives any more. The value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.core.offer(value, None) {
            Offer::Accepted | Offer::Waits(_) => Ok(()),
            Offer::Full(value) => Err(TrySendError::Full(value)),
            Offer::Refused(value) => Err(TrySendError::Closed(value)),
        }
    }

    /// Ends the channel for all its senders; what it has taken is still received.
    pub fn close(&self) {
        self.core.end();
    }

    /// Whether nothing can be sent any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_over()
    }

    /// Returns once nothing can be sent any more.
    pub async fn closed(&self) {
        std::future::poll_fn(|context| self.core.poll_gone(context.waker())).await;
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.core.add_sender();
        Self { core: Arc::clone(&self.core) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.core.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("queued", &self.core.len()).finish_non_exhaustive()
    }
}

/// A value on its way.
struct Sending<'a, T> {
    core: &'a Core<T>,
    slot: &'a mut Option<T>,
    /// While it waits.
    ticket: Option<u64>,
}

// No value is ever pinned: it moves out of the slot and back.
impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let sending = &mut *self;
        let refused = if let Some(ticket) = sending.ticket {
            let sent = ready!(sending.core.poll_offer(ticket, context.waker()));
            sending.ticket = None;
            sent.err()
        } else {
            let Some(value) = sending.slot.take() else { return Poll::Ready(Ok(())) };
            match sending.core.offer(value, Some(context.waker())) {
                Offer::Accepted => None,
                Offer::Waits(ticket) => {
                    sending.ticket = Some(ticket);
                    return Poll::Pending;
                }
                Offer::Refused(value) | Offer::Full(value) => Some(value),
            }
        };
        let Some(value) = refused else { return Poll::Ready(Ok(())) };
        *sending.slot = Some(value);
        Poll::Ready(Err(Error::Closed))
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            *self.slot = self.core.withdraw(ticket);
        }
    }
}
