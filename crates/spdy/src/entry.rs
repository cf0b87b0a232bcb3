//! One stream of the table: how far each direction is, what waits in it, and who waits for it.
//! Never touches the session: the files beside it do, which hold the whole table.

use std::task::Waker;

use bytes::Bytes;

use crate::queue::Queue;
use crate::{Error, Headers, Status};

/// What is known of a stream until both its ends have let go.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Whether it was opened here.
    pub(crate) local: bool,
    pub(crate) reply: Reply,
    pub(crate) sending: Sending,
    /// The peer's FIN has come, or it may send nothing at all.
    pub(crate) received_all: bool,
    pub(crate) end: Option<End>,
    /// Whether somebody here has the half that sends, and the one that receives.
    pub(crate) send_held: bool,
    pub(crate) receive_held: bool,
    /// Received and not read.
    pub(crate) queue: Queue,
    /// Accepted from a sender, and waiting for windows.
    pub(crate) pending: Bytes,
    /// Bytes of data sent, and allowed by WINDOW_UPDATE beyond the initial window.
    pub(crate) sent: i64,
    pub(crate) granted: i64,
    /// What the peer may still send, and what it has not been told that was read.
    pub(crate) credit: i64,
    pub(crate) unreported: i64,
    pub(crate) send_waker: Option<Waker>,
    pub(crate) receive_waker: Option<Waker>,
    pub(crate) reply_waker: Option<Waker>,
    /// Whether it is in the session's list of senders that wait for room, or of data that waits for windows.
    pub(crate) waiting: bool,
    pub(crate) stalled: bool,
    /// In which measuring of a stall something was read last.
    pub(crate) read_epoch: u32,
}

/// Whether a stream has been accepted.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Opened here: the peer has to accept it.
    Awaited,
    /// Opened here, and accepted with these headers.
    Came(Headers),
    /// Opened by the peer: it waits for us with what it brought.
    Owed(Box<Opened>),
    /// Opened by the peer and accepted, or nothing is to come back on it.
    Settled,
}

/// What a stream of the peer's brought.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) headers: Headers,
    pub(crate) associated: u32,
    pub(crate) priority: u8,
    pub(crate) unidirectional: bool,
}

/// Our direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Open,
    /// FIN goes with the last of what is pending.
    Finishing,
    Finished,
}

/// Why both directions ended at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Reset(Status),
    Limit(&'static str),
    /// The peer went away before it accepted the stream.
    NotBegun,
}

impl End {
    pub(crate) fn error(self) -> Error {
        match self {
            Self::Reset(status) => Error::Reset(status),
            Self::Limit(name) => Error::Limit { name },
            Self::NotBegun => Error::GoingAway,
        }
    }
}

impl Entry {
    pub(crate) fn new(local: bool, reply: Reply, credit: i64) -> Self {
        Self {
            local,
            reply,
            sending: Sending::Open,
            received_all: false,
            end: None,
            send_held: true,
            receive_held: true,
            queue: Queue::default(),
            pending: Bytes::new(),
            sent: 0,
            granted: 0,
            credit,
            unreported: 0,
            send_waker: None,
            receive_waker: None,
            reply_waker: None,
            waiting: false,
            stalled: false,
            read_epoch: 0,
        }
    }

    /// Neither side will say anything more on it.
    pub(crate) fn over(&self) -> bool {
        self.end.is_some() || (self.sending == Sending::Finished && self.received_all)
    }

    pub(crate) fn held(&self) -> bool {
        self.send_held || self.receive_held
    }

    /// Whether data that arrives is kept.
    pub(crate) fn takes(&self) -> bool {
        self.end.is_none() && !self.received_all && self.receive_held
    }

    /// Bytes that count as held for it: what is queued, and headers that wait to be looked at.
    pub(crate) fn held_bytes(&self) -> usize {
        self.queue.len() + self.header_bytes()
    }

    pub(crate) fn header_bytes(&self) -> usize {
        match &self.reply {
            Reply::Came(headers) => headers.plain_bytes(),
            Reply::Owed(opened) => opened.headers.plain_bytes(),
            Reply::Awaited | Reply::Settled => 0,
        }
    }

    pub(crate) fn wakers(&mut self) -> impl Iterator<Item = Waker> {
        [self.send_waker.take(), self.receive_waker.take(), self.reply_waker.take()]
            .into_iter()
            .flatten()
    }
}
