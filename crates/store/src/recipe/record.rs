//! Writes a recipe while a layer is unpacked. It is on the way of every pull: what comes is collected, and compressed by the block
//! at zstd's fastest level.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};

use super::{Aside, CONTENTS, END, FILE, LITERAL, MAGIC, Record, SPARSE, push_bytes, push_number};
use crate::tar::Segment;

/// Bytes that are collected before they are compressed: the size of zstd's blocks.
const BLOCK_BYTES: usize = 128 * 1024;
const LEVEL: i32 = 1;

/// A recipe in the making.
pub(crate) struct Recorder {
    frame: zstd::stream::write::Encoder<'static, File>,
    /// Operations that are not compressed yet.
    block: Vec<u8>,
    /// Bytes of the archive that came since the last operation.
    literal: Vec<u8>,
    archive_bytes: u64,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("archive_bytes", &self.archive_bytes)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins a recipe in an empty directory.
    pub(crate) fn new(directory: BorrowedFd<'_>) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(openat(directory, FILE, flags, Mode::from_raw_mode(0o600))?);
        file.write_all(MAGIC)?;
        Ok(Self {
            frame: zstd::stream::write::Encoder::new(file, LEVEL)?,
            block: Vec::with_capacity(BLOCK_BYTES),
            literal: Vec::with_capacity(BLOCK_BYTES),
            archive_bytes: 0,
        })
    }

    /// Where what is replaced goes, in the same directory.
    pub(crate) fn aside(directory: BorrowedFd<'_>) -> io::Result<Aside> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory: OwnedFd = openat(directory, ".", flags, Mode::empty())?;
        Ok(Aside::new(directory))
    }

    /// Ends it; gives the length of the archive in bytes.
    pub(crate) fn finish(mut self, aside: &Aside) -> io::Result<u64> {
        self.end_literal()?;
        self.block.push(END);
        self.frame.write_all(&self.block)?;
        let mut file = self.frame.finish()?;
        let at = file.stream_position()?;
        file.write_all(&zstd::stream::encode_all(&aside.encode()[..], LEVEL)?)?;
        file.write_all(&self.archive_bytes.to_le_bytes())?;
        file.write_all(&at.to_le_bytes())?;
        Ok(self.archive_bytes)
    }

    fn end_literal(&mut self) -> io::Result<()> {
        if self.literal.is_empty() {
            return Ok(());
        }
        self.block.push(LITERAL);
        push_bytes(&mut self.block, &self.literal);
        self.literal.clear();
        self.compress()
    }

    fn compress(&mut self) -> io::Result<()> {
        if self.block.len() >= BLOCK_BYTES {
            self.frame.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(())
    }
}

/// What comes this way is in the archive and in no file.
impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.literal.len() + bytes.len() > BLOCK_BYTES {
            self.end_literal()?;
        }
        self.literal.extend_from_slice(bytes);
        self.archive_bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Record for Recorder {
    fn contents(&mut self, path: &[u8], size: u64, parts: Option<&[Segment]>) -> io::Result<()> {
        self.end_literal()?;
        self.block.push(if parts.is_some() { SPARSE } else { CONTENTS });
        push_bytes(&mut self.block, path);
        push_number(&mut self.block, size);
        let Some(parts) = parts else {
            self.archive_bytes += size;
            return self.compress();
        };
        push_number(&mut self.block, parts.len() as u64);
        let mut end = 0;
        for part in parts {
            push_number(&mut self.block, part.offset - end);
            push_number(&mut self.block, part.length);
            end = part.offset + part.length;
            self.archive_bytes += part.length;
            self.compress()?;
        }
        self.compress()
    }
}
