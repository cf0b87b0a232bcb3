//! A network namespace made ahead of its container. The kernel takes a third of a millisecond to make one, which a process that
//! waits for its plan can spend meanwhile.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use spec::runtime::NamespaceKind;
use sys::{CloneArgs, Errno, Namespaces};

use crate::helper::made_by;
use crate::plan::{Plan, Step};
use crate::planner::sysctl::namespace_of;

/// A network namespace in which nobody lives yet. Dropped, it is gone.
#[derive(Debug)]
pub struct SpareNetwork {
    namespace: OwnedFd,
    /// Whether it belongs to a user namespace that its container joins.
    is_inside: bool,
}

impl SpareNetwork {
    /// Makes one; the caller, which has one thread, is where it was when this returns.
    ///
    /// # Errors
    /// As unshare(2) with CLONE_NEWNET. When the way back is barred (setns(2)), which no kernel is known to do, the caller stays
    /// in the new namespace and should end.
    pub fn make() -> Result<Self, Errno> {
        use std::os::fd::AsFd;
        let own = current()?;
        unshare_network()?;
        let made = current();
        sys::enter_namespace(own.as_fd(), Namespaces::NETWORK)?;
        made.map(|namespace| Self { namespace, is_inside: false })
    }

    /// Makes one that belongs to the user namespace at this path, as `/proc/PID/ns/user`: a helper process joins that, and ends.
    ///
    /// # Errors
    /// As setns(2) and unshare(2).
    pub fn make_inside(users: &Path) -> Result<Self, Errno> {
        use std::os::fd::AsFd;
        let users = open(users, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let namespace = made_by(CloneArgs::default(), || {
            sys::enter_namespace(users.as_fd(), Namespaces::USER)?;
            unshare_network()?;
            current()
        })?;
        Ok(Self { namespace, is_inside: true })
    }

    /// That of a process that was made with one of its own.
    pub(crate) fn of(pid: i32) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let namespace = open(format!("/proc/{pid}/ns/net"), flags, Mode::empty())?;
        Ok(Self { namespace, is_inside: true })
    }

    pub(crate) const fn is_inside(&self) -> bool {
        self.is_inside
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
        std::os::fd::AsFd::as_fd(&self.namespace)
    }

    pub(crate) fn into_namespace(self) -> OwnedFd {
        self.namespace
    }
}

fn unshare_network() -> Result<(), Errno> {
    sys::unshare_namespaces(u32::try_from(Namespaces::NETWORK.bits()).unwrap_or(0))
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
