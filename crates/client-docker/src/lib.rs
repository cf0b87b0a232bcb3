//! A client of the Docker Engine API: calls to wire, nothing else. It knows requests, answers and streams, and none of the API's
//! objects; never prints, and reads neither the environment nor a file.
//!
//! A [`Host`] says where a server is. Whatever the way to it, the other end is one socket of this machine ([`Link`]): the server's own,
//! or one end of a pair whose other end ssh(1) has, or a thread that speaks TLS. So everything above it is written once, blocks, and
//! can be waited for with poll(2). [`Client::connect`] asks once for the version of the API; [`Client::send`] is a request with its
//! answer, [`Client::hijack`] one that becomes a stream. Nothing of it runs, nor is any thread started, in a command that has no host.
//!
//! HTTP/1.1 is spoken by hand, on httparse: hyper would want a runtime, and ureq gives no connection away. Sources: RFC 9112; Docker
//! Engine API 1.24 to 1.52.
#![forbid(unsafe_code)]

mod address;
mod answer;
mod client;
mod error;
mod frames;
mod link;
mod request;
mod ssh;
mod tls;
mod version;
mod wire;

pub use address::{BadHost, Host};
pub use answer::{Answer, Lines};
pub use client::{Client, Hijacked};
pub use error::ClientError;
pub use frames::{Frames, Piece};
pub use link::Link;
pub use request::Request;
pub use tls::{Pem, TlsMaterial};
pub use version::ApiVersion;
