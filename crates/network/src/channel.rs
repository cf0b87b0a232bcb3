//! Packets with descriptors over a Unix socket. Sources: unix(7), "SOCK_SEQPACKET", "SCM_RIGHTS".

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    recvmsg, sendmsg, socket_with,
};

/// What came.
#[derive(Debug)]
pub(crate) enum Received {
    /// A packet of that many bytes, and its descriptors.
    Packet(usize, Vec<OwnedFd>),
    /// More than there was room for.
    TooLarge,
    /// Nothing yet.
    Nothing,
    /// The other side is gone.
    Gone,
}

/// A socket for packets that never waits.
pub(crate) fn socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// A name in a state directory, through a descriptor: the path of one may be longer than the 107 bytes that an address has.
fn address(state_dir: &Path, name: &str) -> Result<(OwnedFd, SocketAddrUnix), Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(state_dir, flags, Mode::empty())?;
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))?;
    Ok((directory, address))
}

/// Connects to who listens there; never waits.
pub(crate) fn connect_to(state_dir: &Path, name: &str) -> Result<OwnedFd, Errno> {
    let socket = socket()?;
    let (_directory, address) = address(state_dir, name)?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}

/// Listens there. What one has left that was killed is removed; whether there was such a one is told.
pub(crate) fn listen_at(
    state_dir: &Path,
    name: &str,
    backlog: i32,
) -> Result<(OwnedFd, bool), Errno> {
    let listener = socket()?;
    let succeeds = unlink(state_dir, name).is_ok();
    let (_directory, address) = address(state_dir, name)?;
    rustix::net::bind(&listener, &address)?;
    rustix::net::listen(&listener, backlog)?;
    Ok((listener, succeeds))
}

/// Removes a socket's name.
pub(crate) fn unlink(state_dir: &Path, name: &str) -> Result<(), Errno> {
    rustix::fs::unlink(state_dir.join(name))
}

/// Sends a packet, or EAGAIN.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    retry_on_intr(|| sendmsg(socket, &[IoSlice::new(packet)], &mut control, flags)).map(drop)
}

/// Receives a packet.
pub(crate) fn receive(socket: BorrowedFd<'_>, packet: &mut [u8]) -> Received {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received =
        retry_on_intr(|| recvmsg(socket, &mut [IoSliceMut::new(packet)], &mut control, flags));
    let received = match received {
        Ok(received) if received.bytes == 0 => return Received::Gone,
        Ok(received) => received,
        Err(Errno::AGAIN) => return Received::Nothing,
        Err(_) => return Received::Gone,
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Received::TooLarge;
    }
    Received::Packet(received.bytes, descriptors)
}

/// The next one that connects, if it is of this process's user. Others are sent away: a socket's name may be in a directory that lets them in.
pub(crate) fn accept(listener: &OwnedFd) -> Option<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = retry_on_intr(|| rustix::net::accept_with(listener, flags)).ok()?;
    let peer = rustix::net::sockopt::socket_peercred(&socket).ok()?;
    (peer.uid == rustix::process::geteuid()).then_some(socket)
}
