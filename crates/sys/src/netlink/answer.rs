//! What the kernel answers: messages, each with a header, and attributes in them.

use super::HEADER;
use crate::Errno;

/// `struct nlattr`.
const ATTRIBUTE: usize = 4;
/// Flags in the type of an attribute are above these bits.
const KIND: u16 = 0x3fff;
/// NLMSGERR_ATTR_MSG: the kernel's words.
const WORDS: u16 = 1;
/// NLM_F_ACK_TLVS: attributes follow the error.
const HAS_ATTRIBUTES: u16 = 0x200;
/// NLM_F_CAPPED: of the request only its header is in the answer.
const IS_CAPPED: u16 = 0x100;

/// An object of an answer: its fixed head, and its attributes.
#[derive(Clone, Debug)]
pub struct Answer {
    bytes: Vec<u8>,
    head: usize,
}

/// Attributes that lie one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attributes<'a>(&'a [u8]);

/// One message as it arrived.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
    flags: u16,
}

impl Answer {
    pub(super) fn new(body: &[u8], head: usize) -> Result<Self, Errno> {
        if body.len() < head {
            return Err(malformed());
        }
        Ok(Self { bytes: body.to_vec(), head })
    }

    /// The fixed head.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.bytes.get(..self.head).unwrap_or_default()
    }

    /// Four bytes of the head, in the machine's order.
    #[must_use]
    pub fn number_at(&self, offset: usize) -> u32 {
        number(self.head().get(offset..offset + 4))
    }

    /// What follows the head.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes(self.bytes.get(self.head.next_multiple_of(4)..).unwrap_or_default())
    }
}

impl<'a> Attributes<'a> {
    /// Those in these bytes.
    #[must_use]
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The value of the first one of that kind.
    #[must_use]
    pub fn get(self, wanted: u16) -> Option<&'a [u8]> {
        self.into_iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// Those inside the first one of that kind; none where there is none.
    #[must_use]
    pub fn nested(self, kind: u16) -> Self {
        Self(self.get(kind).unwrap_or_default())
    }

    /// Text up to its zero.
    #[must_use]
    pub fn text(self, kind: u16) -> Option<&'a str> {
        let bytes = self.get(kind)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        std::str::from_utf8(bytes.get(..end)?).ok()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0;
        let length = usize::from(short(rest, 0)?);
        let kind = short(rest, 2)? & KIND;
        // A length that lies ends the reading.
        let value = rest.get(ATTRIBUTE..length)?;
        self.0 = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Four bytes as a number in the machine's order; 0 when they are not there.
#[must_use]
pub fn number(bytes: Option<&[u8]>) -> u32 {
    bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// The messages of a part; one whose length lies is the last.
pub(super) fn messages(mut part: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Errno>> {
    std::iter::from_fn(move || {
        let header = part.get(..HEADER)?;
        let length = usize::try_from(number(header.get(..4))).unwrap_or(0);
        let Some(body) = part.get(HEADER..length) else {
            part = &[];
            return Some(Err(malformed()));
        };
        let message = Message {
            kind: short(header, 4)?,
            flags: short(header, 6)?,
            sequence: number(header.get(8..12)),
            body,
        };
        part = part.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(message))
    })
}

impl Message<'_> {
    /// An error message is a negative errno, or 0 for a confirmation.
    pub(super) fn error(&self) -> Result<Option<(Errno, Option<String>)>, Errno> {
        let bytes = self.body.get(..4).and_then(|bytes| bytes.try_into().ok());
        let errno = bytes.map(i32::from_ne_bytes).ok_or(malformed())?;
        if errno == 0 {
            return Ok(None);
        }
        Ok(Some((Errno::from_raw(errno.saturating_neg()), self.words())))
    }

    fn words(&self) -> Option<String> {
        if self.flags & HAS_ATTRIBUTES == 0 {
            return None;
        }
        let request = usize::try_from(number(self.body.get(4..8))).ok()?;
        let skipped = if self.flags & IS_CAPPED == 0 { request } else { HEADER };
        let attributes = Attributes(self.body.get((4 + skipped).next_multiple_of(4)..)?);
        attributes.text(WORDS).map(str::to_owned)
    }
}

fn short(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes([*bytes.get(offset)?, *bytes.get(offset + 1)?]))
}

const fn malformed() -> Errno {
    Errno::from_raw(libc::EBADMSG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Request;

    #[test]
    fn what_is_written_is_read() {
        let request = Request::new(16, 0, &[1, 2, 3, 4])
            .text(3, "lo")
            .nested(18, |inner| inner.number(4, 9).byte(5, 7))
            .network_number(6, 258);
        let bytes = request.finish(7).unwrap();
        let message = messages(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.sequence), (16, 7));
        let answer = Answer::new(message.body, 4).unwrap();
        let attributes = answer.attributes();
        assert_eq!((answer.head(), attributes.text(3)), (&[1, 2, 3, 4][..], Some("lo")));
        let inner = attributes.nested(18);
        assert_eq!((number(inner.get(4)), inner.get(5)), (9, Some(&[7][..])));
        assert_eq!((attributes.get(6), attributes.get(7)), (Some(&[0, 0, 1, 2][..]), None));
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        for bytes in [&[0; 3][..], &[0; 16], &[200, 0, 0, 0, 1, 0], &[3, 0, 0, 0], &[255; 64]] {
            assert_eq!(Attributes(bytes).get(1), None);
            assert!(messages(bytes).all(|message| message.is_err()), "{bytes:?}");
        }
        let nothing = Attributes(&[]);
        assert!(nothing.nested(1).next().is_none());
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let long = vec![0; 70_000];
        assert!(Request::new(1, 0, &[]).bytes(1, &long).finish(1).is_err());
        let halves = |inner: Request| inner.bytes(1, &long[..40_000]).bytes(1, &long[..40_000]);
        assert!(Request::new(1, 0, &[]).nested(1, halves).finish(1).is_err());
    }
}
