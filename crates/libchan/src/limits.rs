//! How much a peer may have us keep. Start at [`Limits`].

use std::time::Duration;

/// What a session keeps at most for its peer; what goes beyond is [`crate::Error::Limit`] with the field's name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one message: 16 MiB.
    pub message_bytes: usize,
    /// Arrays and maps of a message inside each other: 64.
    pub depth: usize,
    /// Values of one message, each of which may take some fifty times its bytes once it is read: a million.
    pub values: usize,
    /// Streams that are open at once, channels and byte streams: 1,000 by either side. Over HTTP/2 also channels that wait for one that was
    /// opened before them.
    pub streams: usize,
    /// Streams of the peer's that no message has named yet, and those that one message names: 1,024.
    pub parked: usize,
    /// Descriptors of one Unix socket that are on their way, or have come and no message that names them was read: 64 each way. A
    /// message with more waits, and beyond that its descriptors' bytes are passed on; with 0 always.
    pub descriptors: usize,
    /// Bytes that have arrived on one stream and nobody has taken: 256 KiB.
    pub queue_bytes: usize,
    /// Bytes that have arrived on all streams together and nobody has taken: 16 MiB. Over HTTP/2 each stream has a window of its own, so that
    /// more may come: when it is too much for a second, the fullest streams that nobody has read meanwhile are reset.
    pub session_bytes: usize,
    /// Bytes of messages that are not whole yet or wait for streams that they name, on all channels together: 64 MiB.
    pub partial_bytes: usize,
    /// After how long in which nothing has come the peer is asked for a sign of life; after as long again without anything, the session is
    /// over. Half a minute: otherwise a peer whose machine or network is gone without a word is waited for without an end. With nothing
    /// here he is.
    pub keep_alive: Option<Duration>,
    /// Over HTTP/2, after how long in which nothing was sent on a stream a part without bytes is, which says nothing: 20 s. Proxies end a
    /// stream on which nothing passes, most after half a minute or a whole one. Each side does so for what it sends; with nothing here
    /// none is sent.
    pub stream_keep_alive: Option<Duration>,
    /// Sessions of one listener of HTTP/2, which share its connections: 1,024. Elsewhere each is a connection that is accepted.
    pub sessions: usize,
    /// Connections of one listener of HTTP/2: 4,096. Behind a proxy each stream may have one of its own.
    pub connections: usize,
    /// How long TLS and the head of a WebSocket may take before there is a session, and a connection of HTTP/2 may have no stream: 10 s.
    pub greeting_wait: Duration,
    /// How long a message waits for a stream that it names, and over HTTP/2 a channel for one that was opened before it: 10 s.
    pub reference_wait: Duration,
    /// How long a message with descriptors waits until the peer has read earlier ones: 10 s. Then their bytes are passed on.
    pub descriptor_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            depth: 64,
            values: 1 << 20,
            streams: 1000,
            parked: 1024,
            descriptors: 64,
            queue_bytes: 256 << 10,
            session_bytes: 16 << 20,
            partial_bytes: 64 << 20,
            keep_alive: Some(Duration::from_secs(30)),
            stream_keep_alive: Some(Duration::from_secs(20)),
            sessions: 1024,
            connections: 4096,
            greeting_wait: Duration::from_secs(10),
            reference_wait: Duration::from_secs(10),
            descriptor_wait: Duration::from_secs(10),
        }
    }
}
