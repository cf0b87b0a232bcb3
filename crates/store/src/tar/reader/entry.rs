//! The entry that a reader is at.

use std::io::{self, Read, Sink, Write};
use std::ops::Deref;

use super::{Chunk, Reader};
use crate::recipe::Record;
use crate::tar::{Metadata, TarError, Timestamp};

/// The current entry: its [`Metadata`], and its contents by [`Entry::next_chunk`] or by `Read` (which reads holes as zeros).
///
/// What is not read is skipped.
#[derive(Debug)]
pub struct Entry<'r, R, T = Sink> {
    pub(super) reader: &'r mut Reader<R, T>,
}

impl<R, T> Deref for Entry<'_, R, T> {
    type Target = Metadata;

    fn deref(&self) -> &Metadata {
        &self.reader.entry
    }
}

impl<R, T> Entry<'_, R, T> {
    /// Makes it somebody's, whatever the archive says.
    pub fn set_owner(&mut self, uid: u32, gid: u32) {
        (self.reader.entry.uid, self.reader.entry.gid) = (uid, gid);
    }

    /// Says when it was changed, whatever the archive says.
    pub fn set_time(&mut self, time: Timestamp) {
        self.reader.entry.mtime = time;
    }
}

impl<R: Read, T: Write> Entry<'_, R, T> {
    /// Where the contents begin in the archive, before any of them is read.
    #[must_use]
    pub const fn contents_at(&self) -> u64 {
        self.reader.bytes()
    }

    /// The next piece of the contents, without copying it; holes of a sparse file are left out. `None` at the end.
    ///
    /// # Errors
    /// [`TarError::Truncated`] and [`TarError::Read`].
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'_>>, TarError> {
        self.reader.chunk(u64::MAX)
    }

    /// Tells the tap that the contents, which were taken whole, are in the file `path`.
    pub(crate) fn record_contents(&mut self, path: &[u8]) -> io::Result<()>
    where
        T: Record,
    {
        let Metadata { size, sparse, .. } = &self.reader.entry;
        self.reader.input.tap().contents(path, *size, sparse.as_deref())
    }
}

impl<R: Read, T: Write> Read for Entry<'_, R, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let size = self.reader.entry.size;
        let position = self.reader.contents.position;
        let next = if self.reader.find_part() { self.reader.contents.part.offset } else { size };
        let count = if position < next {
            let hole = usize::try_from(next - position)
                .map_or(buffer.len(), |hole| hole.min(buffer.len()));
            buffer[..hole].fill(0);
            hole
        } else {
            match self.reader.chunk(buffer.len() as u64)? {
                Some(chunk) => {
                    buffer[..chunk.bytes.len()].copy_from_slice(chunk.bytes);
                    chunk.bytes.len()
                }
                None => 0,
            }
        };
        self.reader.contents.position += count as u64;
        Ok(count)
    }
}
