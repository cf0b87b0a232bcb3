//! Heads of HTTP/2: the fields of the blocks of one direction, which share a table. Never keeps more of a table than [`MOST_TABLE`], nor gives
//! more of a block than is wanted. Whether a table is larger than the other side allows is not looked at. Start at [`Decoder::block`].
//! Source: RFC 7541.

mod huffman;
mod table;

use bytes::Bytes;

use self::table::{Table, size};

/// The largest table that is kept: what browsers ask for.
const MOST_TABLE: usize = 64 << 10;

/// Name and value.
pub(super) type Field = (Bytes, Bytes);

/// The fields of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) fields: Vec<Field>,
    /// Fields that are more than was wanted.
    pub(super) left_out: usize,
}

/// Why a block cannot be read, and none that comes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it ends within a field")]
    End,
    #[error("a number is beyond 32 bits")]
    Number,
    #[error("no field has the number {0}")]
    Unknown(usize),
    #[error("a text is no Huffman code")]
    Huffman,
    #[error("a table of {0} bytes is wanted, and at most {MOST_TABLE} are kept")]
    Table(usize),
}

/// Reads the blocks of one direction, in their order.
#[derive(Default)]
pub(super) struct Decoder {
    table: Table,
}

impl Decoder {
    /// Reads a whole block, and gives as many of its fields as are no more than `most` bytes, each with 32 for itself.
    pub(super) fn block(&mut self, block: &[u8], most: usize) -> Result<Block, Fault> {
        let mut bytes = block;
        let mut read = Block::default();
        let mut left = most;
        while let Some(first) = bytes.first() {
            // The bits that lead say what it is. Section 6.
            let field = match first.leading_zeros() {
                0 => self.known(number(&mut bytes, 7)?)?,
                1 => {
                    let field = self.literal(&mut bytes, 6)?;
                    self.table.add(field.clone());
                    field
                }
                2 => {
                    let size = number(&mut bytes, 5)?;
                    if size > MOST_TABLE {
                        return Err(Fault::Table(size));
                    }
                    self.table.resize(size);
                    continue;
                }
                // Never to be in a table, or not this time.
                _ => self.literal(&mut bytes, 4)?,
            };
            if let Some(rest) = left.checked_sub(size(&field)) {
                left = rest;
                read.fields.push(field);
            } else {
                left = 0;
                read.left_out += 1;
            }
        }
        Ok(read)
    }

    fn known(&self, number: usize) -> Result<Field, Fault> {
        self.table.get(number).ok_or(Fault::Unknown(number))
    }

    /// A field whose name may have a number, and whose value has none.
    fn literal(&self, bytes: &mut &[u8], bits: u32) -> Result<Field, Fault> {
        let name = match number(bytes, bits)? {
            0 => text(bytes)?,
            number => self.known(number)?.0,
        };
        Ok((name, text(bytes)?))
    }
}

/// A number in the last bits of a byte, and in seven of each that follows. Section 5.1.
fn number(bytes: &mut &[u8], bits: u32) -> Result<usize, Fault> {
    let most = (1_u64 << bits) - 1;
    let mut value = u64::from(take(bytes)?) & most;
    if value < most {
        return usize::try_from(value).map_err(|_large| Fault::Number);
    }
    for shift in (0..).step_by(7) {
        let byte = take(bytes)?;
        value = u64::from(byte & 0x7f)
            .checked_shl(shift)
            .filter(|part| shift <= 28 && part >> 32 == 0)
            .and_then(|part| value.checked_add(part))
            .ok_or(Fault::Number)?;
        if byte & 0x80 == 0 {
            break;
        }
    }
    u32::try_from(value).ok().and_then(|value| value.try_into().ok()).ok_or(Fault::Number)
}

/// Section 5.2.
fn text(bytes: &mut &[u8]) -> Result<Bytes, Fault> {
    let is_short = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let size = number(bytes, 7)?;
    let (text, rest) = bytes.split_at_checked(size).ok_or(Fault::End)?;
    *bytes = rest;
    if is_short {
        return huffman::decode(text).map(Bytes::from).ok_or(Fault::Huffman);
    }
    Ok(Bytes::copy_from_slice(text))
}

fn take(bytes: &mut &[u8]) -> Result<u8, Fault> {
    let (first, rest) = bytes.split_first().ok_or(Fault::End)?;
    *bytes = rest;
    Ok(*first)
}

#[cfg(test)]
mod tests;
