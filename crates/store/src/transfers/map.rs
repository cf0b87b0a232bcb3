//! How many bytes of each chunk of a transfer are there: in memory, and in a file that is right whenever the process is killed.
//!
//! The file: eight bytes that name the format, the blob's size, then a number for each chunk, all little-endian of 64 bits. Each
//! number is written by one call that the kernel does not tear for a process that dies.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::CHUNK_BYTES;

const MAGIC: &[u8; 8] = b"CORTEN\x00\x01";
const HEADER_BYTES: u64 = 16;

/// Chunk by chunk.
#[derive(Debug)]
pub(crate) struct Map {
    file: File,
    size: u64,
    filled: Vec<u64>,
    total: u64,
}

impl Map {
    /// Opens the map of a blob of `size` bytes; one that cannot be true is made anew, and `false` comes with it.
    pub(super) fn open(path: &Path, size: u64) -> io::Result<(Self, bool)> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let chunks = usize::try_from(size.div_ceil(CHUNK_BYTES)).unwrap_or(usize::MAX);
        let mut map = Self { file, size, filled: vec![0; chunks], total: 0 };
        let known = map.read()?;
        if !known {
            map.filled.fill(0);
            map.file.set_len(0)?;
            let mut header = MAGIC.to_vec();
            header.extend(size.to_le_bytes());
            map.file.write_all_at(&header, 0)?;
            map.file.set_len(HEADER_BYTES + 8 * chunks as u64)?;
        }
        map.total = map.filled.iter().sum();
        Ok((map, known))
    }

    fn read(&mut self) -> io::Result<bool> {
        let length = HEADER_BYTES + 8 * self.filled.len() as u64;
        if self.file.metadata()?.len() != length {
            return Ok(false);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, 0)?;
        let (numbers, _rest) = bytes.as_chunks::<8>();
        let [magic, size, filled @ ..] = numbers else { return Ok(false) };
        if magic != MAGIC || u64::from_le_bytes(*size) != self.size {
            return Ok(false);
        }
        for (chunk, number) in filled.iter().enumerate() {
            let count = u64::from_le_bytes(*number);
            if count > self.end(chunk) - self.start(chunk) {
                return Ok(false);
            }
            self.filled[chunk] = count;
        }
        Ok(true)
    }

    /// Why what is in the two files of a transfer cannot be true; nothing where it can.
    pub(crate) fn contradiction(map: &[u8], data_bytes: u64) -> Option<&'static str> {
        let (numbers, rest) = map.as_chunks::<8>();
        let [magic, size, filled @ ..] = numbers else { return Some("its map is cut off") };
        let size = u64::from_le_bytes(*size);
        if magic != MAGIC || !rest.is_empty() {
            return Some("its map is none");
        }
        if filled.len() as u64 != size.div_ceil(CHUNK_BYTES) {
            return Some("its map has chunks that it has not, or lacks some");
        }
        let too_full = filled.iter().zip(0_u64..).any(|(number, chunk)| {
            let start = chunk * CHUNK_BYTES;
            u64::from_le_bytes(*number) > (start + CHUNK_BYTES).min(size) - start
        });
        if too_full {
            return Some("its map says more of a chunk than it has");
        }
        (data_bytes != size).then_some("it has not the length that its map says")
    }

    pub(super) const fn chunks(&self) -> usize {
        self.filled.len()
    }

    pub(super) const fn start(&self, chunk: usize) -> u64 {
        chunk as u64 * CHUNK_BYTES
    }

    pub(super) fn end(&self, chunk: usize) -> u64 {
        (self.start(chunk) + CHUNK_BYTES).min(self.size)
    }

    pub(super) fn filled(&self, chunk: usize) -> u64 {
        self.filled[chunk]
    }

    pub(super) fn missing(&self, chunk: usize) -> u64 {
        self.end(chunk) - self.start(chunk) - self.filled[chunk]
    }

    /// Bytes that are there, anywhere.
    pub(super) const fn filled_bytes(&self) -> u64 {
        self.total
    }

    /// How many bytes from `at` on are there without a gap, up to the end of its chunk.
    pub(super) fn there(&self, at: u64) -> u64 {
        let chunk = usize::try_from(at / CHUNK_BYTES).unwrap_or(usize::MAX);
        match self.filled.get(chunk) {
            Some(filled) => (self.start(chunk) + filled).saturating_sub(at),
            None => 0,
        }
    }

    /// Counts bytes that have been written.
    pub(super) fn add(&mut self, chunk: usize, count: u64) -> io::Result<()> {
        let filled = self.filled[chunk] + count;
        self.file.write_all_at(&filled.to_le_bytes(), HEADER_BYTES + 8 * chunk as u64)?;
        self.filled[chunk] = filled;
        self.total += count;
        Ok(())
    }
}
