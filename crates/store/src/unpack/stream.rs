//! A compressed layer from a stream to a directory in one pass: read, hash, expand, hash, unpack. Nothing is written twice.
//!
//! Reading, the first digest and the expansion run on a thread of their own, the second digest and the files on the caller's.

use std::io::{self, Read};
use std::os::fd::BorrowedFd;

use super::{Rules, UnpackError, Unpacked, unpack, unpack_with_recipe};
use crate::compression::{Ahead, Compression, Decoder, Hashed, HashingReader, read_ahead};

/// What passed through [`unpack_stream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streamed {
    /// The stream as it came: the digest of the blob.
    pub stored: Hashed,
    /// The archive in it: the diff id.
    pub archive: Hashed,
    /// How it was compressed.
    pub compression: Compression,
    /// What was made of it.
    pub unpacked: Unpacked,
}

/// Why a stream could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream could not be read to its end.
    #[error("read compressed stream")]
    Read(#[source] io::Error),
    /// What is in it could not be unpacked.
    #[error("unpack")]
    Unpack(#[from] UnpackError),
}

/// Unpacks a layer that is compressed or not into the directory `into` and tells the digests of both forms. They are not
/// checked: a caller that expects others throws the directory away.
///
/// # Errors
/// [`StreamError`]; what was unpacked by then stays.
pub fn unpack_stream(
    source: impl Read + Send,
    into: BorrowedFd<'_>,
    rules: &Rules,
) -> Result<Streamed, StreamError> {
    stream(source, |archive| unpack(archive, into, rules))
}

/// The same, and writes down in the empty directory `recipe` how the plain archive is made again.
pub(crate) fn unpack_recorded(
    source: impl Read + Send,
    into: BorrowedFd<'_>,
    rules: &Rules,
    recipe: BorrowedFd<'_>,
) -> Result<Streamed, StreamError> {
    stream(source, |archive| unpack_with_recipe(archive, into, rules, recipe))
}

fn stream(
    source: impl Read + Send,
    unpack: impl FnOnce(&mut HashingReader<Ahead>) -> Result<Unpacked, UnpackError>,
) -> Result<Streamed, StreamError> {
    let decoder = Decoder::new(HashingReader::new(source)).map_err(StreamError::Read)?;
    let compression = decoder.compression();
    let (unpacked, decoder) = read_ahead(decoder, |expanded| {
        let mut archive = HashingReader::new(expanded);
        let unpacked = unpack(&mut archive)?;
        Ok::<_, StreamError>((archive.finish(), unpacked))
    });
    let (archive, unpacked) = unpacked?;
    let mut source = decoder.into_inner();
    // An expanded archive that is whole has used its stream whole; anything more would escape the digest.
    let rest = io::copy(&mut source, &mut io::sink()).map_err(StreamError::Read)?;
    debug_assert_eq!(rest, 0, "the decoder reads to the end");
    Ok(Streamed { stored: source.finish(), archive, compression, unpacked })
}
