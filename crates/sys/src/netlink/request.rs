//! A request: a header, a fixed head of its family, attributes that may hold attributes.

use super::{ACKNOWLEDGE, HEADER};
use crate::Errno;

/// NLM_F_REQUEST.
const REQUEST: u16 = 0x01;
/// NLA_F_NESTED.
const NESTED: u16 = 0x8000;
/// `struct nlattr`.
const ATTRIBUTE: usize = 4;

/// A request in the making. What does not fit in an attribute is found when it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    bytes: Vec<u8>,
    flags: u16,
    head: usize,
    is_too_long: bool,
}

impl Request {
    /// One of a kind, with the family's fixed head.
    #[must_use]
    pub fn new(kind: u16, flags: u16, head: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend([0; 4]);
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(head);
        let request = Self { bytes, flags: flags | REQUEST, head: head.len(), is_too_long: false };
        request.padded()
    }

    /// An attribute of bytes.
    #[must_use]
    pub fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        match u16::try_from(ATTRIBUTE + value.len()) {
            Ok(length) => {
                self.bytes.extend(length.to_ne_bytes());
                self.bytes.extend(kind.to_ne_bytes());
                self.bytes.extend(value);
            }
            Err(_too_long) => self.is_too_long = true,
        }
        self.padded()
    }

    /// A byte.
    #[must_use]
    pub fn byte(self, kind: u16, value: u8) -> Self {
        self.bytes(kind, &[value])
    }

    /// A number of two bytes in the machine's order.
    #[must_use]
    pub fn short(self, kind: u16, value: u16) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// A number of four bytes in the machine's order.
    #[must_use]
    pub fn number(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// A number of four bytes in the network's order, as netfilter has them.
    #[must_use]
    pub fn network_number(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Text, which ends with a zero.
    #[must_use]
    pub fn text(self, kind: u16, value: &str) -> Self {
        let terminated: Vec<u8> = value.bytes().chain([0]).collect();
        self.bytes(kind, &terminated)
    }

    /// An attribute that holds those which `inner` adds.
    #[must_use]
    pub fn nested(self, kind: u16, inner: impl FnOnce(Self) -> Self) -> Self {
        self.holding(kind | NESTED, &[], inner)
    }

    /// The same with a fixed head before them, and without the flag that newer families demand: rtnetlink's `IFLA_INFO_DATA` of veth.
    #[must_use]
    pub fn holding(mut self, kind: u16, head: &[u8], inner: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(head);
        let mut all = inner(self.padded());
        match (u16::try_from(all.bytes.len() - start), all.bytes.get_mut(start..start + 2)) {
            (Ok(length), Some(place)) => place.copy_from_slice(&length.to_ne_bytes()),
            _ => all.is_too_long = true,
        }
        all
    }

    /// Bytes that it has so far.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn head_length(&self) -> usize {
        self.head
    }

    /// Demands an answer also where all went well.
    pub(super) fn acknowledged(self) -> Self {
        Self { flags: self.flags | ACKNOWLEDGE, ..self }
    }

    /// Its bytes. Those of the header: length, kind, flags, sequence number, and 0 for the kernel to fill in.
    pub(super) fn finish(mut self, sequence: u32) -> Result<Vec<u8>, Errno> {
        let too_long = Errno::from_raw(libc::E2BIG);
        if self.is_too_long {
            return Err(too_long);
        }
        let length = u32::try_from(self.bytes.len()).map_err(|_large| too_long)?;
        let header = self.bytes.get_mut(..HEADER).ok_or(too_long)?;
        header[..4].copy_from_slice(&length.to_ne_bytes());
        header[6..8].copy_from_slice(&self.flags.to_ne_bytes());
        header[8..12].copy_from_slice(&sequence.to_ne_bytes());
        Ok(self.bytes)
    }

    fn padded(mut self) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }
}
