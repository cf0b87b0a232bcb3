//! Streams that this side opens, and how they find what carries them.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::Numbers;
use super::core::Ticket;

/// A stream that is to be carried.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) ticket: Ticket,
    /// Nothing where the peer is to say which of his it is.
    pub(super) numbers: Option<Numbers>,
    pub(super) before: Before,
}

/// What was sent for a stream before: a request that a server has not looked at is made again (RFC 9113, section 8.7).
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) parts: Vec<Bytes>,
    pub(super) has_said_end: bool,
    pub(super) times: u32,
}

/// How streams that this side opens find a carrier.
#[derive(Debug)]
pub(super) enum Carriers {
    /// A client makes a request for each.
    Client(mpsc::UnboundedSender<Opening>),
    /// A server answers one of the requests that the client keeps open for that.
    Server { spares: VecDeque<oneshot::Sender<Opening>>, waiting: VecDeque<Opening> },
}

impl Opening {
    pub(super) fn new(ticket: Ticket, numbers: Option<Numbers>) -> Self {
        Self { ticket, numbers, before: Before::default() }
    }
}

impl Carriers {
    /// A server's, with none yet.
    pub(super) fn of_server() -> Self {
        Self::Server { spares: VecDeque::new(), waiting: VecDeque::new() }
    }
}
