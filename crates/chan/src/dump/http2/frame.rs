//! Frames of HTTP/2, each by itself. Source: RFC 9113, sections 4.1, 6 and 7.

use std::fmt;

use crate::dump::text::Flags;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 32;

const SETTINGS_NAMES: [&str; 9] = [
    "",
    "HEADER_TABLE_SIZE",
    "ENABLE_PUSH",
    "MAX_CONCURRENT_STREAMS",
    "INITIAL_WINDOW_SIZE",
    "MAX_FRAME_SIZE",
    "MAX_HEADER_LIST_SIZE",
    "",
    // RFC 8441, section 3.
    "ENABLE_CONNECT_PROTOCOL",
];
const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// Why a frame is none.
pub(super) type Wrong = &'static str;

const NOT_ITS_SIZE: Wrong = "its length is not that of its type";
const PADDING: Wrong = "its padding is longer than the frame";

/// What a frame begins with.
#[derive(Clone, Copy, Debug)]
pub(in crate::dump) struct Head {
    length: usize,
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
}

impl Head {
    pub(in crate::dump) const SIZE: usize = 9;

    pub(in crate::dump) fn of(bytes: &[u8; Self::SIZE]) -> Self {
        let [x, y, z, kind, flags, a, b, c, d] = *bytes;
        let length = u32::from_be_bytes([0, x, y, z]) as usize;
        // The first bit means nothing.
        Self { length, kind, flags, stream: u32::from_be_bytes([a & 0x7f, b, c, d]) }
    }

    /// Bytes of the whole frame.
    pub(in crate::dump) fn size(self) -> usize {
        Self::SIZE + self.length
    }

    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn name(self) -> &'static str {
        match self.kind {
            DATA => "DATA",
            HEADERS => "HEADERS",
            PRIORITY => "PRIORITY",
            RST_STREAM => "RST_STREAM",
            SETTINGS => "SETTINGS",
            PUSH_PROMISE => "PUSH_PROMISE",
            PING => "PING",
            GOAWAY => "GOAWAY",
            WINDOW_UPDATE => "WINDOW_UPDATE",
            CONTINUATION => "CONTINUATION",
            _ => "FRAME",
        }
    }

    fn flag_names(self) -> &'static [&'static str] {
        match self.kind {
            DATA => &["END_STREAM", "", "", "PADDED"],
            HEADERS => &["END_STREAM", "", "END_HEADERS", "PADDED", "", "PRIORITY"],
            SETTINGS | PING => &["ACK"],
            PUSH_PROMISE => &["", "", "END_HEADERS", "PADDED"],
            CONTINUATION => &["", "", "END_HEADERS"],
            _ => &[],
        }
    }

    /// The frame in a line, with what it says beside.
    pub(super) fn line(self, words: &str) -> String {
        let mut line = self.name().to_owned();
        if line == "FRAME" {
            line.push_str(&format!(" type={}", self.kind));
        }
        // Some are of the connection.
        if self.stream != 0 || !matches!(self.kind, SETTINGS | PING | GOAWAY) {
            line.push_str(&format!(" stream={}", self.stream));
        }
        if !words.is_empty() {
            line.push(' ');
            line.push_str(words);
        }
        let flags = Flags(self.flags, self.flag_names());
        line.push_str(&format!(" {flags} length={}\n", self.length));
        line
    }
}

/// What of a frame is data, or of a block of fields, and what it says beside.
pub(super) fn content(head: Head, payload: &[u8]) -> Result<(&[u8], String), Wrong> {
    let mut content = payload;
    if head.has(PADDED) && head.kind != CONTINUATION {
        let (padding, rest) = content.split_first().ok_or(NOT_ITS_SIZE)?;
        let size = rest.len().checked_sub(usize::from(*padding)).ok_or(PADDING)?;
        content = rest.get(..size).unwrap_or_default();
    }
    let mut words = String::new();
    if head.kind == HEADERS && head.has(WITH_PRIORITY) {
        let (first, rest) = content.split_first_chunk::<5>().ok_or(NOT_ITS_SIZE)?;
        (content, words) = (rest, priority(first));
    }
    if head.kind == PUSH_PROMISE {
        let (first, rest) = content.split_first_chunk::<4>().ok_or(NOT_ITS_SIZE)?;
        (content, words) = (rest, format!("promised={}", stream(*first)));
    }
    Ok((content, words))
}

/// What a frame says that has neither data nor fields; nothing of one that nobody knows.
pub(super) fn words(head: Head, payload: &[u8]) -> Result<Option<String>, Wrong> {
    Ok(Some(match head.kind {
        PRIORITY => priority(exactly(payload)?),
        RST_STREAM => format!("error={}", Code(u32::from_be_bytes(*exactly(payload)?))),
        SETTINGS => settings(head, payload)?,
        PING => format!("data={:016x}", u64::from_be_bytes(*exactly(payload)?)),
        GOAWAY => {
            let (last, rest) = payload.split_first_chunk::<4>().ok_or(NOT_ITS_SIZE)?;
            let code = rest.first_chunk::<4>().ok_or(NOT_ITS_SIZE)?;
            format!("last={} error={}", stream(*last), Code(u32::from_be_bytes(*code)))
        }
        WINDOW_UPDATE => format!("delta={}", stream(*exactly(payload)?)),
        _ => return Ok(None),
    }))
}

/// What a GOAWAY says in words.
pub(super) fn farewell(head: Head, payload: &[u8]) -> Option<&[u8]> {
    payload.get(8..).filter(|words| head.kind == GOAWAY && !words.is_empty())
}

fn exactly<const SIZE: usize>(payload: &[u8]) -> Result<&[u8; SIZE], Wrong> {
    payload.try_into().map_err(|_other| NOT_ITS_SIZE)
}

/// A number of 31 bits.
fn stream([a, b, c, d]: [u8; 4]) -> u32 {
    u32::from_be_bytes([a & 0x7f, b, c, d])
}

fn priority([a, b, c, d, weight]: &[u8; 5]) -> String {
    let (depends, weight) = (stream([*a, *b, *c, *d]), u32::from(*weight) + 1);
    format!("depends={depends} weight={weight} exclusive={}", a & 0x80 != 0)
}

fn settings(head: Head, payload: &[u8]) -> Result<String, Wrong> {
    let (all, rest) = payload.as_chunks::<6>();
    if !rest.is_empty() || head.has(ACK) && !all.is_empty() {
        return Err(NOT_ITS_SIZE);
    }
    let one = |[x, y, a, b, c, d]: &[u8; 6]| {
        let (number, value) = (u16::from_be_bytes([*x, *y]), u32::from_be_bytes([*a, *b, *c, *d]));
        let name = SETTINGS_NAMES.get(usize::from(number)).filter(|name| !name.is_empty());
        name.map_or_else(|| format!("0x{number:x}={value}"), |name| format!("{name}={value}"))
    };
    let all: Vec<String> = all.iter().map(one).collect();
    Ok(format!("settings=[{}]", all.join(" ")))
}

/// Why something ended. RFC 9113, section 7.
struct Code(u32);

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.0).ok().and_then(|number| ERRORS.get(number));
        match name {
            Some(name) => write!(formatter, "{}({name})", self.0),
            None => write!(formatter, "{}", self.0),
        }
    }
}
