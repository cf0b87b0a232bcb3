//! The end of a channel of a session that sends.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use serde::Serialize;

use crate::attach::{Attach, Numbered, Writer};
use crate::channel::TrySendError;
use crate::error::Error;
use crate::generation::Belongs;
use crate::line::{In, Line, Out, Reason, poll_over};
use crate::msgpack::extension::Reference;
use crate::passing::{Offer, Room};
use crate::pump;
use crate::session::Inner;
use crate::turns::{Turn, Turns};
use crate::waiters::Waiters;

/// How values become messages, known where their type is.
struct Encoding<T> {
    write: Write<T>,
    take: fn(&mut Writer, &T, Vec<Numbered>) -> Vec<Attach>,
}

type Write<T> = fn(&mut Writer, &Arc<Inner>, &T, &mut Vec<u8>) -> Result<(), Error>;

/// What one sender has at a time.
struct Way {
    out: Out,
    writer: Writer,
    /// The message.
    bytes: Vec<u8>,
}

/// A message that names streams, written down.
#[derive(Debug, Default)]
struct Naming {
    bytes: Vec<u8>,
    numbered: Vec<Numbered>,
}

/// What is kept of the room for messages between them.
const KEPT_BYTES: usize = 4 << 10;

/// What the clones of a sender share. Dropped, the channel ends in good order.
pub(crate) struct Outgoing<T> {
    session: Arc<Inner>,
    /// The channel's own.
    number: u64,
    encoding: Encoding<T>,
    way: Turns<Way>,
    /// Nothing comes but the end.
    input: Mutex<In>,
    /// Who waits for that.
    waiting: Arc<Waiters>,
    is_closed: AtomicBool,
    /// How it is to end, as soon as nobody sends.
    ending: Mutex<Option<Ending>>,
}

enum Ending {
    InGoodOrder,
    Reset(Reason),
}

impl Naming {
    /// How many of the streams stand for descriptors.
    fn descriptors(&self) -> usize {
        self.numbered.iter().filter(|numbered| numbered.descriptor.is_some()).count()
    }
}

impl<T: Serialize> Outgoing<T> {
    pub(crate) fn new(line: Line, session: &Arc<Inner>, number: u64) -> Self {
        Self {
            session: Arc::clone(session),
            number,
            encoding: Encoding { write: Writer::write::<T>, take: Writer::take::<T> },
            way: Turns::new(Way { out: line.out, writer: Writer::new(session), bytes: Vec::new() }),
            input: Mutex::new(line.input),
            waiting: Arc::default(),
            is_closed: AtomicBool::new(false),
            ending: Mutex::default(),
        }
    }
}

impl<T> Outgoing<T> {
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.session.runtime
    }

    /// Sends the value in a slot; cancelled, or on an error, it is still there.
    pub(crate) async fn send(&self, slot: &mut Option<T>) -> Result<(), Error> {
        // Behind the turn, which is over before.
        let _settles = Settles(self);
        let mut turn = self.way.turn();
        let mut written = false;
        let mut plain = |way: &mut Way, context: &mut Context<'_>| {
            self.poll_plain(way, &mut written, slot, context)
        };
        match poll_fn(|context| turn.poll(context, &mut plain)).await? {
            None => Ok(()),
            // Apart: most messages name no stream, and this future is small without.
            Some(naming) => Box::pin(self.send_naming(turn, naming, slot)).await,
        }
    }

    /// Sends a message that names no stream once the way is free, or leaves one that does; written down it is once.
    fn poll_plain(
        &self,
        way: &mut Way,
        written: &mut bool,
        slot: &mut Option<T>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Naming>, Error>> {
        let Some(value) = &*slot else { return Poll::Ready(Ok(None)) };
        if !*written {
            if self.is_closed() {
                return Poll::Ready(Err(Error::Closed));
            }
            way.bytes.clear();
            (self.encoding.write)(&mut way.writer, &self.session, value, &mut way.bytes)?;
            *written = true;
        }
        let numbered = way.writer.numbered();
        if !numbered.is_empty() {
            let numbered = numbered.to_vec();
            return Poll::Ready(Ok(Some(Naming { bytes: std::mem::take(&mut way.bytes), numbered })));
        }
        if way.bytes.capacity() <= KEPT_BYTES {
            ready!(way.out.poll_send_slice(context, &way.bytes))?;
        } else {
            ready!(way.out.poll_ready(context))?;
            way.out.send(std::mem::take(&mut way.bytes).into())?;
        }
        *slot = None;
        Poll::Ready(Ok(None))
    }

    /// Sends a message behind the streams that it names. Others may have had their turn since it was written down.
    async fn send_naming(
        &self,
        mut turn: Turn<'_, Way>,
        mut naming: Naming,
        slot: &mut Option<T>,
    ) -> Result<(), Error> {
        poll_fn(|context| turn.poll_begin(context)).await;
        let mut room = match naming.descriptors() {
            0 => None,
            count => self.session.room(count).await,
        };
        let mut attached = |way: &mut Way, context: &mut Context<'_>| {
            if self.is_closed() {
                return Poll::Ready(Err(Error::Closed));
            }
            ready!(way.out.poll_ready(context))?;
            Poll::Ready(self.send_attached(way, std::mem::take(&mut naming), slot, room.take()))
        };
        poll_fn(|context| turn.poll(context, &mut attached)).await
    }

    /// Opens the streams, sends the message, and lets them go on.
    fn send_attached(
        &self,
        way: &mut Way,
        naming: Naming,
        slot: &mut Option<T>,
        room: Option<Room>,
    ) -> Result<(), Error> {
        let Some(value) = &*slot else { return Ok(()) };
        let Naming { bytes, numbered } = naming;
        let lines = self.open(&numbered, &way.out, room)?;
        way.out.send(bytes.into())?;
        let numbers: Vec<u64> = numbered.iter().map(|each| each.reference.number).collect();
        let attached = (self.encoding.take)(&mut way.writer, value, numbered);
        for (((line, offer), number), attach) in lines.into_iter().zip(numbers).zip(attached) {
            match offer {
                None => attach(line, number, &self.session),
                Some(offer) => pump::offered(offer, (line, number), attach, &self.session),
            }
        }
        *slot = None;
        Ok(())
    }

    /// A stream for each, or none.
    fn open(
        &self,
        numbered: &[Numbered],
        out: &Out,
        mut room: Option<Room>,
    ) -> Result<Vec<(Line, Option<Offer>)>, Error> {
        let mut lines: Vec<(Line, Option<Offer>)> = Vec::with_capacity(numbered.len());
        for Numbered { reference: Reference { role, number }, descriptor } in numbered {
            let belongs = Belongs::to(self.number, out, *role);
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
        self.waiting.wake_by_ref();
    }

    /// Ends it as it is to end. Where somebody sends just now, he does that afterwards.
    fn settle(&self) {
        if !self.is_closed() {
            return;
        }
        self.way.try_with(|way| {
            match self.ending.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(Ending::InGoodOrder) => way.out.finish(),
                Some(Ending::Reset(reason)) => way.out.reset(reason),
                None => {}
            }
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    pub(crate) fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        // Any number of clones may wait, of which the stream itself knows one.
        self.waiting.add(context.waker());
        let all = Waker::from(Arc::clone(&self.waiting));
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        poll_over(&mut input, &mut Context::from_waker(&all))
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
        self.way.get_mut().out.finish();
    }
}

impl<T> fmt::Debug for Outgoing<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outgoing").field("number", &self.number).finish_non_exhaustive()
    }
}
