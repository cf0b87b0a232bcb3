//! A network namespace made ahead of its container. The kernel takes a third of a millisecond to make one, which a process that
//! waits for its plan can spend meanwhile.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use spec::runtime::NamespaceKind;
use sys::{Errno, Namespaces};

use crate::plan::{Plan, Step};
use crate::planner::sysctl::namespace_of;

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

    /// Does in it what a plan has a container's first process do in a new one. The caller, which has one thread, is where it was when
    /// this returns.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn furnish(&self, plan: &Plan) -> Result<(), Errno> {
        use std::os::fd::AsFd;
        let own = current()?;
        sys::enter_namespace(self.as_fd(), Namespaces::NETWORK)?;
        let furnished = plan.steps.iter().try_for_each(furnish);
        sys::enter_namespace(own.as_fd(), Namespaces::NETWORK)?;
        furnished
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

fn furnish(step: &Step) -> Result<(), Errno> {
    if matches!(step, Step::LoopbackUp) {
        return sys::set_interface_up(b"lo");
    }
    let Step::Sysctl { path, value } = step else { return Ok(()) };
    if namespace_of(path) != Some(NamespaceKind::Network) {
        return Ok(());
    }
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let parameter = open(format!("/proc/sys/{path}"), flags, Mode::empty())?;
    rustix::io::write(parameter, value.as_bytes())?;
    Ok(())
}
