//! Questions over TCP: several of one connection, answered as they are known. RFC 7766.

use std::mem::take;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};

use super::peers::{Peer, QUESTION};
use super::{Origin, Server, Way};
use crate::resolver::poll::{Happened, Token};
use crate::resolver::table::PeerId;

/// Connections of one container; more wait until some end.
const MOST: usize = 32;
/// Connections of one container that are taken before the others have their turn.
const BURST: usize = 8;
/// Questions of one connection that are not answered yet.
const MOST_AT_ONCE: usize = 8;
/// How long one may be silent. RFC 7766, 6.2.3.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    peer: PeerId,
    socket: OwnedFd,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Questions that are not answered yet.
    questions: usize,
    until: Instant,
    /// No more questions come.
    is_over: bool,
    /// What is waited for.
    waits: (bool, bool),
}

impl Client {
    /// The next whole question.
    fn take_question(&mut self) -> Question {
        let Some((length, rest)) = self.input.split_first_chunk() else { return Question::Partial };
        let length = usize::from(u16::from_be_bytes(*length));
        if !(1..=QUESTION).contains(&length) {
            return Question::Nonsense;
        }
        let Some(question) = rest.get(..length) else { return Question::Partial };
        let question = question.to_vec();
        self.input.drain(..2 + length);
        Question::Whole(question)
    }
}

enum Question {
    Whole(Vec<u8>),
    Partial,
    Nonsense,
}

impl Server {
    pub(super) fn accept_clients(&mut self, peer_id: PeerId) {
        for _ in 0..BURST {
            let Some(peer) = self.peers.get_mut(&peer_id) else { return };
            let is_crowded = peer.clients >= MOST;
            peer.is_crowded = is_crowded;
            let Some(listener) = peer.connections() else { return };
            if is_crowded {
                return self.poll.remove(listener);
            }
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match accept_with(listener, flags) {
                Ok(socket) => socket,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => {
                    return self.be_deaf(Token::Connections(peer_id));
                }
                Err(_nobody) => return,
            };
            peer.clients += 1;
            let id = self.number();
            if self.poll.add(&socket, Token::Client(id), false).is_err() {
                self.leave(peer_id);
                continue;
            }
            let until = Instant::now() + PATIENCE;
            self.poll.at(until, Token::Client(id));
            let client = Client {
                peer: peer_id,
                socket,
                input: Vec::new(),
                output: Vec::new(),
                questions: 0,
                until,
                is_over: false,
                waits: (true, false),
            };
            self.clients.insert(id, client);
        }
    }

    pub(super) fn react_to_client(&mut self, id: u64, event: Happened) {
        if event.is_broken {
            return self.remove_client(id);
        }
        if event.is_writable {
            self.write_client(id);
        }
        if event.is_readable {
            self.read_client(id);
        }
        self.serve_client(id);
    }

    fn read_client(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let mut part = [0; QUESTION];
        match recv(&client.socket, &mut part[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => client.is_over = true,
            Ok((length, _)) => {
                client.input.extend_from_slice(part.get(..length).unwrap_or_default());
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.remove_client(id),
        }
    }

    fn write_client(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match send(&client.socket, &client.output, flags) {
            Ok(length) => {
                client.output.drain(..length.min(client.output.len()));
                client.until = Instant::now() + PATIENCE;
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.remove_client(id),
        }
    }

    /// Answers what one has asked, as long as it takes the answers.
    pub(super) fn serve_client(&mut self, id: u64) {
        loop {
            let Some(client) = self.clients.get_mut(&id) else { return };
            let peer = client.peer;
            if client.questions >= MOST_AT_ONCE || !client.output.is_empty() {
                break;
            }
            match client.take_question() {
                Question::Nonsense => return self.remove_client(id),
                Question::Partial if client.is_over && client.questions == 0 => {
                    return self.remove_client(id);
                }
                Question::Partial => break,
                Question::Whole(question) => {
                    client.questions += 1;
                    client.until = Instant::now() + PATIENCE;
                    self.ask(Origin { peer, way: Way::Client(id) }, &question);
                }
            }
        }
        let Some(client) = self.clients.get_mut(&id) else { return };
        let may_ask = client.questions < MOST_AT_ONCE && client.output.is_empty();
        let reads = !client.is_over && may_ask && client.input.len() < 2 + QUESTION;
        let waits = (reads, !client.output.is_empty());
        if client.waits != waits {
            client.waits = waits;
            self.poll.change(&client.socket, Token::Client(id), waits);
        }
    }

    /// Who calls this serves the client afterwards.
    pub(super) fn answer_client(&mut self, id: u64, answer: &[u8]) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.questions -= 1;
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        client.output.extend_from_slice(&length.to_be_bytes());
        client.output.extend_from_slice(answer);
        self.write_client(id);
    }

    pub(super) fn expire_client(&mut self, id: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.until <= now && client.questions > 0 {
            client.until = now + PATIENCE;
        }
        let until = client.until;
        if until <= now {
            return self.remove_client(id);
        }
        self.poll.at(until, Token::Client(id));
    }

    pub(super) fn remove_client(&mut self, id: u64) {
        let Some(client) = self.clients.remove(&id) else { return };
        self.poll.remove(&client.socket);
        drop(client.socket);
        self.leave(client.peer);
    }

    /// One connection less of a container.
    fn leave(&mut self, peer_id: PeerId) {
        let Some(peer) = self.peers.get_mut(&peer_id) else { return };
        peer.clients -= 1;
        let was_crowded = take(&mut peer.is_crowded);
        if let (true, Some(listener)) = (was_crowded, Peer::connections(peer)) {
            let _done = self.poll.add(listener, Token::Connections(peer_id), false);
        }
    }

    pub(super) fn remove_clients_of(&mut self, peer: PeerId) {
        self.clients.retain(|_, client| client.peer != peer);
    }
}
