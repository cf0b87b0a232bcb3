//! Recipes: how the archive of an unpacked layer is made again, byte for byte, without a second copy of its files.
//!
//! While a layer is unpacked, everything of its archive but the contents of files is written down: headers, padding, what was
//! skipped, the zeros at the end. Where a file's contents stood, the recipe has the file's path. A file that a later entry of the
//! same archive replaces is moved beside the recipe instead of being removed, and the recipe says when. Start at [`Recorder`]
//! for writing and at [`Assembly`] for reading.
//!
//! A recipe is a directory of its own: the file `recipe`, and what was moved aside under the numbers 0, 1, 2 … The file:
//!
//! ```text
//! MAGIC, which ends with the version
//! one zstd frame of operations   an OPERATION byte and its fields; numbers are LEB128
//!     LITERAL   length, bytes
//!     CONTENTS  path (length, bytes), size
//!     SPARSE    path, size of the file, number of parts, and for each: gap since the last one's end, length
//!     END
//! one zstd frame of moves        a word why there is no archive, mostly empty; number of moves, and for each: path, contents
//!                                that were written down before it
//! trailer                        length of the archive, offset of the moves; both 8 bytes, little endian
//! ```
//!
//! Memory is bounded while it is written and while it is read. Never trusts that the directory is still what it was: sizes are
//! compared here, digests by [`crate::LayerArchive`]. Source of the numbers: DWARF 5, 7.6 (LEB128).

use std::io;

mod assemble;
mod moved;
mod record;

pub(crate) use assemble::Assembly;
pub(crate) use moved::Aside;
pub(crate) use record::Recorder;

use crate::tar::Segment;

/// The file's beginning; the last byte is the version.
const MAGIC: &[u8; 8] = b"recipe\0\x01";
/// The file's name in its directory.
const FILE: &str = "recipe";
/// Two numbers at the end of the file.
const TRAILER_BYTES: u64 = 16;

const END: u8 = 0;
const LITERAL: u8 = 1;
const CONTENTS: u8 = 2;
const SPARSE: u8 = 3;

/// What an unpacker tells beside the bytes that it did not take.
pub(crate) trait Record: io::Write {
    /// The contents that were just taken are in the file `path` of the directory, whose size is `size`; in these parts of it
    /// where it is sparse.
    fn contents(&mut self, path: &[u8], size: u64, parts: Option<&[Segment]>) -> io::Result<()>;
}

/// Nobody wants to know.
impl Record for io::Sink {
    fn contents(&mut self, _path: &[u8], _size: u64, _parts: Option<&[Segment]>) -> io::Result<()> {
        Ok(())
    }
}

/// Why the archive of a layer cannot be made again. It travels inside the [`io::Error`] that reading gives.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The recipe is not what was written.
    #[error("the recipe of the layer's archive is damaged: {0}")]
    Damaged(&'static str),
    /// It was known from the beginning.
    #[error("the layer's archive cannot be made again: {0}")]
    Impossible(String),
    /// A file of the layer is gone, or something else stands in its place.
    #[error("open {path:?} of the layer")]
    Open {
        /// Path in the layer.
        path: String,
        /// The kernel's answer.
        #[source]
        errno: sys::Errno,
    },
    /// A file of the layer has changed.
    #[error("{path:?} of the layer has {found} bytes instead of {wanted}")]
    Size {
        /// Path in the layer.
        path: String,
        /// Its size now.
        found: u64,
        /// Its size when it was unpacked.
        wanted: u64,
    },
    /// Every size is right and something else is not.
    #[error(
        "the layer's archive has the digest {found} instead of {wanted}: a file has changed since it was unpacked"
    )]
    Digest {
        /// What it has.
        found: spec::Digest,
        /// What it must have.
        wanted: spec::Digest,
    },
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Appends a number: seven bits a byte, the lowest first, the top bit says that more follow.
fn push_number(into: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            into.push(low & 0x7f);
            return;
        }
        into.push(low | 0x80);
    }
}

/// Reads a number.
fn read_number(from: &mut impl io::Read) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        from.read_exact(&mut byte).map_err(damaged)?;
        let bits = u64::from(byte[0] & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        value |= bits << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ArchiveError::Damaged("a number is too large").into())
}

/// A frame that ends too early or is none.
fn damaged(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    ArchiveError::Damaged("it is cut off, or its frames are not whole").into()
}

fn push_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    push_number(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Reads bytes with their length in front, at most `most`.
fn read_bytes(from: &mut impl io::Read, into: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let length = usize::try_from(read_number(from)?).unwrap_or(usize::MAX);
    if length > most {
        return Err(ArchiveError::Damaged("a path is too long").into());
    }
    into.resize(length, 0);
    from.read_exact(into).map_err(damaged)
}

/// A path for messages.
fn printable(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_written() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, value);
            assert_eq!(read_number(&mut &bytes[..]).unwrap(), value);
            assert!(read_number(&mut &bytes[..bytes.len() - 1]).is_err(), "{value} cut off");
        }
        assert!(read_number(&mut &[0xff; 10][..]).is_err());
    }
}
