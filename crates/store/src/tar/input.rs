//! The buffered source of a reader: blocks for headers, slices for contents, and the offset that errors name. What is used goes
//! to the tap as well, but for contents that somebody took.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Sink, Write, sink};

use super::header::Block;
use super::{BLOCK_BYTES, TarError};

/// Large enough that contents are written in few calls.
const BUFFER_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Input<R, T = Sink> {
    reader: R,
    tap: T,
    /// Passes over as many bytes as there are, without reading them, where that can be done.
    seek: Option<fn(&mut R, u64) -> std::io::Result<u64>>,
    buffer: Vec<u8>,
    /// What is read and not used yet.
    start: usize,
    end: usize,
    /// Offset in the archive of `start`.
    at: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::tapped(reader, sink())
    }

    /// The same, for a reader whose contents need not be read to be skipped.
    pub(super) fn new_seekable(reader: R) -> Self
    where
        R: Seek,
    {
        Self { seek: Some(pass_over), ..Self::new(reader) }
    }
}

impl<R: Read, T: Write> Input<R, T> {
    pub(super) fn tapped(reader: R, tap: T) -> Self {
        let buffer = vec![0; BUFFER_BYTES];
        Self { reader, tap, seek: None, buffer, start: 0, end: 0, at: 0 }
    }

    pub(super) const fn tap(&mut self) -> &mut T {
        &mut self.tap
    }

    /// Offset of what comes next.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn into_reader(self) -> (R, T) {
        (self.reader, self.tap)
    }

    /// Uses the next block, `None` at the end of the stream.
    pub(super) fn block(&mut self, what: &'static str) -> Result<Option<&Block>, TarError> {
        if self.end - self.start < BLOCK_BYTES {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            while self.end < BLOCK_BYTES {
                if self.read_more()? == 0 {
                    return if self.end == 0 { Ok(None) } else { Err(self.truncated(what)) };
                }
            }
        }
        Ok(self.tapped_use(BLOCK_BYTES)?.first_chunk())
    }

    /// Uses between 1 and `most` bytes, fewer only because that is what is there; `most` must not be 0.
    pub(super) fn bytes(&mut self, most: u64, what: &'static str) -> Result<&[u8], TarError> {
        let count = self.there(most, what)?;
        self.tapped_use(count)
    }

    /// The same behind the tap's back.
    pub(super) fn contents(&mut self, most: u64, what: &'static str) -> Result<&[u8], TarError> {
        let count = self.there(most, what)?;
        Ok(self.used(count))
    }

    /// How many bytes can be used at once: at least one, at most `most`.
    fn there(&mut self, most: u64, what: &'static str) -> Result<usize, TarError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.read_more()? == 0 {
                return Err(self.truncated(what));
            }
        }
        let there = self.end - self.start;
        Ok(usize::try_from(most).map_or(there, |most| most.min(there)))
    }

    /// Uses `count` bytes without looking at them.
    pub(super) fn skip(&mut self, mut count: u64, what: &'static str) -> Result<(), TarError> {
        let buffered = (self.end - self.start) as u64;
        if let Some(seek) = self.seek
            && count > buffered
        {
            let at = self.at + buffered;
            let passed = seek(&mut self.reader, count - buffered)
                .map_err(|source| TarError::Read { at, source })?;
            (self.start, self.end, self.at) = (0, 0, at + passed);
            count -= buffered + passed;
        }
        while count > 0 {
            count -= self.bytes(count, what)?.len() as u64;
        }
        Ok(())
    }

    /// Uses all that is left of the stream, which must be zeros, at most `most`.
    pub(super) fn zeros_to_the_end(&mut self, most: u64) -> Result<(), TarError> {
        let first = self.at;
        while self.start != self.end || self.refill()? {
            let at = self.at;
            let length = self.end - self.start;
            if let Some(other) = self.tapped_use(length)?.iter().position(|byte| *byte != 0) {
                return Err(TarError::AfterEnd { at: at + other as u64 });
            }
            if self.at - first > most {
                return Err(TarError::Limit { limit: "padding after the end", most, at });
            }
        }
        Ok(())
    }

    /// Whether nothing is left of the stream.
    pub(super) fn is_at_end(&mut self) -> Result<bool, TarError> {
        Ok(self.start == self.end && !self.refill()?)
    }

    fn refill(&mut self) -> Result<bool, TarError> {
        (self.start, self.end) = (0, 0);
        Ok(self.read_more()? > 0)
    }

    fn tapped_use(&mut self, count: usize) -> Result<&[u8], TarError> {
        let bytes = &self.buffer[self.start..self.start + count];
        self.tap.write_all(bytes).map_err(|source| TarError::Tap { source })?;
        Ok(self.used(count))
    }

    fn used(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start += count;
        self.at += count as u64;
        &self.buffer[from..self.start]
    }

    fn read_more(&mut self) -> Result<usize, TarError> {
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(TarError::Read {
                        at: self.at + (self.end - self.start) as u64,
                        source,
                    });
                }
            }
        }
    }

    const fn truncated(&self, what: &'static str) -> TarError {
        TarError::Truncated { what, at: self.at + (self.end - self.start) as u64 }
    }
}

/// Never beyond the end, where lseek(2) would go as well: the end is where an archive is truncated.
fn pass_over(reader: &mut impl Seek, count: u64) -> std::io::Result<u64> {
    let from = reader.stream_position()?;
    let end = reader.seek(SeekFrom::End(0))?;
    let to = from.saturating_add(count).min(end.max(from));
    reader.seek(SeekFrom::Start(to))?;
    Ok(to - from)
}
