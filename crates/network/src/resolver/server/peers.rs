//! Who is registered: the monitors of containers.

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{
    AddressFamily, RecvFlags, SocketFlags, SocketType, accept_with, recvfrom, sockopt,
};

use super::forwards::Question;
use super::{Origin, Server, Way};
use crate::channel::{self, Received};
use crate::resolver::poll::Token;
use crate::resolver::protocol::{Answer, LARGEST, Member, Request, UpstreamRules};
use crate::resolver::table::PeerId;
use crate::resolver::upstream::Servers;

/// How long one may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// Datagrams of one container before the others have their turn.
const BURST: usize = 16;
/// Bytes of a question.
pub(super) const QUESTION: usize = 4096;

/// A connection of a monitor.
#[derive(Debug)]
pub(super) struct Peer {
    socket: OwnedFd,
    since: Instant,
    /// Once it is registered.
    pub(super) member: Option<Rc<Member>>,
    pub(super) servers: PeerServers,
    sockets: Option<Sockets>,
    /// Questions that were handed on.
    pub(super) forwards: usize,
    /// Questions that are handed on once some of those are answered.
    pub(super) waiting: VecDeque<Question>,
    /// Connections for questions.
    pub(super) clients: usize,
    /// More of them wait until some end.
    pub(super) is_crowded: bool,
}

/// Inside the container.
#[derive(Debug)]
struct Sockets {
    datagrams: OwnedFd,
    connections: OwnedFd,
}

/// Whom its questions are handed on to.
#[derive(Debug)]
pub(super) enum PeerServers {
    /// There is no way out.
    Nobody,
    /// The host's, with its own patience.
    Host(Option<UpstreamRules>),
    /// Its own.
    Own(Rc<Servers>),
}

impl PeerServers {
    fn of(member: &Member) -> Self {
        let rules = &member.upstream;
        let has_way_out = member.networks.iter().any(|network| !network.is_internal);
        // A server in the network itself can be reached without a way out.
        let is_neighbour = |server: SocketAddr| {
            let mut addresses = member.networks.iter().flat_map(|network| &network.addresses);
            addresses.any(|address| address.network().contains(server.ip()))
        };
        match (&rules.servers, has_way_out) {
            (None, false) => Self::Nobody,
            (None, true) => {
                let is_own = rules.timeout.is_some() || rules.attempts.is_some();
                Self::Host(is_own.then(|| rules.clone()))
            }
            (Some(_), _) => {
                let servers = Servers::named(rules, |server| has_way_out || is_neighbour(server));
                if servers.addresses.is_empty() {
                    Self::Nobody
                } else {
                    Self::Own(Rc::new(servers))
                }
            }
        }
    }
}

impl Peer {
    pub(super) fn datagrams(&self) -> Option<BorrowedFd<'_>> {
        self.sockets.as_ref().map(|sockets| sockets.datagrams.as_fd())
    }

    pub(super) fn connections(&self) -> Option<BorrowedFd<'_>> {
        self.sockets.as_ref().map(|sockets| sockets.connections.as_fd())
    }
}

impl Server {
    pub(super) fn accept_peer(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = match accept_with(&self.listener, flags) {
            Ok(socket) => socket,
            Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => {
                return self.be_deaf(Token::Listener);
            }
            Err(_gone_again) => return,
        };
        // The state directory is its owner's alone; whoever gets in with less gets no further.
        let is_ours = sockopt::socket_peercred(&socket)
            .is_ok_and(|peer| peer.uid.is_root() || peer.uid == rustix::process::geteuid());
        let id = self.number();
        if !is_ours || self.poll.add(&socket, Token::Peer(id), false).is_err() {
            return;
        }
        let since = Instant::now();
        self.poll.at(since + PATIENCE, Token::Peer(id));
        let (member, sockets, servers) = (None, None, PeerServers::Nobody);
        let (forwards, waiting, clients, is_crowded) = (0, VecDeque::new(), 0, false);
        let peer = Peer {
            socket,
            since,
            member,
            servers,
            sockets,
            forwards,
            waiting,
            clients,
            is_crowded,
        };
        self.peers.insert(id, Box::new(peer));
    }

    pub(super) fn expire_peer(&mut self, id: PeerId) {
        if self.peers.get(&id).is_some_and(|peer| peer.member.is_none()) {
            self.remove_peer(id);
        }
    }

    pub(super) fn hear_peer(&mut self, id: PeerId) {
        let mut packet = vec![0; LARGEST];
        let Some(peer) = self.peers.get(&id) else { return };
        let is_registered = peer.member.is_some();
        let reason = match channel::receive(peer.socket.as_fd(), &mut packet) {
            Received::Nothing => return,
            Received::Gone => return self.remove_peer(id),
            Received::TooLarge => Err(format!("a packet of more than {LARGEST} bytes")),
            Received::Packet(length, descriptors) => {
                let packet = packet.get(..length).unwrap_or_default();
                match (Request::decode(packet), is_registered) {
                    (Ok(Request::Register { member, .. }), false) => {
                        self.register(id, member, descriptors)
                    }
                    (Ok(Request::Update { member }), true) => {
                        self.rename(id, member);
                        Ok(())
                    }
                    (Ok(_), _) => Err("a packet out of order".to_owned()),
                    (Err(reason), _) => Err(reason),
                }
            }
        };
        let is_refused = reason.is_err();
        let answer = match reason {
            Ok(()) => Answer::Registered,
            Err(reason) => Answer::Refused { reason },
        };
        let packet = serde_json::to_vec(&answer).unwrap_or_default();
        let Some(peer) = self.peers.get(&id) else { return };
        let sent = channel::send(peer.socket.as_fd(), &packet, &[]);
        // Who does not read answers does not want them.
        if matches!(sent, Err(errno) if errno != Errno::AGAIN) || (is_refused && !is_registered) {
            self.remove_peer(id);
        }
    }

    fn register(
        &mut self,
        id: PeerId,
        member: Member,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), String> {
        let Ok([datagrams, connections]) = <[OwnedFd; 2]>::try_from(descriptors) else {
            return Err("two sockets are to be sent with it".to_owned());
        };
        let is = |socket: &OwnedFd, kind| {
            sockopt::socket_type(socket) == Ok(kind)
                && sockopt::socket_domain(socket) == Ok(AddressFamily::INET)
                && ioctl_fionbio(socket, true).is_ok()
        };
        if !is(&datagrams, SocketType::DGRAM)
            || !is(&connections, SocketType::STREAM)
            || sockopt::socket_acceptconn(&connections) != Ok(true)
        {
            return Err("the sockets are no UDP socket and TCP listener".to_owned());
        }
        let failed = |errno: Errno| format!("wait for questions: {}", sys::Errno::from(errno));
        self.poll.add(&datagrams, Token::Datagrams(id), false).map_err(failed)?;
        self.poll.add(&connections, Token::Connections(id), false).map_err(failed)?;
        let Some(peer) = self.peers.get_mut(&id) else { return Ok(()) };
        peer.sockets = Some(Sockets { datagrams, connections });
        self.poll.forget(peer.since + PATIENCE, Token::Peer(id));
        self.rename(id, member);
        Ok(())
    }

    /// Takes it that a container is called so from now on.
    fn rename(&mut self, id: PeerId, member: Member) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(before) = &peer.member {
            self.known.table.remove(id, before);
        }
        self.known.table.add(id, &member);
        peer.servers = PeerServers::of(&member);
        peer.member = Some(Rc::new(member));
    }

    pub(super) fn remove_peer(&mut self, id: PeerId) {
        let Some(peer) = self.peers.remove(&id) else { return };
        self.poll.remove(&peer.socket);
        self.poll.forget(peer.since + PATIENCE, Token::Peer(id));
        if let Some(member) = &peer.member {
            self.known.table.remove(id, member);
        }
        // The monitor still has them.
        for socket in [peer.datagrams(), peer.connections()].into_iter().flatten() {
            self.poll.remove(socket);
        }
        self.remove_forwards_of(id);
        self.remove_clients_of(id);
    }

    pub(super) fn read_datagrams(&mut self, id: PeerId) {
        let mut question = [0; QUESTION];
        for _ in 0..BURST {
            let Some(socket) = self.peers.get(&id).and_then(|peer| peer.datagrams()) else {
                return;
            };
            let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
            match recvfrom(socket, &mut question[..], flags) {
                Ok((_, length, Some(from))) => {
                    // What is longer than any question is left without an answer.
                    let Some(question) = question.get(..length) else { continue };
                    let Ok(from) = SocketAddrV4::try_from(from) else { continue };
                    self.ask(Origin { peer: id, way: Way::Datagram(from) }, question);
                }
                Ok((_, _, None)) | Err(Errno::INTR) => {}
                Err(_nothing_left) => return,
            }
        }
    }
}
