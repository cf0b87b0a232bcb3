//! The namespaces of a container that waits at its gate, shown by the container itself. Who stands there is undumpable, so that a
//! user without rights may not reach what is below its /proc/PID, not even as its maker: see [`crate::child`]. It opens them for
//! whoever comes to the gate, which is in a directory of its maker's.
//!
//! Start at [`ask`], in the maker's next command. [`show`] runs in the child: nothing there allocates. Source: setns(2).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno as Raw;
use sys::{Errno, Namespaces};

use crate::wire::{self, FromChild, ToChild};

/// The kinds, by their names below /proc/PID/ns, in the order in which they are joined: the user namespace gives the rights for
/// the others.
pub(crate) const KINDS: [(&CStr, Namespaces); 8] = [
    (c"user", Namespaces::USER),
    (c"mnt", Namespaces::MOUNT),
    (c"pid", Namespaces::PID),
    (c"net", Namespaces::NETWORK),
    (c"ipc", Namespaces::IPC),
    (c"uts", Namespaces::UTS),
    (c"cgroup", Namespaces::CGROUP),
    (c"time", Namespaces::TIME),
];

/// A namespace, and its kind.
pub(crate) type Shown = (Namespaces, OwnedFd);

/// Where the namespaces of this process are, for a time when it sees another /proc or none.
pub(crate) fn own() -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, c"/proc/thread-self/ns", flags, Mode::empty())?)
}

/// Sends every namespace of this process.
pub(crate) fn show(own: BorrowedFd<'_>, socket: BorrowedFd<'_>) -> Result<(), Errno> {
    for (name, kind) in KINDS {
        match openat(own, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(namespace) => wire::send_namespace(socket, kind, namespace.as_fd())?,
            // A kind that this kernel does not have.
            Err(Raw::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Asks for the namespaces, and gives those in which the caller is not.
pub(crate) fn ask(socket: BorrowedFd<'_>) -> Result<Vec<Shown>, Errno> {
    wire::tell_child(socket, ToChild::Show)?;
    let mut shown = Vec::with_capacity(KINDS.len());
    loop {
        match wire::hear_child(socket)? {
            FromChild::Namespace { kind, descriptor: Some(namespace) } => {
                if is_foreign(kind, &namespace)? {
                    shown.push((kind, namespace));
                }
            }
            FromChild::Closed => return Ok(shown),
            FromChild::Namespace { descriptor: None, .. }
            | FromChild::Hooks
            | FromChild::Wish { .. }
            | FromChild::Terminal { .. }
            | FromChild::Ready { .. }
            | FromChild::Trace { .. }
            | FromChild::Listener { .. }
            | FromChild::Failed(_) => return Err(Raw::PIPE.into()),
        }
    }
}

fn is_foreign(kind: Namespaces, namespace: &OwnedFd) -> Result<bool, Errno> {
    let name = KINDS.iter().find(|(_, known)| *known == kind).ok_or(Raw::INVAL)?.0;
    let own = openat(own()?, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (ours, theirs) = (fstat(&own)?, fstat(namespace)?);
    Ok((ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino))
}
