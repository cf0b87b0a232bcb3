//! The loop: monitors that come, hand sockets and go; what comes to those sockets.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use super::datagrams::Sessions;
use super::poll::{Poll, Token};
use super::streams::Streams;
use super::{LARGEST, Place, Request};
use crate::attachment::Transport;
use crate::channel::{self, Received};

/// After the last monitor has gone another one may come.
const LINGER: Duration = Duration::from_secs(2);
/// Connections that are accepted at one port before others have their turn.
const MOST_AT_ONCE: usize = 64;

/// Everything that the process has.
#[derive(Debug)]
pub(super) struct Server {
    poll: Poll,
    listener: OwnedFd,
    last_id: u64,
    peers: HashMap<u64, OwnedFd>,
    ports: HashMap<u64, Port>,
    streams: Streams,
    sessions: Sessions,
    /// Given up for a moment to send somebody away when there are no more descriptors: he would be told of for ever.
    reserve: Option<OwnedFd>,
    is_alone_since: Option<Instant>,
}

#[derive(Debug)]
struct Port {
    peer: u64,
    place: Place,
    socket: Socket,
    to: SocketAddr,
}

#[derive(Debug)]
enum Socket {
    Tcp(OwnedFd),
    Udp(Rc<UdpSocket>),
}

impl Server {
    pub(super) fn new(listener: OwnedFd) -> Result<Self, Errno> {
        let poll = Poll::new()?;
        poll.add(&listener, Token::Listener)?;
        Ok(Self {
            poll,
            listener,
            last_id: 0,
            peers: HashMap::new(),
            ports: HashMap::new(),
            streams: Streams::default(),
            sessions: Sessions::new(),
            reserve: reserve(),
            is_alone_since: Some(Instant::now()),
        })
    }

    /// Serves until nobody is there.
    pub(super) fn serve(&mut self) -> Result<(), Errno> {
        loop {
            let now = Instant::now();
            let alone = self.is_alone_since.map(|since| since + LINGER);
            if alone.is_some_and(|until| until <= now) {
                return Ok(());
            }
            let next = [alone, self.sessions.next_look()].into_iter().flatten().min();
            let mut longest = next.map(|at| at.saturating_duration_since(now));
            if self.streams.are_busy() {
                longest = Some(Duration::ZERO);
            }
            for (token, is_writable) in self.poll.wait(longest)? {
                match token {
                    Token::Listener => self.accept_peer(),
                    Token::Peer(id) => self.hear(id),
                    Token::Port(id) => self.receive(id),
                    Token::Stream(id, side) => self.streams.react(id, side, is_writable),
                    Token::Session(id) => self.sessions.answer(id),
                }
            }
            self.streams.go_on();
            self.sessions.forget_silent(Instant::now());
        }
    }

    fn accept_peer(&mut self) {
        let Some(peer) = channel::accept(&self.listener) else { return };
        self.last_id += 1;
        if self.poll.add(&peer, Token::Peer(self.last_id)).is_ok() {
            self.peers.insert(self.last_id, peer);
            self.is_alone_since = None;
        }
    }

    fn hear(&mut self, id: u64) {
        let Some(peer) = self.peers.get(&id) else { return };
        let mut packet = [0; LARGEST];
        let (length, descriptors) = match channel::receive(peer.as_fd(), &mut packet) {
            Received::Packet(length, descriptors) => (length, descriptors),
            Received::Nothing => return,
            Received::TooLarge | Received::Gone => return self.leave(id),
        };
        let request = packet.get(..length).and_then(|packet| serde_json::from_slice(packet).ok());
        let done = match request {
            Some(Request::Add { place, to }) => self.add(id, place, to, descriptors),
            Some(Request::Remove { place }) => {
                self.remove(|port| port.peer == id && port.place == place);
                Ok(())
            }
            None => Err(Errno::BADMSG),
        };
        let answer = done.err().map_or(0, Errno::raw_os_error).to_ne_bytes();
        let sent = self.peers.get(&id).map(|peer| channel::send(peer.as_fd(), &answer, &[]));
        if !matches!(sent, Some(Ok(()))) {
            self.leave(id);
        }
    }

    fn add(
        &mut self,
        peer: u64,
        place: Place,
        to: SocketAddr,
        mut descriptors: Vec<OwnedFd>,
    ) -> Result<(), Errno> {
        let socket = descriptors.pop().ok_or(Errno::BADF)?;
        let socket = match place.transport {
            Transport::Tcp => Socket::Tcp(socket),
            Transport::Udp => Socket::Udp(Rc::new(socket.into())),
            Transport::Sctp => return Err(Errno::PROTONOSUPPORT),
        };
        self.last_id += 1;
        let token = Token::Port(self.last_id);
        match &socket {
            Socket::Tcp(socket) => self.poll.add(socket, token)?,
            Socket::Udp(socket) => self.poll.add(socket, token)?,
        }
        self.ports.insert(self.last_id, Port { peer, place, socket, to });
        Ok(())
    }

    fn remove(&mut self, is_gone: impl Fn(&Port) -> bool) {
        let (poll, sessions) = (&self.poll, &mut self.sessions);
        self.ports.retain(|id, port| {
            let stays = !is_gone(port);
            match &port.socket {
                _ if stays => {}
                Socket::Tcp(socket) => poll.remove(socket),
                Socket::Udp(socket) => {
                    poll.remove(socket);
                    sessions.end_of(*id);
                }
            }
            stays
        });
    }

    /// A monitor is gone, or the run of its container is over.
    fn leave(&mut self, id: u64) {
        self.peers.remove(&id);
        self.remove(|port| port.peer == id);
        self.streams.end_of(id);
        if self.peers.is_empty() {
            self.is_alone_since = Some(Instant::now());
        }
    }

    fn receive(&mut self, id: u64) {
        let Some(port) = self.ports.get(&id) else { return };
        match &port.socket {
            Socket::Tcp(socket) => {
                for _ in 0..MOST_AT_ONCE {
                    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                    match accept_with(socket, flags) {
                        Ok(client) => {
                            self.last_id += 1;
                            let ids = (self.last_id, port.peer);
                            // The client sees that nobody is there.
                            let _refused = self.streams.begin(&self.poll, ids, client, port.to);
                        }
                        Err(Errno::INTR | Errno::CONNABORTED) => {}
                        Err(Errno::MFILE | Errno::NFILE) => {
                            self.reserve = None;
                            let _sent_away = accept_with(socket, flags);
                            self.reserve = reserve();
                            break;
                        }
                        Err(_none) => break,
                    }
                }
            }
            Socket::Udp(socket) => {
                let last_id = &mut self.last_id;
                let new_id = || {
                    *last_id += 1;
                    *last_id
                };
                self.sessions.receive(&self.poll, (id, socket), port.to, new_id);
            }
        }
    }
}

fn reserve() -> Option<OwnedFd> {
    rustix::fs::open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}
