//! Published ports of a user who is not root: nothing translates what comes to an address of the machine, so programs of his own listen there.
//!
//! A socket stays in the network namespace that it was made in, whoever has it. One process of the user stays outside, in the machine's
//! namespace, and does nothing but open listening sockets for who asks ([`Outside`]). A container's monitor asks it, and hands what it gets
//! to the forwarder ([`Forwarding`]): one process for all containers of a state directory, inside, which accepts there and connects to the
//! container. What the forwarder has is exactly what monitors have handed it: it goes when the monitor's connection ends.
//!
//! ```text
//! monitor                     outside
//! place           ------->    socket, bind, listen
//!                 <-------    errno, the socket
//! monitor                     forwarder
//! Add, the socket ------->    accepts there from now on
//! Remove          ------->    does so no more; connections that there are go on
//!                 <-------    errno
//! ```
//!
//! Of what it moves the forwarder reads nothing: bytes of TCP go from socket to socket by splice(2), datagrams by one buffer. A
//! connection that stands still costs its two sockets. One thread waits for everything; nothing blocks. Start at [`run`], then `server.rs`.
//! Sources: network_namespaces(7), unix(7) "SCM_RIGHTS", splice(2), epoll(7).

mod client;
mod datagrams;
mod outside;
mod poll;
mod process;
mod server;
mod streams;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::attachment::Transport;

pub use client::{Forwarding, Outside};
pub use outside::serve_outside;
pub use process::run;

/// Where the forwarder listens, in the state directory.
const FORWARDER: &str = "forwarder.sock";
/// Where the process outside does.
const OUTSIDE: &str = "outside.sock";
/// Bytes of a request.
const LARGEST: usize = 512;
/// Those who wait to be heard.
const BACKLOG: i32 = 4096;

/// A place of the machine that is listened at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// TCP or UDP.
    pub transport: Transport,
    /// Address, or each one of the family, and port.
    pub address: SocketAddr,
}

/// What a monitor asks of the forwarder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Request {
    /// The socket that comes with it leads there.
    Add { place: Place, to: SocketAddr },
    /// It leads nowhere any more.
    Remove { place: Place },
}
