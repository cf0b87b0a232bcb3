//! Channels between two sides of a session in one process: what is accepted with the type that it was opened with passes as it is.

use std::any::Any;
use std::fmt;

use serde::Serialize;

use crate::channel::Receiver;
use crate::error::Error;
use crate::limits::Limits;
use crate::pump;
use crate::session::Session;

/// Values that a channel in this process takes before its sender waits: as over a network, where a peer's queue takes some, so that
/// whoever sends before he accepts does not wait for himself.
pub(crate) const VALUES: usize = 64;

/// The end of a channel that receives, of a type that whoever accepts may not know.
pub(crate) trait Native: Any + Send + fmt::Debug {
    /// Passes its values on as messages; gives the session by which they come.
    fn translate(self: Box<Self>, limits: &Limits) -> Result<Session, Error>;
}

impl<T: Serialize + Send + 'static> Native for Receiver<T> {
    fn translate(self: Box<Self>, limits: &Limits) -> Result<Session, Error> {
        let (near, far) = Session::linked(limits);
        tokio::spawn(pump::pass(*self, near.open_line()?));
        Ok(far)
    }
}

impl dyn Native {
    /// Whether it has that type.
    pub(crate) fn receives<T: 'static>(&self) -> bool {
        let any: &dyn Any = self;
        any.is::<Receiver<T>>()
    }

    /// The channel, which has that type.
    pub(crate) fn into_receiver<T: 'static>(self: Box<Self>) -> Option<Receiver<T>> {
        let any: Box<dyn Any> = self;
        any.downcast().ok().map(|receiver| *receiver)
    }
}
