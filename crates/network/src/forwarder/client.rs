//! The sides of who asks: monitors and commands. Each question waits for its answer, some tens of microseconds.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Raw;
use sys::Errno;

use super::{FORWARDER, OUTSIDE, Place, Request};
use crate::channel::{self, Received};

/// Nobody is asked for longer.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// The process outside, which opens sockets in the machine's network namespace.
#[derive(Debug)]
pub struct Outside(OwnedFd);

/// The forwarder. What it was handed leads in for as long as this exists.
#[derive(Debug)]
pub struct Forwarding(OwnedFd);

impl Outside {
    /// Connects to it.
    ///
    /// # Errors
    /// ENOENT and ECONNREFUSED when it is not there.
    pub fn connect(state_dir: &Path) -> Result<Self, Errno> {
        Ok(Self(channel::connect_to(state_dir, OUTSIDE)?))
    }

    /// A socket that listens there. For every IPv6 address of a host without IPv6 there is none: it has none of these addresses.
    ///
    /// # Errors
    /// As socket(2), bind(2) and listen(2); EPIPE when the process is gone.
    pub fn listen(&self, place: Place) -> Result<Option<OwnedFd>, Errno> {
        let packet = serde_json::to_vec(&place).unwrap_or_default();
        let mut descriptors = match ask(self.0.as_fd(), &packet, &[]) {
            Err(errno) if is_without_ipv6(errno) && is_every_ipv6(place) => return Ok(None),
            asked => asked?,
        };
        descriptors.pop().map(Some).ok_or(Errno::from_raw(libc::EBADMSG))
    }
}

fn is_without_ipv6(errno: Errno) -> bool {
    matches!(errno.raw(), libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
}

fn is_every_ipv6(place: Place) -> bool {
    place.address.is_ipv6() && place.address.ip().is_unspecified()
}

impl Forwarding {
    /// Connects to it.
    ///
    /// # Errors
    /// ENOENT and ECONNREFUSED when it is not there: start one and come again.
    pub fn connect(state_dir: &Path) -> Result<Self, Errno> {
        Ok(Self(channel::connect_to(state_dir, FORWARDER)?))
    }

    /// Has what comes to a socket led to a container.
    ///
    /// # Errors
    /// EPIPE when it is gone, EMFILE when it has too many.
    pub fn add(&self, place: Place, to: SocketAddr, socket: &OwnedFd) -> Result<(), Errno> {
        self.ask(&Request::Add { place, to }, &[socket.as_fd()])
    }

    /// The place is free when this returns.
    ///
    /// # Errors
    /// EPIPE when it is gone.
    pub fn remove(&self, place: Place) -> Result<(), Errno> {
        self.ask(&Request::Remove { place }, &[])
    }

    fn ask(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let packet = serde_json::to_vec(request).unwrap_or_default();
        ask(self.0.as_fd(), &packet, descriptors).map(drop)
    }
}

/// Readable when it is gone.
impl AsFd for Forwarding {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn ask(
    socket: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<Vec<OwnedFd>, Errno> {
    channel::send(socket, packet, descriptors)?;
    loop {
        match poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&PATIENCE)) {
            Err(Raw::INTR) => {}
            Ok(0) => return Err(Errno::from_raw(libc::ETIMEDOUT)),
            Err(errno) => return Err(errno.into()),
            Ok(_) => break,
        }
    }
    let mut answer = [0; 4];
    match channel::receive(socket, &mut answer) {
        Received::Packet(4, descriptors) => match i32::from_ne_bytes(answer) {
            0 => Ok(descriptors),
            errno => Err(Errno::from_raw(errno)),
        },
        Received::Packet(..) | Received::TooLarge | Received::Nothing => {
            Err(Errno::from_raw(libc::EBADMSG))
        }
        Received::Gone => Err(Errno::from_raw(libc::EPIPE)),
    }
}
