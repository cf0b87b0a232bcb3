//! What each value begins with: its kind and, of what is longer, how long it is.

use super::read::Malformed;

/// The beginning of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes before the contents.
    pub(super) size: usize,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Nil,
    Bool(bool),
    /// Written as a signed number.
    Signed(i64),
    /// Written as an unsigned number, or small enough to be either.
    Unsigned(u64),
    Float(f64),
    /// So many bytes of text.
    Text(usize),
    Bytes(usize),
    /// So many values.
    Array(usize),
    /// So many pairs of values.
    Map(usize),
    /// So many bytes after the code.
    Extension {
        code: i8,
        size: usize,
    },
}

/// Reads one; nothing where its bytes are not all there.
#[inline]
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let Some((&marker, rest)) = bytes.split_first() else { return Ok(None) };
    let small = |kind| Ok(Some(Head { kind, size: 1 }));
    match marker {
        // Most are these, and the rest is a call.
        0x00..=0x7f => small(Kind::Unsigned(u64::from(marker))),
        0x80..=0x8f => small(Kind::Map(usize::from(marker & 0x0f))),
        _ => other(marker, rest),
    }
}

#[inline(never)]
fn other(marker: u8, rest: &[u8]) -> Result<Option<Head>, Malformed> {
    Ok(read(marker, rest)?.map(|(kind, size)| Head { kind, size: 1 + size }))
}

#[inline]
fn read(marker: u8, rest: &[u8]) -> Result<Option<(Kind, usize)>, Malformed> {
    let small = |kind| Some((kind, 0));
    let count = |mask: u8| usize::from(marker & mask);
    Ok(match marker {
        0x00..=0x7f => small(Kind::Unsigned(u64::from(marker))),
        0x80..=0x8f => small(Kind::Map(count(0x0f))),
        0x90..=0x9f => small(Kind::Array(count(0x0f))),
        0xa0..=0xbf => small(Kind::Text(count(0x1f))),
        0xe0..=0xff => small(Kind::Signed(i64::from(marker.cast_signed()))),
        0xc0 => small(Kind::Nil),
        0xc1 => return Err(Malformed::Marker),
        0xc2 | 0xc3 => small(Kind::Bool(marker == 0xc3)),
        0xc4..=0xc6 => length(rest, marker - 0xc4).map(|(size, at)| (Kind::Bytes(size), at)),
        0xc7..=0xc9 => length(rest, marker - 0xc7).and_then(|(size, at)| {
            let code = rest.get(at)?.cast_signed();
            Some((Kind::Extension { code, size }, at + 1))
        }),
        0xca => array(rest).map(|bytes| (Kind::Float(f32::from_be_bytes(bytes).into()), 4)),
        0xcb => array(rest).map(|bytes| (Kind::Float(f64::from_be_bytes(bytes)), 8)),
        0xcc => array(rest).map(|[byte]| (Kind::Unsigned(byte.into()), 1)),
        0xcd => array(rest).map(|bytes| (Kind::Unsigned(u16::from_be_bytes(bytes).into()), 2)),
        0xce => array(rest).map(|bytes| (Kind::Unsigned(u32::from_be_bytes(bytes).into()), 4)),
        0xcf => array(rest).map(|bytes| (Kind::Unsigned(u64::from_be_bytes(bytes)), 8)),
        0xd0 => array(rest).map(|bytes| (Kind::Signed(i8::from_be_bytes(bytes).into()), 1)),
        0xd1 => array(rest).map(|bytes| (Kind::Signed(i16::from_be_bytes(bytes).into()), 2)),
        0xd2 => array(rest).map(|bytes| (Kind::Signed(i32::from_be_bytes(bytes).into()), 4)),
        0xd3 => array(rest).map(|bytes| (Kind::Signed(i64::from_be_bytes(bytes)), 8)),
        0xd4..=0xd8 => array(rest).map(|[code]| {
            let size = 1 << (marker - 0xd4);
            (Kind::Extension { code: code.cast_signed(), size }, 1)
        }),
        0xd9..=0xdb => length(rest, marker - 0xd9).map(|(size, at)| (Kind::Text(size), at)),
        0xdc | 0xdd => length(rest, marker - 0xdc + 1).map(|(size, at)| (Kind::Array(size), at)),
        0xde | 0xdf => length(rest, marker - 0xde + 1).map(|(size, at)| (Kind::Map(size), at)),
    })
}

/// A length of one, two or four bytes, as `width` says: 0, 1 or 2.
fn length(rest: &[u8], width: u8) -> Option<(usize, usize)> {
    let (size, at) = match width {
        0 => (u32::from(u8::from_be_bytes(array(rest)?)), 1),
        1 => (u32::from(u16::from_be_bytes(array(rest)?)), 2),
        _ => (u32::from_be_bytes(array(rest)?), 4),
    };
    Some((usize::try_from(size).ok()?, at))
}

fn array<const SIZE: usize>(rest: &[u8]) -> Option<[u8; SIZE]> {
    rest.first_chunk().copied()
}
