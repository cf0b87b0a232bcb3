//! The bytes of both directions as frames. What is no frame is shown as bytes, and all that follows it. Start at [`Wire::take`].

use std::fmt::Write;

use super::Look;
use super::frame::{Controls, Head};
use super::http2::{self, Http2, PREFACE, is_servers};
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

/// What is said of bytes that are no frames.
const NEITHER: &str = "neither SPDY nor HTTP/2";
/// The last frame of its sender on that stream. SPDY draft 3, section 2.2.2.
const FIN: u8 = 1;

/// What a direction is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Spdy,
    Http2,
    /// Neither: bytes.
    Unknown,
}

impl Spoken {
    /// By how it begins; nothing where more of it is needed.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes) {
            return None;
        }
        if bytes.starts_with(PREFACE) || is_servers(bytes)? {
            return Some(Self::Http2);
        }
        // A control frame, whose version is 3.
        let is_spdy = *bytes.first_chunk::<2>()? == [0x80, 3];
        Some(if is_spdy { Self::Spdy } else { Self::Unknown })
    }
}

/// One connection.
pub(crate) struct Wire {
    look: Look,
    shared: Shared,
    client: Half,
    server: Half,
}

/// What both directions have to do with.
#[derive(Default)]
struct Shared {
    streams: Streams,
    http2: Http2,
}

/// One direction.
#[derive(Default)]
struct Half {
    /// What is no whole frame yet.
    bytes: Vec<u8>,
    /// Where it begins.
    offset: u64,
    /// Once it is known.
    spoken: Option<Spoken>,
    controls: Controls,
}

/// A frame that has come.
enum First {
    Spdy(Head),
    Http2(http2::Head),
    Preface,
}

impl First {
    fn size(&self) -> usize {
        match self {
            Self::Spdy(head) => head.size(),
            Self::Http2(head) => head.size(),
            Self::Preface => PREFACE.len(),
        }
    }
}

impl Wire {
    pub(super) fn new(look: Look) -> Self {
        let (client, server) = (Half::default(), Half::default());
        Self { look, shared: Shared::default(), client, server }
    }

    fn parts(&mut self, from: From) -> (Look, &mut Shared, &mut Half) {
        let half = match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        };
        (self.look, &mut self.shared, half)
    }

    /// What further bytes of a direction mean; `stamp` is what stands before a frame at an offset.
    pub(super) fn take(
        &mut self,
        from: From,
        bytes: &[u8],
        stamp: impl Fn(u64) -> String,
    ) -> String {
        let (look, shared, half) = self.parts(from);
        let mut all = std::mem::take(&mut half.bytes);
        all.extend_from_slice(bytes);
        half.spoken = half.spoken.or_else(|| Spoken::of(&all));
        if half.spoken == Some(Spoken::Unknown) {
            half.bytes = all;
            return half.rest(look, (from, NEITHER), stamp);
        }
        let mut text = String::new();
        let mut begin = 0;
        while let Some((first, frame)) = half.first(all.get(begin..).unwrap_or_default()) {
            let _infallible = write!(text, "{}{} ", stamp(half.offset), from.arrow());
            half.offset += frame.len() as u64;
            text.push_str(&half.frame(look, (from, first), frame, shared));
            begin += frame.len();
        }
        // Once for all frames that were in it.
        all.drain(..begin);
        half.bytes = all;
        text
    }

    /// What is left at the end of a direction.
    pub(super) fn end(&mut self, from: From, stamp: impl Fn(u64) -> String) -> String {
        let (look, _shared, half) = self.parts(from);
        let what = if half.spoken.is_some() { "a frame that is not whole" } else { NEITHER };
        half.rest(look, (from, what), stamp)
    }
}

impl Half {
    /// The first frame, where it is whole.
    fn first<'a>(&self, bytes: &'a [u8]) -> Option<(First, &'a [u8])> {
        let first = match self.spoken? {
            Spoken::Spdy => First::Spdy(Head::of(bytes.first_chunk()?)),
            Spoken::Http2 if self.offset == 0 && bytes.starts_with(PREFACE) => First::Preface,
            Spoken::Http2 => First::Http2(http2::Head::of(bytes.first_chunk()?)),
            Spoken::Unknown => return None,
        };
        let frame = bytes.get(..first.size())?;
        Some((first, frame))
    }

    /// A frame as lines.
    fn frame(
        &mut self,
        look: Look,
        (from, first): (From, First),
        frame: &[u8],
        shared: &mut Shared,
    ) -> String {
        let head = match first {
            First::Preface => return format!("PREFACE length={}\n", frame.len()),
            First::Http2(head) => return shared.http2.show(look, (from, head), frame),
            First::Spdy(head) => head,
        };
        let streams = &mut shared.streams;
        let Head::Data { stream, flags, .. } = head else {
            return self.controls.show(look, (from, head), frame, streams);
        };
        let data = frame.get(8..).unwrap_or_default();
        let mut text = format!("{head}\n");
        look.hex(&mut text, data);
        for line in streams.data(from, stream, data, 0) {
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
