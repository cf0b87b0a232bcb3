//! What is waited for: descriptors, and moments. Source: epoll(7).

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Events that are heard of at once.
const AT_ONCE: usize = 64;
/// Bits of a token for its kind.
const KINDS: u32 = 3;

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
    epoll: OwnedFd,
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
            Self::Listener => 0,
            Self::Peer(id) => id << KINDS | 1,
            Self::Datagrams(id) => id << KINDS | 2,
            Self::Connections(id) => id << KINDS | 3,
            Self::Client(id) => id << KINDS | 4,
            Self::Forward(id) => id << KINDS | 5,
        }
    }

    const fn of(number: u64) -> Self {
        let id = number >> KINDS;
        match number & 7 {
            1 => Self::Peer(id),
            2 => Self::Datagrams(id),
            3 => Self::Connections(id),
            4 => Self::Client(id),
            5 => Self::Forward(id),
            _ => Self::Listener,
        }
    }
}

impl Poll {
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, moments: BTreeSet::new() })
    }

    /// Waits until it can be read, or written.
    pub(crate) fn add(&self, what: impl AsFd, token: Token, write: bool) -> Result<(), Errno> {
        let flags = if write { EventFlags::OUT } else { EventFlags::IN };
        epoll::add(&self.epoll, what, EventData::new_u64(token.number()), flags)
    }

    /// Waits for something else; for neither, it is still told when it breaks.
    pub(crate) fn change(&self, what: impl AsFd, token: Token, (read, write): (bool, bool)) {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, read);
        flags.set(EventFlags::OUT, write);
        let _there = epoll::modify(&self.epoll, what, EventData::new_u64(token.number()), flags);
    }

    /// Does not wait for it any more. To be said of what others have a descriptor of, too: it would go on for them. epoll(7), "Will closing
    /// a file descriptor cause it to be removed".
    pub(crate) fn remove(&self, what: impl AsFd) {
        let _there = epoll::delete(&self.epoll, what);
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
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut events =
            [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; AT_ONCE];
        let count = match epoll::wait(&self.epoll, &mut events, left.as_ref()) {
            Err(Errno::INTR) => 0,
            done => done?,
        };
        happened.extend(events.iter().take(count).map(|event| {
            let (flags, data) = (event.flags, event.data);
            Happened {
                token: Token::of(data.u64()),
                is_readable: flags.contains(EventFlags::IN),
                is_writable: flags.contains(EventFlags::OUT),
                is_broken: flags.intersects(EventFlags::HUP | EventFlags::ERR),
            }
        }));
        Ok(())
    }
}
