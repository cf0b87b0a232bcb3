//! What waits for the connection: frames in one buffer, and large data beside it, uncopied.
//! Never writes: the driver swaps it for an empty one and does.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::encode::data_head;

/// From here on data is not copied: a copy costs less than another element of a vectored write below.
const LARGE: usize = 16 << 10;

/// Elements of one vectored write.
const SLICES: usize = 32;

/// Bytes in their order on the wire.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Small frames and heads of large ones.
    bytes: Vec<u8>,
    /// Of `bytes`, what is written.
    start: usize,
    /// Data that belongs in front of the byte of that place in `bytes`.
    large: VecDeque<(usize, Bytes)>,
    large_bytes: usize,
    /// The frame of data that was appended last.
    last: Option<Last>,
    /// The connection takes one piece at a time: all is copied, so that a frame is not cut behind its head.
    copies: bool,
}

/// A frame of data, of which nothing is written.
#[derive(Clone, Copy, Debug)]
struct Last {
    stream: u32,
    /// In the buffer, its head's place and its end.
    head: usize,
    end: usize,
}

impl Outgoing {
    /// For a connection that takes several pieces in one write, or does not.
    pub(crate) fn new(vectored: bool) -> Self {
        Self { copies: !vectored, ..Self::default() }
    }

    /// As [`Self::new`], for what already waits and is small.
    pub(crate) fn take_pieces(&mut self, vectored: bool) {
        self.copies = !vectored;
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start + self.large_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where small things are appended.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Puts the head of a frame of data; what is pushed next is its data.
    pub(crate) fn begin(&mut self, stream: u32, head: [u8; 8]) {
        self.last = Some(Last { stream, head: self.bytes.len(), end: 0 });
        self.bytes.extend_from_slice(&head);
    }

    /// The frame that was begun is whole, and others may join it if its data was copied.
    pub(crate) fn end(&mut self, length: usize) {
        let end = self.bytes.len();
        let copied = |last: &Last| end == last.head + 8 + length;
        self.last = self.last.filter(copied).map(|last| Last { end, ..last });
    }

    /// Joins so much more data to the last frame, of which it is to be the next that is pushed: where that one is of this stream,
    /// nothing came after it, and it does not become longer than `most`.
    pub(crate) fn joins(&mut self, stream: u32, more: usize, most: usize) -> bool {
        let Some(last) = self.last.as_mut().filter(|last| last.stream == stream) else {
            return false;
        };
        let length = last.end.saturating_sub(last.head + 8) + more;
        if last.end != self.bytes.len() || length > most.min(LARGE - 1) {
            return false;
        }
        let Some(head) = self.bytes.get_mut(last.head..).and_then(<[u8]>::first_chunk_mut) else {
            return false;
        };
        last.end += more;
        *head = data_head(stream, u32::try_from(length).unwrap_or(u32::MAX), false);
        true
    }

    pub(crate) fn push(&mut self, data: Bytes) {
        if data.len() < LARGE || self.copies {
            self.bytes.extend_from_slice(&data);
        } else {
            self.large_bytes += data.len();
            self.large.push_back((self.bytes.len(), data));
        }
    }

    /// The front of it, as one write takes it.
    pub(crate) fn slices<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>) {
        let mut at = self.start;
        for (place, data) in self.large.iter().take(SLICES / 2) {
            if *place > at {
                slices.push(IoSlice::new(&self.bytes[at..*place]));
            }
            slices.push(IoSlice::new(data));
            at = *place;
        }
        if self.large.len() <= SLICES / 2 && at < self.bytes.len() {
            slices.push(IoSlice::new(&self.bytes[at..]));
        }
    }

    /// The first piece, where all of it is one, as it mostly is.
    pub(crate) fn front(&self) -> &[u8] {
        match self.large.front() {
            Some((place, data)) if *place == self.start => data,
            Some((place, _)) => &self.bytes[self.start..*place],
            None => &self.bytes[self.start..],
        }
    }

    pub(crate) fn is_one_piece(&self) -> bool {
        self.large.is_empty()
    }

    /// That many bytes were written.
    pub(crate) fn advance(&mut self, mut written: usize) {
        while let Some((place, data)) = self.large.front_mut() {
            let small = (*place - self.start).min(written);
            self.start += small;
            written -= small;
            if written == 0 {
                return;
            }
            let large = data.len().min(written);
            data.advance(large);
            self.large_bytes -= large;
            written -= large;
            if !data.is_empty() {
                return;
            }
            self.large.pop_front();
        }
        self.start = (self.start + written).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            self.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[usize] = &[997, 1000, LARGE - 1, LARGE, LARGE + 8, 200_000];

    #[test]
    fn pieces_come_out_in_order_whatever_is_written_at_once() {
        for (step, vectored) in STEPS.iter().flat_map(|step| [(*step, true), (*step, false)]) {
            let mut outgoing = Outgoing::new(vectored);
            let mut wanted = Vec::new();
            for round in 0..40_u8 {
                outgoing.buffer().extend_from_slice(&[round; 8]);
                let length = if round % 3 == 0 { 40 } else { LARGE + usize::from(round) };
                let data = vec![round ^ 0x55; length];
                wanted.extend_from_slice(&[round; 8]);
                wanted.extend_from_slice(&data);
                outgoing.push(data.into());
            }
            assert_eq!(outgoing.len(), wanted.len());
            let mut written = Vec::new();
            while !outgoing.is_empty() {
                let mut slices = Vec::new();
                outgoing.slices(&mut slices);
                assert!(vectored || outgoing.is_one_piece());
                assert!(slices.len() <= SLICES + 1 && !outgoing.front().is_empty());
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
                assert!(all.starts_with(outgoing.front()));
                let some = &all[..all.len().min(step)];
                written.extend_from_slice(some);
                let length = some.len();
                outgoing.advance(length);
            }
            assert!(written == wanted, "{step} {vectored}");
            assert!(outgoing.is_one_piece() && outgoing.bytes.is_empty());
        }
    }
}
