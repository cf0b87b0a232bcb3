//! What is waited for. Source: epoll(7).

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Events that are heard of at once.
const AT_ONCE: usize = 64;
/// Bits of a token for its kind.
const KINDS: u32 = 3;

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

/// An epoll instance.
#[derive(Debug)]
pub(super) struct Poll(OwnedFd);

impl Token {
    const fn number(self) -> u64 {
        match self {
            Self::Listener => 0,
            Self::Peer(id) => id << KINDS | 1,
            Self::Port(id) => id << KINDS | 2,
            Self::Stream(id, 0) => id << KINDS | 3,
            Self::Stream(id, _) => id << KINDS | 4,
            Self::Session(id) => id << KINDS | 5,
        }
    }

    const fn of(number: u64) -> Self {
        let id = number >> KINDS;
        match number & 7 {
            1 => Self::Peer(id),
            2 => Self::Port(id),
            3 => Self::Stream(id, 0),
            4 => Self::Stream(id, 1),
            5 => Self::Session(id),
            _ => Self::Listener,
        }
    }
}

impl Poll {
    pub(super) fn new() -> Result<Self, Errno> {
        epoll::create(CreateFlags::CLOEXEC).map(Self)
    }

    /// Waits for what can be read, each time again.
    pub(super) fn add(&self, what: impl AsFd, token: Token) -> Result<(), Errno> {
        epoll::add(&self.0, what, EventData::new_u64(token.number()), EventFlags::IN)
    }

    /// Tells each change once: what is not read or written then is not told again.
    pub(super) fn add_stream(&self, what: impl AsFd, token: Token) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.0, what, EventData::new_u64(token.number()), flags)
    }

    /// Does not wait for it any more. To be said of what others may have a descriptor of, too: it would go on for them.
    pub(super) fn remove(&self, what: impl AsFd) {
        let _there = epoll::delete(&self.0, what);
    }

    /// Waits for something to happen; for no longer than that.
    pub(super) fn wait(&self, longest: Option<Duration>) -> Result<Vec<(Token, bool)>, Errno> {
        let longest = longest.and_then(|longest| Timespec::try_from(longest).ok());
        let mut events =
            [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; AT_ONCE];
        let count = match epoll::wait(&self.0, &mut events, longest.as_ref()) {
            Err(Errno::INTR) => 0,
            done => done?,
        };
        let happened = events.iter().take(count).map(|event| {
            let (flags, data) = (event.flags, event.data);
            (Token::of(data.u64()), flags.contains(EventFlags::OUT))
        });
        Ok(happened.collect())
    }
}
