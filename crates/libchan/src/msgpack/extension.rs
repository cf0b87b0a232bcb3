//! Extension types: references to streams, and times. How they pass through serde, which knows none: as a newtype of this name
//! around bytes, the code first.

use serde::{Serialize, Serializer};

use super::read::Malformed;
use crate::generation::Generation;

/// The name of the newtype.
pub(crate) const NAME: &str = "\u{0}libchan extension";

/// What a stream is to whoever receives the message that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Bytes both ways.
    Duplex,
    /// Bytes that the message's receiver writes.
    WrittenByReceiver,
    /// Bytes that the message's receiver reads.
    ReadByReceiver,
    /// Messages that the message's receiver sends.
    SentByReceiver,
    /// Messages that the message's receiver receives.
    ReceivedByReceiver,
}

/// The number of a stream that whoever sends the message has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) role: Role,
    pub(crate) number: u64,
}

/// In the second generation, what a message's receiver does with a channel in it.
const RECEIVES: u8 = 1;
const SENDS: u8 = 2;

/// Seconds of eight bytes and nanoseconds of four.
pub(crate) const TIME: i8 = 6;

impl Role {
    const ALL: [(i8, Self); 5] = [
        (1, Self::Duplex),
        (2, Self::WrittenByReceiver),
        (3, Self::ReadByReceiver),
        (4, Self::SentByReceiver),
        (5, Self::ReceivedByReceiver),
    ];

    fn of(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == code).map(|(_, role)| role)
    }

    /// Whether it is of bytes, not of messages.
    pub(crate) const fn is_bytes(self) -> bool {
        match self {
            Self::Duplex | Self::WrittenByReceiver | Self::ReadByReceiver => true,
            Self::SentByReceiver | Self::ReceivedByReceiver => false,
        }
    }

    /// In words.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Duplex => "a byte stream both ways",
            Self::WrittenByReceiver => "a byte stream to write to",
            Self::ReadByReceiver => "a byte stream to read from",
            Self::SentByReceiver => "a channel to send to",
            Self::ReceivedByReceiver => "a channel to receive from",
        }
    }

    /// What it is to the other side.
    pub(crate) const fn reversed(self) -> Self {
        match self {
            Self::Duplex => Self::Duplex,
            Self::WrittenByReceiver => Self::ReadByReceiver,
            Self::ReadByReceiver => Self::WrittenByReceiver,
            Self::SentByReceiver => Self::ReceivedByReceiver,
            Self::ReceivedByReceiver => Self::SentByReceiver,
        }
    }

    fn code(self) -> i8 {
        Self::ALL.into_iter().find(|(_, role)| *role == self).map_or(0, |(code, _)| code)
    }
}

/// The reference that an extension is; nothing for a time.
///
/// # Errors
/// It is of no type that is known, or of another size.
pub(crate) fn reference(
    code: i8,
    payload: &[u8],
    generation: Generation,
) -> Result<Option<Reference>, Malformed> {
    let wrong = Malformed::Extension(code);
    let (role, payload) = match (generation, code) {
        (_, TIME) => return Ok(None),
        (Generation::Third, _) => (Role::of(code), payload),
        (Generation::Second, 1) => match payload.split_first() {
            Some((&RECEIVES, number)) => (Some(Role::ReceivedByReceiver), number),
            Some((&SENDS, number)) => (Some(Role::SentByReceiver), number),
            Some(_) | None => (None, payload),
        },
        (Generation::Second, 2) => (Some(Role::Duplex), payload),
        (Generation::Second, 4 | 5) => return Err(Malformed::Connection),
        (Generation::Second, _) => (None, payload),
    };
    let number = match payload.len() {
        4 => payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes).into()),
        8 => payload.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
        _ => None,
    };
    role.zip(number).map(|(role, number)| Some(Reference { role, number })).ok_or(wrong)
}

impl Reference {
    pub(crate) fn serialize<S: Serializer>(
        self,
        serializer: S,
        generation: Generation,
    ) -> Result<S::Ok, S::Error> {
        let bytes = self.number.to_be_bytes();
        let short = if self.number <= u64::from(u32::MAX) { &bytes[4..] } else { &bytes[..] };
        let direction = if self.role == Role::SentByReceiver { SENDS } else { RECEIVES };
        match generation {
            Generation::Third => serialize(serializer, self.role.code(), short),
            Generation::Second if self.role.is_bytes() => serialize(serializer, 2, short),
            Generation::Second => serialize(serializer, 1, &[&[direction], short].concat()),
        }
    }
}

/// Writes an extension.
pub(crate) fn serialize<S: Serializer>(
    serializer: S,
    code: i8,
    payload: &[u8],
) -> Result<S::Ok, S::Error> {
    let coded = [&[code.cast_unsigned()], payload].concat();
    serializer.serialize_newtype_struct(NAME, &Bytes(&coded))
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
