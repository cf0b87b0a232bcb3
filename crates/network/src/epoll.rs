//! An epoll instance: what is waited for has a number, which is a kind and whose it is. Source: epoll(7).

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Events that are heard of at once.
const AT_ONCE: usize = 64;
/// Bits of a number for its kind.
const KINDS: u32 = 3;

/// The instance.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

/// The number of a kind, 0 to 7, and of whose it is.
pub(crate) const fn number(kind: u64, id: u64) -> u64 {
    id << KINDS | kind
}

/// Kind and whose it is.
pub(crate) const fn kind_and_id(number: u64) -> (u64, u64) {
    (number & 7, number >> KINDS)
}

impl Epoll {
    pub(crate) fn new() -> Result<Self, Errno> {
        epoll::create(CreateFlags::CLOEXEC).map(Self)
    }

    pub(crate) fn add(&self, what: impl AsFd, number: u64, flags: EventFlags) -> Result<(), Errno> {
        epoll::add(&self.0, what, EventData::new_u64(number), flags)
    }

    /// Waits for something else; for nothing, it is still told when it breaks.
    pub(crate) fn change(&self, what: impl AsFd, number: u64, flags: EventFlags) {
        let _there = epoll::modify(&self.0, what, EventData::new_u64(number), flags);
    }

    /// Does not wait for it any more. To be said of what others may have a descriptor of, too: it would go on for them. epoll(7), "Will closing
    /// a file descriptor cause it to be removed".
    pub(crate) fn remove(&self, what: impl AsFd) {
        let _there = epoll::delete(&self.0, what);
    }

    /// Waits for something to happen, for no longer than that; nothing is for ever.
    pub(crate) fn wait(
        &self,
        longest: Option<Duration>,
        mut happened: impl FnMut(u64, EventFlags),
    ) -> Result<(), Errno> {
        let longest = longest.and_then(|longest| Timespec::try_from(longest).ok());
        let mut events =
            [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; AT_ONCE];
        let count = match epoll::wait(&self.0, &mut events, longest.as_ref()) {
            Err(Errno::INTR) => 0,
            done => done?,
        };
        for event in events.iter().take(count) {
            // The structure is packed.
            let (flags, data) = (event.flags, event.data);
            happened(data.u64(), flags);
        }
        Ok(())
    }
}
