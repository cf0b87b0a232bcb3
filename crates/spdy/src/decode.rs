//! Reads frames from bytes as they come, in pieces of any size.
//!
//! Never buffers: data is handed on in the parts that there are, headers are inflated as they come, and what is unknown is skipped; at most
//! some bytes stay with the caller until more is there. Start at [`Decoder::next`]. Sources: SPDY draft 3, sections 2.2, 2.4 and 2.6.

use crate::compress::{Inflater, Plain};
use crate::frame::{FLAG_CLEAR, FLAG_FIN, FLAG_UNIDIRECTIONAL, SynStream, VERSION, kind};
use crate::{Fault, Frame, Headers, Setting, Status, StreamFault};

/// Settings in one frame; the draft has eight of them.
const MOST_SETTINGS: u32 = 64;

/// Reads frames of one direction of a session; remembers its compression, so it must see every byte from the first one on.
#[derive(Debug)]
pub struct Decoder {
    inflater: Inflater,
    header_bytes: usize,
    stage: Stage,
}

/// Where in a frame the next byte is.
#[derive(Debug)]
enum Stage {
    Head,
    Data { stream: u32, finished: bool, left: usize },
    Block(Box<Block>),
    Skip { what: Skipped, left: usize },
}

#[derive(Clone, Copy, Debug)]
enum Skipped {
    Unknown(u16),
    Wrong { kind: u16, stream: u32, fault: StreamFault },
}

/// A frame with headers, of which everything before them is read.
struct Block {
    start: Start,
    plain: Plain,
    left: usize,
}

#[derive(Debug)]
enum Start {
    Syn(SynStream),
    Reply { stream: u32, finished: bool },
    Headers { stream: u32, finished: bool },
}

/// The first eight bytes of a control frame.
#[derive(Clone, Copy)]
struct Head {
    kind: u16,
    flags: u8,
    length: u32,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole control frame.
    Control(Frame),
    /// Some of the data of a DATA frame, as much as there was.
    Data {
        /// Which stream.
        stream: u32,
        /// The part; empty for an empty frame only.
        bytes: &'a [u8],
        /// Whether it is the frame's last part.
        last: bool,
        /// Whether it is the last part of the stream.
        finished: bool,
    },
    /// A frame about one stream is wrong; what both sides share is not touched. It is answered by a reset with
    /// [`StreamFault::status`].
    Wrong {
        /// Its type.
        kind: u16,
        /// Which stream.
        stream: u32,
        /// What is wrong.
        fault: StreamFault,
    },
    /// A control frame of a type that the draft does not have, or that nobody needs, was passed over. Section 2.2.1.
    Ignored {
        /// Its type.
        kind: u16,
    },
}

/// Why [`Decoder::next_within`] returns.
#[derive(Debug)]
pub(crate) enum Read<'a> {
    Event(Event<'a>),
    /// More bytes are needed.
    More,
    /// This stream takes no data now.
    NoRoom(u32),
}

impl Decoder {
    /// Of a session that begins; of each block of headers `header_bytes` are kept at most.
    #[must_use]
    pub fn new(header_bytes: usize) -> Self {
        Self { inflater: Inflater::new(), header_bytes, stage: Stage::Head }
    }

    /// Takes the next event from the front of `input`; nothing when more bytes are needed: those that are left belong in front of them.
    ///
    /// ```
    /// let mut decoder = spdy::Decoder::new(64 << 10);
    /// let mut input = &b"\0\0\0\x01\x01\0\0\x02hi\x80\x03"[..];
    /// let event = decoder.next(&mut input)?;
    /// assert!(matches!(event, Some(spdy::Event::Data { stream: 1, bytes: b"hi", finished: true, .. })));
    /// assert_eq!((decoder.next(&mut input)?, input.len()), (None, 2));
    /// # Ok::<(), spdy::Fault>(())
    /// ```
    ///
    /// # Errors
    /// What ends the session; the decoder is of no more use then.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Fault> {
        match self.next_within(input, |_| usize::MAX)? {
            Read::Event(event) => Ok(Some(event)),
            Read::More | Read::NoRoom(_) => Ok(None),
        }
    }

    /// Whether the next byte begins a frame, when nothing of the input was left.
    #[must_use]
    pub fn between_frames(&self) -> bool {
        matches!(self.stage, Stage::Head)
    }

    /// As [`Self::next`], with at most `room` bytes of data for a stream.
    pub(crate) fn next_within<'a>(
        &mut self,
        input: &mut &'a [u8],
        room: impl Fn(u32) -> usize,
    ) -> Result<Read<'a>, Fault> {
        loop {
            match &mut self.stage {
                Stage::Head => {
                    let before = input.len();
                    if let Some(event) = self.head(input)? {
                        return Ok(Read::Event(event));
                    }
                    if matches!(self.stage, Stage::Head) && input.len() == before {
                        return Ok(Read::More);
                    }
                }
                Stage::Data { stream, finished, left } => {
                    let (stream, finished) = (*stream, *finished);
                    let most = if *left == 0 { 0 } else { (*left).min(room(stream)) };
                    if *left > 0 && most == 0 {
                        return Ok(Read::NoRoom(stream));
                    }
                    if *left > 0 && input.is_empty() {
                        return Ok(Read::More);
                    }
                    let bytes = take(input, most);
                    *left -= bytes.len();
                    let last = *left == 0;
                    if last {
                        self.stage = Stage::Head;
                    }
                    let finished = last && finished;
                    return Ok(Read::Event(Event::Data { stream, bytes, last, finished }));
                }
                Stage::Block(block) => {
                    let part = take(input, block.left);
                    block.left -= part.len();
                    self.inflater.part(part, &mut block.plain, self.header_bytes)?;
                    if block.left > 0 {
                        return Ok(Read::More);
                    }
                    return Ok(Read::Event(self.block()));
                }
                Stage::Skip { what, left } => {
                    *left -= take(input, *left).len();
                    if *left > 0 {
                        return Ok(Read::More);
                    }
                    let event = match *what {
                        Skipped::Unknown(kind) => Event::Ignored { kind },
                        Skipped::Wrong { kind, stream, fault } => {
                            Event::Wrong { kind, stream, fault }
                        }
                    };
                    self.stage = Stage::Head;
                    return Ok(Read::Event(event));
                }
            }
        }
    }

    /// Begins a frame, and ends it where all of it is of a fixed length. Nothing is taken while that is not there as a whole.
    fn head<'a>(&mut self, input: &mut &[u8]) -> Result<Option<Event<'a>>, Fault> {
        let Some(&[a, b, c, d, flags, x, y, z]) = input.first_chunk::<8>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([0, x, y, z]);
        if a & 0x80 == 0 {
            take(input, 8);
            let stream = u32::from_be_bytes([a, b, c, d]);
            let finished = flags & FLAG_FIN != 0;
            self.stage = Stage::Data { stream, finished, left: length as usize };
            return Ok(None);
        }
        let version = u16::from_be_bytes([a & 0x7f, b]);
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let head = Head { kind: u16::from_be_bytes([c, d]), flags, length };
        match head.kind {
            kind::SYN_STREAM => self.block_head(head, 10, input),
            kind::SYN_REPLY | kind::HEADERS => self.block_head(head, 4, input),
            kind::RST_STREAM | kind::WINDOW_UPDATE => self.stream_frame(head, input),
            kind::PING | kind::GOAWAY => session_frame(head, input),
            kind::SETTINGS => settings(head, input),
            unknown => {
                take(input, 8);
                self.skip(Skipped::Unknown(unknown), head.length);
                Ok(None)
            }
        }
    }

    /// The part in front of the headers: `fixed` bytes.
    fn block_head<'a>(
        &mut self,
        head: Head,
        fixed: u32,
        input: &mut &[u8],
    ) -> Result<Option<Event<'a>>, Fault> {
        if head.length < fixed {
            return self.wrong_length(head, input);
        }
        let Some(body) = input.get(8..8 + fixed as usize) else {
            return Ok(None);
        };
        let stream = number(body, 0) & 0x7fff_ffff;
        let finished = head.flags & FLAG_FIN != 0;
        let start = match head.kind {
            kind::SYN_STREAM => Start::Syn(SynStream {
                stream,
                associated: number(body, 4) & 0x7fff_ffff,
                priority: body[8] >> 5,
                slot: body[9],
                finished,
                unidirectional: head.flags & FLAG_UNIDIRECTIONAL != 0,
                headers: Headers::new(),
            }),
            kind::SYN_REPLY => Start::Reply { stream, finished },
            _ => Start::Headers { stream, finished },
        };
        take(input, 8 + fixed as usize);
        let plain = Plain { bytes: Vec::new(), total: 0 };
        let left = (head.length - fixed) as usize;
        self.stage = Stage::Block(Box::new(Block { start, plain, left }));
        Ok(None)
    }

    /// RST_STREAM and WINDOW_UPDATE: a stream and a number.
    fn stream_frame<'a>(
        &mut self,
        head: Head,
        input: &mut &[u8],
    ) -> Result<Option<Event<'a>>, Fault> {
        if head.length != 8 {
            return self.wrong_length(head, input);
        }
        let Some(body) = input.get(8..16) else {
            return Ok(None);
        };
        let (stream, value) = (number(body, 0) & 0x7fff_ffff, number(body, 4));
        take(input, 16);
        Ok(Some(Event::Control(match head.kind {
            kind::RST_STREAM => Frame::RstStream { stream, status: Status(value) },
            _ => Frame::WindowUpdate { stream, delta: value & 0x7fff_ffff },
        })))
    }

    /// A frame about a stream whose length is wrong: what it says of it is enough to reset that one.
    fn wrong_length<'a>(
        &mut self,
        head: Head,
        input: &mut &[u8],
    ) -> Result<Option<Event<'a>>, Fault> {
        if head.length < 4 {
            return Err(Fault::Length { kind: head.kind, length: head.length });
        }
        let Some(body) = input.get(8..12) else {
            return Ok(None);
        };
        let stream = number(body, 0) & 0x7fff_ffff;
        take(input, 12);
        let fault = StreamFault::Length(head.length);
        self.skip(Skipped::Wrong { kind: head.kind, stream, fault }, head.length - 4);
        Ok(None)
    }

    fn skip(&mut self, what: Skipped, left: u32) {
        self.stage = Stage::Skip { what, left: left as usize };
    }

    /// All of a block is there.
    fn block<'a>(&mut self) -> Event<'a> {
        let Stage::Block(block) = std::mem::replace(&mut self.stage, Stage::Head) else {
            return Event::Ignored { kind: 0 };
        };
        let Block { start, plain, .. } = *block;
        let headers = if plain.total > self.header_bytes {
            Err(StreamFault::TooLarge)
        } else {
            Headers::parse(plain.bytes)
        };
        let (kind, stream) = match &start {
            Start::Syn(syn) => (kind::SYN_STREAM, syn.stream),
            Start::Reply { stream, .. } => (kind::SYN_REPLY, *stream),
            Start::Headers { stream, .. } => (kind::HEADERS, *stream),
        };
        match headers {
            Err(fault) => Event::Wrong { kind, stream, fault },
            Ok(headers) => Event::Control(match start {
                Start::Syn(syn) => Frame::SynStream(SynStream { headers, ..syn }),
                Start::Reply { stream, finished } => Frame::SynReply { stream, finished, headers },
                Start::Headers { stream, finished } => Frame::Headers { stream, finished, headers },
            }),
        }
    }
}

/// PING and GOAWAY. SPDY draft 2's GOAWAY had no status, and its version is not ours.
fn session_frame<'a>(head: Head, input: &mut &[u8]) -> Result<Option<Event<'a>>, Fault> {
    let length = if head.kind == kind::PING { 4 } else { 8 };
    if head.length != length {
        return Err(Fault::Length { kind: head.kind, length: head.length });
    }
    let Some(body) = input.get(8..8 + length as usize) else {
        return Ok(None);
    };
    let first = number(body, 0);
    let frame = match head.kind {
        kind::PING => Frame::Ping { id: first },
        _ => Frame::GoAway { last: first & 0x7fff_ffff, status: number(body, 4) },
    };
    take(input, 8 + length as usize);
    Ok(Some(Event::Control(frame)))
}

fn settings<'a>(head: Head, input: &mut &[u8]) -> Result<Option<Event<'a>>, Fault> {
    let wrong = Fault::Length { kind: head.kind, length: head.length };
    if head.length < 4 {
        return Err(wrong);
    }
    if head.length > 4 + 8 * MOST_SETTINGS {
        return Err(Fault::Limit { name: "settings" });
    }
    let Some(body) = input.get(8..8 + head.length as usize) else {
        return Ok(None);
    };
    let (values, rest) = body[4..].as_chunks::<8>();
    if !rest.is_empty() || usize::try_from(number(body, 0)) != Ok(values.len()) {
        return Err(wrong);
    }
    let setting = |value: &[u8; 8]| Setting {
        flags: value[0],
        id: number(value, 0) & 0xff_ffff,
        value: number(value, 4),
    };
    let values = values.iter().map(setting).collect();
    take(input, 8 + head.length as usize);
    Ok(Some(Event::Control(Frame::Settings { clear: head.flags & FLAG_CLEAR != 0, values })))
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    part
}

/// The number at `at`; every caller has looked that it is there.
fn number(body: &[u8], at: usize) -> u32 {
    body.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_be_bytes(*four))
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("start", &self.start).field("left", &self.left).finish()
    }
}
