//! A name server inside a container, at the address that Docker's has: 127.0.0.11, port 53.
//!
//! Its sockets have ports that the kernel chooses, so that the container may have a name server of its own on port 53. Two chains
//! on what the loopback interface receives rewrite the ports of each packet by itself: nothing is remembered of connections, which is what
//! Docker's embedded name server loses answers by when the table of connections is full. Start at [`NameSockets::open`]. Sources: nft(8),
//! "netdev"; ip(7).

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use sys::netlink::{Protocol, Socket};
use sys::{Errno, Namespaces};

use crate::nft::expression::{Base, Meta};
use crate::nft::{self, Batch, BatchError, Chain, Expression, Family, Hook, Table};
use Expression::{Immediate, Is, Payload, Write};

/// Where containers find the name server.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const PORT: u16 = 53;
const TABLE: &str = "corten-names";
const CHAIN: &str = "arrive";
const IPV4: [u8; 2] = [0x08, 0x00];
/// IPPROTO_UDP, and where its checksum is; the same of TCP.
const UDP: (u8, u32) = (17, 6);
const TCP: (u8, u32) = (6, 16);
/// Where addresses are in the head of IPv4, and ports in those of UDP and TCP.
const SOURCE: (u32, u32) = (12, 0);
const DESTINATION: (u32, u32) = (16, 2);

/// The sockets of a name server inside a container. Who has them keeps the questions.
#[derive(Debug)]
pub struct NameSockets {
    /// For questions in datagrams.
    pub udp: OwnedFd,
    /// For connections.
    pub tcp: OwnedFd,
    /// That the rules were sent by: closed at once it would wait until they are seen by all processors.
    #[expect(dead_code, reason = "held open, and closed when nobody waits")]
    rules: Option<Socket>,
}

/// What a name server inside a container lacks.
#[derive(Debug, thiserror::Error)]
pub enum NameSocketsError {
    /// The thread cannot go there, or come back.
    #[error("enter the container's network namespace")]
    Enter(#[source] Errno),
    /// An address that is taken, or a loopback interface that is down.
    #[error("bind {NAME_SERVER}")]
    Bind(#[source] Errno),
    /// There is no talking with the kernel.
    #[error("open a netlink socket")]
    Netlink(#[source] Errno),
    /// The rules are refused.
    #[error("map port {PORT} of {NAME_SERVER}")]
    Map(#[source] BatchError),
    /// Whether there are rules is not told.
    #[error("look for table netdev {TABLE}")]
    Look(#[source] sys::netlink::Refusal),
}

impl NameSockets {
    /// Sockets that somebody has made, with or without rules that lead there.
    #[must_use]
    pub const fn of(udp: OwnedFd, tcp: OwnedFd) -> Self {
        Self { udp, tcp, rules: None }
    }

    /// Makes them in a network namespace whose loopback interface is up, with the rules that lead there. The caller's thread is
    /// where it was afterwards.
    ///
    /// # Errors
    /// What the kernel refuses. After [`NameSocketsError::Enter`] the thread may be in the container's namespace.
    pub fn open(namespace: BorrowedFd<'_>) -> Result<Self, NameSocketsError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let own = openat(CWD, c"/proc/thread-self/ns/net", flags, Mode::empty())
            .map_err(|errno| NameSocketsError::Enter(errno.into()))?;
        let enter = |namespace: BorrowedFd<'_>| {
            sys::enter_namespace(namespace, Namespaces::NETWORK).map_err(NameSocketsError::Enter)
        };
        enter(namespace)?;
        let made = Self::bind().map_err(|error| NameSocketsError::Bind(error.into()));
        let socket = nft::open().map_err(NameSocketsError::Netlink);
        enter(own.as_fd())?;
        let (sockets, udp, tcp) = made?;
        let mut socket = socket?;
        map(&mut socket, [(UDP, udp), (TCP, tcp)])?;
        Ok(Self { rules: Some(socket), ..sockets })
    }

    /// Writes the rules again, in a namespace where others have taken them away.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn map_again(&self, namespace: BorrowedFd<'_>) -> Result<(), NameSocketsError> {
        let port = |socket: &OwnedFd| {
            let address = rustix::net::getsockname(socket);
            let address = address.and_then(SocketAddrV4::try_from);
            address.map(|address| address.port())
        };
        let bind = |errno: rustix::io::Errno| NameSocketsError::Bind(errno.into());
        let (udp, tcp) = (port(&self.udp).map_err(bind)?, port(&self.tcp).map_err(bind)?);
        let mut socket =
            Socket::open_in(namespace, Protocol::Netfilter).map_err(NameSocketsError::Netlink)?;
        map(&mut socket, [(UDP, udp), (TCP, tcp)])
    }

    fn bind() -> std::io::Result<(Self, u16, u16)> {
        let udp = UdpSocket::bind((NAME_SERVER, 0))?;
        let tcp = TcpListener::bind((NAME_SERVER, 0))?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let ports = (udp.local_addr()?.port(), tcp.local_addr()?.port());
        Ok((Self::of(udp.into(), tcp.into()), ports.0, ports.1))
    }
}

/// A protocol's number with its checksum's place, and the port it has.
type Mapped = ((u8, u32), u16);

fn map(socket: &mut Socket, mapped: [Mapped; 2]) -> Result<(), NameSocketsError> {
    let table = Table { family: Family::Device, name: TABLE.to_owned() };
    let mut batch = Batch::new();
    if nft::has_table(socket, &table).map_err(NameSocketsError::Look)? {
        batch.remove_table(&table);
    }
    batch.table(&table);
    let device = Some("lo".to_owned());
    let hook = Hook { kind: "filter", number: Hook::INGRESS, priority: 0, device };
    batch.chain(&table, &Chain { name: CHAIN, hook: Some(hook) });
    for (protocol, port) in mapped {
        batch.rule(&table, CHAIN, &rewrite(protocol, DESTINATION, PORT, port));
        batch.rule(&table, CHAIN, &rewrite(protocol, SOURCE, port, PORT));
    }
    batch.commit(socket).map_err(NameSocketsError::Map)
}

/// Packets to, or from, the name server with the one port get the other.
fn rewrite(
    (protocol, checksum_at): (u8, u32),
    (address, offset): (u32, u32),
    from: u16,
    to: u16,
) -> Vec<Expression> {
    vec![
        Expression::Meta(Meta::EtherType, 0),
        Is(0, IPV4.to_vec()),
        Expression::Meta(Meta::Protocol, 0),
        Is(0, vec![protocol]),
        Payload { base: Base::Network, offset: address, length: 4, register: 0 },
        Is(0, NAME_SERVER.octets().to_vec()),
        Payload { base: Base::Transport, offset, length: 2, register: 0 },
        Is(0, from.to_be_bytes().to_vec()),
        Immediate(0, to.to_be_bytes().to_vec()),
        Write { base: Base::Transport, offset, length: 2, register: 0, checksum_at },
    ]
}
