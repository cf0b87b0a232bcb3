//! Name servers, and one question to one of them.
//!
//! Each question has a socket of its own, connected, so that the kernel gives it a port nobody can guess and lets nobody but the server
//! answer (RFC 5452, 9.2). Nothing here waits.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

use crate::resolver::host::{Configuration, PORT};
use crate::resolver::message::Transport;
use crate::resolver::protocol::UpstreamRules;

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often all are asked.
const ATTEMPTS: usize = 2;

/// Name servers, in the order they are asked.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) patience: Duration,
    pub(crate) attempts: usize,
    /// The same for the same servers.
    pub(crate) key: u64,
    /// The one that answered last.
    preferred: Rc<Cell<usize>>,
}

impl Servers {
    pub(crate) fn of(configuration: &Configuration) -> Self {
        static KEYS: OnceLock<RandomState> = OnceLock::new();
        let addresses = configuration.servers.clone();
        Self {
            key: KEYS.get_or_init(RandomState::new).hash_one(&addresses),
            addresses,
            patience: configuration.timeout().unwrap_or(PATIENCE),
            attempts: configuration.attempts().unwrap_or(ATTEMPTS),
            preferred: Rc::default(),
        }
    }

    /// Those of a container of its own.
    pub(crate) fn named(rules: &UpstreamRules, is_allowed: impl Fn(SocketAddr) -> bool) -> Self {
        let servers = rules.servers.iter().flatten();
        let servers = servers.map(|address| SocketAddr::new(*address, PORT));
        Self::of(&Configuration {
            servers: servers.filter(|address| is_allowed(*address)).collect(),
            timeout: rules.timeout,
            attempts: rules.attempts,
        })
    }

    /// The host's, with a container's patience.
    pub(crate) fn with_rules(&self, rules: &UpstreamRules) -> Self {
        let own = Configuration {
            servers: self.addresses.clone(),
            timeout: rules.timeout,
            attempts: rules.attempts,
        };
        let patience = own.timeout().unwrap_or(self.patience);
        let attempts = own.attempts().unwrap_or(self.attempts);
        Self { patience, attempts, preferred: Rc::clone(&self.preferred), ..Self::of(&own) }
    }

    /// The server for that try, counted from 0, of a question that began with `first`; nothing once all were asked as often as they are.
    pub(crate) fn at(&self, first: usize, attempt: usize) -> Option<(usize, SocketAddr)> {
        let count = self.addresses.len();
        if attempt >= count * self.attempts {
            return None;
        }
        let place = (first + attempt) % count;
        self.addresses.get(place).map(|address| (place, *address))
    }

    pub(crate) fn first(&self) -> usize {
        self.preferred.get()
    }

    pub(crate) fn has_answered(&self, place: usize) {
        self.preferred.set(place);
    }
}

/// One question to one server.
#[derive(Debug)]
pub(crate) struct Exchange {
    socket: OwnedFd,
    stream: Option<Stream>,
}

/// Over TCP, where a message has its length before it. RFC 1035, 4.2.2.
#[derive(Debug)]
struct Stream {
    output: Vec<u8>,
    written: usize,
    input: Vec<u8>,
}

impl Exchange {
    /// Asks.
    pub(crate) fn begin(
        server: SocketAddr,
        question: &[u8],
        transport: Transport,
    ) -> Result<Self, Errno> {
        let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        match transport {
            Transport::Datagram => {
                let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
                connect(&socket, &server)?;
                retry_on_intr(|| send(&socket, question, SendFlags::NOSIGNAL))?;
                Ok(Self { socket, stream: None })
            }
            Transport::Stream => {
                let socket = socket_with(family, SocketType::STREAM, flags, None)?;
                match connect(&socket, &server) {
                    Ok(()) | Err(Errno::INPROGRESS) => {}
                    Err(errno) => return Err(errno),
                }
                let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
                let output = [&length.to_be_bytes(), question].concat();
                let stream = Some(Stream { output, written: 0, input: Vec::new() });
                Ok(Self { socket, stream })
            }
        }
    }

    pub(crate) const fn transport(&self) -> Transport {
        if self.stream.is_some() { Transport::Stream } else { Transport::Datagram }
    }

    /// Whether it waits until it can write; else it waits until it can read.
    pub(crate) fn is_writing(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.written < stream.output.len())
    }

    /// Goes on as far as it can; the length of a message that has come, which is in `space` then.
    pub(crate) fn advance(&mut self, space: &mut [u8]) -> Result<Option<usize>, Errno> {
        let Some(stream) = &mut self.stream else {
            return match retry_on_intr(|| recv(&self.socket, &mut *space, RecvFlags::DONTWAIT)) {
                Ok((length, _)) => Ok(Some(length)),
                Err(Errno::AGAIN) => Ok(None),
                Err(errno) => Err(errno),
            };
        };
        while let Some(rest @ [_, ..]) = stream.output.get(stream.written..) {
            match retry_on_intr(|| send(&self.socket, rest, SendFlags::NOSIGNAL)) {
                Ok(length) => stream.written += length,
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
        loop {
            if let Some((length, message)) = stream.input.split_first_chunk() {
                let length = usize::from(u16::from_be_bytes(*length));
                if let (Some(message), Some(space)) =
                    (message.get(..length), space.get_mut(..length))
                {
                    space.copy_from_slice(message);
                    return Ok(Some(length));
                }
            }
            let mut part = [0; 4096];
            match retry_on_intr(|| recv(&self.socket, &mut part[..], RecvFlags::DONTWAIT)) {
                Ok((0, _)) => return Err(Errno::CONNRESET),
                Ok((length, _)) => {
                    stream.input.extend_from_slice(part.get(..length).unwrap_or_default());
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
