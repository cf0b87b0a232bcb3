//! The process outside: opens listening sockets for its user's monitors, and does nothing else. It ends with the keeper of the namespaces.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use super::{BACKLOG, LARGEST, OUTSIDE, Place};
use crate::attachment::Transport;
use crate::channel::{self, Received};

/// Serves until the other end of `ended` is closed. `ready` is called once it listens.
///
/// # Errors
/// When it cannot listen, or wait.
pub fn serve_outside(
    state_dir: &Path,
    ended: BorrowedFd<'_>,
    ready: impl FnOnce(),
) -> Result<(), sys::Errno> {
    let (listener, _succeeds) = channel::listen_at(state_dir, OUTSIDE, BACKLOG)?;
    ready();
    let mut clients: Vec<OwnedFd> = Vec::new();
    loop {
        let mut sources = vec![
            PollFd::from_borrowed_fd(ended, PollFlags::IN),
            PollFd::new(&listener, PollFlags::IN),
        ];
        sources.extend(clients.iter().map(|client| PollFd::new(client, PollFlags::IN)));
        match poll(&mut sources, None) {
            Err(Errno::INTR) => continue,
            done => drop(done?),
        }
        let is_ready: Vec<bool> =
            sources.iter().map(|source| !source.revents().is_empty()).collect();
        drop(sources);
        if is_ready.first() == Some(&true) {
            return Ok(());
        }
        let mut of_clients = is_ready.iter().skip(2);
        clients.retain(|client| of_clients.next() != Some(&true) || answer(client));
        if is_ready.get(1) == Some(&true) {
            clients.extend(channel::accept(&listener));
        }
    }
}

/// Whether there may be more to answer.
fn answer(client: &OwnedFd) -> bool {
    let mut packet = [0; LARGEST];
    let length = match channel::receive(client.as_fd(), &mut packet) {
        Received::Packet(length, _) => length,
        Received::Nothing => return true,
        Received::TooLarge | Received::Gone => return false,
    };
    let place = packet.get(..length).and_then(|packet| serde_json::from_slice(packet).ok());
    let opened = place.ok_or(Errno::BADMSG).and_then(open);
    let sent = match &opened {
        Ok(socket) => channel::send(client.as_fd(), &[0; 4], &[socket.as_fd()]),
        Err(errno) => channel::send(client.as_fd(), &errno.raw_os_error().to_ne_bytes(), &[]),
    };
    sent.is_ok()
}

fn open(place: Place) -> Result<OwnedFd, Errno> {
    let kind = match place.transport {
        Transport::Tcp => SocketType::STREAM,
        Transport::Udp => SocketType::DGRAM,
        Transport::Sctp => return Err(Errno::PROTONOSUPPORT),
    };
    let family = match place.address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if place.address.is_ipv6() {
        // IPv4 has a socket of its own, or none.
        set_ipv6_v6only(&socket, true)?;
    }
    if place.transport == Transport::Tcp {
        // Connections of a listener before are no reason: ip(7), tcp(7).
        set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &place.address)?;
    if place.transport == Transport::Tcp {
        listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}
