//! The end of a channel of a session that sends.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use serde::Serialize;

use crate::attach::{self, Attach, Numbered, Written};
use crate::channel::TrySendError;
use crate::error::Error;
use crate::line::{In, Line, Out, Reason, poll_over};
use crate::passing::{Offer, Room};
use crate::pump;
use crate::session::Inner;

/// How values become messages, known where their type is.
struct Encoding<T> {
    write: fn(&Arc<Inner>, &T) -> Result<Written, Error>,
    take: fn(&Arc<Inner>, &T, &[Numbered]) -> Vec<Attach>,
}

/// What the clones of a sender share. Dropped, the channel ends in good order.
pub(crate) struct Outgoing<T> {
    session: Arc<Inner>,
    /// The channel's own.
    number: u64,
    encoding: Encoding<T>,
    out: tokio::sync::Mutex<Out>,
    /// Nothing comes but the end.
    input: Mutex<In>,
    is_closed: AtomicBool,
    /// How it is to end, as soon as nobody sends.
    ending: Mutex<Option<Ending>>,
}

enum Ending {
    InGoodOrder,
    Reset(Reason),
}

impl<T: Serialize> Outgoing<T> {
    pub(crate) fn new(line: Line, session: &Arc<Inner>, number: u64) -> Self {
        Self {
            session: Arc::clone(session),
            number,
            encoding: Encoding { write: attach::write::<T>, take: attach::take::<T> },
            out: tokio::sync::Mutex::new(line.out),
            input: Mutex::new(line.input),
            is_closed: AtomicBool::new(false),
            ending: Mutex::default(),
        }
    }
}

impl<T> Outgoing<T> {
    /// Sends the value in a slot; cancelled, or on an error, it is still there.
    pub(crate) async fn send(&self, slot: &mut Option<T>) -> Result<(), Error> {
        // Behind the lock, which is released before.
        let _settles = Settles(self);
        let mut out = self.out.lock().await;
        if self.is_closed() {
            return Err(Error::Closed);
        }
        std::future::poll_fn(|context| out.poll_ready(context)).await?;
        let Some(written) = self.write(slot)? else { return Ok(()) };
        let room = match written.descriptors() {
            0 => None,
            // Apart: most messages have none, and this future is small without.
            count => Box::pin(self.session.room(count)).await,
        };
        self.send_now(&mut out, slot, (written, room))
    }

    fn write(&self, slot: &Option<T>) -> Result<Option<Written>, Error> {
        slot.as_ref().map(|value| (self.encoding.write)(&self.session, value)).transpose()
    }

    fn send_now(
        &self,
        out: &mut Out,
        slot: &mut Option<T>,
        (written, room): (Written, Option<Room>),
    ) -> Result<(), Error> {
        let Some(value) = &*slot else { return Ok(()) };
        let Written { bytes, numbered } = written;
        let lines = self.open(&numbered, room)?;
        out.send(bytes.into())?;
        if !numbered.is_empty() {
            let attached = (self.encoding.take)(&self.session, value, &numbered);
            for (((line, offer), numbered), attach) in lines.into_iter().zip(numbered).zip(attached)
            {
                match offer {
                    None => attach(line, numbered.number, &self.session),
                    Some(offer) => {
                        pump::offered(offer, (line, numbered.number), attach, &self.session);
                    }
                }
            }
        }
        *slot = None;
        Ok(())
    }

    /// A stream for each, or none.
    fn open(
        &self,
        numbered: &[Numbered],
        mut room: Option<Room>,
    ) -> Result<Vec<(Line, Option<Offer>)>, Error> {
        let mut lines: Vec<(Line, Option<Offer>)> = Vec::with_capacity(numbered.len());
        for Numbered { number, descriptor } in numbered {
            let open = |header| self.session.open(*number, Some(self.number), header);
            let opened = match (&mut room, descriptor) {
                (Some(room), Some(file)) => room.offer(file, open),
                _ => open(None).map(|line| (line, None)),
            };
            match opened {
                Ok(opened) => lines.push(opened),
                Err(error) => {
                    lines.into_iter().for_each(|(line, _)| line.reset(Reason::Cancelled));
                    return Err(error);
                }
            }
        }
        Ok(lines)
    }

    /// Sends a value if that takes no waiting.
    pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut slot = Some(value);
        let mut context = Context::from_waker(Waker::noop());
        let sent = std::pin::pin!(self.send(&mut slot)).poll(&mut context);
        match (sent, slot) {
            (Poll::Pending, Some(value)) => Err(TrySendError::Full(value)),
            (_, Some(value)) => Err(TrySendError::Closed(value)),
            (_, None) => Ok(()),
        }
    }

    /// Ends the channel before its time.
    pub(crate) fn fail(&self, error: &Error) {
        self.end(Ending::Reset(match error {
            Error::Protocol(_) | Error::Limit(_) | Error::TimedOut | Error::Value(_) => {
                Reason::Protocol
            }
            Error::Closed | Error::Reset(_) => Reason::Cancelled,
        }));
    }

    pub(crate) fn close(&self) {
        self.end(Ending::InGoodOrder);
    }

    fn end(&self, how: Ending) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(how);
        self.settle();
    }

    /// Ends it as it is to end. Where somebody sends just now, he does that afterwards.
    fn settle(&self) {
        if !self.is_closed() {
            return;
        }
        let Ok(mut out) = self.out.try_lock() else { return };
        match self.ending.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Ending::InGoodOrder) => out.finish(),
            Some(Ending::Reset(reason)) => out.reset(reason),
            None => {}
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    pub(crate) fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        poll_over(&mut input, context)
    }
}

/// Sees to the end of a channel when a send is over, or was given up.
struct Settles<'a, T>(&'a Outgoing<T>);

impl<T> Drop for Settles<'_, T> {
    fn drop(&mut self) {
        self.0.settle();
    }
}

impl<T> Drop for Outgoing<T> {
    fn drop(&mut self) {
        self.out.get_mut().finish();
    }
}

impl<T> fmt::Debug for Outgoing<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outgoing").field("number", &self.number).finish_non_exhaustive()
    }
}
