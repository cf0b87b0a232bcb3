//! What the bodies of requests and answers are made of. An end is said in the body and not by the body's end alone: a proxy may take the
//! end of an answer for the end of the request too (RFC 9113, section 8.1), and what a proxy cuts off must not look complete.
//!
//! ```text
//! | kind: 1 byte | size: 4 bytes, big-endian | content |
//!   0  bytes   any                what is sent on the stream
//!   1  end     none               of this way
//!   2  open    numbers            24 bytes: first of an answer, which stream of the server's this is, its parent's number, and its place
//!                                 among the server's channels; 0 for what it has not
//!   3  reset   SPDY's number      4 bytes: both ways are over before their time, and why
//! ```
//!
//! A part of no bytes says nothing, and may be anywhere, also before an opening and after an end: it is a sign of life, since a proxy ends
//! a stream on which nothing passes. What is of another kind or size breaks the protocol.

use bytes::{BufMut, Bytes, BytesMut};

use super::Numbers;

/// Bytes before the content.
pub(super) const HEAD: usize = 5;
const NUMBERS: usize = 24;
const STATUS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes = 0,
    End = 1,
    Open = 2,
    Reset = 3,
}

/// What the bodies of HTTP/2 are made of: `docs/libchan.md`.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Some of a part of bytes: of what is sent on the stream.
    Bytes(Bytes),
    /// The end of this way.
    End,
    /// First of an answer: which stream of the server's this is.
    Open(Numbers),
    /// Both ways are over before their time; SPDY's number says why.
    Reset(u32),
}

/// The head of what follows it in a buffer, which has room for it.
pub(super) fn write_head(buffer: &mut BytesMut, kind: Kind, size: usize) {
    let size = u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(head) = buffer.first_chunk_mut::<HEAD>() {
        *head = [kind as u8, size[0], size[1], size[2], size[3]];
    }
}

/// Appends a small part.
pub(super) fn append(buffer: &mut BytesMut, kind: Kind, content: &[u8]) {
    buffer.put_u8(kind as u8);
    buffer.put_u32(u32::try_from(content.len()).unwrap_or(u32::MAX));
    buffer.extend_from_slice(content);
}

const NOTHING: [u8; HEAD] = [Kind::Bytes as u8, 0, 0, 0, 0];

/// Bytes that are none, with which an answer begins: nginx keeps a head until something follows it, where its client has TLS.
pub(super) const fn nothing() -> Bytes {
    Bytes::from_static(&NOTHING)
}

/// The same as a sign of life: whoever has another one of the same bytes knows whether this one has left.
#[derive(Debug, Default)]
pub(super) struct Sign(Bytes);

impl Sign {
    /// The next one; none as long as the last one has not left.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        if self.0.is_empty() {
            self.0 = Bytes::copy_from_slice(&NOTHING);
        }
        self.0.is_unique().then(|| self.0.clone())
    }
}

/// The part that says which stream it is.
pub(super) fn opening(numbers: Numbers) -> Bytes {
    let mut content = [0; NUMBERS];
    content[..8].copy_from_slice(&numbers.own.to_be_bytes());
    content[8..16].copy_from_slice(&numbers.parent.unwrap_or(0).to_be_bytes());
    content[16..].copy_from_slice(&numbers.place.unwrap_or(0).to_be_bytes());
    let mut part = BytesMut::with_capacity(HEAD + NUMBERS);
    append(&mut part, Kind::Open, &content);
    part.freeze()
}

/// The part that ends both ways before their time.
pub(super) fn reset(number: u32) -> Bytes {
    let mut part = BytesMut::with_capacity(HEAD + STATUS);
    append(&mut part, Kind::Reset, &number.to_be_bytes());
    part.freeze()
}

/// Reads the parts of a body, which comes in pieces of any size: for sessions, and for who looks at the conversations of others.
///
/// ```
/// let mut parts = libchan::Parts::default();
/// let mut piece = bytes::Bytes::from_static(&[0, 0, 0, 0, 2, b'h', b'i', 1, 0, 0, 0, 0]);
/// assert_eq!(parts.next(&mut piece), Ok(Some(libchan::Part::Bytes("hi".into()))));
/// assert_eq!(parts.next(&mut piece), Ok(Some(libchan::Part::End)));
/// assert_eq!(parts.next(&mut piece), Ok(None));
/// ```
#[derive(Debug, Default)]
pub struct Parts {
    /// A head, and the content of a part that is no bytes.
    small: [u8; HEAD + NUMBERS],
    filled: usize,
    /// Bytes that are left of a part of bytes.
    left: usize,
}

impl Parts {
    /// The next part; nothing where the piece ends, and more has to come.
    ///
    /// # Errors
    /// It is none; what it is instead.
    pub fn next(&mut self, piece: &mut Bytes) -> Result<Option<Part>, &'static str> {
        loop {
            if piece.is_empty() {
                return Ok(None);
            }
            if self.left > 0 {
                let bytes = piece.split_to(self.left.min(piece.len()));
                self.left -= bytes.len();
                return Ok(Some(Part::Bytes(bytes)));
            }
            if self.filled < HEAD && !self.fill(piece, HEAD) {
                return Ok(None);
            }
            let [kind, size @ ..] = self.head();
            let size = u32::from_be_bytes(size) as usize;
            match (kind, size) {
                (0, _) => {
                    self.left = size;
                    self.filled = 0;
                }
                (1, 0) => {
                    self.filled = 0;
                    return Ok(Some(Part::End));
                }
                (2, NUMBERS) => {
                    if !self.fill(piece, HEAD + NUMBERS) {
                        return Ok(None);
                    }
                    self.filled = 0;
                    return Ok(Some(Part::Open(self.numbers())));
                }
                (3, STATUS) => {
                    if !self.fill(piece, HEAD + STATUS) {
                        return Ok(None);
                    }
                    self.filled = 0;
                    let number = self.small[HEAD..].first_chunk().copied().unwrap_or_default();
                    return Ok(Some(Part::Reset(u32::from_be_bytes(number))));
                }
                (1..=3, _) => return Err("a part of the wrong size"),
                _ => return Err("a part of an unknown kind"),
            }
        }
    }

    /// Whether the body may end here.
    pub(super) fn is_between(&self) -> bool {
        self.filled == 0 && self.left == 0
    }

    fn fill(&mut self, piece: &mut Bytes, wanted: usize) -> bool {
        let more = piece.split_to((wanted - self.filled).min(piece.len()));
        self.small[self.filled..self.filled + more.len()].copy_from_slice(&more);
        self.filled += more.len();
        self.filled == wanted
    }

    fn head(&self) -> [u8; HEAD] {
        self.small.first_chunk().copied().unwrap_or_default()
    }

    fn numbers(&self) -> Numbers {
        let number = |at: usize| {
            let bytes = self.small[at..].first_chunk().copied().unwrap_or_default();
            u64::from_be_bytes(bytes)
        };
        let optional = |at| Some(number(at)).filter(|number| *number > 0);
        Numbers { own: number(HEAD), parent: optional(HEAD + 8), place: optional(HEAD + 16) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut Parts, mut piece: Bytes) -> Result<Vec<Part>, &'static str> {
        let mut parts = Vec::new();
        while let Some(part) = reader.next(&mut piece)? {
            parts.push(part);
        }
        Ok(parts)
    }

    #[test]
    fn parts_are_read_in_pieces_of_any_size() {
        let mut body =
            BytesMut::from(&opening(Numbers { own: 7, parent: Some(2), place: Some(3) })[..]);
        append(&mut body, Kind::Bytes, b"some bytes");
        append(&mut body, Kind::Bytes, b"");
        append(&mut body, Kind::End, b"");
        body.extend_from_slice(&reset(5));
        let body = body.freeze();
        for size in 1..body.len() {
            let mut reader = Parts::default();
            let mut bytes = Vec::new();
            let mut others = Vec::new();
            for piece in body.chunks(size) {
                for part in read(&mut reader, Bytes::copy_from_slice(piece)).unwrap() {
                    match part {
                        Part::Bytes(some) => bytes.extend_from_slice(&some),
                        part @ (Part::End | Part::Open(_) | Part::Reset(_)) => others.push(part),
                    }
                }
            }
            assert_eq!(bytes, b"some bytes");
            let open = Part::Open(Numbers { own: 7, parent: Some(2), place: Some(3) });
            assert_eq!(others, [open, Part::End, Part::Reset(5)]);
            assert!(reader.is_between());
        }
    }

    #[test]
    fn no_sign_waits_for_another_one() {
        let mut sign = Sign::default();
        for _ in 0..2 {
            let waits = sign.next().unwrap();
            assert_eq!(waits, nothing());
            assert_eq!(sign.next(), None);
            drop(waits);
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for body in
            [&[4, 0, 0, 0, 0][..], &[1, 0, 0, 0, 1], &[2, 0, 0, 0, 16], &[3, 0, 0, 0, 5], &[255; 5]]
        {
            let told = read(&mut Parts::default(), Bytes::copy_from_slice(body));
            assert!(told.is_err(), "{body:?}");
        }
        let mut reader = Parts::default();
        assert_eq!(read(&mut reader, Bytes::from_static(&[0, 0, 0])), Ok(Vec::new()));
        assert!(!reader.is_between());
    }
}
