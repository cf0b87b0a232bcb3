//! The resolver at work: one thread, one wait.
//!
//! A question goes through [`Server::resolve`]: the table first, then, unless the container has no way out, the cache, then a name
//! server. What one container can have of all this is bounded; what is above waits, and is lost if that is too much, to it alone. Who registers is looked after
//! in `peers.rs`, TCP in `clients.rs`, questions that are handed on in `forwards.rs`.

mod clients;
mod forwards;
mod peers;

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use rustix::io::Errno;
use rustix::net::{SendFlags, sendto};

use crate::resolver::cache::{Cache, Key};
use crate::resolver::host::{HostFile, HostServers};
use crate::resolver::message::{Asked, Transport};
use crate::resolver::poll::{Happened, Poll, Token};
use crate::resolver::random::Random;
use crate::resolver::table::{PeerId, Table, Wanted};
use crate::resolver::upstream::Servers;

use clients::Client;
use forwards::Forward;
use peers::{Peer, PeerServers};

/// How long it stays when nobody is registered: who is restarted comes back within that.
const LINGER: Duration = Duration::from_secs(5);
/// How long monitors take to find that a resolver was killed, and to come back: they spread over 64 ms.
const COME_BACK: Duration = Duration::from_millis(300);
/// Questions that wait as long.
const MOST_HELD: usize = 4096;
/// When it looks again for a free descriptor.
const DEAF: Duration = Duration::from_millis(100);

/// All that there is.
#[derive(Debug)]
pub(crate) struct Server {
    poll: Poll,
    listener: OwnedFd,
    /// Boxed, as half of such a table is empty.
    peers: HashMap<PeerId, Box<Peer>>,
    clients: HashMap<u64, Client>,
    forwards: HashMap<u64, Forward>,
    known: Known,
    random: Random,
    /// The next number of a peer, client or forward: none is used twice, so that what is late finds nobody.
    next: u64,
    /// Who could not be let in, as no descriptor was left: looked at again a little later.
    deaf: Vec<Token>,
    /// Until then not all that were registered with the one before, which was killed, are registered again: a name that nobody has yet may be
    /// somebody's.
    incomplete: Option<Instant>,
    /// Questions for such names.
    held: Vec<(Origin, Asked)>,
}

/// What questions are answered from.
#[derive(Debug)]
struct Known {
    table: Table,
    cache: Cache,
    host: HostServers,
}

/// Who asked, and how it is answered.
#[derive(Clone, Debug)]
struct Origin {
    peer: PeerId,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Datagram(SocketAddrV4),
    Client(u64),
}

impl Origin {
    const fn transport(&self) -> Transport {
        match self.way {
            Way::Datagram(_) => Transport::Datagram,
            Way::Client(_) => Transport::Stream,
        }
    }
}

impl Server {
    /// Answers whoever registers at the listener, and asks the name servers of that file.
    /// `succeeds` one that was killed.
    pub(crate) fn new(
        listener: OwnedFd,
        resolv_conf: HostFile,
        succeeds: bool,
    ) -> Result<Self, Errno> {
        let poll = Poll::new()?;
        poll.add(&listener, Token::Listener, false)?;
        let host = HostServers::of(resolv_conf);
        let known = Known { table: Table::default(), cache: Cache::default(), host };
        Ok(Self {
            poll,
            listener,
            peers: HashMap::new(),
            clients: HashMap::new(),
            forwards: HashMap::new(),
            known,
            random: Random::new(),
            next: 1,
            deaf: Vec::new(),
            incomplete: succeeds.then(|| Instant::now() + COME_BACK),
            held: Vec::new(),
        })
    }

    /// Works until nobody has been registered for some seconds.
    pub(crate) fn serve(&mut self) -> Result<(), Errno> {
        let mut alone = Some(Instant::now() + LINGER);
        let mut happened = Vec::new();
        loop {
            let listen_again = (!self.deaf.is_empty()).then(|| Instant::now() + DEAF);
            let next = [alone, listen_again, self.incomplete];
            self.poll.wait(next.into_iter().flatten().min(), &mut happened)?;
            for event in happened.drain(..) {
                self.react(event);
            }
            let now = Instant::now();
            while let Some(token) = self.poll.due(now) {
                self.expire(token, now);
            }
            if self.incomplete.is_some_and(|moment| moment <= now) {
                self.incomplete = None;
                for (origin, asked) in std::mem::take(&mut self.held) {
                    self.resolve(origin, asked);
                }
            }
            if listen_again.is_some_and(|moment| moment <= now) {
                self.listen_again();
            }
            match alone {
                _ if !self.peers.is_empty() => alone = None,
                None => alone = Some(now + LINGER),
                Some(until) if until <= now => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// Waits no more for those whom there is no descriptor for.
    fn be_deaf(&mut self, token: Token) {
        match token {
            Token::Connections(id) => {
                let socket = self.peers.get(&id).and_then(|peer| peer.connections());
                socket.into_iter().for_each(|socket| self.poll.remove(socket));
            }
            Token::Listener
            | Token::Peer(_)
            | Token::Datagrams(_)
            | Token::Client(_)
            | Token::Forward(_) => self.poll.remove(&self.listener),
        }
        self.deaf.push(token);
    }

    fn listen_again(&mut self) {
        for token in std::mem::take(&mut self.deaf) {
            let added = if let Token::Connections(id) = token {
                // Or its monitor is gone meanwhile.
                let Some(peer) = self.peers.get(&id) else { continue };
                peer.connections().map_or(Ok(()), |socket| self.poll.add(socket, token, false))
            } else {
                self.poll.add(&self.listener, token, false)
            };
            if added.is_err() {
                self.deaf.push(token);
            }
        }
    }

    fn react(&mut self, event: Happened) {
        match event.token {
            Token::Listener => self.accept_peer(),
            Token::Peer(id) => self.hear_peer(id),
            Token::Datagrams(id) => self.read_datagrams(id),
            Token::Connections(id) => self.accept_clients(id),
            Token::Client(id) => self.react_to_client(id, event),
            Token::Forward(id) => self.hear_server(id),
        }
    }

    fn expire(&mut self, token: Token, now: Instant) {
        match token {
            Token::Peer(id) => self.expire_peer(id),
            Token::Client(id) => self.expire_client(id, now),
            Token::Forward(id) => self.expire_forward(id),
            Token::Listener | Token::Datagrams(_) | Token::Connections(_) => {}
        }
    }

    const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Answers a message of a container, or hands it on.
    fn ask(&mut self, origin: Origin, bytes: &[u8]) {
        match Asked::read(bytes) {
            Ok(asked) => self.resolve(origin, asked),
            Err(Some(answer)) => self.deliver(&origin, &answer),
            Err(None) => self.ignore(&origin),
        }
    }

    fn resolve(&mut self, origin: Origin, asked: Asked) {
        let transport = origin.transport();
        if let Some(answer) = self.own_answer(&origin, &asked) {
            return self.deliver(&origin, &answer);
        }
        if self.incomplete.is_some() {
            // Whoever is one too many asks again.
            if self.held.len() < MOST_HELD {
                self.held.push((origin, asked));
            }
            return;
        }
        let Some(servers) = self.servers_of(origin.peer) else {
            // As Docker. An answer that there is no such name would be false, since nobody was asked.
            let answer = asked.failure(ResponseCode::ServFail, transport);
            return self.deliver(&origin, &answer);
        };
        let key = Key::of(&asked, servers.key);
        match self.known.cache.get(&key, Instant::now()) {
            Some((answer, age)) => self.deliver(&origin, &asked.relay(&answer, age, transport)),
            None => self.forward(origin, asked, servers),
        }
    }

    /// The answer to what containers are called.
    fn own_answer(&mut self, origin: &Origin, asked: &Asked) -> Option<Vec<u8>> {
        let (transport, wanted) = (origin.transport(), asked.wanted());
        let peer = self.peers.get(&origin.peer)?;
        let member = peer.member.as_ref()?;
        if let Some(address) = asked.reverse() {
            let name = self.known.table.reverse(member, address)?;
            return Some(asked.pointer(&name, transport));
        }
        if let Some(mut addresses) = self.known.table.find(member, &asked.name, wanted) {
            // Who takes the first is sent to another one each time.
            self.random.shuffle(&mut addresses);
            return Some(asked.addresses(&addresses, transport));
        }
        let is_for_search_list = member.upstream.ndots.is_some_and(|dots| dots > 0)
            && wanted != Wanted::Nothing
            && !asked.name.is_empty()
            && !asked.name.contains(&b'.');
        is_for_search_list.then(|| asked.addresses(&[], transport))
    }

    /// Whom a container's questions are handed on to; nothing if they are not.
    fn servers_of(&mut self, peer: PeerId) -> Option<Rc<Servers>> {
        let peer = self.peers.get(&peer)?;
        match &peer.servers {
            PeerServers::Nobody => None,
            PeerServers::Own(servers) => Some(Rc::clone(servers)),
            PeerServers::Host(None) => Some(self.known.host.current()),
            PeerServers::Host(Some(rules)) => {
                Some(Rc::new(self.known.host.current().with_rules(rules)))
            }
        }
    }

    /// Sends an answer.
    fn deliver(&mut self, origin: &Origin, answer: &[u8]) {
        match &origin.way {
            Way::Datagram(to) => {
                let Some(socket) = self.peers.get(&origin.peer).and_then(|peer| peer.datagrams())
                else {
                    return;
                };
                // A client whose buffer is full asks again.
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                let _sent = sendto(socket, answer, flags, to);
            }
            Way::Client(id) => self.answer_client(*id, answer),
        }
    }

    /// Leaves a message without an answer.
    fn ignore(&mut self, origin: &Origin) {
        if let Way::Client(id) = origin.way {
            self.remove_client(id);
        }
    }
}
