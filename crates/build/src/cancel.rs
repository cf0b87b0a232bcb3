//! A build that somebody ends: by a signal, or because its client is gone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Tells a build that it is over. Clones tell the same build.
#[derive(Clone, Debug)]
pub struct Cancel {
    told: Arc<OwnedFd>,
}

impl Cancel {
    /// One that nobody has used.
    ///
    /// # Errors
    /// When the process has no descriptor left. eventfd(2).
    pub fn new() -> std::io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self { told: Arc::new(eventfd(0, flags)?) })
    }

    /// Ends the build: steps that run are killed, those that have ended stay in the cache.
    pub fn cancel(&self) {
        // Its counter is full only when it was told before.
        let _told = rustix::io::write(&*self.told, &1_u64.to_ne_bytes());
    }

    /// Whether it was told.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::from_borrowed_fd(self.as_fd(), PollFlags::IN)], Some(&now))
            .is_ok_and(|ready| ready > 0)
    }
}

/// Readable once it was told, for poll(2).
impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}
