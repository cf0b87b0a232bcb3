//! Writes frames.
//! Never decides which: starts at [`Encoder::control`] and [`data_head`]. Sources: SPDY draft 3, sections 2.2 and 2.6.

use crate::compress::Deflater;
use crate::frame::{FLAG_CLEAR, FLAG_FIN, FLAG_UNIDIRECTIONAL, VERSION, kind};
use crate::{Fault, Frame, Headers};

/// Writes frames of one direction of a session; remembers its compression.
#[derive(Debug)]
pub struct Encoder {
    deflater: Deflater,
}

impl Encoder {
    /// Of a session that begins; `compress` as in [`Limits::compress`](crate::Limits::compress).
    #[must_use]
    pub fn new(compress: bool) -> Self {
        Self { deflater: Deflater::new(compress) }
    }

    /// Appends a control frame to `out`. SPDY draft 3, section 2.2.1.
    ///
    /// # Errors
    /// [`Fault::Compression`] when headers cannot be compressed, and [`Fault::Length`] when they are longer than a frame: `out` is as before.
    pub fn control(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = out.len();
        let written = self.write(frame, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn write(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<(), Fault> {
        match frame {
            Frame::SynStream(syn) => {
                let unidirectional = if syn.unidirectional { FLAG_UNIDIRECTIONAL } else { 0 };
                let start = head(kind::SYN_STREAM, fin(syn.finished) | unidirectional, out);
                numbers(&[syn.stream, syn.associated], out);
                out.extend_from_slice(&[syn.priority << 5, syn.slot]);
                self.block(&syn.headers, out)?;
                end(start, kind::SYN_STREAM, out)
            }
            Frame::SynReply { stream, finished, headers } => {
                self.headers(kind::SYN_REPLY, (*stream, *finished), headers, out)
            }
            Frame::Headers { stream, finished, headers } => {
                self.headers(kind::HEADERS, (*stream, *finished), headers, out)
            }
            Frame::RstStream { stream, status } => {
                fixed(kind::RST_STREAM, &[*stream, status.0], out)
            }
            Frame::Ping { id } => fixed(kind::PING, &[*id], out),
            Frame::GoAway { last, status } => fixed(kind::GOAWAY, &[*last, *status], out),
            Frame::WindowUpdate { stream, delta } => {
                fixed(kind::WINDOW_UPDATE, &[*stream, *delta], out)
            }
            Frame::Settings { clear, values } => {
                let start = head(kind::SETTINGS, if *clear { FLAG_CLEAR } else { 0 }, out);
                numbers(&[u32::try_from(values.len()).unwrap_or(u32::MAX)], out);
                for setting in values {
                    let id = u32::from(setting.flags) << 24 | setting.id & 0xff_ffff;
                    numbers(&[id, setting.value], out);
                }
                end(start, kind::SETTINGS, out)
            }
        }
    }

    fn headers(
        &mut self,
        kind: u16,
        (stream, finished): (u32, bool),
        headers: &Headers,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let start = head(kind, fin(finished), out);
        numbers(&[stream], out);
        self.block(headers, out)?;
        end(start, kind, out)
    }

    fn block(&mut self, headers: &Headers, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (count, fields) = headers.plain();
        self.deflater.block([&count, fields], out)
    }
}

/// The eight bytes in front of the data of a DATA frame; `length` is below 2²⁴. SPDY draft 3, section 2.2.2.
#[must_use]
pub fn data_head(stream: u32, length: u32, finished: bool) -> [u8; 8] {
    let [a, b, c, d] = stream.to_be_bytes();
    let [_, x, y, z] = length.to_be_bytes();
    [a & 0x7f, b, c, d, fin(finished), x, y, z]
}

fn fin(finished: bool) -> u8 {
    if finished { FLAG_FIN } else { 0 }
}

/// Begins a frame whose length is not known yet; returns where it begins.
fn head(kind: u16, flags: u8, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&(0x8000 | VERSION).to_be_bytes());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[flags, 0, 0, 0]);
    start
}

fn end(start: usize, kind: u16, out: &mut [u8]) -> Result<(), Fault> {
    let length = u32::try_from(out.len() - start - 8).unwrap_or(u32::MAX);
    if length > 0xff_ffff {
        return Err(Fault::Length { kind, length });
    }
    out[start + 5..start + 8].copy_from_slice(&length.to_be_bytes()[1..]);
    Ok(())
}

fn fixed(kind: u16, fields: &[u32], out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = head(kind, 0, out);
    numbers(fields, out);
    end(start, kind, out)
}

fn numbers(fields: &[u32], out: &mut Vec<u8>) {
    for field in fields {
        out.extend_from_slice(&field.to_be_bytes());
    }
}
