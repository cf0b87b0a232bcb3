//! Streams of people's own, of which more kinds are read than images are made of: bzip2 and xz, too. Start at [`expand`].

use std::io::{self, BufReader, Cursor, Read};

use super::Decoder;

/// Memory for what an xz stream says it needs, in KiB; `xz -9` needs a quarter.
const XZ_MEMORY_KB: u32 = 256 << 10;
/// What tells the format of a stream.
const START_BYTES: usize = 6;

/// A stream, expanded; plain data passes through.
///
/// # Errors
/// Those of the reader, and of streams that cannot be expanded.
pub fn expand<'a>(mut reader: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut start = Vec::with_capacity(START_BYTES);
    reader.by_ref().take(START_BYTES as u64).read_to_end(&mut start)?;
    let is_bzip2 = start.starts_with(b"BZh");
    let is_xz = start == [0xfd, b'7', b'z', b'X', b'Z', 0];
    let whole = Cursor::new(start).chain(reader);
    if is_bzip2 {
        return Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(BufReader::new(whole))));
    }
    if is_xz {
        let whole = BufReader::new(whole);
        return Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(whole, true, XZ_MEMORY_KB)));
    }
    Ok(Box::new(Decoder::new(whole)?))
}
