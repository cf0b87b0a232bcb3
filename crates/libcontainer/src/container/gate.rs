//! The gate of a container that was created and not started: a socket in its directory at which its first process waits.
//!
//! Its name tells where the container is: `gate` before anybody came to start it, `gate.open` while somebody does, nothing once
//! its program runs. Whoever dies between the last two leaves the question open; then the socket itself answers it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, renameat, statat, unlinkat};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen as listen_on,
    socket_with,
};
use sys::Errno;

use super::ContainerError;
use super::directory::Directory;
use crate::descriptor_path::DescriptorPath;
use crate::show::{self, Shown};

const CLOSED: &str = "gate";
const OPEN: &str = "gate.open";
/// Several may look at a container at once.
const BACKLOG: i32 = 16;

/// Makes the gate: what the first process waits at.
pub(super) fn listen(directory: &Directory) -> Result<OwnedFd, ContainerError> {
    let made = || -> Result<OwnedFd, rustix::io::Errno> {
        let socket = socket()?;
        bind(&socket, &address(directory, CLOSED)?)?;
        listen_on(&socket, BACKLOG)?;
        Ok(socket)
    };
    made().map_err(|errno| ContainerError::file("make", &directory.path_of(CLOSED))(errno.into()))
}

/// Comes to the gate; nothing where nobody waits any more.
pub(super) fn approach(directory: &Directory) -> Option<OwnedFd> {
    let _open_already = renameat(directory.descriptor(), CLOSED, directory.descriptor(), OPEN);
    let socket = socket().ok()?;
    connect(&socket, &address(directory, OPEN).ok()?).ok()?;
    Some(socket)
}

/// Asks who waits for its namespaces: for a user who may not look into it.
pub(super) fn ask(directory: &Directory) -> Result<Vec<Shown>, Errno> {
    let asked = || {
        let socket = socket()?;
        connect(&socket, &address(directory, CLOSED)?)?;
        Ok::<_, rustix::io::Errno>(socket)
    };
    show::ask(asked()?.as_fd())
}

/// The program runs.
pub(super) fn forget(directory: &Directory) {
    let _gone = unlinkat(directory.descriptor(), OPEN, AtFlags::empty());
}

/// Whether the first process still waits.
pub(super) fn is_closed(directory: &Directory) -> bool {
    if statat(directory.descriptor(), CLOSED, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return true;
    }
    let looks = || {
        let socket = socket().ok()?;
        connect(&socket, &address(directory, OPEN).ok()?).ok()
    };
    statat(directory.descriptor(), OPEN, AtFlags::SYMLINK_NOFOLLOW).is_ok() && looks().is_some()
}

fn socket() -> Result<OwnedFd, rustix::io::Errno> {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// By the directory's descriptor: an address has room for 107 bytes only, unix(7).
fn address(directory: &Directory, name: &str) -> Result<SocketAddrUnix, rustix::io::Errno> {
    let directory = directory.descriptor();
    let through = DescriptorPath::of(directory.as_fd());
    let path = format!("{}/{name}", through.as_c_str().to_string_lossy());
    SocketAddrUnix::new(path)
}
