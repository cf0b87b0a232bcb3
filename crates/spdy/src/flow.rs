//! Windows of the session, both ways, and what is held for slow readers.
//! Never knows a stream. Sources: SPDY draft 3, section 2.6.8; SPDY 3.1 for the session's window.

use std::collections::VecDeque;

use crate::Limits;

/// Counters of bytes.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Whether the peer takes part: it has sent SETTINGS or WINDOW_UPDATE. One that has not would never allow anything.
    pub(crate) peer_takes_part: bool,
    /// Whether anything has come from it. Until then it may have said windows that are still under way, so those of the draft hold.
    pub(crate) peer_heard: bool,
    /// Whether it has a window for the session, as SPDY 3.1 has and 3 has not: it has sent a WINDOW_UPDATE for stream 0.
    pub(crate) peer_has_session_window: bool,
    /// What the peer allows on a new stream.
    pub(crate) peer_initial: i64,
    /// Bytes of data sent on all streams, and allowed.
    pub(crate) sent: i64,
    pub(crate) granted: i64,
    /// Windows have changed for all streams at once: whoever waits for one is to look again.
    pub(crate) reopened: bool,
    /// Streams whose sender waits for room or for the session's window.
    pub(crate) waiting: VecDeque<u32>,
    /// Streams with data that was accepted and waits for windows.
    pub(crate) stalled: VecDeque<u32>,
    /// What the peer may still send on all streams, and what it has not been told that was read.
    pub(crate) credit: i64,
    pub(crate) unreported: i64,
    /// What it may send on a new stream.
    pub(crate) stream_credit: i64,
    /// What waits unread on one stream at most: what it may send before it knows of `stream_credit`, too.
    pub(crate) queue_bytes: usize,
    /// Bytes that wait here: data that was not read, headers that were not looked at.
    pub(crate) held: usize,
    /// The stream in whose data the connection stands still.
    pub(crate) blocked: Option<u32>,
    /// Counts how often a stall began to be measured.
    pub(crate) epoch: u32,
}

impl Flow {
    /// The window of a stream, and of a session, of which nothing else was said.
    pub(crate) const DEFAULT: i64 = 64 << 10;

    /// The largest window.
    pub(crate) const LARGEST: i64 = 0x7fff_ffff;

    pub(crate) fn new(limits: &Limits) -> Self {
        let window = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX).min(Self::LARGEST);
        Self {
            peer_takes_part: false,
            peer_heard: !limits.windows,
            peer_has_session_window: false,
            peer_initial: Self::DEFAULT,
            sent: 0,
            granted: Self::DEFAULT,
            reopened: false,
            waiting: VecDeque::new(),
            stalled: VecDeque::new(),
            // It cannot be made smaller than it is by default.
            credit: window(limits.session_bytes).max(Self::DEFAULT),
            unreported: 0,
            stream_credit: window(limits.stream_bytes),
            queue_bytes: if limits.windows {
                limits.stream_bytes.max(64 << 10)
            } else {
                limits.stream_bytes
            },
            held: 0,
            blocked: None,
            epoch: 0,
        }
    }

    /// What may be sent on all streams together.
    pub(crate) fn session_window(&self) -> i64 {
        if self.peer_takes_part && self.peer_has_session_window {
            self.granted - self.sent
        } else {
            i64::MAX
        }
    }
}
