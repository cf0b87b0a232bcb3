//! Frames as lines. Sources: SPDY draft 3, sections 2.2 and 2.6.

use std::fmt;

use spdy::{Decoder, Event, Fault, Frame, Headers, SynStream, kind};

use super::Look;
use super::streams::{Opening, Streams};
use super::text::Flags;
use super::wire::From;

/// Bytes of one block of headers that are kept.
const HEADER_BYTES: usize = 64 << 10;

/// The first eight bytes of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    Data { stream: u32, flags: u8, length: usize },
    Control { kind: u16, flags: u8, length: usize },
}

impl Head {
    pub(super) fn of(bytes: &[u8; 8]) -> Self {
        let [a, b, c, d, flags, x, y, z] = *bytes;
        let length = u32::from_be_bytes([0, x, y, z]) as usize;
        if a & 0x80 == 0 {
            let stream = u32::from_be_bytes([a, b, c, d]);
            return Self::Data { stream, flags, length };
        }
        Self::Control { kind: u16::from_be_bytes([c, d]), flags, length }
    }

    /// Bytes of the whole frame.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Data { length, .. } | Self::Control { length, .. } => 8 + length,
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Data { stream, flags, length } => {
                write!(formatter, "DATA stream={stream} {} length={length}", Flags(flags, &["FIN"]))
            }
            Self::Control { kind, flags, length } => {
                let names: &[&str] = match kind {
                    kind::SYN_STREAM => &["FIN", "UNIDIRECTIONAL"],
                    kind::SYN_REPLY | kind::HEADERS => &["FIN"],
                    kind::SETTINGS => &["CLEAR"],
                    _ => &[],
                };
                write!(formatter, "{} length={length}", Flags(flags, names))
            }
        }
    }
}

/// The control frames of one direction: its compression goes through all of them.
pub(super) struct Controls {
    decoder: Decoder,
    /// Why headers cannot be read any more.
    fault: Option<Fault>,
}

impl Default for Controls {
    fn default() -> Self {
        Self { decoder: Decoder::new(HEADER_BYTES), fault: None }
    }
}

impl Controls {
    /// A control frame, as lines.
    pub(super) fn show(
        &mut self,
        look: Look,
        (from, head): (From, Head),
        frame: &[u8],
        streams: &mut Streams,
    ) -> String {
        let Head::Control { kind, .. } = head else { return String::new() };
        let mut text = String::new();
        let has_headers = matches!(kind, kind::SYN_STREAM | kind::SYN_REPLY | kind::HEADERS);
        let read = match self.fault {
            Some(fault) if has_headers => Err(fault),
            // Nothing but headers depends on what was before.
            Some(_) => read(&mut Decoder::new(HEADER_BYTES), frame),
            None => read(&mut self.decoder, frame),
        };
        match read {
            Ok(Read::Frame(frame)) => {
                let (words, headers) = words(&frame);
                text.push_str(&format!("{} {words} {head}\n", name(kind)));
                for (name, value) in headers.iter().flat_map(|headers| headers.iter()) {
                    let value = String::from_utf8_lossy(value).replace('\0', "\\0");
                    look.line(&mut text, &format!("{name}: {value}"));
                }
                match frame {
                    Frame::SynStream(syn) => open(from, &syn, streams),
                    Frame::RstStream { stream, .. } => streams.reset(stream),
                    Frame::SynReply { stream, finished: true, .. }
                    | Frame::Headers { stream, finished: true, .. } => streams.finish(from, stream),
                    Frame::SynReply { .. }
                    | Frame::Headers { .. }
                    | Frame::Settings { .. }
                    | Frame::Ping { .. }
                    | Frame::GoAway { .. }
                    | Frame::WindowUpdate { .. } => {}
                }
            }
            Ok(Read::Wrong(why)) => {
                text.push_str(&format!("{} {head}\n", name(kind)));
                look.line(&mut text, &why);
                look.hex(&mut text, frame);
            }
            Err(fault) => {
                self.fault = Some(fault);
                text.push_str(&format!("{} {head}\n", name(kind)));
                look.line(&mut text, &format!("it cannot be read: {fault}"));
                look.hex(&mut text, frame);
            }
        }
        text
    }
}

fn open(from: From, syn: &SynStream, streams: &mut Streams) {
    let number = |name| syn.headers.text(name).and_then(|text| text.parse::<u64>().ok());
    let (number, parent) = (number("libchan-ref"), number("libchan-parent-ref"));
    if parent == Some(0) {
        streams.is_of_2014();
    }
    streams.open(&Opening { id: syn.stream, opener: from, number, parent });
    if syn.finished {
        streams.finish(from, syn.stream);
    }
}

enum Read {
    Frame(Frame),
    /// Why it is none.
    Wrong(String),
}

fn read(decoder: &mut Decoder, mut frame: &[u8]) -> Result<Read, Fault> {
    Ok(match decoder.next(&mut frame)? {
        Some(Event::Control(frame)) => Read::Frame(frame),
        Some(Event::Wrong { stream, fault, .. }) => {
            Read::Wrong(format!("it is wrong: stream {stream}: {fault}"))
        }
        Some(Event::Ignored { .. }) => Read::Wrong("its type is not known".to_owned()),
        Some(Event::Data { .. }) | None => Read::Wrong("it is not whole".to_owned()),
    })
}

fn name(kind: u16) -> String {
    let name = match kind {
        kind::SYN_STREAM => "SYN_STREAM",
        kind::SYN_REPLY => "SYN_REPLY",
        kind::RST_STREAM => "RST_STREAM",
        kind::SETTINGS => "SETTINGS",
        kind::PING => "PING",
        kind::GOAWAY => "GOAWAY",
        kind::HEADERS => "HEADERS",
        kind::WINDOW_UPDATE => "WINDOW_UPDATE",
        other => return format!("CONTROL type={other}"),
    };
    name.to_owned()
}

/// What a frame says, and its headers.
fn words(frame: &Frame) -> (String, Option<&Headers>) {
    match frame {
        Frame::SynStream(syn) => (syn_words(syn), Some(&syn.headers)),
        Frame::SynReply { stream, headers, .. } | Frame::Headers { stream, headers, .. } => {
            (format!("stream={stream}"), Some(headers))
        }
        Frame::RstStream { stream, status } => {
            (format!("stream={stream} status={}({status})", status.0), None)
        }
        Frame::Settings { values, .. } => {
            let one = |setting: &spdy::Setting| {
                format!("{}={}(flags=0x{:x})", setting.id, setting.value, setting.flags)
            };
            let all: Vec<String> = values.iter().map(one).collect();
            (format!("settings=[{}]", all.join(" ")), None)
        }
        Frame::Ping { id } => (format!("id={id}"), None),
        Frame::GoAway { last, status } => (format!("last={last} status={status}"), None),
        Frame::WindowUpdate { stream, delta } => (format!("stream={stream} delta={delta}"), None),
    }
}

fn syn_words(syn: &SynStream) -> String {
    let SynStream { stream, associated, priority, slot, .. } = syn;
    format!("stream={stream} associated={associated} priority={priority} slot={slot}")
}
