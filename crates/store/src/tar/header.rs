//! One header block of 512 bytes: fields, numbers, checksum. Never reads on; start at [`Header::parse`].
//! Sources: POSIX pax "ustar Interchange Format", tar(5) "Old-Style", "GNU" and "star" archives.

use std::ops::Range;

use super::{BLOCK_BYTES, TarError};

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MTIME: Range<usize> = 136..148;
pub(super) const CHECKSUM: Range<usize> = 148..156;
pub(super) const FLAG: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const MAGIC: Range<usize> = 257..265;
pub(super) const MAJOR: Range<usize> = 329..337;
pub(super) const MINOR: Range<usize> = 337..345;
pub(super) const PREFIX: Range<usize> = 345..500;
/// star keeps access and change time in the last 24 bytes of the prefix.
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_TRAILER: Range<usize> = 508..512;
/// GNU's old sparse format: four parts, a mark for more, the real size.
pub(super) const SPARSE_PARTS: Range<usize> = 386..482;
pub(super) const SPARSE_MORE: usize = 482;
pub(super) const SPARSE_REAL_SIZE: Range<usize> = 483..495;

pub(super) const POSIX_MAGIC: &[u8; 8] = b"ustar\x0000";
const GNU_MAGIC: &[u8; 8] = b"ustar  \0";

pub(super) type Block = [u8; BLOCK_BYTES];

/// A header whose checksum is right; its fields are parsed on demand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'b> {
    block: &'b Block,
    at: u64,
}

impl<'b> Header<'b> {
    pub(super) fn parse(block: &'b Block, at: u64) -> Result<Self, TarError> {
        let header = Self { block, at };
        let stated = header.number("checksum", CHECKSUM)?;
        // The field itself counts as eight spaces.
        let field: i64 =
            block[CHECKSUM].iter().map(|byte| i64::from(b' ') - i64::from(*byte)).sum();
        let unsigned = field + block.iter().map(|byte| i64::from(*byte)).sum::<i64>();
        // Some old writers summed signed characters.
        let signed = || unsigned - 256 * rest_above_ascii(block);
        if stated == unsigned || stated == signed() {
            Ok(header)
        } else {
            Err(TarError::Checksum { at })
        }
    }

    pub(super) const fn flag(&self) -> u8 {
        self.block[FLAG]
    }

    /// The path: prefix (where the dialect has one), slash, name.
    pub(super) fn path(&self, into: &mut Vec<u8>) {
        into.clear();
        let prefix = self.prefix();
        if !prefix.is_empty() {
            into.extend_from_slice(prefix);
            into.push(b'/');
        }
        into.extend_from_slice(text(&self.block[NAME]));
    }

    fn prefix(&self) -> &'b [u8] {
        if &self.block[MAGIC] != POSIX_MAGIC {
            return &[];
        }
        let star = &self.block[STAR_TRAILER] == b"tar\0";
        text(&self.block[if star { STAR_PREFIX } else { PREFIX }])
    }

    pub(super) fn is_gnu(&self) -> bool {
        &self.block[MAGIC] == GNU_MAGIC
    }

    pub(super) fn link(&self) -> &'b [u8] {
        text(&self.block[LINK])
    }

    pub(super) fn mode(&self) -> Result<u32, TarError> {
        let mode = self.number("mode", MODE)?;
        // Some writers put the file type into the upper bits.
        u32::try_from(mode & 0o7777).ok().ok_or_else(|| self.wrong("mode", "is out of range"))
    }

    pub(super) fn size(&self) -> Result<u64, TarError> {
        self.unsigned("size", SIZE)
    }

    pub(super) fn real_size(&self) -> Result<u64, TarError> {
        self.unsigned("real size", SPARSE_REAL_SIZE)
    }

    pub(super) fn uid(&self) -> Result<u32, TarError> {
        self.id("uid", UID)
    }

    pub(super) fn gid(&self) -> Result<u32, TarError> {
        self.id("gid", GID)
    }

    pub(super) fn mtime(&self) -> Result<i64, TarError> {
        self.number("mtime", MTIME)
    }

    pub(super) fn device(&self) -> Result<(u32, u32), TarError> {
        let number = |field, range| {
            u32::try_from(self.number(field, range)?)
                .ok()
                .ok_or_else(|| self.wrong(field, "is out of range"))
        };
        Ok((number("device major", MAJOR)?, number("device minor", MINOR)?))
    }

    pub(super) fn sparse_parts(&self) -> &'b [u8] {
        &self.block[SPARSE_PARTS]
    }

    pub(super) const fn has_more_sparse_parts(&self) -> bool {
        self.block[SPARSE_MORE] != 0
    }

    fn id(&self, field: &'static str, range: Range<usize>) -> Result<u32, TarError> {
        match u32::try_from(self.number(field, range)?) {
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(self.wrong(field, "is out of range")),
        }
    }

    fn unsigned(&self, field: &'static str, range: Range<usize>) -> Result<u64, TarError> {
        u64::try_from(self.number(field, range)?)
            .ok()
            .ok_or_else(|| self.wrong(field, "is negative"))
    }

    fn number(&self, field: &'static str, range: Range<usize>) -> Result<i64, TarError> {
        number(&self.block[range]).ok_or_else(|| self.wrong(field, "is not a number"))
    }

    pub(super) const fn wrong(&self, field: &'static str, problem: &'static str) -> TarError {
        TarError::Field { field, problem, at: self.at }
    }
}

fn rest_above_ascii(block: &Block) -> i64 {
    block[..CHECKSUM.start]
        .iter()
        .chain(&block[CHECKSUM.end..])
        .map(|byte| i64::from(byte >> 7))
        .sum()
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// An octal number, blank for 0, or GNU's base-256 form; `None` when it is neither or exceeds an `i64`.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    match field.first()? {
        0x80 | 0xff => binary(field),
        _ => octal(field),
    }
}

/// Two's complement, big endian, with a mark in the first byte: 0x80 for positive, 0xff for negative numbers.
fn binary(field: &[u8]) -> Option<i64> {
    let (mark, digits) = field.split_first()?;
    let mut value = if *mark == 0xff { -1_i64 } else { 0 };
    for digit in digits {
        value = value.checked_mul(256)?.checked_add(i64::from(*digit))?;
    }
    Some(value)
}

fn octal(field: &[u8]) -> Option<i64> {
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(|byte| !matches!(byte, b'0'..=b'7')).unwrap_or(digits.len());
    // A field ends by spaces or NULs and by nothing else: readers disagree on "12x".
    if digits[end..].iter().any(|byte| !matches!(byte, b' ' | 0)) {
        return None;
    }
    // At most 12 digits: 36 bits.
    Some(digits[..end].iter().fold(0, |value, digit| value << 3 | i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"77777777", Some(0o7777_7777)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"0000648\0", None),
            (b"-000644\0", None),
            (b"12\x003\0\0\0\0", None),
            (b"\x80\0\0\0\0\0\x01\x00", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\x81\0\0\0\0\0\0\0", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
