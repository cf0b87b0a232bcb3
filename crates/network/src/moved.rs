//! An interface of the machine that is moved into the network of a container that runs, and back. Source: rtnetlink(7), network_namespaces(7).

use std::os::fd::{AsFd, BorrowedFd};

use crate::link::{Changes, LinkError, Links};
use crate::machine::NetworkError;

/// Moves an interface of the machine into a network namespace, where it is called `inside` and is down.
///
/// # Errors
/// When there is none, the kernel refuses (many kinds cannot be moved), or the name is taken there.
pub fn give_interface(
    name: &str,
    inside: &str,
    namespace: BorrowedFd<'_>,
) -> Result<(), NetworkError> {
    let mut here = Links::here().map_err(NetworkError::Socket)?;
    let mut there = Links::inside(namespace).map_err(NetworkError::Socket)?;
    go((&mut here, &mut there), (name, inside), namespace)
}

/// Moves an interface from a network namespace to the machine, where it is called `name` and is down.
///
/// # Errors
/// As [`give_interface`].
pub fn take_interface(
    inside: &str,
    name: &str,
    namespace: BorrowedFd<'_>,
) -> Result<(), NetworkError> {
    let home = std::fs::File::open("/proc/thread-self/ns/net");
    let home = home.map_err(|error| NetworkError::Enter(error.into()))?;
    let mut there = Links::inside(namespace).map_err(NetworkError::Socket)?;
    let mut here = Links::here().map_err(NetworkError::Socket)?;
    go((&mut there, &mut here), (inside, name), home.as_fd())
}

fn go(
    (from, to): (&mut Links, &mut Links),
    (name, there): (&str, &str),
    namespace: BorrowedFd<'_>,
) -> Result<(), NetworkError> {
    let failed = |cause| NetworkError::Link { object: format!("move the interface {name}"), cause };
    let found = from.find(name).map_err(failed)?;
    let found = found.ok_or_else(|| NetworkError::NoBridge(name.to_owned()))?;
    // The kernel would move it under its old name before it finds out.
    if to.find(there).map_err(failed)?.is_some() {
        return Err(failed(LinkError::taken(there)));
    }
    let mut changes = Changes::new();
    // One that is up has no other name: rtnetlink(7), "IFLA_IFNAME".
    changes.down(found.index);
    changes.go(found.index, there, namespace);
    from.carry_out(changes).map_err(failed)
}
