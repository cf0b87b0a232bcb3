//! Writes archives: ustar, with a PAX header in front of an entry that ustar cannot hold. Same entries, same bytes.
//!
//! Never writes names of users or times of its own; an archive that must be reproducible only needs fixed metadata.
//! Start at [`Writer::append`]. Source: POSIX pax, "ustar Interchange Format".

use std::io::{self, Read, Write};

use super::header::{self, Block};
use super::pax::write_record;
use super::{BLOCK_BYTES, Kind, Metadata, Timestamp};

/// Largest values of the octal fields: seven and eleven digits.
const MOST_SHORT: u64 = 0o7_777_777;
const MOST_LONG: u64 = 0o77_777_777_777;

/// Writes an archive entry by entry.
#[derive(Debug)]
pub struct Writer<W> {
    writer: W,
    headers: Vec<u8>,
}

/// Why an entry cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The writer below failed.
    #[error("write archive")]
    Write(#[source] io::Error),
    /// The contents could not be read.
    #[error("read contents of {path:?}")]
    Contents {
        /// Path in the archive.
        path: String,
        /// Its error.
        #[source]
        source: io::Error,
    },
    /// The contents are shorter or longer than the metadata says.
    #[error("contents of {path:?} do not have {size} bytes")]
    Size {
        /// Path in the archive.
        path: String,
        /// What the metadata says.
        size: u64,
    },
    /// No archive can hold this.
    #[error("entry {path:?}: {problem}")]
    Entry {
        /// Path in the archive.
        path: String,
        /// What about it.
        problem: &'static str,
    },
}

impl<W: Write> Writer<W> {
    /// Writes an archive into `writer`.
    pub fn new(writer: W) -> Self {
        Self { writer, headers: Vec::new() }
    }

    /// Appends one entry; a file has exactly `metadata.size` bytes of `contents`, holes included, and no other kind has any.
    /// A directory's path may end with a slash or not; it gets one.
    ///
    /// # Errors
    /// [`WriteError`]; the archive is then broken.
    pub fn append(
        &mut self,
        metadata: &Metadata,
        mut contents: impl Read,
    ) -> Result<(), WriteError> {
        let size = if metadata.kind == Kind::File { metadata.size } else { 0 };
        self.headers.clear();
        push_headers(metadata, &mut self.headers)?;
        self.writer.write_all(&self.headers).map_err(WriteError::Write)?;
        self.copy(metadata, size, &mut contents)?;
        self.pad(size)
    }

    /// Ends the archive with two blocks of zeros and gives the writer back, not flushed.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.write_all(&[0; 2 * BLOCK_BYTES])?;
        Ok(self.writer)
    }

    fn copy(
        &mut self,
        metadata: &Metadata,
        size: u64,
        contents: &mut impl Read,
    ) -> Result<(), WriteError> {
        let path = || metadata.path.escape_ascii().to_string();
        let mut buffer = [0; 16 * 1024];
        let mut left = size;
        loop {
            // One byte more than what is left: contents that are too long are found out.
            let most = usize::try_from(left)
                .map_or(buffer.len(), |left| buffer.len().min(left.saturating_add(1)));
            match contents.read(&mut buffer[..most]) {
                Ok(0) if left == 0 => return Ok(()),
                Ok(count) if count == 0 || count as u64 > left => {
                    return Err(WriteError::Size { path: path(), size });
                }
                Ok(count) => {
                    self.writer.write_all(&buffer[..count]).map_err(WriteError::Write)?;
                    left -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(WriteError::Contents { path: path(), source }),
            }
        }
    }

    fn pad(&mut self, size: u64) -> Result<(), WriteError> {
        self.writer.write_all(padding(size)).map_err(WriteError::Write)
    }
}

/// Zeros that fill the last block behind `size` bytes.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
    let count = usize::try_from(size.wrapping_neg() % BLOCK_BYTES as u64).unwrap_or(0);
    &ZEROS[..count]
}

/// Appends an entry's headers: what stands in front of its contents.
///
/// # Errors
/// [`WriteError::Entry`] for what no archive can hold.
pub fn push_headers(metadata: &Metadata, into: &mut Vec<u8>) -> Result<(), WriteError> {
    check(metadata)?;
    let size = if metadata.kind == Kind::File { metadata.size } else { 0 };
    let mut records = Vec::new();
    let block = encode(metadata, size, &mut records);
    if !records.is_empty() {
        into.extend_from_slice(&extension_header(records.len() as u64));
        into.extend_from_slice(&records);
        into.extend_from_slice(padding(records.len() as u64));
    }
    into.extend_from_slice(&block);
    Ok(())
}

fn check(metadata: &Metadata) -> Result<(), WriteError> {
    let wrong = |problem| {
        Err(WriteError::Entry { path: metadata.path.escape_ascii().to_string(), problem })
    };
    if metadata.path.is_empty() || metadata.path.contains(&0) {
        return wrong("path is empty or contains NUL");
    }
    if metadata.kind != Kind::Directory && metadata.path.ends_with(b"/") {
        return wrong("only the path of a directory ends with a slash");
    }
    if matches!(metadata.kind, Kind::Symlink | Kind::Hardlink)
        && (metadata.link.is_empty() || metadata.link.contains(&0))
    {
        return wrong("link is empty or contains NUL");
    }
    if metadata.xattrs.iter().any(|xattr| {
        xattr.name.is_empty() || xattr.name.iter().any(|byte| matches!(byte, b'=' | 0))
    }) {
        return wrong("name of an extended attribute is empty or contains \"=\" or NUL");
    }
    if metadata.uid == u32::MAX || metadata.gid == u32::MAX {
        return wrong("owner is out of range");
    }
    if metadata.mode > 0o7777 || metadata.mtime.nanoseconds >= 1_000_000_000 {
        return wrong("mode or time is out of range");
    }
    Ok(())
}

/// The header block; what does not fit it goes to `records`.
fn encode(metadata: &Metadata, size: u64, records: &mut Vec<u8>) -> Block {
    let mut block = [0; BLOCK_BYTES];
    write_path(&mut block, metadata, records);
    if matches!(metadata.kind, Kind::Symlink | Kind::Hardlink)
        && !put(&mut block[header::LINK], &metadata.link)
    {
        write_record(records, b"linkpath", &metadata.link);
    }
    let mut field = |range: std::ops::Range<usize>, most, key: &[u8], value: u64| {
        if value > most {
            write_record(records, key, value.to_string().as_bytes());
        }
        octal(&mut block[range], if value > most { 0 } else { value });
    };
    field(header::MODE, MOST_SHORT, b"", metadata.mode.into());
    field(header::UID, MOST_SHORT, b"uid", metadata.uid.into());
    field(header::GID, MOST_SHORT, b"gid", metadata.gid.into());
    field(header::SIZE, MOST_LONG, b"size", size);
    if matches!(metadata.kind, Kind::CharacterDevice | Kind::BlockDevice) {
        field(header::MAJOR, MOST_SHORT, b"SCHILY.devmajor", metadata.device.0.into());
        field(header::MINOR, MOST_SHORT, b"SCHILY.devminor", metadata.device.1.into());
    }
    let Timestamp { seconds, nanoseconds } = metadata.mtime;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= MOST_LONG => {
            octal(&mut block[header::MTIME], seconds);
            if nanoseconds != 0 {
                write_record(records, b"mtime", time_text(metadata.mtime).as_bytes());
            }
        }
        _ => {
            octal(&mut block[header::MTIME], 0);
            write_record(records, b"mtime", time_text(metadata.mtime).as_bytes());
        }
    }
    for xattr in &metadata.xattrs {
        write_record(records, &[b"SCHILY.xattr.", &xattr.name[..]].concat(), &xattr.value);
    }
    seal(&mut block, flag(metadata.kind));
    block
}

/// The name field, prefix and name split at a slash, or a record.
fn write_path(block: &mut Block, metadata: &Metadata, records: &mut Vec<u8>) {
    let mut path = metadata.path.clone();
    if metadata.kind == Kind::Directory && !path.ends_with(b"/") {
        path.push(b'/');
    }
    if put(&mut block[header::NAME], &path) {
        return;
    }
    // The slash between prefix and name is written in neither; an empty name or prefix would lose it.
    let longest_prefix = (path.len() - 1).min(header::PREFIX.len() + 1);
    let slash =
        path[..longest_prefix].iter().rposition(|byte| *byte == b'/').filter(|slash| *slash > 0);
    if let Some(slash) = slash
        && path.len() - slash - 1 <= header::NAME.len()
    {
        put(&mut block[header::PREFIX], &path[..slash]);
        put(&mut block[header::NAME], &path[slash + 1..]);
        return;
    }
    write_record(records, b"path", &path);
    // What a reader without PAX would see.
    put(&mut block[header::NAME], &path[..header::NAME.len()]);
}

/// Fills a text field when `text` fits.
fn put(field: &mut [u8], text: &[u8]) -> bool {
    let fits = text.len() <= field.len();
    if fits {
        field[..text.len()].copy_from_slice(text);
    }
    fits
}

/// Octal digits and a NUL at the end; the value is known to fit.
fn octal(field: &mut [u8], mut value: u64) {
    let digits = field.len() - 1;
    for digit in field[..digits].iter_mut().rev() {
        *digit = b'0' + u8::try_from(value & 7).unwrap_or(0);
        value >>= 3;
    }
}

fn time_text(time: Timestamp) -> String {
    let Timestamp { seconds, nanoseconds } = time;
    match (seconds, nanoseconds) {
        (_, 0) => seconds.to_string(),
        (0.., _) => format!("{seconds}.{nanoseconds:09}"),
        // Half a second after -2 is written -1.5.
        _ => format!("-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds),
    }
}

fn extension_header(size: u64) -> Block {
    let mut block = [0; BLOCK_BYTES];
    put(&mut block[header::NAME], b"././@PaxHeader");
    for (range, value) in [
        (header::MODE, 0o644),
        (header::UID, 0),
        (header::GID, 0),
        (header::SIZE, size),
        (header::MTIME, 0),
    ] {
        octal(&mut block[range], value);
    }
    seal(&mut block, b'x');
    block
}

const fn flag(kind: Kind) -> u8 {
    match kind {
        Kind::File => b'0',
        Kind::Hardlink => b'1',
        Kind::Symlink => b'2',
        Kind::CharacterDevice => b'3',
        Kind::BlockDevice => b'4',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
    }
}

/// Sets type, magic and checksum.
fn seal(block: &mut Block, flag: u8) {
    block[header::FLAG] = flag;
    block[header::MAGIC].copy_from_slice(header::POSIX_MAGIC);
    block[header::CHECKSUM].fill(b' ');
    let sum = block.iter().map(|byte| u64::from(*byte)).sum();
    // Six digits, NUL, space: the oldest form. Every sum fits.
    octal(&mut block[header::CHECKSUM.start..header::CHECKSUM.end - 1], sum);
    block[header::CHECKSUM.end - 2] = 0;
}
