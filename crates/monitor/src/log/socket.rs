//! A socket that lines leave by. It never blocks: a receiver that is busy is waited for by poll(2), one that is gone is looked
//! for again once a second, and what comes meanwhile is lost.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Raw;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with, sockopt,
};

use super::Put;

const RETRY: Duration = Duration::from_secs(1);
/// How long the start of a container waits for a receiver to answer.
const START_PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// How long a connection may take to come about, in milliseconds.
const CONNECT_MS: u32 = 10_000;

/// Where a receiver is.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// Datagrams.
    UnixDatagram(PathBuf),
    /// Datagrams, or a stream where it takes no datagrams.
    Unix(PathBuf),
    Udp(SocketAddr),
    Tcp(SocketAddr),
}

pub(super) struct Link {
    address: Address,
    socket: Option<Socket>,
    retry_at: Option<Instant>,
    is_busy: bool,
    /// What of a message a stream has not taken.
    pending: Vec<u8>,
}

struct Socket {
    descriptor: OwnedFd,
    is_stream: bool,
    /// Whether a connection may still come about.
    is_new: bool,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Put(Put),
    /// No datagram is so large.
    TooLarge,
}

impl Link {
    /// # Errors
    /// When nobody listens there.
    pub(super) fn connect(address: Address) -> Result<Self, Raw> {
        let socket = Socket::connect(&address)?;
        if socket.is_new {
            let mut polled = [PollFd::new(&socket.descriptor, PollFlags::OUT)];
            if poll(&mut polled, Some(&START_PATIENCE))? == 0 {
                return Err(Raw::TIMEDOUT);
            }
            sockopt::socket_error(&socket.descriptor)??;
        }
        let socket = Some(socket);
        Ok(Self { address, socket, retry_at: None, is_busy: false, pending: Vec::new() })
    }

    /// Whether messages are told apart by their line ends.
    pub(super) fn is_stream(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.is_stream)
    }

    /// Sends a message whole or not at all; what a stream did not take of it goes first, later.
    pub(super) fn send(&mut self, parts: &[&[u8]], descriptor: Option<BorrowedFd<'_>>) -> Sent {
        if !self.pending.is_empty() {
            self.is_busy = true;
            return Sent::Put(Put::Busy);
        }
        if self.socket.is_none() && !self.connect_again() {
            return Sent::Put(Put::Lost);
        }
        let Some(socket) = &mut self.socket else { return Sent::Put(Put::Lost) };
        match socket.send(parts, descriptor) {
            Ok(count) => {
                if socket.is_stream && count < parts.iter().map(|part| part.len()).sum() {
                    self.pending = parts.concat();
                    self.pending.drain(..count);
                    self.is_busy = true;
                }
                Sent::Put(Put::Taken)
            }
            Err(Raw::AGAIN) => {
                self.is_busy = true;
                Sent::Put(Put::Busy)
            }
            Err(Raw::MSGSIZE | Raw::NOBUFS) => Sent::TooLarge,
            Err(_gone) => {
                self.lose();
                Sent::Put(Put::Lost)
            }
        }
    }

    fn lose(&mut self) {
        self.socket = None;
        self.pending.clear();
        self.retry_at = Some(Instant::now() + RETRY);
    }

    fn connect_again(&mut self) -> bool {
        let now = Instant::now();
        if self.retry_at.is_some_and(|at| now < at) {
            return false;
        }
        self.socket = Socket::connect(&self.address).ok();
        self.retry_at = Some(now + RETRY);
        self.socket.is_some()
    }

    pub(super) fn waits_for(&self) -> Option<BorrowedFd<'_>> {
        let socket = self.socket.as_ref().filter(|_| self.is_busy)?;
        Some(socket.descriptor.as_fd())
    }

    pub(super) fn resume(&mut self) {
        self.is_busy = false;
        let Some(socket) = self.socket.as_mut().filter(|_| !self.pending.is_empty()) else {
            return;
        };
        match socket.send(&[&self.pending], None) {
            Ok(count) => {
                self.pending.drain(..count);
                self.is_busy = !self.pending.is_empty();
            }
            Err(Raw::AGAIN) => self.is_busy = true,
            Err(_gone) => self.lose(),
        }
    }
}

impl Socket {
    fn connect(address: &Address) -> Result<Self, Raw> {
        let open = |family, kind| {
            socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)
        };
        let family = |address: &SocketAddr| match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        match address {
            Address::UnixDatagram(path) | Address::Unix(path) => {
                let name = SocketAddrUnix::new(path)?;
                let datagrams = open(AddressFamily::UNIX, SocketType::DGRAM)?;
                match connect(&datagrams, &name) {
                    Ok(()) => {
                        return Ok(Self { descriptor: datagrams, is_stream: false, is_new: false });
                    }
                    Err(Raw::PROTOTYPE) if matches!(address, Address::Unix(_)) => {}
                    Err(refused) => return Err(refused),
                }
                let descriptor = open(AddressFamily::UNIX, SocketType::STREAM)?;
                connect(&descriptor, &name)?;
                Ok(Self { descriptor, is_stream: true, is_new: false })
            }
            Address::Udp(address) => {
                let descriptor = open(family(address), SocketType::DGRAM)?;
                connect(&descriptor, address)?;
                Ok(Self { descriptor, is_stream: false, is_new: false })
            }
            Address::Tcp(address) => {
                let descriptor = open(family(address), SocketType::STREAM)?;
                sockopt::set_tcp_user_timeout(&descriptor, CONNECT_MS)?;
                match connect(&descriptor, address) {
                    Ok(()) | Err(Raw::INPROGRESS) => {}
                    Err(refused) => return Err(refused),
                }
                Ok(Self { descriptor, is_stream: true, is_new: true })
            }
        }
    }

    fn send(&mut self, parts: &[&[u8]], descriptor: Option<BorrowedFd<'_>>) -> Result<usize, Raw> {
        let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = descriptor.map(|descriptor| [descriptor]);
        if let Some(descriptors) = &descriptors {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let mut looks = 0;
        let count = loop {
            match sendmsg(&self.descriptor, &slices, &mut control, flags) {
                Err(Raw::INTR) => {}
                // The answer to an earlier datagram, see udp(7): this one was not sent.
                Err(Raw::CONNREFUSED) if !self.is_stream && looks == 0 => looks += 1,
                done => break done?,
            }
        };
        if std::mem::take(&mut self.is_new) {
            // From now on a receiver that is slow is waited for.
            sockopt::set_tcp_user_timeout(&self.descriptor, 0)?;
        }
        Ok(count)
    }
}
