//! Compressed streams: tells gzip, zstd and plain data apart by their first bytes and expands them as they are read.
//!
//! Never holds more than a window and a few buffers in memory. Start at [`Decoder`], and at [`compress`] for the other way;
//! [`HashingReader`] gives the digest of what passes through it, [`read_ahead`] moves everything before it to a thread of its own.
//! Sources: RFC 1952 (gzip), RFC 8878 (zstd: frames, skippable frames, window size).

use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use spec::Digest;

mod ahead;
mod compress;
mod expand;
mod gzip_writer;

pub use ahead::{Ahead, read_ahead};
pub use compress::{BadCompress, Compress, STREAM_VERSION, compress};
pub use expand::expand;

/// Largest zstd window that is accepted, as a power of two: 128 MiB, what `zstd -d` accepts without `--long`.
pub const MOST_ZSTD_WINDOW_LOG: u32 = 27;

/// Compressed bytes that are read at once.
const BUFFER_BYTES: usize = 128 * 1024;
/// What [`detect`] wants to see.
pub(crate) const MAGIC_BYTES: usize = 6;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more zstd frames.
    Zstd,
}

/// Why a stream cannot be expanded; it travels inside the [`io::Error`] that [`Decoder`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The stream ends inside a gzip member.
    #[error("truncated gzip stream")]
    TruncatedGzip,
    /// A header, a block or a checksum is wrong, or something that is no gzip member follows one.
    #[error("corrupt gzip stream")]
    CorruptGzip,
    /// The stream ends inside a zstd frame.
    #[error("truncated zstd stream")]
    TruncatedZstd,
    /// A header, a block or a checksum is wrong, or something that is no zstd frame follows one.
    #[error("corrupt zstd stream")]
    CorruptZstd,
    /// The frame asks for more memory than we give.
    #[error("zstd window is larger than 128 MiB")]
    ZstdWindow,
    /// A known format that images do not use.
    #[error("{0} compression is not supported, use gzip, zstd or none")]
    Unsupported(&'static str),
}

impl From<DecodeError> for io::Error {
    fn from(error: DecodeError) -> Self {
        let kind = match error {
            DecodeError::TruncatedGzip | DecodeError::TruncatedZstd => io::ErrorKind::UnexpectedEof,
            DecodeError::Unsupported(_) => io::ErrorKind::Unsupported,
            DecodeError::CorruptGzip | DecodeError::CorruptZstd | DecodeError::ZstdWindow => {
                io::ErrorKind::InvalidData
            }
        };
        Self::new(kind, error)
    }
}

/// Expands a stream; plain data passes through.
pub struct Decoder<R: Read> {
    inner: Inner<R>,
}

type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

enum Inner<R: Read> {
    Plain(Peeked<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Peeked<R>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Peeked<R>>>>),
}

impl<R: Read> std::fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("compression", &self.compression()).finish_non_exhaustive()
    }
}

impl<R: Read> Decoder<R> {
    /// Reads the first bytes of `reader` and decides.
    ///
    /// # Errors
    /// Those of `reader`, and [`DecodeError::Unsupported`] for bzip2, xz and others.
    pub fn new(mut reader: R) -> io::Result<Self> {
        let mut start = Vec::with_capacity(MAGIC_BYTES);
        reader.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut start)?;
        let compression = detect(&start)?;
        let peeked = Cursor::new(start).chain(reader);
        let buffered = |peeked| BufReader::with_capacity(BUFFER_BYTES, peeked);
        let inner = match compression {
            Compression::Plain => Inner::Plain(peeked),
            Compression::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(buffered(peeked)))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(peeked))?;
                decoder.window_log_max(MOST_ZSTD_WINDOW_LOG)?;
                Inner::Zstd(Box::new(decoder))
            }
        };
        Ok(Self { inner })
    }

    /// What the stream turned out to be.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match &self.inner {
            Inner::Plain(_) => Compression::Plain,
            Inner::Gzip(_) => Compression::Gzip,
            Inner::Zstd(_) => Compression::Zstd,
        }
    }

    /// The reader below. What it has given and this has not used is lost; nothing is, once a read returned 0.
    #[must_use]
    pub fn into_inner(self) -> R {
        match self.inner {
            Inner::Plain(peeked) => peeked.into_inner().1,
            Inner::Gzip(decoder) => decoder.into_inner().into_inner().into_inner().1,
            Inner::Zstd(decoder) => decoder.finish().into_inner().into_inner().1,
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Plain(peeked) => peeked.read(buffer),
            Inner::Gzip(decoder) => decoder.read(buffer).map_err(gzip_error),
            Inner::Zstd(decoder) => decoder.read(buffer).map_err(zstd_error),
        }
    }
}

/// How a stream that begins like this is compressed.
pub(crate) fn detect(start: &[u8]) -> Result<Compression, DecodeError> {
    match start {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        // A frame, or a skippable frame as seekable and chunked writers put first. RFC 8878, 3.1.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
        [b'B', b'Z', b'h', ..] => Err(DecodeError::Unsupported("bzip2")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err(DecodeError::Unsupported("xz")),
        [0x04, 0x22, 0x4d, 0x18, ..] => Err(DecodeError::Unsupported("lz4")),
        _ => Ok(Compression::Plain),
    }
}

/// Errors of the reader below pass; the decoder's own become ours.
fn gzip_error(error: io::Error) -> io::Error {
    let kind = error.kind();
    if kind == io::ErrorKind::UnexpectedEof {
        DecodeError::TruncatedGzip.into()
    } else if matches!(kind, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) {
        DecodeError::CorruptGzip.into()
    } else {
        error
    }
}

fn zstd_error(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return DecodeError::TruncatedZstd.into();
    }
    // libzstd's codes reach us as text only.
    if error.kind() != io::ErrorKind::Other || error.raw_os_error().is_some() {
        return error;
    }
    let too_large = error.to_string().contains("requires too much memory");
    if too_large { DecodeError::ZstdWindow.into() } else { DecodeError::CorruptZstd.into() }
}

/// Digest and length of everything that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// SHA-256.
    pub digest: Digest,
    /// Length in bytes.
    pub bytes: u64,
}

/// A reader that computes the SHA-256 of what is read through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    reader: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// Hashes what will be read from `reader`.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self { reader, hash: Sha256::new(), bytes: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest of the bytes read so far, and their number.
    #[must_use]
    pub fn finish(self) -> Hashed {
        Hashed { digest: Digest::sha256(self.hash.finalize().into()), bytes: self.bytes }
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}
