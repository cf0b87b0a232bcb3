//! Sparse files in their four forms: GNU's old header, and PAX 0.0, 0.1 and 1.0. Source: GNU tar manual, "Storing Sparse Files".
//!
//! A map is only believed when its parts are in order, do not overlap, lie inside the file and add up to what is stored.

use std::io::{Read, Write};

use super::header::{Block, Header, number};
use super::input::Input;
use super::pax::{Problem, decimal};
use super::{BLOCK_BYTES, Limits, Segment, TarError};

/// Bytes of one part in GNU's old header: two numbers of twelve.
const OLD_PART_BYTES: usize = 24;
/// Parts in a continuation block of the old form, and its mark that another follows.
const OLD_EXTENSION_PARTS: usize = 21 * OLD_PART_BYTES;

/// Limits' name for too many parts.
const SEGMENTS: &str = "sparse segments";

/// The `GNU.sparse.*` records of one PAX header.
#[derive(Debug, Default)]
pub(super) struct SparseRecords {
    major: Option<u64>,
    minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    size: Option<u64>,
    count: Option<u64>,
    /// Version 0.0: an offset that waits for its length.
    offset: Option<u64>,
    map: Option<Vec<Segment>>,
}

/// Which form a PAX header announces.
#[derive(Debug)]
pub(super) enum PaxSparse {
    /// The map is in the header.
    Here { size: u64, map: Vec<Segment> },
    /// The map is in front of the contents.
    InContents { size: u64 },
}

impl SparseRecords {
    /// `key` is without its `GNU.sparse.`.
    pub(super) fn set(&mut self, key: &[u8], value: &[u8], most: usize) -> Result<(), Problem> {
        let number = || decimal(value).ok_or("a sparse record is not a number");
        match key {
            b"major" => self.major = Some(number()?),
            b"minor" => self.minor = Some(number()?),
            b"size" | b"realsize" => self.size = Some(number()?),
            b"numblocks" => self.count = Some(number()?),
            b"name" if value.contains(&0) => return Err("NUL inside a path"),
            b"name" => self.name = Some(value.to_vec()),
            b"offset" => {
                if self.offset.replace(number()?).is_some() {
                    return Err("sparse offset without a length");
                }
            }
            b"numbytes" => {
                let offset = self.offset.take().ok_or("sparse length without an offset")?;
                let length = number()?;
                self.push(Segment { offset, length }, most)?;
            }
            b"map" => {
                if self.map.is_some() {
                    return Err("two sparse maps");
                }
                self.map = Some(Vec::new());
                self.read_list(value, most)?;
            }
            _ => return Err("unknown sparse record"),
        }
        Ok(())
    }

    /// Version 0.1: `offset,length,offset,length`.
    fn read_list(&mut self, list: &[u8], most: usize) -> Result<(), Problem> {
        if list.is_empty() {
            return Ok(());
        }
        let mut numbers = list.split(|byte| *byte == b',').map(decimal);
        while let Some(offset) = numbers.next() {
            let (Some(offset), Some(Some(length))) = (offset, numbers.next()) else {
                return Err("sparse map is not a list of pairs");
            };
            self.push(Segment { offset, length }, most)?;
        }
        Ok(())
    }

    fn push(&mut self, segment: Segment, most: usize) -> Result<(), Problem> {
        let map = self.map.get_or_insert_default();
        if map.len() >= most {
            return Err("more sparse segments than the limit");
        }
        map.push(segment);
        Ok(())
    }

    /// What the records together mean; `None` when there are none.
    pub(super) fn take(&mut self) -> Result<Option<PaxSparse>, Problem> {
        let records = std::mem::take(self);
        let size = || records.size.ok_or("sparse file without its real size");
        match (records.major, records.minor, records.map) {
            (Some(1), Some(0), None) if records.count.is_none() && records.offset.is_none() => {
                Ok(Some(PaxSparse::InContents { size: size()? }))
            }
            (None, None, None)
                if records.size.is_none() && records.name.is_none() && records.count.is_none() =>
            {
                Ok(None)
            }
            (None | Some(0), None | Some(0 | 1), map) => {
                let map = map.unwrap_or_default();
                if records.offset.is_some()
                    || records.count.is_some_and(|count| count != map.len() as u64)
                {
                    return Err("sparse map is incomplete");
                }
                Ok(Some(PaxSparse::Here { size: size()?, map }))
            }
            _ => Err("sparse format is unknown or mixed"),
        }
    }
}

/// The map of GNU's old form: four parts in the header, more in blocks behind it.
pub(super) fn old_map(
    header: &Header<'_>,
    at: u64,
    input: &mut Input<impl Read, impl Write>,
    limits: &Limits,
) -> Result<Vec<Segment>, TarError> {
    let mut map = Vec::new();
    push_old_parts(&mut map, header.sparse_parts(), at, limits)?;
    let mut more = header.has_more_sparse_parts();
    while more {
        let at = input.at();
        let block =
            input.block("a sparse map")?.ok_or(TarError::Truncated { what: "a sparse map", at })?;
        push_old_parts(&mut map, &block[..OLD_EXTENSION_PARTS], at, limits)?;
        more = block[OLD_EXTENSION_PARTS] != 0;
    }
    Ok(map)
}

fn push_old_parts(
    map: &mut Vec<Segment>,
    parts: &[u8],
    at: u64,
    limits: &Limits,
) -> Result<(), TarError> {
    let bad = TarError::Field { field: "sparse map", problem: "is not a list of numbers", at };
    let unsigned = |field: &[u8]| number(field).and_then(|value| u64::try_from(value).ok());
    for part in parts.chunks_exact(OLD_PART_BYTES) {
        let (offset, length) = part.split_at(OLD_PART_BYTES / 2);
        // An unused part is all NUL; it ends the list.
        if length[0] == 0 {
            break;
        }
        let (Some(offset), Some(length)) = (unsigned(offset), unsigned(length)) else {
            return Err(bad);
        };
        if map.len() >= limits.sparse_segments {
            return Err(TarError::Limit {
                limit: SEGMENTS,
                most: limits.sparse_segments as u64,
                at,
            });
        }
        map.push(Segment { offset, length });
    }
    Ok(())
}

/// The map of version 1.0: decimal lines in front of the contents, filled up to whole blocks. Returns it with its length.
pub(super) fn map_in_contents(
    input: &mut Input<impl Read, impl Write>,
    stored: u64,
    limits: &Limits,
) -> Result<(Vec<Segment>, u64), TarError> {
    let mut lines = Lines {
        first: input.at(),
        used: 0,
        stored,
        block: [0; BLOCK_BYTES],
        position: BLOCK_BYTES,
        input,
    };
    let count = lines.number()?;
    let most = limits.sparse_segments as u64;
    if count > most {
        return Err(TarError::Limit { limit: SEGMENTS, most, at: lines.first });
    }
    let mut map = Vec::new();
    for _ in 0..count {
        let (offset, length) = (lines.number()?, lines.number()?);
        map.push(Segment { offset, length });
    }
    Ok((map, lines.used))
}

/// Lines of decimal numbers in blocks.
struct Lines<'i, R, T> {
    first: u64,
    used: u64,
    stored: u64,
    block: Block,
    position: usize,
    input: &'i mut Input<R, T>,
}

impl<R: Read, T: Write> Lines<'_, R, T> {
    fn number(&mut self) -> Result<u64, TarError> {
        let bad =
            |at| TarError::Field { field: "sparse map", problem: "is not a list of numbers", at };
        let mut value = None;
        loop {
            match self.byte()? {
                b'\n' => return value.ok_or_else(|| bad(self.first)),
                digit => {
                    let so_far: u64 = value.unwrap_or(0);
                    let next = decimal(&[digit])
                        .and_then(|digit| so_far.checked_mul(10)?.checked_add(digit));
                    value = Some(next.ok_or_else(|| bad(self.first))?);
                }
            }
        }
    }

    fn byte(&mut self) -> Result<u8, TarError> {
        if self.position == BLOCK_BYTES {
            if self.stored - self.used < BLOCK_BYTES as u64 {
                return Err(TarError::Field {
                    field: "sparse map",
                    problem: "is longer than what is stored",
                    at: self.first,
                });
            }
            let at = self.input.at();
            self.block = *self
                .input
                .block("a sparse map")?
                .ok_or(TarError::Truncated { what: "a sparse map", at })?;
            self.used += BLOCK_BYTES as u64;
            self.position = 0;
        }
        self.position += 1;
        Ok(self.block[self.position - 1])
    }
}

/// Whether the parts are in order, do not overlap, lie inside `size` and hold exactly `stored` bytes.
pub(super) fn is_consistent(map: &[Segment], size: u64, stored: u64) -> bool {
    let (mut end, mut total) = (0_u64, 0_u64);
    for segment in map {
        let Some(next) = segment.offset.checked_add(segment.length) else { return false };
        if segment.offset < end || next > size {
            return false;
        }
        end = next;
        // Cannot overflow: the parts are disjoint and inside `size`.
        total += segment.length;
    }
    total == stored
}
