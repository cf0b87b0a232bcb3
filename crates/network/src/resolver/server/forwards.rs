//! Questions that are handed on to other name servers, one server after the other until one answers.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;

use super::{Origin, Server, Way};
use crate::resolver::cache::Key;
use crate::resolver::message::{Asked, Judged, Relayed, Transport};
use crate::resolver::poll::Token;
use crate::resolver::table::PeerId;
use crate::resolver::upstream::{Exchange, Servers};

/// Questions of one container that name servers have not answered yet.
const MOST: usize = 256;
/// The same of all containers. Above it each still has a few.
const MOST_OF_ALL: usize = 4096;
const FEW: usize = 8;
/// Questions of one container that wait for those; datagrams above it are lost, as they are in a socket that is full, and connections have
/// a bound of their own.
const MOST_WAITING: usize = 256;
/// Nobody waits longer for an answer than this: resolv.conf(5), "timeout".
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the largest message.
const LARGEST: usize = 65535;

/// A question in the air.
#[derive(Debug)]
pub(super) struct Forward {
    question: Question,
    exchange: Exchange,
    /// Its id there.
    id: u16,
    /// Which of the servers it is.
    place: usize,
    until: Instant,
}

/// What was asked, and how far that has come.
#[derive(Debug)]
pub(super) struct Question {
    origin: Origin,
    asked: Asked,
    since: Instant,
    servers: Rc<Servers>,
    /// The server it began with.
    first: usize,
    /// How many were asked.
    attempt: usize,
    /// Nothing for servers that know nothing of it. RFC 6891, 6.2.2.
    with_edns: bool,
    /// One has said nothing at all: only then are all asked once more.
    is_unheard: bool,
    /// What the last that could not said.
    failure: ResponseCode,
}

impl Question {
    fn next_server(&self) -> Option<(usize, SocketAddr)> {
        let is_first_round = self.attempt < self.servers.addresses.len();
        let may_ask = is_first_round || self.is_unheard;
        may_ask.then(|| self.servers.at(self.first, self.attempt)).flatten()
    }
}

impl Server {
    /// Asks the servers.
    pub(super) fn forward(&mut self, origin: Origin, asked: Asked, servers: Rc<Servers>) {
        let first = servers.first();
        let (attempt, with_edns, is_unheard) = (0, true, false);
        let failure = ResponseCode::ServFail;
        let since = Instant::now();
        let most = self.most_forwards();
        let Some(peer) = self.peers.get_mut(&origin.peer) else { return };
        let has_room = peer.forwards < most;
        let is_lost =
            peer.waiting.len() >= MOST_WAITING && origin.transport() == Transport::Datagram;
        let question = Question {
            origin,
            asked,
            since,
            servers,
            first,
            attempt,
            with_edns,
            is_unheard,
            failure,
        };
        if has_room {
            self.attempt(question, Transport::Datagram);
        } else if !is_lost {
            peer.waiting.push_back(question);
        }
    }

    fn most_forwards(&self) -> usize {
        if self.forwards.len() < MOST_OF_ALL { MOST } else { FEW }
    }

    /// One question of a container less is in the air: hands on those that wait for that.
    fn ease(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.forwards -= 1;
        loop {
            let most = self.most_forwards();
            let Some(peer) = self.peers.get_mut(&id) else { return };
            if peer.forwards >= most {
                return;
            }
            let Some(question) = peer.waiting.pop_front() else { return };
            let origin = question.origin.clone();
            if question.since.elapsed() < PATIENCE {
                self.attempt(question, Transport::Datagram);
            } else {
                self.give_up(&question);
            }
            self.after(&origin);
        }
    }

    /// Asks the next server that can be asked; without one that is the answer.
    fn attempt(&mut self, mut question: Question, mut transport: Transport) {
        while let Some((place, server)) = question.next_server() {
            let id = self.random.number();
            let wire = question.asked.forwarded(id, question.with_edns);
            if let Ok(exchange) = Exchange::begin(server, &wire, transport) {
                return self.wait_for(question, exchange, (id, place));
            }
            question.attempt += 1;
            transport = Transport::Datagram;
        }
        self.give_up(&question);
    }

    fn give_up(&mut self, question: &Question) {
        let answer = question.asked.failure(question.failure, question.origin.transport());
        self.deliver(&question.origin, &answer);
    }

    fn wait_for(&mut self, question: Question, exchange: Exchange, (id, place): (u16, usize)) {
        let number = self.number();
        let token = Token::Forward(number);
        let until = Instant::now() + question.servers.patience;
        if self.poll.add(&exchange, token, exchange.is_writing()).is_err() {
            return self.give_up(&question);
        }
        self.poll.at(until, token);
        if let Some(peer) = self.peers.get_mut(&question.origin.peer) {
            peer.forwards += 1;
        }
        self.forwards.insert(number, Forward { question, exchange, id, place, until });
    }

    pub(super) fn hear_server(&mut self, number: u64) {
        let mut space = [0; LARGEST];
        let Some(forward) = self.forwards.get_mut(&number) else { return };
        let was_writing = forward.exchange.is_writing();
        let transport = forward.exchange.transport();
        let judged = match forward.exchange.advance(&mut space) {
            Ok(None) => {
                if was_writing && !forward.exchange.is_writing() {
                    self.poll.change(&forward.exchange, Token::Forward(number), (true, false));
                }
                return;
            }
            Ok(Some(length)) => {
                let message = space.get(..length).unwrap_or_default();
                forward.question.asked.judge(forward.id, message, transport)
            }
            // Nobody listens there.
            Err(_) => Judged::Failed(ResponseCode::ServFail),
        };
        match judged {
            // Over TCP nobody but the server can have said it.
            Judged::Foreign if transport == Transport::Datagram => {}
            Judged::Foreign => self.try_next(number, ResponseCode::ServFail),
            Judged::Truncated => {
                if let Some(question) = self.take(number) {
                    self.go_on(question, Transport::Stream);
                }
            }
            Judged::Failed(code) => self.try_next(number, code),
            Judged::Answer(answer) => self.hand_over(number, answer),
        }
    }

    pub(super) fn expire_forward(&mut self, number: u64) {
        if let Some(forward) = self.forwards.get_mut(&number) {
            forward.question.is_unheard = true;
        }
        self.try_next(number, ResponseCode::ServFail);
    }

    /// Asks the next server, or the same in words that older ones know.
    fn try_next(&mut self, number: u64, code: ResponseCode) {
        let Some(mut question) = self.take(number) else { return };
        if code == ResponseCode::FormErr && question.with_edns {
            question.with_edns = false;
        } else {
            question.attempt += 1;
            question.with_edns = true;
        }
        // Codes above 15 need a record that who asked may not know; an answer of nothing at all is none.
        let is_plain = code.high() == 0 && code != ResponseCode::NoError;
        question.failure = if is_plain { code } else { ResponseCode::ServFail };
        self.go_on(question, Transport::Datagram);
    }

    fn go_on(&mut self, question: Question, transport: Transport) {
        let origin = question.origin.clone();
        self.attempt(question, transport);
        self.ease(origin.peer);
        self.after(&origin);
    }

    fn hand_over(&mut self, number: u64, answer: Relayed) {
        let Some(forward) = self.forwards.get(&number) else { return };
        let place = forward.place;
        let Some(Question { origin, asked, servers, .. }) = self.take(number) else { return };
        servers.has_answered(place);
        let answer = Rc::new(answer);
        self.deliver(&origin, &asked.relay(&answer, 0, origin.transport()));
        self.known.cache.put(Key::of(&asked, servers.key), &answer, Instant::now());
        self.ease(origin.peer);
        self.after(&origin);
    }

    /// What a connection's next questions are waits for this.
    fn after(&mut self, origin: &Origin) {
        if let Way::Client(id) = origin.way {
            self.serve_client(id);
        }
    }

    /// Takes a question out of the air; who does counts it off afterwards.
    fn take(&mut self, number: u64) -> Option<Question> {
        let forward = self.forwards.remove(&number)?;
        self.poll.forget(forward.until, Token::Forward(number));
        Some(forward.question)
    }

    pub(super) fn remove_forwards_of(&mut self, peer: PeerId) {
        let poll = &mut self.poll;
        self.forwards.retain(|number, forward| {
            let stays = forward.question.origin.peer != peer;
            if !stays {
                poll.forget(forward.until, Token::Forward(*number));
            }
            stays
        });
    }
}
