//! Mounts that a container cannot clone by itself.
//!
//! In a user namespace these are the mounts whose source its root may not reach, or whose ids are to be mapped, for which the
//! kernel wants rights outside. A helper with the caller's rights clones them where the container sees them, in its own mount
//! namespace, so that mounts of the container can be sources too.
//!
//! What another container has, such as its `/dev/shm`, is cloned in its mount namespace: open_tree(2) clones what is in the
//! caller's own only.
//!
//! Those that keep their peers have none in the container's mount namespace, which has been cut off: the parent clones them in
//! its own, mount_namespaces(7), "Peer groups". Not before it is asked: mountinfo lists mounts by age since Linux 6.8, and
//! whoever reads it expects them in the configuration's order.
//!
//! Start at [`lend`], in the parent. The helper allocates nothing. Sources: setns(2), open_tree(2), mount_setattr(2).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use sys::{CloneArgs, Errno, Namespaces, enter_namespace};

use crate::helper::made_by;
use crate::prepared::Action;
use crate::process::Process;
use crate::rootfs::clone_mapped;
use crate::wire::{self, Failed, Place, ToChild};

/// Clones what the step `number` of `container` binds.
///
/// # Errors
/// The kernel's answer to whichever call it refused.
pub(crate) fn lend(container: &Process, steps: &[Action], number: u16) -> Result<OwnedFd, Errno> {
    let Some(Action::Bind { source, keep_peers, .. }) = steps.get(usize::from(number)) else {
        return Err(Errno::from_raw(libc::EINVAL));
    };
    if *keep_peers {
        return clone_mapped(source, None);
    }
    let namespace = |pid: i32, file: &str| {
        open(format!("/proc/{pid}/ns/{file}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    };
    let (own, elsewhere) = match source.of_process {
        Some(pid) => (None, Some(namespace(pid, "mnt")?)),
        None => (Some(namespace(container.pid(), "user")?), None),
    };
    let mounts = elsewhere.as_ref().map_or_else(|| container.pidfd(), AsFd::as_fd);
    made_by(CloneArgs::default(), || {
        enter_namespace(mounts, Namespaces::MOUNT)?;
        clone_mapped(source, own.as_ref().map(AsFd::as_fd))
    })
}

/// In the child: asks for the mounts of the step `number`.
pub(crate) fn borrow(socket: BorrowedFd<'_>, number: u16) -> Result<OwnedFd, Failed> {
    let nothing = Failed { at: Place::Step(number), errno: Errno::from_raw(libc::EPIPE) };
    wire::send_wish(socket, number)?;
    let mut lent = None;
    wire::await_parent_with(socket, ToChild::Mount, |tree| {
        lent = Some(tree);
        Ok(())
    })?;
    lent.ok_or(nothing)
}
