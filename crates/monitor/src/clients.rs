//! All clients of a monitor, and the socket where new ones come in.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno as Raw;
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept_with, bind, listen, socket_with};

use crate::client::{Client, Sent};
use crate::connection::{SOCKET, address};

/// Clients at once; one more is turned away, so that nobody can make the monitor grow.
const MOST: usize = 64;
const BACKLOG: i32 = 64;

pub(crate) struct Clients {
    list: Vec<Client>,
    next_id: u32,
    listener: OwnedFd,
}

impl Clients {
    /// Listens in the state directory, which nobody but its owner can enter.
    pub(crate) fn listen(state_dir: &Path) -> Result<Self, Raw> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        // An earlier monitor of this container is gone, or there would be no second one.
        let _absent = rustix::fs::unlink(state_dir.join(SOCKET));
        let (_directory, address) = address(state_dir)?;
        bind(&listener, &address)?;
        listen(&listener, BACKLOG)?;
        Ok(Self { list: Vec::new(), next_id: 0, listener })
    }

    pub(crate) fn add(&mut self, socket: OwnedFd) {
        if self.list.len() < MOST {
            self.list.push(Client::new(self.next_id, socket));
            self.next_id = self.next_id.wrapping_add(1);
        }
    }

    pub(crate) fn accept(&mut self) {
        while let Ok(socket) = accept_with(&self.listener, SocketFlags::CLOEXEC) {
            self.add(socket);
        }
    }

    pub(crate) fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.list.iter()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Client> {
        self.list.iter_mut().find(|client| client.id == id)
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.list.retain(|client| client.id != id);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Sends to one client; one that is gone is forgotten, one that is busy is told nothing.
    pub(crate) fn send(&mut self, id: u32, packet: &[u8], descriptor: Option<BorrowedFd<'_>>) {
        let gone =
            self.get_mut(id).is_some_and(|client| client.send(&[packet], descriptor) == Sent::Gone);
        if gone {
            self.remove(id);
        }
    }

    pub(crate) fn send_to_all(&mut self, packet: &[u8]) {
        self.list.retain(|client| client.send(&[packet], None) != Sent::Gone);
    }
}
