//! The bytes of both directions as frames. What is no frame is shown as bytes, and all that follows it. Start at [`Wire::take`].

use std::fmt::Write;

use super::Look;
use super::frame::{Controls, Head};
use super::streams::Streams;

/// Who has sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum From {
    /// Who has connected.
    Client,
    /// Who was connected to.
    Server,
}

impl From {
    pub(super) const fn arrow(self) -> char {
        match self {
            Self::Client => '>',
            Self::Server => '<',
        }
    }
}

/// The last frame of its sender on that stream. SPDY draft 3, section 2.2.2.
const FIN: u8 = 1;

/// One connection.
pub(crate) struct Wire {
    look: Look,
    streams: Streams,
    client: Half,
    server: Half,
}

/// One direction.
#[derive(Default)]
struct Half {
    /// What is no whole frame yet.
    bytes: Vec<u8>,
    /// Where it begins.
    offset: u64,
    /// Whether it has frames, once that is known.
    has_frames: Option<bool>,
    controls: Controls,
}

impl Wire {
    pub(super) fn new(look: Look) -> Self {
        let (client, server) = (Half::default(), Half::default());
        Self { look, streams: Streams::default(), client, server }
    }

    fn parts(&mut self, from: From) -> (Look, &mut Streams, &mut Half) {
        let half = match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        };
        (self.look, &mut self.streams, half)
    }

    /// What further bytes of a direction mean; `stamp` is what stands before a frame at an offset.
    pub(super) fn take(
        &mut self,
        from: From,
        bytes: &[u8],
        stamp: impl Fn(u64) -> String,
    ) -> String {
        let (look, streams, half) = self.parts(from);
        let mut all = std::mem::take(&mut half.bytes);
        all.extend_from_slice(bytes);
        // What is spoken begins with a control frame, whose version is 3.
        if let (None, Some(begin)) = (half.has_frames, all.first_chunk::<2>()) {
            half.has_frames = Some(*begin == [0x80, 3]);
        }
        if half.has_frames == Some(false) {
            half.bytes = all;
            return half.rest(look, (from, "no SPDY"), stamp);
        }
        let mut text = String::new();
        let mut begin = 0;
        while let Some((head, frame)) = first(all.get(begin..).unwrap_or_default()) {
            let _infallible = write!(text, "{}{} ", stamp(half.offset), from.arrow());
            text.push_str(&half.frame(look, (from, head), frame, streams));
            begin += frame.len();
        }
        // Once for all frames that were in it.
        all.drain(..begin);
        half.bytes = all;
        text
    }

    /// What is left at the end of a direction.
    pub(super) fn end(&mut self, from: From, stamp: impl Fn(u64) -> String) -> String {
        let (look, _streams, half) = self.parts(from);
        half.rest(look, (from, "a frame that is not whole"), stamp)
    }
}

/// The first frame, where it is whole.
fn first(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let head = Head::of(bytes.first_chunk::<8>()?);
    Some((head, bytes.get(..head.size())?))
}

impl Half {
    /// A frame as lines.
    fn frame(
        &mut self,
        look: Look,
        (from, head): (From, Head),
        frame: &[u8],
        streams: &mut Streams,
    ) -> String {
        self.offset += frame.len() as u64;
        let Head::Data { stream, flags, .. } = head else {
            return self.controls.show(look, (from, head), frame, streams);
        };
        let data = frame.get(8..).unwrap_or_default();
        let mut text = format!("{head}\n");
        look.hex(&mut text, data);
        for line in streams.data(from, stream, data) {
            look.line(&mut text, &line);
        }
        if flags & FIN != 0 {
            streams.finish(from, stream);
        }
        text
    }

    /// Bytes that are no frame.
    fn rest(
        &mut self,
        look: Look,
        (from, what): (From, &str),
        stamp: impl Fn(u64) -> String,
    ) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() {
            return String::new();
        }
        let (stamp, arrow) = (stamp(self.offset), from.arrow());
        self.offset += bytes.len() as u64;
        let mut text = format!("{stamp}{arrow} {what} length={}\n", bytes.len());
        look.hex(&mut text, &bytes);
        text
    }
}
