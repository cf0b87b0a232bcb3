//! What the forwarder waits for.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use crate::epoll::{self, Epoll};

/// What something is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Somebody who wants to hand something.
    Listener,
    /// A monitor says something.
    Peer(u64),
    /// Connections or datagrams come to a port.
    Port(u64),
    /// One side of a connection: 0 is the client, 1 the container.
    Stream(u64, usize),
    /// A container's datagram.
    Session(u64),
}

/// All of it.
#[derive(Debug)]
pub(super) struct Poll(Epoll);

impl Token {
    const fn number(self) -> u64 {
        match self {
            Self::Listener => epoll::number(0, 0),
            Self::Peer(id) => epoll::number(1, id),
            Self::Port(id) => epoll::number(2, id),
            Self::Stream(id, 0) => epoll::number(3, id),
            Self::Stream(id, _) => epoll::number(4, id),
            Self::Session(id) => epoll::number(5, id),
        }
    }

    const fn of(number: u64) -> Self {
        match epoll::kind_and_id(number) {
            (1, id) => Self::Peer(id),
            (2, id) => Self::Port(id),
            (3, id) => Self::Stream(id, 0),
            (4, id) => Self::Stream(id, 1),
            (5, id) => Self::Session(id),
            _ => Self::Listener,
        }
    }
}

impl Poll {
    pub(super) fn new() -> Result<Self, Errno> {
        Epoll::new().map(Self)
    }

    /// Waits for what can be read, each time again.
    pub(super) fn add(&self, what: impl AsFd, token: Token) -> Result<(), Errno> {
        self.0.add(what, token.number(), EventFlags::IN)
    }

    /// Tells each change once: what is not read or written then is not told again.
    pub(super) fn add_stream(&self, what: impl AsFd, token: Token) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        self.0.add(what, token.number(), flags)
    }

    /// Does not wait for it any more.
    pub(super) fn remove(&self, what: impl AsFd) {
        self.0.remove(what);
    }

    /// What has happened, and whether something can be written there.
    pub(super) fn wait(&self, longest: Option<Duration>) -> Result<Vec<(Token, bool)>, Errno> {
        let mut happened = Vec::new();
        self.0.wait(longest, |number, flags| {
            happened.push((Token::of(number), flags.contains(EventFlags::OUT)));
        })?;
        Ok(happened)
    }
}
