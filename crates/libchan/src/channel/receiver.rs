//! The end that receives.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::core::Core;
use crate::attach;
use crate::blocking;
use crate::error::Error;
use crate::incoming::Incoming;
use crate::line::Line;
use crate::msgpack::extension::Role;
use crate::pump;
use crate::session::Inner;
use crate::sync::Arc;

/// The end of a channel that receives. Dropped, senders hear that the channel is closed.
///
/// In a message it goes to the peer: what is sent to it from then on is received there.
pub struct Receiver<T> {
    /// Nothing once it was sent to somebody. The lock is for that alone, which has no more than a reference.
    side: Mutex<Option<Side<T>>>,
}

enum Side<T> {
    Memory(Near<T>),
    Session(Box<Incoming<T>>),
}

/// The end of a channel in memory, which others hear of when it goes.
struct Near<T>(Arc<Core<T>>);

impl<T> Drop for Near<T> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<T> Receiver<T> {
    pub(super) fn of(core: Arc<Core<T>>) -> Self {
        Self { side: Mutex::new(Some(Side::Memory(Near(core)))) }
    }

    /// The next value; nothing once the channel is closed and all that it had taken is received. Cancelled, no value is lost.
    ///
    /// # Errors
    /// None in memory. Over a session the channel was reset, the session has ended, or what came is no such value or beyond a limit.
    pub async fn recv(&mut self) -> Result<Option<T>, Error> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// As [`Receiver::recv`], for a thread that is no task's: it waits.
    ///
    /// # Panics
    /// Over a session, when a task calls it.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub fn blocking_recv(&mut self) -> Result<Option<T>, Error> {
        let runtime = match self.side() {
            Some(Side::Session(incoming)) => Some(incoming.runtime().clone()),
            Some(Side::Memory(_)) | None => None,
        };
        blocking::wait(runtime.as_ref(), self.recv())
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
        match self.side() {
            Some(Side::Memory(near)) => match near.0.poll_receive(None) {
                Poll::Ready(received) => received,
                Poll::Pending => Ok(None),
            },
            Some(Side::Session(incoming)) => incoming.try_recv(),
            None => Err(Error::Closed),
        }
    }

    /// Takes no further values: sending fails from now on, what is there already is still received, and then nothing. In memory that is
    /// what was sent by now, but for senders that wait. Over a session it is what has arrived: the peer's sender hears that nobody receives,
    /// as when the receiver is dropped, and what is on its way is lost. Threads may call it as tasks do.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), libchan::Error> {
    /// let (jobs, mut work) = libchan::buffered(8);
    /// jobs.send(1).await?;
    /// work.close();
    /// assert!(jobs.send(2).await.is_err());
    /// assert_eq!(work.recv().await?, Some(1));
    /// assert_eq!(work.recv().await?, None);
    /// # Ok(()) }
    /// ```
    pub fn close(&mut self) {
        match self.side() {
            Some(Side::Memory(near)) => near.0.end(),
            Some(Side::Session(incoming)) => incoming.close(),
            None => {}
        }
    }

    /// As [`Receiver::recv`], for futures that are written by hand.
    ///
    /// # Errors
    /// As [`Receiver::recv`].
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>, Error>> {
        match self.side() {
            Some(Side::Memory(near)) => near.0.poll_receive(Some(context.waker())),
            Some(Side::Session(incoming)) => incoming.poll_recv(context),
            None => Poll::Ready(Err(Error::Closed)),
        }
    }

    fn side(&mut self) -> Option<&mut Side<T>> {
        self.side.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut()
    }

    /// What it receives from, for whoever goes on with it.
    fn take(&self) -> Option<Self> {
        let side = self.side.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Self { side: Mutex::new(Some(side)) })
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    pub(crate) fn of_line(line: Line, session: &std::sync::Arc<Inner>) -> Self {
        let incoming = Box::new(Incoming::new(line, session));
        Self { side: Mutex::new(Some(Side::Session(incoming))) }
    }
}

impl<T: Serialize + Send + 'static> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        attach::serialize(serializer, Role::ReceivedByReceiver, None, || {
            Some(pump::send_from(self.take()?))
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        attach::deserialize(deserializer, "a channel to receive from")
            .and_then(|named| named.into_receiver().map_err(serde::de::Error::custom))
    }
}

impl<T> Stream for Receiver<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(context).map(Result::transpose)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").finish_non_exhaustive()
    }
}
