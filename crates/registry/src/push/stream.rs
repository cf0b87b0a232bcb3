//! One layer on its way: read, compressed, hashed and sent in chunks, in one pass.
//!
//! ```text
//! archive (checks its own digest at its end) ─▶ compressor ─▶ SHA-256 ─▶ chunks ─▶ upload, journal
//! ```
//! Bytes that the registry has from before are made again, because their digest is needed, and not sent. Start at [`send`].

use std::io::{self, Read, Write};
use std::thread;

use sha2::{Digest as _, Sha256};
use spec::Digest;
use store::compression::{Compress, compress};
use store::{Journal, LayerArchive};

use super::gate::Gate;
use crate::repository::{is_forgotten, is_refused};
use crate::{Part, RegistryError, Upload};

/// Bytes that go in one request, where the registry does not ask for more.
const CHUNK_BYTES: u64 = 8 << 20;
/// A larger wish is not met: a chunk is kept in memory.
const MOST_CHUNK_BYTES: u64 = 64 << 20;
/// Several layers are compressed at once; each thread has a few blocks in memory.
const MOST_THREADS: usize = 8;

/// What is sent, and who looks on.
pub(super) struct Sending<'a> {
    /// The layer.
    pub(super) archive: LayerArchive,
    /// How it is compressed.
    pub(super) how: Compress,
    /// Where it is written down how far it is.
    pub(super) journal: &'a mut Journal,
    /// The same for people: bytes of the archive before it is compressed, as in Docker.
    pub(super) part: &'a Part,
    /// Whether it is still wanted.
    pub(super) gate: &'a Gate,
}

/// What became of it.
pub(super) enum Outcome {
    /// The registry has the blob.
    Sent {
        /// Of the blob.
        digest: Digest,
        /// Of the blob.
        size: u64,
    },
    /// The registry has forgotten the upload, or has other bytes than ours: it can be sent anew.
    Lost {
        /// What it said.
        error: RegistryError,
        /// How many bytes it had had.
        reached: u64,
    },
    /// It will not come.
    Failed(RegistryError),
}

/// Sends what the upload lacks, and ends it.
pub(super) fn send(sending: Sending<'_>, upload: Upload) -> Outcome {
    let Sending { archive, how, journal, part, gate } = sending;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let resumed = upload.offset();
    part.set_transferred(0);
    let archive = Counted { archive, part, bytes: 0 };
    let mut sink = Sink::new(upload, journal, gate);
    if let Err(error) = compress(archive, &mut sink, how, threads) {
        return match sink.failure.take() {
            Some(error) => sink.judge(error),
            None => {
                // What is wrong with the layer's files will not pass: what has gone of them is of no use.
                let _kept = sink.journal.forget();
                let what = format!("read layer {}", part.name);
                Outcome::Failed(RegistryError::Disk { what, cause: error })
            }
        };
    }
    sink.end(resumed)
}

/// Counts what is read.
struct Counted<'a> {
    archive: LayerArchive,
    part: &'a Part,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.archive.read(buffer)?;
        self.bytes += count as u64;
        self.part.set_transferred(self.bytes);
        Ok(count)
    }
}

/// Takes the compressed bytes.
struct Sink<'a> {
    upload: Upload,
    journal: &'a mut Journal,
    gate: &'a Gate,
    hash: Sha256,
    bytes: u64,
    /// Bytes that the registry has already.
    skip: u64,
    chunk: Vec<u8>,
    chunk_bytes: usize,
    /// What stood in the way, since `io::Error` cannot tell it.
    failure: Option<RegistryError>,
}

impl<'a> Sink<'a> {
    fn new(upload: Upload, journal: &'a mut Journal, gate: &'a Gate) -> Self {
        let bytes = upload.least_chunk().clamp(CHUNK_BYTES, MOST_CHUNK_BYTES);
        let chunk_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let (skip, hash, chunk) = (upload.offset(), Sha256::new(), Vec::new());
        Self { upload, journal, gate, hash, bytes: 0, skip, chunk, chunk_bytes, failure: None }
    }

    fn send_chunk(&mut self) -> Result<(), RegistryError> {
        if self.gate.is_stopped() {
            let (what, why) = ("send a layer".to_owned(), "another layer has failed".to_owned());
            return Err(RegistryError::Broken { what, why });
        }
        self.upload.send(&self.chunk)?;
        self.chunk.clear();
        Ok(self.journal.record(self.upload.location())?)
    }

    /// The last bytes, and the digest of all. What an earlier command sent may not be what we make: then it is sent anew.
    fn end(mut self, resumed: u64) -> Outcome {
        if !self.chunk.is_empty()
            && let Err(error) = self.send_chunk()
        {
            return self.judge(error);
        }
        let (digest, size) = (Digest::sha256(self.hash.finalize().into()), self.bytes);
        match self.upload.finish(&digest) {
            Ok(()) => Outcome::Sent { digest, size },
            Err(error) if resumed > 0 && is_refused(&error) => Outcome::Lost { error, reached: 0 },
            Err(error) if is_forgotten(&error) => Outcome::Lost { error, reached: size },
            Err(error) => Outcome::Failed(error),
        }
    }

    fn judge(&self, error: RegistryError) -> Outcome {
        if is_refused(&error) || is_forgotten(&error) {
            return Outcome::Lost { error, reached: self.upload.offset() };
        }
        Outcome::Failed(error)
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        let skipped = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
        self.skip -= skipped as u64;
        let mut rest = &bytes[skipped..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.chunk_bytes - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            rest = later;
            if self.chunk.len() == self.chunk_bytes
                && let Err(error) = self.send_chunk()
            {
                self.failure = Some(error);
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
