//! All clients of a monitor, and the socket where new ones come in.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

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
    /// Nothing once nobody is let in any more.
    listener: Option<OwnedFd>,
    /// No descriptor was left for the last that came; looked at again when one has left.
    deaf: bool,
    /// A client that writes input has gone, and nobody has asked yet.
    writer_left: bool,
    /// The same of one that the container stood still for.
    holder_left: bool,
    /// The same of one that the container ends with.
    guard_left: bool,
    /// The same of one that has changed networks and not said that it is written down.
    changer_left: bool,
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
        let listener = Some(listener);
        Ok(Self {
            list: Vec::new(),
            next_id: 0,
            listener,
            deaf: false,
            writer_left: false,
            holder_left: false,
            guard_left: false,
            changer_left: false,
        })
    }

    /// Takes a client in, if there is room; its number.
    pub(crate) fn add(&mut self, socket: OwnedFd) -> Option<u32> {
        let id = (self.list.len() < MOST).then_some(self.next_id)?;
        self.list.push(Client::new(id, socket));
        self.next_id = self.next_id.wrapping_add(1);
        Some(id)
    }

    pub(crate) fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        match accept_with(listener, SocketFlags::CLOEXEC) {
            Ok(socket) => drop(self.add(socket)),
            Err(Raw::MFILE | Raw::NFILE | Raw::NOMEM | Raw::NOBUFS) => self.deaf = true,
            Err(_gone_again) => {}
        }
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&mut self) {
        self.listener = None;
    }

    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().filter(|_| !self.deaf).map(AsFd::as_fd)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.list.iter()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Client> {
        self.list.iter_mut().find(|client| client.id == id)
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.retain(|client| client.id != id);
    }

    fn retain(&mut self, mut stays: impl FnMut(&mut Client) -> bool) {
        let Self { list, writer_left, holder_left, guard_left, changer_left, deaf, .. } = self;
        list.retain_mut(|client| {
            let stays = stays(client);
            if !stays {
                *writer_left |= client.writes_input;
                *holder_left |= client.holds_freeze;
                *guard_left |= client.guards;
                *changer_left |= client.changes_networks;
                *deaf = false;
            }
            stays
        });
    }

    /// Whether a client that writes input has gone since the last call.
    pub(crate) fn writer_left(&mut self) -> bool {
        std::mem::take(&mut self.writer_left)
    }

    /// Whether a client that the container stood still for has gone since the last call.
    pub(crate) fn holder_left(&mut self) -> bool {
        std::mem::take(&mut self.holder_left)
    }

    /// Whether a client that the container ends with has gone since the last call.
    pub(crate) fn guard_left(&mut self) -> bool {
        std::mem::take(&mut self.guard_left)
    }

    /// Whether one that has changed networks has gone since the last call, and has not said that it is written down.
    pub(crate) fn changer_left(&mut self) -> bool {
        std::mem::take(&mut self.changer_left)
    }

    /// Whether the container stands still for a client.
    pub(crate) fn hold_freeze(&self) -> bool {
        self.list.iter().any(|client| client.holds_freeze)
    }

    /// Sends what must arrive to one client.
    pub(crate) fn owe(&mut self, id: u32, packet: &[u8], descriptor: Option<BorrowedFd<'_>>) {
        let packet = Rc::from(packet);
        self.retain(|client| client.id != id || client.owe(&packet, descriptor) != Sent::Gone);
    }

    /// Sends what must arrive to all of them that `wanted` picks.
    pub(crate) fn owe_all(&mut self, packet: &[u8], wanted: impl Fn(&Client) -> bool) {
        let packet = Rc::from(packet);
        self.retain(|client| !wanted(client) || client.owe(&packet, None) != Sent::Gone);
    }

    /// Tells those who wait for the end of a health check how it went.
    pub(crate) fn answer_check(&mut self, packet: &[u8]) {
        self.owe_all(packet, |client| client.awaits_check);
        self.list.iter_mut().for_each(|client| client.awaits_check = false);
    }

    /// Tries to send what waits for a client.
    pub(crate) fn flush(&mut self, id: u32) {
        self.retain(|client| client.id != id || client.flush() != Sent::Gone);
    }
}
