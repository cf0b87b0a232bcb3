//! Conversations with the kernel over netlink: one request and its answer, or many requests in one breath.
//!
//! Knows no object of any family; start at [`Socket::open`]. What arrives is the kernel's, and is read with bounds nevertheless.
//! Sources: netlink(7), linux/netlink.h, Documentation/userspace-api/netlink/intro.rst.

mod answer;
mod request;

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use rustix::net::{recv, sendto, socket_with};

use crate::{Errno, Namespaces, enter_namespace};

pub use answer::{Answer, Attributes, number};
pub use request::Request;

/// The answer to a request that wants all objects of a kind, not one.
pub const DUMP: u16 = 0x300;
/// Make it, and leave one that is there.
pub const CREATE: u16 = 0x400;
/// Make it, and refuse where it is there.
pub const CREATE_NEW: u16 = 0x400 | 0x200;
/// Make it, in the place of one that is there.
pub const REPLACE: u16 = 0x400 | 0x100;
/// Behind those that are there.
pub const APPEND: u16 = 0x800;

const ACKNOWLEDGE: u16 = 0x04;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// The kernel sends no larger part of an answer than this. net/netlink/af_netlink.c, netlink_recvmsg.
const PART: usize = 32 * 1024;
/// What a socket may hold that nobody has read yet, beside the message itself: `sk_sndbuf - 32`, netlink_sendmsg.
const OVERHEAD: usize = 1024;

/// Whom a socket speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Interfaces, addresses, routes, neighbours, queues: rtnetlink(7).
    Route,
    /// Packet filters and connection tracking: nfnetlink.
    Netfilter,
}

/// A socket that speaks with the kernel of the network namespace it was opened in, wherever its owner goes afterwards.
#[derive(Debug)]
pub struct Socket {
    socket: OwnedFd,
    sequence: u32,
}

/// What the kernel says to a request that it does not carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which of several requests, counted from 0.
    pub place: usize,
    /// Why.
    pub errno: Errno,
    /// The same in the kernel's words, where it has some.
    pub words: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.errno)?;
        self.words.as_ref().map_or(Ok(()), |words| write!(f, " ({words})"))
    }
}

impl std::error::Error for Refusal {}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { place: 0, errno, words: None }
    }
}

impl From<rustix::io::Errno> for Refusal {
    fn from(errno: rustix::io::Errno) -> Self {
        Errno::from(errno).into()
    }
}

impl Socket {
    /// Opens one in the caller's network namespace.
    ///
    /// # Errors
    /// As socket(2); EPROTONOSUPPORT where the kernel lacks the protocol.
    pub fn open(protocol: Protocol) -> Result<Self, Errno> {
        let protocol = match protocol {
            // Protocol 0 is the default of the family.
            Protocol::Route => None,
            Protocol::Netfilter => Some(netlink::NETFILTER),
        };
        let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, protocol)?;
        // Best effort: kernels before 4.12 say less.
        for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
            let _older = set_option(socket.as_fd(), option);
        }
        Ok(Self { socket, sequence: 0 })
    }

    /// The same in another namespace. The caller, which has one thread or whose thread alone this concerns, is where it was when this
    /// returns.
    ///
    /// # Errors
    /// Also as setns(2).
    pub fn open_in(namespace: BorrowedFd<'_>, protocol: Protocol) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let own = openat(CWD, c"/proc/thread-self/ns/net", flags, Mode::empty())?;
        enter_namespace(namespace, Namespaces::NETWORK)?;
        let socket = Self::open(protocol);
        enter_namespace(own.as_fd(), Namespaces::NETWORK)?;
        socket
    }

    /// Asks, and hears the answer out: the objects it holds, each with a fixed head as long as the request's.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn ask(&mut self, request: Request) -> Result<Vec<Answer>, Refusal> {
        let head = request.head_length();
        let sent = self.send(vec![request.acknowledged()])?;
        let mut answers = Vec::new();
        self.hear(sent, &mut |body: &[u8]| {
            answers.push(Answer::new(body, head)?);
            Ok(())
        })?;
        Ok(answers)
    }

    /// Has the kernel carry out all requests, in their order. rtnetlink goes on after one that it refuses, nf_tables takes back a
    /// batch of which it refuses one.
    ///
    /// # Errors
    /// The first refusal.
    pub fn carry_out(&mut self, mut requests: Vec<Request>) -> Result<(), Refusal> {
        // A refusal is told always: where the last one is confirmed, the others were carried out.
        let Some(last) = requests.pop() else { return Ok(()) };
        requests.push(last.acknowledged());
        let sent = self.send(requests)?;
        self.hear(sent, &mut |_object| Ok(()))
    }

    /// The same for a batch of nf_tables, whose last request is its end, which older kernels do not confirm.
    ///
    /// # Errors
    /// The first refusal.
    pub fn carry_out_batch(&mut self, mut requests: Vec<Request>) -> Result<(), Refusal> {
        let Some(end) = requests.pop() else { return Ok(()) };
        let Some(last) = requests.pop() else { return Ok(()) };
        requests.extend([last.acknowledged(), end]);
        let (first, end) = self.send(requests)?;
        self.hear((first, end - 1), &mut |_object| Ok(()))
    }

    /// Sends them as one message of the socket; gives the sequence numbers of the first and of the last.
    fn send(&mut self, requests: Vec<Request>) -> Result<(u32, u32), Refusal> {
        let first = self.sequence + 1;
        let mut bytes = Vec::new();
        for (place, request) in requests.into_iter().enumerate() {
            self.sequence += 1;
            let request = request.finish(self.sequence);
            bytes.extend(request.map_err(|errno| Refusal { place, ..errno.into() })?);
        }
        let room = bytes.len() + OVERHEAD;
        if sockopt::socket_send_buffer_size(&self.socket)? < room {
            sockopt::set_socket_send_buffer_size_force(&self.socket, room)?;
        }
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::io::retry_on_intr(|| sendto(&self.socket, &bytes, SendFlags::empty(), &kernel))?;
        Ok((first, self.sequence))
    }

    /// Hears until the last of these requests is confirmed or its objects end. Whatever the kernel has to say is there once a
    /// request was sent, or made as it is read: nobody waits.
    fn hear(
        &self,
        (first, last): (u32, u32),
        object: &mut dyn FnMut(&[u8]) -> Result<(), Errno>,
    ) -> Result<(), Refusal> {
        let mut part = vec![0; PART];
        let mut refused = None;
        loop {
            let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
            let heard = rustix::io::retry_on_intr(|| recv(&self.socket, &mut part[..], flags));
            let (length, whole) = match heard {
                Ok(heard) => heard,
                // A batch that fails as a whole is told by its first request alone.
                Err(rustix::io::Errno::AGAIN) if refused.is_some() => break,
                Err(errno) => return Err(errno.into()),
            };
            if whole > length {
                return Err(Errno::from_raw(libc::EMSGSIZE).into());
            }
            let mut is_over = false;
            for message in answer::messages(part.get(..length).unwrap_or_default()) {
                let message = message?;
                // Of an earlier request that was not heard out.
                let Some(place) = message.sequence.checked_sub(first) else { continue };
                match message.kind {
                    DONE | ERROR => {
                        let answer = message.error()?;
                        is_over |= message.sequence == last;
                        if let (Some((errno, words)), None) = (answer, &refused) {
                            let place = usize::try_from(place).unwrap_or(0);
                            refused = Some(Refusal { place, errno, words });
                        }
                    }
                    _ => object(message.body)?,
                }
            }
            if is_over {
                break;
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

fn set_option(socket: BorrowedFd<'_>, option: i32) -> Result<(), Errno> {
    let on: i32 = 1;
    let length = libc::socklen_t::try_from(size_of::<i32>()).unwrap_or(0);
    // SAFETY: the kernel reads `length` bytes of `on`, which is an integer of that size and lives until the call returns.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            (&raw const on).cast(),
            length,
        )
    };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}
