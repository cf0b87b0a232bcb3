//! Frames as values, one variant for each type that is spoken.
//! Never bytes: [`Encoder`](crate::Encoder) writes them, [`Decoder`](crate::Decoder) reads them. Sources: SPDY draft 3, sections 2.2 and
//! 2.6.

use crate::{Headers, Status};

/// Types of control frames. SPDY draft 3, section 2.6.
pub mod kind {
    /// Opens a stream. Section 2.6.1.
    pub const SYN_STREAM: u16 = 1;
    /// Accepts a stream. Section 2.6.2.
    pub const SYN_REPLY: u16 = 2;
    /// Ends a stream abnormally. Section 2.6.3.
    pub const RST_STREAM: u16 = 3;
    /// Says how the session is to be. Section 2.6.4.
    pub const SETTINGS: u16 = 4;
    /// Asks for itself back. Section 2.6.5.
    pub const PING: u16 = 6;
    /// Takes no further streams. Section 2.6.6.
    pub const GOAWAY: u16 = 7;
    /// Further headers of a stream. Section 2.6.7.
    pub const HEADERS: u16 = 8;
    /// Allows more data. Section 2.6.8, and SPDY 3.1 for stream 0.
    pub const WINDOW_UPDATE: u16 = 9;
}

/// The protocol's version in every control frame; SPDY/3.1 has the same. Section 2.2.1.
pub const VERSION: u16 = 3;

/// The largest stream id. Section 2.3.2.
pub const LARGEST_ID: u32 = 0x7fff_ffff;

/// The last frame of its sender on that stream. Section 2.2.2.
pub(crate) const FLAG_FIN: u8 = 1;
/// Nothing will come back on that stream. Section 2.6.1.
pub(crate) const FLAG_UNIDIRECTIONAL: u8 = 2;
/// Settings that were kept from an earlier session are void. Section 2.6.4.
pub(crate) const FLAG_CLEAR: u8 = 1;

/// A control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Opens a stream.
    SynStream(SynStream),
    /// Accepts a stream.
    SynReply {
        /// Which stream.
        stream: u32,
        /// Nothing follows it.
        finished: bool,
        /// What is said with it.
        headers: Headers,
    },
    /// Ends a stream abnormally.
    RstStream {
        /// Which stream.
        stream: u32,
        /// Why.
        status: Status,
    },
    /// Says how the session is to be.
    Settings {
        /// Settings of earlier sessions are void.
        clear: bool,
        /// Those that are set.
        values: Vec<Setting>,
    },
    /// Asks for itself back.
    Ping {
        /// Odd from a client, even from a server.
        id: u32,
    },
    /// Takes no further streams.
    GoAway {
        /// The last stream of the peer's that was accepted, or 0.
        last: u32,
        /// Why: see [`goaway`](crate::goaway).
        status: u32,
    },
    /// Further headers of a stream.
    Headers {
        /// Which stream.
        stream: u32,
        /// Nothing follows it.
        finished: bool,
        /// The headers.
        headers: Headers,
    },
    /// Allows more data.
    WindowUpdate {
        /// Which stream; 0 is the session (SPDY 3.1).
        stream: u32,
        /// By how many bytes.
        delta: u32,
    },
}

/// What a SYN_STREAM frame says. Section 2.6.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynStream {
    /// Odd from a client, even from a server, higher than all before.
    pub stream: u32,
    /// A stream that it belongs to, or 0.
    pub associated: u32,
    /// 0 is the most urgent, 7 the least. Section 2.3.3.
    pub priority: u8,
    /// An index of a certificate; always 0.
    pub slot: u8,
    /// Its sender sends nothing more on it.
    pub finished: bool,
    /// Its recipient sends nothing on it.
    pub unidirectional: bool,
    /// What it is for.
    pub headers: Headers,
}

/// One setting. Section 2.6.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whether the peer is asked to keep it, or gives it back.
    pub flags: u8,
    /// Which one.
    pub id: u32,
    /// Its value.
    pub value: u32,
}

impl Setting {
    /// How many streams of the recipient's the sender allows at once.
    pub const MAX_CONCURRENT_STREAMS: u32 = 4;
    /// How many bytes may be sent on a new stream before the recipient has allowed more.
    pub const INITIAL_WINDOW_SIZE: u32 = 7;
}
