//! The end that sends.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::core::{Core, Offer};
use crate::attach;
use crate::blocking;
use crate::error::{Error, SendError};
use crate::line::Line;
use crate::msgpack::extension::Role;
use crate::outgoing::Outgoing;
use crate::pump;
use crate::session::Inner;
use crate::sync::Arc;

/// The end of a channel that sends. Its clones are the same end: the channel ends when the last one is dropped, or by
/// [`Sender::close`].
///
/// In a message it goes to the peer, who sends to whoever receives here.
pub struct Sender<T> {
    side: Side<T>,
}

enum Side<T> {
    Memory(Near<T>),
    Session(std::sync::Arc<Outgoing<T>>),
}

/// One of the senders of a channel in memory.
struct Near<T>(Arc<Core<T>>);

impl<T> Clone for Near<T> {
    fn clone(&self) -> Self {
        self.0.add_sender();
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Near<T> {
    fn drop(&mut self) {
        self.0.drop_sender();
    }
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

impl<T> TrySendError<T> {
    /// The value.
    pub fn into_value(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> Sender<T> {
    pub(super) const fn of(core: Arc<Core<T>>) -> Self {
        Self { side: Side::Memory(Near(core)) }
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
        match &self.side {
            Side::Memory(near) => Sending { core: &near.0, slot, ticket: None }.await,
            Side::Session(outgoing) => outgoing.send(slot).await,
        }
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

    /// As [`Sender::send`], for a thread that is no task's: it waits.
    ///
    /// # Panics
    /// Over a session, when a task calls it.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        blocking::wait(self.runtime(), self.send(value))
    }

    /// What sending needs, over a session.
    fn runtime(&self) -> Option<&tokio::runtime::Handle> {
        match &self.side {
            Side::Memory(_) => None,
            Side::Session(outgoing) => Some(outgoing.runtime()),
        }
    }

    /// Sends a value if the channel takes it at once, which an unbuffered one never does.
    ///
    /// # Errors
    /// It would have to wait, or nobody receives any more. The value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match &self.side {
            Side::Memory(near) => match near.0.offer(value, None) {
                Offer::Accepted | Offer::Waits(_) => Ok(()),
                Offer::Full(value) => Err(TrySendError::Full(value)),
                Offer::Refused(value) => Err(TrySendError::Closed(value)),
            },
            Side::Session(outgoing) => outgoing.try_send(value),
        }
    }

    /// Ends the channel for all its senders; what it has taken is still received.
    pub fn close(&self) {
        match &self.side {
            Side::Memory(near) => near.0.end(),
            Side::Session(outgoing) => outgoing.close(),
        }
    }

    /// Ends the channel with an error, which whoever receives hears after what it has taken.
    pub(crate) fn fail(&self, error: Error) {
        match &self.side {
            Side::Memory(near) => near.0.fail(error),
            Side::Session(outgoing) => outgoing.fail(&error),
        }
    }

    /// Whether nothing can be sent any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.side {
            Side::Memory(near) => near.0.is_over(),
            Side::Session(outgoing) => outgoing.is_closed(),
        }
    }

    /// Returns once nothing can be sent any more.
    pub async fn closed(&self) {
        std::future::poll_fn(|context| match &self.side {
            Side::Memory(near) => near.0.poll_gone(context.waker()),
            Side::Session(outgoing) => outgoing.poll_gone(context),
        })
        .await;
    }
}

impl<T: Serialize> Sender<T> {
    pub(crate) fn of_line(line: Line, session: &std::sync::Arc<Inner>, number: u64) -> Self {
        let outgoing = Outgoing::new(line, session, number);
        Self { side: Side::Session(std::sync::Arc::new(outgoing)) }
    }
}

impl<T: DeserializeOwned + Send + 'static> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let attach = || Some(pump::receive_into(self.clone()));
        attach::serialize(serializer, Role::SentByReceiver, None, attach)
    }
}

impl<'de, T: Serialize> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        attach::deserialize(deserializer, "a channel to send to")
            .and_then(|named| named.into_sender().map_err(serde::de::Error::custom))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let side = match &self.side {
            Side::Memory(near) => Side::Memory(near.clone()),
            Side::Session(outgoing) => Side::Session(std::sync::Arc::clone(outgoing)),
        };
        Self { side }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").finish_non_exhaustive()
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
