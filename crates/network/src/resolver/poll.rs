//! What the resolver waits for: descriptors, and moments.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use crate::epoll::{self, Epoll};

/// What something is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Token {
    /// Somebody who wants to register.
    Listener,
    /// A registered one says something.
    Peer(u64),
    /// A question in a datagram.
    Datagrams(u64),
    /// A connection for questions.
    Connections(u64),
    /// A question in such a connection.
    Client(u64),
    /// The answer of a name server.
    Forward(u64),
}

/// An epoll instance and a list of moments.
#[derive(Debug)]
pub(crate) struct Poll {
    epoll: Epoll,
    moments: BTreeSet<(Instant, Token)>,
}

/// Something has happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened {
    pub(crate) token: Token,
    pub(crate) is_readable: bool,
    pub(crate) is_writable: bool,
    /// There is no more to come.
    pub(crate) is_broken: bool,
}

impl Token {
    const fn number(self) -> u64 {
        match self {
            Self::Listener => epoll::number(0, 0),
            Self::Peer(id) => epoll::number(1, id),
            Self::Datagrams(id) => epoll::number(2, id),
            Self::Connections(id) => epoll::number(3, id),
            Self::Client(id) => epoll::number(4, id),
            Self::Forward(id) => epoll::number(5, id),
        }
    }

    const fn of(number: u64) -> Self {
        match epoll::kind_and_id(number) {
            (1, id) => Self::Peer(id),
            (2, id) => Self::Datagrams(id),
            (3, id) => Self::Connections(id),
            (4, id) => Self::Client(id),
            (5, id) => Self::Forward(id),
            _ => Self::Listener,
        }
    }
}

impl Poll {
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { epoll: Epoll::new()?, moments: BTreeSet::new() })
    }

    /// Waits until it can be read, or written.
    pub(crate) fn add(&self, what: impl AsFd, token: Token, write: bool) -> Result<(), Errno> {
        let flags = if write { EventFlags::OUT } else { EventFlags::IN };
        self.epoll.add(what, token.number(), flags)
    }

    /// Waits for something else; for neither, it is still told when it breaks.
    pub(crate) fn change(&self, what: impl AsFd, token: Token, (read, write): (bool, bool)) {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, read);
        flags.set(EventFlags::OUT, write);
        self.epoll.change(what, token.number(), flags);
    }

    /// Does not wait for it any more.
    pub(crate) fn remove(&self, what: impl AsFd) {
        self.epoll.remove(what);
    }

    pub(crate) fn at(&mut self, moment: Instant, token: Token) {
        self.moments.insert((moment, token));
    }

    pub(crate) fn forget(&mut self, moment: Instant, token: Token) {
        self.moments.remove(&(moment, token));
    }

    /// The next whose moment has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Token> {
        let (moment, token) = *self.moments.first()?;
        (moment <= now).then(|| {
            self.moments.pop_first();
            token
        })
    }

    /// Waits for something to happen, or until a moment has come.
    pub(crate) fn wait(
        &self,
        until: Option<Instant>,
        happened: &mut Vec<Happened>,
    ) -> Result<(), Errno> {
        let first = self.moments.first().map(|(moment, _)| *moment);
        let until = [first, until].into_iter().flatten().min();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        self.epoll.wait(left, |number, flags| {
            happened.push(Happened {
                token: Token::of(number),
                is_readable: flags.contains(EventFlags::IN),
                is_writable: flags.contains(EventFlags::OUT),
                is_broken: flags.intersects(EventFlags::HUP | EventFlags::ERR),
            });
        })
    }
}
