//! A network namespace made ahead of its container. The kernel takes a third of a millisecond to make one, which a process that
//! waits for its plan can spend meanwhile.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use sys::{Errno, Namespaces};

/// A network namespace in which nobody lives yet. Dropped, it is gone.
#[derive(Debug)]
pub struct SpareNetwork(OwnedFd);

impl SpareNetwork {
    /// Makes one; the caller, which has one thread, is where it was when this returns.
    ///
    /// # Errors
    /// As unshare(2) with CLONE_NEWNET. When the way back is barred (setns(2)), which no kernel is known to do, the caller stays
    /// in the new namespace and should end.
    pub fn make() -> Result<Self, Errno> {
        use std::os::fd::AsFd;
        let own = current()?;
        sys::unshare_namespaces(u32::try_from(Namespaces::NETWORK.bits()).unwrap_or(0))?;
        let made = current();
        sys::enter_namespace(own.as_fd(), Namespaces::NETWORK)?;
        made.map(Self)
    }

    /// The namespace, for whoever attaches it to networks.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.0)
    }

    pub(crate) fn into_namespace(self) -> OwnedFd {
        self.0
    }
}

/// The calling thread's network namespace.
fn current() -> Result<OwnedFd, Errno> {
    Ok(open(c"/proc/thread-self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}
