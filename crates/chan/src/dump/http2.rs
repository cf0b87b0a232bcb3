//! Frames of HTTP/2 as lines: heads with their fields, and what libchan says in bodies (`bodies`). Whatever is wrong with a frame is told,
//! and what follows is shown. Start at [`Http2::show`].

mod bodies;
mod frame;

use self::bodies::Bodies;
pub(super) use self::frame::Head;
use self::frame::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PUSH_PROMISE, RST_STREAM};
use super::Look;
use super::hpack::{Block, Decoder};
use super::wire::From;

/// What a client begins with. RFC 9113, section 3.4.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of one block of fields that are kept.
const BLOCK_BYTES: usize = 64 << 10;
/// Bytes of its fields that are shown, of which a byte may name kilobytes.
const SHOWN_BYTES: usize = 16 << 10;

/// A connection.
#[derive(Default)]
pub(super) struct Http2 {
    bodies: Bodies,
    client: Direction,
    server: Direction,
}

#[derive(Default)]
struct Direction {
    decoder: Decoder,
    /// Why fields cannot be read any more.
    fault: Option<String>,
    open: Option<Open>,
}

/// A block of fields that goes on.
struct Open {
    head: Head,
    block: Vec<u8>,
}

/// Whether what a server begins with, settings, begins so; nothing where more of it is needed.
pub(super) fn is_servers(bytes: &[u8]) -> Option<bool> {
    let fits = |(at, byte): (usize, &u8)| match at {
        1 | 2 => true,
        3 => *byte == 4,
        _ => *byte == 0,
    };
    let head = bytes.get(..Head::SIZE);
    let begins = head.unwrap_or(bytes).iter().enumerate().all(fits);
    if begins && head.is_none() { None } else { Some(begins) }
}

impl Http2 {
    /// A frame, as lines.
    pub(super) fn show(&mut self, look: Look, (from, head): (From, Head), frame: &[u8]) -> String {
        let payload = frame.get(Head::SIZE..).unwrap_or_default();
        let mut lines = Vec::new();
        if head.kind != CONTINUATION {
            lines.extend(self.interrupted(from));
        }
        let shown = match head.kind {
            DATA => frame::content(head, payload)
                .map(|(data, words)| (words, self.data((from, head), data), Some(data))),
            HEADERS | PUSH_PROMISE | CONTINUATION => {
                frame::content(head, payload).map(|(block, words)| {
                    let lines = self.fields((from, head), block);
                    // What cannot be read is there as bytes.
                    let bytes = self.direction(from).fault.is_some().then_some(block);
                    (words, lines, bytes)
                })
            }
            _ => frame::words(head, payload).map(|words| match words {
                Some(words) => (words, Vec::new(), frame::farewell(head, payload)),
                None => (String::new(), vec!["its type is not known".to_owned()], Some(payload)),
            }),
        };
        let (words, more, bytes) = shown.unwrap_or_else(|wrong| {
            self.direction(from).doubt(head);
            (String::new(), vec![format!("it is wrong: {wrong}")], Some(payload))
        });
        lines.extend(more);
        self.end((from, head));
        let mut text = head.line(&words);
        look.hex(&mut text, bytes.unwrap_or_default());
        lines.iter().for_each(|line| look.line(&mut text, line));
        text
    }

    fn direction(&mut self, from: From) -> &mut Direction {
        match from {
            From::Client => &mut self.client,
            From::Server => &mut self.server,
        }
    }

    fn data(&mut self, (from, head): (From, Head), data: &[u8]) -> Vec<String> {
        self.bodies.data(from, head.stream, data)
    }

    /// Whatever ends with a frame.
    fn end(&mut self, (from, head): (From, Head)) {
        let ends = head.has(END_STREAM) && matches!(head.kind, DATA | HEADERS);
        if ends {
            self.bodies.finish(from, head.stream);
        }
        if head.kind == RST_STREAM {
            self.bodies.reset(head.stream);
        }
    }

    /// Nothing may come within a block. RFC 9113, section 4.3.
    fn interrupted(&mut self, from: From) -> Option<String> {
        let direction = self.direction(from);
        let open = direction.open.take()?;
        direction.fault.get_or_insert_with(|| "one before it has no end".to_owned());
        Some(format!("it is wrong: the fields on stream {} have no end", open.head.stream))
    }

    /// The fields of a block, once it is whole.
    fn fields(&mut self, (from, head): (From, Head), bytes: &[u8]) -> Vec<String> {
        let direction = self.direction(from);
        let open = match (head.kind, direction.open.take()) {
            (CONTINUATION, Some(open)) if open.head.stream == head.stream => Some(open),
            (CONTINUATION, _) => None,
            _ => Some(Open { head, block: Vec::new() }),
        };
        let Some(mut open) = open else {
            direction.doubt(head);
            return vec!["it is wrong: it continues nothing".to_owned()];
        };
        if open.block.len() + bytes.len() > BLOCK_BYTES {
            let words = format!("a block of fields is beyond {BLOCK_BYTES} bytes");
            direction.fault.get_or_insert(words);
        } else {
            open.block.extend_from_slice(bytes);
        }
        if !head.has(END_HEADERS) {
            direction.open = Some(open);
            return direction.cannot().into_iter().collect();
        }
        let Block { fields, left_out } = match direction.read(&open.block) {
            Ok(block) => block,
            Err(words) => return vec![words],
        };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let mut lines: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
        if left_out > 0 {
            lines.push(format!("… {left_out} fields more"));
        }
        if open.head.kind == HEADERS {
            self.bodies.open(from, open.head.stream, &fields);
        }
        lines
    }
}

impl Direction {
    fn read(&mut self, block: &[u8]) -> Result<Block, String> {
        if let Some(words) = self.cannot() {
            return Err(words);
        }
        self.decoder.block(block, SHOWN_BYTES).map_err(|fault| {
            self.fault = Some(fault.to_string());
            format!("it cannot be read: {fault}")
        })
    }

    /// Blocks depend on each other.
    fn cannot(&self) -> Option<String> {
        self.fault.as_ref().map(|fault| format!("it cannot be read: {fault}"))
    }

    /// A frame that is none may have had fields.
    fn doubt(&mut self, head: Head) {
        if matches!(head.kind, HEADERS | PUSH_PROMISE | CONTINUATION) {
            self.open = None;
            self.fault.get_or_insert_with(|| "a frame before it is wrong".to_owned());
        }
    }
}
