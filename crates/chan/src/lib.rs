//! Conversations of libchan as lines of JSON, and as dumps: what `corten chan` does, without the command line.
//!
//! ```text
//! send             JSON ──▶ messages                 (notation, attach)
//! receive          messages ──▶ JSON, and answers    (show, answer)
//! relay            channels of one session over another
//! dump             frames of SPDY and HTTP/2, as they pass or as they were recorded
//! ```
//!
//! Each is a call that returns when the command is over. Nothing here opens a store, reads the environment or prints by itself.

#![forbid(unsafe_code)]

mod answer;
mod attach;
mod conversation;
mod descriptor;
mod dump;
mod error;
mod feed;
mod json;
mod notation;
mod peer;
mod receive;
mod relay;
mod send;
mod show;
mod sink;
mod tls;

pub use answer::Answers;
pub use conversation::{Ground, Outcome};
pub use dump::{Look, Recorded, dump, dump_files};
pub use error::{BadMessage, ChanError};
pub use notation::BadNotation;
pub use peer::Place;
pub use receive::{Receiving, receive};
pub use relay::{Between, relay};
pub use send::{Sending, send};
pub use tls::TlsFiles;
