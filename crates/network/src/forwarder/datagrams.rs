//! Datagrams: each client of a port has a socket of its own towards the container, so that answers find back, until nobody has said anything for a while.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::poll::{Poll, Token};

/// Nobody has said anything for so long: as the kernel's own translation has it for streams, nf_conntrack_udp_timeout_stream.
const SILENCE: Duration = Duration::from_secs(120);
/// Between two looks at who is silent.
const LOOK: Duration = Duration::from_secs(15);
/// Clients at one time. The one that has been silent for longest makes room for the next.
const MOST: usize = 8192;
/// Datagrams of one source before others have their turn.
const MOST_AT_ONCE: usize = 64;
/// Bytes of the largest datagram.
const LARGEST: usize = 65_536;

/// All clients.
#[derive(Debug)]
pub(super) struct Sessions {
    all: HashMap<u64, Session>,
    of_clients: HashMap<(u64, SocketAddr), u64>,
    buffer: Vec<u8>,
    next_look: Option<Instant>,
}

#[derive(Debug)]
struct Session {
    port: u64,
    client: SocketAddr,
    /// The port's socket, which answers leave by.
    outside: Rc<UdpSocket>,
    inside: UdpSocket,
    heard: Instant,
}

impl Sessions {
    pub(super) fn new() -> Self {
        let (all, of_clients) = (HashMap::new(), HashMap::new());
        Self { all, of_clients, buffer: Vec::new(), next_look: None }
    }

    /// Datagrams have come to a port.
    pub(super) fn receive(
        &mut self,
        poll: &Poll,
        (port, outside): (u64, &Rc<UdpSocket>),
        to: SocketAddr,
        mut new_id: impl FnMut() -> u64,
    ) {
        let mut buffer = self.take_buffer();
        for _ in 0..MOST_AT_ONCE {
            let Ok((length, client)) = outside.recv_from(&mut buffer) else { break };
            let known = self.of_clients.get(&(port, client)).copied();
            let id = known.or_else(|| {
                let id = new_id();
                let inside = connect(to).ok()?;
                poll.add(&inside, Token::Session(id)).ok()?;
                self.make_room();
                let (outside, heard) = (Rc::clone(outside), Instant::now());
                self.all.insert(id, Session { port, client, outside, inside, heard });
                self.of_clients.insert((port, client), id);
                self.next_look.get_or_insert(heard + LOOK);
                Some(id)
            });
            let session = id.and_then(|id| self.all.get_mut(&id));
            if let (Some(session), Some(datagram)) = (session, buffer.get(..length)) {
                session.heard = Instant::now();
                // One that cannot be delivered is lost, as datagrams are.
                let _lost = session.inside.send(datagram);
            }
        }
        self.buffer = buffer;
    }

    /// Datagrams have come from a container.
    pub(super) fn answer(&mut self, id: u64) {
        let mut buffer = self.take_buffer();
        if let Some(session) = self.all.get_mut(&id) {
            session.heard = Instant::now();
            for _ in 0..MOST_AT_ONCE {
                // Nobody listens there: that is read once, and the client hears nothing, as of a datagram that is dropped.
                let Ok(length) = session.inside.recv(&mut buffer) else { break };
                let Some(datagram) = buffer.get(..length) else { break };
                let _lost = session.outside.send_to(datagram, session.client);
            }
        }
        self.buffer = buffer;
    }

    /// When clients that are silent are looked for.
    pub(super) const fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Forgets who has been silent, if it is time to.
    pub(super) fn forget_silent(&mut self, now: Instant) {
        if self.next_look.is_some_and(|at| at <= now) {
            self.keep(|session| now.duration_since(session.heard) < SILENCE);
            self.next_look = (!self.all.is_empty()).then(|| now + LOOK);
        }
    }

    /// Forgets the clients of a port that leads nowhere any more.
    pub(super) fn end_of(&mut self, port: u64) {
        self.keep(|session| session.port != port);
    }

    fn keep(&mut self, stays: impl Fn(&Session) -> bool) {
        self.all.retain(|_, session| stays(session));
        self.of_clients.retain(|_, id| self.all.contains_key(id));
    }

    fn make_room(&mut self) {
        if self.all.len() < MOST {
            return;
        }
        let silent = self.all.iter().min_by_key(|(_, session)| session.heard).map(|(id, _)| *id);
        if let Some(session) = silent.and_then(|id| self.all.remove(&id)) {
            self.of_clients.remove(&(session.port, session.client));
        }
    }

    /// It is made when the first datagram comes.
    fn take_buffer(&mut self) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(LARGEST, 0);
        buffer
    }
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    socket.connect(to)?;
    Ok(socket)
}
