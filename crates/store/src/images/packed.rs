//! Layers as they stand in an archive: plain ones are made when their turn comes, compressed ones before, since nobody knows their length.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::thread;

use sha2::{Digest as _, Sha256};
use spec::Digest;
use spec::image::{Descriptor, media_type};

use super::Images;
use crate::StoreError;
use crate::compression::{Compress, Compression, compress};
use crate::scratch::Scratch;

/// As many as compress at once: more wait for the one that reads.
const MOST_THREADS: usize = 8;

/// A layer.
pub(super) struct Packed {
    pub(super) descriptor: Descriptor,
    /// Its bytes, where they are put aside; the file has no name any more.
    pub(super) file: Option<File>,
}

impl Images<'_> {
    /// Makes a layer ready.
    pub(super) fn pack(&self, diff_id: &Digest, how: Compress) -> Result<Packed, StoreError> {
        let archive = self.layer_archive(diff_id)?;
        let kind = match how.method() {
            Compression::Plain => {
                let descriptor =
                    Descriptor::new(media_type::OCI_LAYER, diff_id.clone(), archive.size());
                return Ok(Packed { descriptor, file: None });
            }
            Compression::Gzip => media_type::OCI_LAYER_GZIP,
            Compression::Zstd => media_type::OCI_LAYER_ZSTD,
        };
        let scratch = Scratch::new(&self.store.paths)?;
        let path = scratch.path().join("layer");
        let failed = |cause| StoreError::file("write", &path)(cause);
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let mut sink = Hashing { file: file.map_err(failed)?, hash: Sha256::new(), bytes: 0 };
        // With its name gone, it goes with this command whatever becomes of it.
        scratch.remove()?;
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        compress(archive, &mut sink, how, threads).map_err(failed)?;
        let Hashing { mut file, hash, bytes } = sink;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let digest = Digest::sha256(hash.finalize().into());
        Ok(Packed { descriptor: Descriptor::new(kind, digest, bytes), file: Some(file) })
    }
}

/// Writes and hashes.
struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
