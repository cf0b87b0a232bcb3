//! SPDY/3.1: many streams over one connection, between two peers that may both open them.
//!
//! ```text
//!  Session ──open──▶ Stream        Incoming ──accept──▶ Arrival ──reply──▶ Stream
//!     │                │                │
//!     └───── one table of streams behind a lock: frames in, frames out ─────┐
//!                                                                           │
//!                     Driver: one future that reads and writes the connection
//! ```
//!
//! [`session`] makes the three of any connection; the caller runs the driver. Nothing here has a runtime, a clock or a socket, names a
//! service, or knows what headers mean. A peer costs at most [`Limits`]. What is wrong with one stream resets that one; a session ends only
//! for what both sides share.
//!
//! Windows are used with peers that use them: who has sent neither SETTINGS nor WINDOW_UPDATE is never waited for. A stream that nobody reads
//! stands in nobody's way for longer than [`Limits::stall`].
//!
//! Frames by themselves are read by [`Decoder`] and written by [`Encoder`]. Sources: SPDY Protocol, draft 3, and what draft 3.1 adds: a
//! window for the session. Sections in these pages are those of draft 3.
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod alive;
mod arriving;
mod compress;
mod decode;
mod driver;
mod encode;
mod entry;
mod error;
mod flow;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hash;
mod headers;
mod io;
mod limits;
mod outgoing;
mod queue;
mod receiving;
mod sending;
mod session;
mod state;
mod status;
mod stream;
#[cfg(test)]
mod tests;
mod wakes;

pub use decode::{Decoder, Event};
pub use driver::{Driver, Timer};
pub use encode::{Encoder, data_head};
pub use error::{Error, Fault, StreamFault};
pub use frame::{Frame, LARGEST_ID, Setting, SynStream, VERSION, kind};
pub use headers::{BadHeader, Headers};
pub use limits::Limits;
pub use session::{Arrival, Incoming, Role, Session, Usage, session};
pub use state::Opening;
pub use status::{Status, goaway};
pub use stream::{ReceiveHalf, SendHalf, Stream};
