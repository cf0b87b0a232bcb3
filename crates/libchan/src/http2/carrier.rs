//! A stream of HTTP/2 that carries a stream of a session. It is a future, which the task of its connection runs beside the connection itself:
//! what many messages have left in the queue meanwhile goes as one DATA frame.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason as Code, RecvStream, SendStream};
use http::StatusCode;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::Numbers;
use super::core::Ticket;
use super::lane::Task;
use super::opening::{Before, Opening};
use super::part::{self, Part};
use crate::error::Error;
use crate::line::Reason;

/// Which side of HTTP/2 this is: a server's way ends after the client's alone (part).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// Hears what a request was answered.
pub(super) type Answered = oneshot::Sender<Result<(), StatusCode>>;

/// A request that servers have not looked at is made so often.
const MOST_TIMES: u32 = 4;

const MISPLACED: &str = "a part at the wrong place";

/// One stream of HTTP/2.
pub(super) struct Carrier {
    role: Role,
    lane: Laned,
    send: SendStream<Bytes>,
    receive: Receive,
    reader: part::Parts,
    /// A client's that the server has not made one of its streams yet.
    is_spare: bool,
    /// This side's way: its last part, and the end of the body.
    has_said_end: bool,
    has_sent: bool,
    /// The peer's way, the same.
    has_heard_end: bool,
    has_received: bool,
    /// Who waits for what the server answers.
    answered: Option<Answered>,
    /// For a request that is made again: which stream it is, and what was sent before it was answered.
    numbers: Option<Numbers>,
    unanswered: Vec<Bytes>,
    times: u32,
    /// The server has not looked at it.
    is_untouched: bool,
    sign: part::Sign,
    /// Nothing was sent since signs of life were looked at.
    is_silent: bool,
    /// The peer was told that both ways are over: until when he is waited for.
    leaving: Option<Pin<Box<Sleep>>>,
}

/// Which stream of a session it carries.
pub(super) enum Laned {
    Is(Ticket),
    /// A server's that waits for one to carry.
    Waits(oneshot::Receiver<Opening>),
    /// Another request carries it.
    Left,
}

enum Receive {
    Answer(ResponseFuture),
    Body(RecvStream),
}

impl Carrier {
    /// A request of a client's.
    pub(super) fn client(
        Opening { ticket, numbers, before }: Opening,
        (answer, send): (ResponseFuture, SendStream<Bytes>),
        answered: Option<Answered>,
    ) -> Self {
        let carrier = Self::new(Role::Client, Laned::Is(ticket), send, Receive::Answer(answer));
        // What waits for an answer is the control stream, which has no number either.
        let is_spare = numbers.is_none() && answered.is_none();
        let mut carrier = Self { is_spare, numbers, answered, ..carrier };
        carrier.times = before.times;
        let count = before.parts.len();
        for (number, part) in (1..).zip(before.parts) {
            let is_end = before.has_said_end && number == count;
            // It is over: its answer says why.
            let _over = carrier.put(part, is_end);
            carrier.has_sent = is_end;
        }
        carrier.has_said_end = before.has_said_end;
        carrier
    }

    /// A request that a server has answered.
    pub(super) fn server(lane: Laned, send: SendStream<Bytes>, body: RecvStream) -> Self {
        Self::new(Role::Server, lane, send, Receive::Body(body))
    }

    fn new(role: Role, lane: Laned, send: SendStream<Bytes>, receive: Receive) -> Self {
        Self {
            role,
            lane,
            send,
            receive,
            reader: part::Parts::default(),
            is_spare: false,
            has_said_end: false,
            has_sent: false,
            has_heard_end: false,
            has_received: false,
            answered: None,
            numbers: None,
            unanswered: Vec::new(),
            times: 0,
            is_untouched: false,
            sign: part::Sign::default(),
            is_silent: false,
            leaving: None,
        }
    }

    fn ticket(&self) -> Option<&Ticket> {
        match &self.lane {
            Laned::Is(ticket) => Some(ticket),
            Laned::Waits(_) | Laned::Left => None,
        }
    }

    /// Goes on until both ways are over.
    fn poll_carry(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_given(context)?;
        if self.leaving.is_some() {
            return self.poll_leave(context).map(Ok);
        }
        let task = self.ticket().map_or(Task::Nothing, |ticket| ticket.lane.task(context));
        if let Task::Reset(reason) = task {
            return self.leave(reason, context).map(Ok);
        }
        if let Task::GiveUp = task {
            return Poll::Ready(Err(Error::Closed));
        }
        if !self.has_received
            && let Poll::Ready(received) = self.poll_receive(context)
        {
            received?;
            self.has_received = true;
        }
        self.release();
        if !self.has_sent
            && let Poll::Ready(sent) = self.poll_send(context)
        {
            sent?;
            self.has_sent = true;
        }
        match (self.has_sent, self.has_received) {
            (true, true) => return Poll::Ready(Ok(())),
            // Nothing is received any more that would say so.
            (false, true) => {
                if let Poll::Ready(reset) = self.send.poll_reset(context) {
                    return Poll::Ready(Err(reset.map_or_else(|error| told(&error), was_reset)));
                }
            }
            (_, false) => {}
        }
        Poll::Pending
    }

    /// Tells the peer that both ways are over: in the body, where that can be sent. A proxy may keep RST_STREAM for itself, or what for
    /// (nginx 1.22 does where it comes with the head of the answer), and RST_STREAM alone passes what the peer does not read.
    fn leave(&mut self, reason: Reason, context: &mut Context<'_>) -> Poll<()> {
        let reset = part::reset(reason as u32);
        self.send.reserve_capacity(reset.len());
        let is_told =
            !self.has_sent && self.send.capacity() >= reset.len() && self.put(reset, true).is_ok();
        let wait = self.ticket().map(|ticket| ticket.core.limits.reference_wait);
        let (true, Some(wait)) = (is_told, wait) else {
            self.send.send_reset(code(reason));
            return Poll::Ready(());
        };
        self.leaving = Some(Box::pin(tokio::time::sleep(wait)));
        self.poll_leave(context)
    }

    /// Waits for the peer's end, throwing away what comes: who leaves at once resets the stream, perhaps before what was said has arrived.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.poll_receive(context).is_ready() {
            return Poll::Ready(());
        }
        let Some(until) = &mut self.leaving else { return Poll::Ready(()) };
        ready!(until.as_mut().poll(context));
        self.send.send_reset(Code::CANCEL);
        Poll::Ready(())
    }

    /// Takes the stream that a server's request is to carry.
    fn poll_given(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let Laned::Waits(given) = &mut self.lane else { return Ok(()) };
        let Poll::Ready(opening) = Pin::new(given).poll(context) else { return Ok(()) };
        let Opening { ticket, numbers, .. } = opening.map_err(|_over| Error::Closed)?;
        self.lane = Laned::Is(ticket);
        let numbers = numbers.ok_or(Error::Closed)?;
        self.send.send_data(part::opening(numbers), false).map_err(|error| told(&error))
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let body = match &mut self.receive {
                Receive::Body(body) => body,
                Receive::Answer(answer) => {
                    let answer = ready!(Pin::new(answer).poll(context)).map_err(|error| {
                        self.is_untouched = is_untouched(&error);
                        told(&error)
                    })?;
                    self.unanswered = Vec::new();
                    let answered = self.answered.take();
                    let status = answer.status();
                    let is_taken = status == StatusCode::OK;
                    if let Some(answered) = answered {
                        let _gone = answered.send(if is_taken { Ok(()) } else { Err(status) });
                    }
                    if !is_taken {
                        return Poll::Ready(Err(refused(status)));
                    }
                    self.receive = Receive::Body(answer.into_body());
                    continue;
                }
            };
            let Some(piece) = ready!(body.poll_data(context)) else {
                return Poll::Ready(self.end_of_body());
            };
            let piece = piece.map_err(|error| told(&error))?;
            let size = piece.len();
            let kept = self.hear(piece)?;
            if let Receive::Body(body) = &mut self.receive {
                let _over = body.flow_control().release_capacity(size - kept);
            }
        }
    }

    fn end_of_body(&self) -> Result<(), Error> {
        if self.has_heard_end && self.reader.is_between() { Ok(()) } else { Err(Error::Closed) }
    }

    /// Takes a piece of the peer's body; gives how many of its bytes wait for whoever receives.
    fn hear(&mut self, mut piece: Bytes) -> Result<usize, Error> {
        let mut kept = 0;
        if self.leaving.is_some() {
            return Ok(0);
        }
        let wrong = |why: &str| Error::Protocol(why.to_owned());
        while let Some(part) = self.reader.next(&mut piece).map_err(wrong)? {
            let Laned::Is(ticket) = &mut self.lane else { return Err(wrong(MISPLACED)) };
            match part {
                Part::Open(numbers) if self.is_spare => {
                    self.is_spare = false;
                    let core = Arc::clone(&ticket.core);
                    core.become_theirs(ticket, numbers)?;
                    core.want_spare();
                }
                Part::Bytes(bytes) if !self.is_spare && !self.has_heard_end => {
                    if ticket.lane.give(&bytes) {
                        kept += bytes.len();
                    }
                }
                Part::End if !self.is_spare && !self.has_heard_end => {
                    self.has_heard_end = true;
                    ticket.lane.give_end();
                }
                Part::Reset(number) => return Err(Error::Reset(number)),
                Part::Open(_) | Part::Bytes(_) | Part::End => return Err(wrong(MISPLACED)),
            }
        }
        Ok(kept)
    }

    /// The peer may send as much again as was taken.
    fn release(&mut self) {
        let Some(size) = self.ticket().map(|ticket| ticket.lane.released()) else { return };
        if let (1.., Receive::Body(body)) = (size, &mut self.receive) {
            let _over = body.flow_control().release_capacity(size);
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if self.has_said_end {
                // Not before the client's.
                if !self.has_received {
                    return Poll::Pending;
                }
                return Poll::Ready(self.put(Bytes::new(), true));
            }
            let Some(ticket) = self.ticket() else { return Poll::Pending };
            match ticket.lane.task(context) {
                Task::Send => {}
                Task::Nothing | Task::Reset(_) | Task::GiveUp => return Poll::Pending,
            }
            // The library keeps what is beyond the window: no more is taken before that has gone.
            self.send.reserve_capacity(1);
            if self.send.capacity() == 0 {
                match ready!(self.send.poll_capacity(context)) {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Poll::Ready(Err(told(&error))),
                    // It is over: the other way says why.
                    None => return Poll::Pending,
                }
            }
            let Some(ticket) = self.ticket() else { return Poll::Pending };
            let (parts, is_last) = ticket.lane.take();
            self.has_said_end = is_last;
            let is_end = is_last && (self.role == Role::Client || self.has_received);
            let put = self.put(parts, is_end);
            if is_end || put.is_err() {
                return Poll::Ready(put);
            }
        }
    }

    /// The peer has ended both ways, and waits for the end of this one.
    fn answer_reset(&mut self) {
        self.send.reserve_capacity(1);
        let is_ended =
            self.has_sent || (self.send.capacity() > 0 && self.put(Bytes::new(), true).is_ok());
        if !is_ended {
            self.send.send_reset(Code::CANCEL);
        }
    }

    /// Sends a sign of life, if nothing was sent since this was called last: whatever is on this stream, or is yet to come.
    pub(super) fn give_sign(&mut self) {
        let was_silent = std::mem::replace(&mut self.is_silent, true);
        if !was_silent || self.has_sent || self.leaving.is_some() {
            return;
        }
        self.send.reserve_capacity(part::HEAD);
        // A peer that reads nothing any more is sent none, and none waits for one that the connection holds up.
        if self.send.capacity() >= part::HEAD
            && let Some(sign) = self.sign.next()
        {
            // Where it is over, whoever carries on hears so.
            let _over = self.send.send_data(sign, false);
        }
    }

    fn put(&mut self, parts: Bytes, is_end: bool) -> Result<(), Error> {
        self.is_silent = false;
        if let Receive::Answer(_) = self.receive {
            self.keep(parts.clone());
        }
        self.send.send_data(parts, is_end).map_err(|error| told(&error))
    }

    /// Remembers what is sent before the answer: what was taken first, and beyond that no more than a queue holds.
    fn keep(&mut self, parts: Bytes) {
        let most = self.ticket().map_or(0, |ticket| ticket.core.limits.queue_bytes);
        let kept: usize = self.unanswered.iter().map(Bytes::len).sum();
        if self.times < MOST_TIMES && (kept == 0 || kept + parts.len() <= most) {
            self.unanswered.push(parts);
        } else {
            self.unanswered = Vec::new();
            self.times = MOST_TIMES;
        }
    }

    /// Makes the request once more, if the server has not looked at it.
    fn go_again(&mut self) -> bool {
        if !self.is_untouched || self.answered.is_some() || self.times >= MOST_TIMES {
            return false;
        }
        let Laned::Is(ticket) = std::mem::replace(&mut self.lane, Laned::Left) else {
            return false;
        };
        let parts = std::mem::take(&mut self.unanswered);
        let before = Before { parts, has_said_end: self.has_said_end, times: self.times + 1 };
        let core = Arc::clone(&ticket.core);
        core.open_again(Opening { ticket, numbers: self.numbers, before });
        true
    }
}

impl Future for Carrier {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Err(error) = ready!(self.poll_carry(context)) else { return Poll::Ready(()) };
        if self.go_again() {
            return Poll::Ready(());
        }
        let left = match &error {
            Error::Protocol(_) => self.leave(Reason::Protocol, context),
            Error::Limit(_) => self.leave(Reason::Refused, context),
            Error::Reset(_) => {
                self.answer_reset();
                Poll::Ready(())
            }
            Error::Closed | Error::TimedOut | Error::Value(_) => {
                self.send.send_reset(Code::CANCEL);
                Poll::Ready(())
            }
        };
        if let Some(ticket) = self.ticket() {
            ticket.lane.fail(error);
        }
        left
    }
}

/// HTTP/2's code for why a stream is reset. RFC 9113, section 7.
fn code(reason: Reason) -> Code {
    match reason {
        Reason::Protocol => Code::PROTOCOL_ERROR,
        Reason::Refused => Code::REFUSED_STREAM,
        Reason::Cancelled => Code::CANCEL,
    }
}

/// SPDY's number for the same: an error says the same whatever the session is made of. SPDY, draft 3, section 2.6.3.
fn was_reset(code: Code) -> Error {
    Error::Reset(match code {
        Code::PROTOCOL_ERROR => 1,
        Code::REFUSED_STREAM => 3,
        Code::CANCEL => 5,
        Code::FLOW_CONTROL_ERROR => 7,
        Code::STREAM_CLOSED => 9,
        Code::FRAME_SIZE_ERROR => 11,
        // Internal error: what else there is, HTTP/2 alone has.
        _ => 6,
    })
}

fn refused(status: StatusCode) -> Error {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        was_reset(Code::REFUSED_STREAM)
    } else {
        Error::Closed
    }
}

/// Whether the server says that it has not looked at a request: it goes away, or has refused it. RFC 9113, section 8.7.
fn is_untouched(error: &h2::Error) -> bool {
    let is_refused = error.is_reset() && error.reason() == Some(Code::REFUSED_STREAM);
    error.is_remote()
        && (is_refused || error.is_go_away() && error.reason() == Some(Code::NO_ERROR))
}

fn told(error: &h2::Error) -> Error {
    match error.reason() {
        Some(code) if error.is_reset() => was_reset(code),
        _ => Error::Closed,
    }
}
