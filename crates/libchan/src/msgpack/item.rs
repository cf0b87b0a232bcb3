//! Messages as they are on the wire, without a session: for who looks at the conversations of others. Start at [`Items`].

use super::head::{Head, Kind, head};
use super::read::Malformed;
use super::scan::Scan;
use crate::error::Error;
use crate::generation::Generation;
use crate::limits::Limits;

/// A message or part of one, as it is on the wire. [`Value`](crate::Value) is one that belongs to a session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Item {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// A number that was written as a signed one.
    Signed(i64),
    /// A number that was written as an unsigned one.
    Unsigned(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes, and text that is no UTF-8.
    Bytes(Vec<u8>),
    /// Values in order.
    Array(Vec<Self>),
    /// Pairs of values in order.
    Map(Vec<(Self, Self)>),
    /// What is no data: a reference to a stream, a time, or what nobody knows.
    Extension {
        /// Which kind.
        code: i8,
        /// What follows the code.
        payload: Vec<u8>,
    },
}

/// Reads the messages of one direction of a channel from its bytes, as they come.
///
/// ```
/// let mut items = libchan::Items::new(libchan::Limits::default());
/// items.push(&[0x93, 1, 2]);
/// assert_eq!(items.next(), Ok(None));
/// items.push(&[0xd4, 99, 0]);
/// let Ok(Some(libchan::Item::Array(values))) = items.next() else { panic!() };
/// assert_eq!(values[2], libchan::Item::Extension { code: 99, payload: vec![0] });
/// ```
#[derive(Debug)]
pub struct Items {
    bytes: Vec<u8>,
    /// Where the next message begins.
    start: usize,
    scan: Scan,
    limits: Limits,
}

impl Items {
    /// Of a channel that begins.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { bytes: Vec::new(), start: 0, scan: Scan::of_any(), limits }
    }

    /// Adds bytes that have come.
    pub fn push(&mut self, bytes: &[u8]) {
        // Once for all messages that were in it.
        self.bytes.drain(..std::mem::take(&mut self.start));
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message; nothing where more of it is to come.
    ///
    /// # Errors
    /// [`Error::Protocol`] and [`Error::Limit`]: what came is no message, or beyond a limit. What follows cannot be told apart then.
    #[expect(clippy::should_implement_trait, reason = "more may come after nothing")]
    pub fn next(&mut self) -> Result<Option<Item>, Error> {
        let bytes = self.bytes.get(self.start..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some(scanned) = self.scan.go_on(bytes, &self.limits, Generation::Third)? else {
            return Ok(None);
        };
        let item = read(&mut bytes.get(..scanned.size).unwrap_or_default())?;
        self.start += scanned.size;
        Ok(Some(item))
    }

    /// How many bytes have come of a message that is not whole.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }
}

/// Takes a value from the front of a message whose bounds have been looked at.
fn read(bytes: &mut &[u8]) -> Result<Item, Malformed> {
    let Head { kind, size } = head(bytes)?.ok_or(Malformed::End)?;
    take(bytes, size)?;
    Ok(match kind {
        Kind::Nil => Item::Nil,
        Kind::Bool(value) => Item::Bool(value),
        Kind::Signed(value) => Item::Signed(value),
        Kind::Unsigned(value) => Item::Unsigned(value),
        Kind::Float(value) => Item::Float(value),
        Kind::Text(size) => {
            let text = String::from_utf8(take(bytes, size)?.to_vec());
            text.map_or_else(|error| Item::Bytes(error.into_bytes()), Item::Text)
        }
        Kind::Bytes(size) => Item::Bytes(take(bytes, size)?.to_vec()),
        Kind::Array(count) => {
            Item::Array((0..count).map(|_| read(bytes)).collect::<Result<_, _>>()?)
        }
        Kind::Map(count) => {
            let pairs = (0..count).map(|_| Ok((read(bytes)?, read(bytes)?)));
            Item::Map(pairs.collect::<Result<_, Malformed>>()?)
        }
        Kind::Extension { code, size } => {
            Item::Extension { code, payload: take(bytes, size)?.to_vec() }
        }
    })
}

fn take<'a>(bytes: &mut &'a [u8], size: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(size).ok_or(Malformed::End)?;
    *bytes = rest;
    Ok(taken)
}
