//! How much a peer may cost.
//! Never read from anywhere: whoever makes a session gives them.

use std::time::Duration;

/// Bounds of one session. The memory that a peer can make it use is at most four times `session_bytes`, twice `out_bytes` and one message
/// for each sender, a buffer for reading, a block of headers, the state of compression, and some 500 bytes for each stream.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one block of headers, inflated. A larger one resets its stream; one sixteen times larger ends the session.
    pub header_bytes: usize,
    /// Streams of the peer's that may exist at once, until they are forgotten: further ones are refused.
    pub streams: usize,
    /// Bytes that wait unread on one stream; with windows, the window of each stream. Then 64 KiB may wait at least: a peer may send that
    /// much before it knows of another window.
    pub stream_bytes: usize,
    /// Bytes that wait unread on all streams together, with headers of streams that nobody has accepted yet; with windows, the window of
    /// the session.
    pub session_bytes: usize,
    /// Bytes that wait for the connection to take them before a sender waits. A message is never split for it.
    pub out_bytes: usize,
    /// Bytes of the largest DATA frame that is made, 16,777,215 at most. SPDY draft 3, section 2.2.2.
    pub frame_bytes: usize,
    /// How long the connection is not read because a stream takes nothing more, when nothing of it is read meanwhile; also how long all
    /// streams together may have all but the last 64 KiB of `session_bytes`. Then that one, or the fullest of those that nobody reads, is
    /// reset with [`Status::FLOW_CONTROL_ERROR`](crate::Status::FLOW_CONTROL_ERROR), and its reader is told
    /// [`Error::Limit`](crate::Error::Limit).
    /// Also how long a peer may take to close its side after we have closed ours.
    pub stall: Duration,
    /// After how long in which nothing has come a PING is sent; after as long again without anything, the connection is given up: the
    /// driver ends with an error of the kind `TimedOut`. Nothing: a peer whose machine is gone is waited for as long as TCP does.
    pub keep_alive: Option<Duration>,
    /// Streams with nobody here that wait for the peer's FIN after ours: when there are more, the oldest is reset.
    pub lingering: usize,
    /// Whether windows are announced. A peer that knows none ignores it; one that counts on the windows of the draft needs it. A PING goes
    /// with it, since nothing tells sooner that no windows are under way from the peer: until anything has come from it, 64 KiB are sent on
    /// each stream at most.
    pub windows: bool,
    /// Whether headers are compressed. Without it, they are sent as stored blocks: nothing secret leaks by their length (CRIME).
    pub compress: bool,
}

/// The largest length that a frame can declare. SPDY draft 3, section 2.2.
pub(crate) const LARGEST_FRAME: usize = (1 << 24) - 1;

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 << 10,
            streams: 1000,
            stream_bytes: 256 << 10,
            session_bytes: 16 << 20,
            out_bytes: 256 << 10,
            frame_bytes: LARGEST_FRAME,
            stall: Duration::from_secs(1),
            keep_alive: None,
            lingering: 1000,
            windows: true,
            compress: true,
        }
    }
}
