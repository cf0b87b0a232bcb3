//! One connection of HTTP/2, and the streams that it carries: one task runs all of them.
//!
//! The library bounds what a peer can make it keep, and each bound is set here by itself: heads by their size with all that continues them
//! (CVE-2024-27983 and its like), streams that are opened and reset at once (CVE-2023-44487), DATA frames that are small and many.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use tokio::time::Sleep;

use super::carrier::Carrier;
use crate::limits::Limits;

/// Bytes of a head, with the library's 32 for each header.
pub(super) const HEAD_BYTES: u32 = 16 << 10;
/// Streams that the peer reset before they were taken.
pub(super) const UNTAKEN_RESETS: usize = 20;
/// Streams that the library reset for what the peer sent on them.
pub(super) const FAULTS: usize = 1024;
/// Streams of which it still knows that they were reset, so that what was on its way on them is no fault.
pub(super) const KNOWN_RESETS: usize = 50;
/// What small DATA frames take beside their bytes until a stream's queue has those.
pub(super) const FRAME_BYTES: usize = 32 << 20;
/// The largest DATA frame that is asked for: a reader's buffer is as large.
pub(super) const DATA_BYTES: u32 = 64 << 10;
/// What is silent is not looked for more often.
const LEAST_SILENCE: Duration = Duration::from_millis(1);
/// The largest window. RFC 9113, section 6.9.1.
const MOST_WINDOW: usize = (1 << 31) - 1;

/// The windows of a stream and of the connection: all streams can be full at once, and stand in the way of none.
pub(super) fn windows(limits: &Limits, streams: u32) -> (u32, u32) {
    let streams = streams as usize;
    let stream = limits.queue_bytes.clamp(1, MOST_WINDOW / streams.max(1));
    let size = |window| u32::try_from(window).unwrap_or(u32::MAX >> 1);
    // The connection's is never smaller than at the beginning. RFC 9113, section 6.9.2.
    (size(stream), size((stream * streams).max(u16::MAX.into())))
}

/// Streams of HTTP/2 that one connection may have open, whose sessions may be several.
pub(super) fn most_streams(limits: &Limits) -> u32 {
    u32::try_from(limits.streams.saturating_mul(2)).unwrap_or(u32::MAX).saturating_add(64)
}

/// What a connection carries, with one timer for the signs of life on all of it.
pub(super) struct Carried {
    carriers: FuturesUnordered<Carrier>,
    /// How long each may be silent.
    silence: Option<Duration>,
    next_look: Option<Pin<Box<Sleep>>>,
}

impl Carried {
    pub(super) fn new(limits: &Limits) -> Self {
        let carriers = FuturesUnordered::new();
        Self { carriers, silence: limits.stream_keep_alive, next_look: None }
    }

    pub(super) fn push(&mut self, carrier: Carrier) {
        self.carriers.push(carrier);
    }

    pub(super) fn len(&self) -> usize {
        self.carriers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.carriers.is_empty()
    }

    /// Lets all go on that can; ready when none is left.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(over) = Pin::new(&mut self.carriers).poll_next(context) {
            if over.is_none() {
                self.next_look = None;
                return Poll::Ready(());
            }
        }
        self.look(context);
        Poll::Pending
    }

    /// Looks twice in the longest silence for those on which nothing was sent since the last time.
    fn look(&mut self, context: &mut Context<'_>) {
        let Some(silence) = self.silence else { return };
        loop {
            let wait = || Box::pin(tokio::time::sleep((silence / 2).max(LEAST_SILENCE)));
            let next_look = self.next_look.get_or_insert_with(wait);
            if next_look.as_mut().poll(context).is_pending() {
                return;
            }
            self.next_look = None;
            self.carriers.iter_mut().for_each(Carrier::give_sign);
        }
    }
}
