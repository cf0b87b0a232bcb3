//! The end of a channel of a session that sends.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use serde::Serialize;

use crate::attach::{self, Attach, Numbered, Plain, Written};
use crate::channel::TrySendError;
use crate::error::Error;
use crate::generation::Belongs;
use crate::limits::Limits;
use crate::line::{In, Line, Out, Reason, poll_over};
use crate::msgpack::extension::Reference;
use crate::passing::{Offer, Room};
use crate::pump;
use crate::session::Inner;
use crate::turns::{Turn, Turns};
use crate::waiters::Waiters;

/// How values become messages, known where their type is.
struct Encoding<T> {
    plain: fn(&T, &Limits) -> Option<Plain>,
    write: fn(&Arc<Inner>, &T) -> Result<Written, Error>,
    take: fn(&Arc<Inner>, &T, Vec<Numbered>) -> Vec<Attach>,
}

/// What the clones of a sender share. Dropped, the channel ends in good order.
pub(crate) struct Outgoing<T> {
    session: Arc<Inner>,
    /// The channel's own.
    number: u64,
    encoding: Encoding<T>,
    out: Out,
    /// Whose message is the next one, where they have to wait.
    turns: Turns,
    /// Nothing comes but the end.
    input: Mutex<In>,
    /// Who waits for that.
    waiting: Arc<Waiters>,
    is_closed: AtomicBool,
}

impl<T: Serialize> Outgoing<T> {
    pub(crate) fn new(line: Line, session: &Arc<Inner>, number: u64) -> Self {
        Self {
            session: Arc::clone(session),
            number,
            encoding: Encoding {
                plain: Plain::write::<T>,
                write: attach::write::<T>,
                take: attach::take::<T>,
            },
            out: line.out,
            turns: Turns::default(),
            input: Mutex::new(line.input),
            waiting: Arc::default(),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl<T> Outgoing<T> {
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.session.runtime
    }

    /// Sends the value in a slot; cancelled, or on an error, it is still there.
    pub(crate) async fn send(&self, slot: &mut Option<T>) -> Result<(), Error> {
        if self.is_ended() {
            return Err(Error::Closed);
        }
        let plain = match &*slot {
            Some(value) => (self.encoding.plain)(value, &self.session.limits),
            None => return Ok(()),
        };
        let mut turn = self.turns.turn();
        match plain {
            Some(message) if message.is_small() => {
                let bytes = message.bytes();
                let sent = |context: &mut Context<'_>| self.out.poll_send_slice(context, bytes);
                poll_fn(|context| turn.poll(context, sent)).await?;
            }
            Some(message) => {
                let bytes = message.into_bytes();
                let sent = |context: &mut Context<'_>| self.out.poll_send(context, &bytes);
                poll_fn(|context| turn.poll(context, sent)).await?;
            }
            // Apart: most messages name no stream, and this future is small without.
            None => Box::pin(self.send_naming(turn, slot)).await?,
        }
        *slot = None;
        Ok(())
    }

    /// Sends a message behind the streams that it names.
    async fn send_naming(&self, mut turn: Turn<'_>, slot: &mut Option<T>) -> Result<(), Error> {
        poll_fn(|context| turn.poll_begin(context)).await;
        let written = match &*slot {
            Some(value) => (self.encoding.write)(&self.session, value)?,
            None => return Ok(()),
        };
        let mut room = match written.descriptors() {
            0 => None,
            count => self.session.room(count).await,
        };
        let mut written = Some(written);
        let mut sent = move |context: &mut Context<'_>| {
            ready!(self.out.poll_ready(context))?;
            let (Some(value), Some(written)) = (slot.as_ref(), written.take()) else {
                return Poll::Ready(Ok(()));
            };
            Poll::Ready(self.send_attached(written, value, room.take()))
        };
        poll_fn(|context| turn.poll(context, &mut sent)).await
    }

    /// Opens the streams, sends the message, and lets them go on.
    fn send_attached(
        &self,
        Written { bytes, numbered }: Written,
        value: &T,
        room: Option<Room>,
    ) -> Result<(), Error> {
        let lines = self.open(&numbered, room)?;
        self.out.send(bytes.into())?;
        let numbers: Vec<u64> = numbered.iter().map(|each| each.reference.number).collect();
        let attached = (self.encoding.take)(&self.session, value, numbered);
        for (((line, offer), number), attach) in lines.into_iter().zip(numbers).zip(attached) {
            match offer {
                None => attach(line, number, &self.session),
                Some(offer) => pump::offered(offer, (line, number), attach, &self.session),
            }
        }
        Ok(())
    }

    /// A stream for each, or none.
    fn open(
        &self,
        numbered: &[Numbered],
        mut room: Option<Room>,
    ) -> Result<Vec<(Line, Option<Offer>)>, Error> {
        let mut lines: Vec<(Line, Option<Offer>)> = Vec::with_capacity(numbered.len());
        for Numbered { reference: Reference { role, number }, descriptor } in numbered {
            let belongs = Belongs::to(self.number, &self.out, *role);
            let open = |descriptor| self.session.open(*number, Some(belongs), descriptor);
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
        let reason = match error {
            Error::Protocol(_) | Error::Limit(_) | Error::TimedOut | Error::Value(_) => {
                Reason::Protocol
            }
            Error::Closed | Error::Reset(_) => Reason::Cancelled,
        };
        self.end(|out| out.reset(reason));
    }

    pub(crate) fn close(&self) {
        self.end(Out::finish);
    }

    /// Whoever waits to send keeps his value.
    fn end(&self, how: impl FnOnce(&Out)) {
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            how(&self.out);
        }
        self.turns.wake();
        self.waiting.wake_by_ref();
    }

    /// Whether it was ended here, or nobody receives there.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_ended() || self.poll_over().is_ready()
    }

    fn is_ended(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_ended() {
            return Poll::Ready(());
        }
        self.waiting.add(context.waker());
        self.poll_over()
    }

    fn poll_over(&self) -> Poll<()> {
        // Any number of clones may wait, of which the stream itself knows one.
        let all = Waker::from(Arc::clone(&self.waiting));
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        poll_over(&mut input, &mut Context::from_waker(&all))
    }
}

impl<T> Drop for Outgoing<T> {
    fn drop(&mut self) {
        self.out.finish();
    }
}

impl<T> fmt::Debug for Outgoing<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outgoing").field("number", &self.number).finish_non_exhaustive()
    }
}
