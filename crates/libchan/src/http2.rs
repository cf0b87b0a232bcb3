//! HTTP/2, for load balancers and proxies: a stream of a session is a stream of HTTP/2, a request with a body each way that both sides write
//! for as long as they like. Source: RFC 9113; RFC 8441 for extended CONNECT.
//!
//! ```text
//! client                                                        server
//! POST /path  libchan-session: T  libchan-control: 1   ──────▶  a new session                          (control)
//!                                                      ◀──────  200, once it is there
//! POST /path  libchan-session: T  libchan-ref: N       ──────▶  a stream of the client's
//!             libchan-parent-ref: M, where it is nested, and libchan-place: P where it is not (order)
//! POST /path  libchan-session: T  libchan-accept: 1    ──────▶  kept, until the server opens a stream
//!                                                      ◀──────  200, and once it does, which stream this is (part)
//! ```
//!
//! A session is its token T, 128 random bits in hexadecimal, and not a connection: a proxy spreads the streams of a session over connections,
//! and puts those of several on one. A client asks for no other stream before its control stream is answered, so who names a session that
//! the server does not know is answered 404. Behind a balancer for several servers the header has to choose the server.
//!
//! The bodies are made of parts (`part`), since proxies take the end of an answer for the end of a request, and may cut a body off. An answer
//! begins with a part at once. What is reset is told in a part too, where the window has room for it, and else by RST_STREAM; by a proxy's
//! the peer may hear only that.
//!
//! Never more is kept for a peer than [`crate::Limits`] says; nothing of a session is taken from a stream before its head is right.

mod carrier;
mod client;
mod connection;
mod control;
mod core;
mod held;
mod lane;
mod opening;
mod order;
mod part;
mod request;
mod server;

use std::sync::Arc;

pub(crate) use client::{Dial, Target, connect};
pub(crate) use lane::{InEnd, OutEnd};
pub use part::{Part, Parts};
pub(crate) use server::Server;
use tokio::sync::{mpsc, watch};

use self::core::Core;
use crate::error::Error;
use crate::generation::Place;
use crate::line::Line;
use crate::mux::{Arrival, Ended};

/// A stream's number, and that of the channel it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Its own, which no other stream of its side has.
    pub own: u64,
    /// Of the channel on which the message comes that names it; nothing where it is a channel by itself.
    pub parent: Option<u64>,
    /// Of one without a parent: its place among those of its side, from 1.
    pub place: Option<u64>,
}

impl Numbers {
    const fn place(self) -> Place {
        Place { number: self.own, is_top: self.parent.is_none(), parent: self.parent }
    }
}

/// A session by HTTP/2. Dropped, it is closed.
#[derive(Debug)]
pub(crate) struct Handle(Arc<Core>);

/// The streams that the peer opens.
#[derive(Debug)]
pub(crate) struct Arrivals(mpsc::UnboundedReceiver<Arrival>);

impl Handle {
    pub(crate) fn open(&self, own: u64, parent: Option<u64>) -> Result<Line, Error> {
        self.0.open(own, parent)
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closing()
    }

    pub(crate) fn ended(&self) -> watch::Receiver<Ended> {
        self.0.ended.subscribe()
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        self.0.ping().await
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Arrivals {
    pub(crate) async fn next(&mut self) -> Option<Arrival> {
        self.0.recv().await
    }
}
