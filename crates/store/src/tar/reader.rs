//! The pull parser: one entry after the other from a stream, then the contents of that entry.
//!
//! Extension headers change only the next entry, never each other: `L` and `K` have their own header's size even behind a PAX
//! header that states another one (RUSTSEC-2026-0112). Memory: one buffer, one entry, one extension header.

mod entry;

use std::io::{Read, Seek, Sink, Write};

use super::header::Header;
use super::input::Input;
use super::pax::{Overrides, Scope};
use super::sparse::{self, PaxSparse};
use super::{BLOCK_BYTES, Kind, Limits, Metadata, Segment, TarError, Timestamp};

pub use entry::Entry;

/// Reads an archive entry by entry. Everything of it but the contents that are taken by [`Entry::next_chunk`] goes to a tap.
#[derive(Debug)]
pub struct Reader<R, T = Sink> {
    input: Input<R, T>,
    limits: Limits,
    entry: Metadata,
    global: Overrides,
    contents: Contents,
    headers: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    Failed,
}

/// How far the contents of the current entry are read.
#[derive(Debug, Default)]
struct Contents {
    /// Stored bytes that are not used yet.
    stored: u64,
    /// Zeros behind them that fill the last block.
    padding: u64,
    /// Where [`Entry`]'s `Read` is in the file.
    position: u64,
    /// What is left of the current part.
    part: Segment,
    /// Index of the part after it.
    next_part: usize,
}

/// What extension headers in front of an entry said.
#[derive(Debug, Default)]
struct Pending {
    pax: Option<Overrides>,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// A piece of a file as it lies in the reader's buffer.
#[derive(Debug)]
pub struct Chunk<'r> {
    /// Where it belongs in the file.
    pub offset: u64,
    /// At least one byte.
    pub bytes: &'r [u8],
}

impl<R: Read> Reader<R> {
    /// Reads the archive in `reader`, which must not be compressed: see [`crate::compression::Decoder`].
    #[must_use]
    pub fn new(reader: R, limits: Limits) -> Self {
        Self::of(Input::new(reader), limits)
    }

    /// The same; contents that are skipped are not even read.
    #[must_use]
    pub fn new_seekable(reader: R, limits: Limits) -> Self
    where
        R: Seek,
    {
        Self::of(Input::new_seekable(reader), limits)
    }
}

impl<R: Read, T: Write> Reader<R, T> {
    /// The same with a tap: what it is given and what is taken, one behind the other, are the archive byte for byte.
    #[must_use]
    pub fn tapped(reader: R, limits: Limits, tap: T) -> Self {
        Self::of(Input::tapped(reader, tap), limits)
    }

    fn of(input: Input<R, T>, limits: Limits) -> Self {
        Self {
            input,
            limits,
            entry: Metadata::default(),
            global: Overrides::default(),
            contents: Contents::default(),
            headers: 0,
            state: State::Reading,
        }
    }

    /// The next entry, `None` at the end of the archive. By then the stream has been read to its end, so that a digest of it
    /// is whole.
    ///
    /// # Errors
    /// [`TarError`]; after one only [`TarError::Failed`] comes.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, R, T>>, TarError> {
        match self.state {
            State::Failed => return Err(TarError::Failed),
            State::Ended => return Ok(None),
            State::Reading => {}
        }
        self.state = State::Failed;
        let found = self.advance()?;
        self.state = if found { State::Reading } else { State::Ended };
        Ok(found.then_some(Entry { reader: self }))
    }

    /// Bytes of the archive used so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.input.at()
    }

    /// The reader below, and the tap; what is buffered is lost.
    #[must_use]
    pub fn into_inner(self) -> (R, T) {
        self.input.into_reader()
    }

    fn advance(&mut self) -> Result<bool, TarError> {
        self.input.skip(self.contents.stored, "the contents of a file")?;
        // Writers that forget to close (umoci's insert) end right behind the last file's contents, and every reader takes it.
        if self.contents.padding > 0 && !self.input.is_at_end()? {
            self.input.skip(self.contents.padding, "the contents of a file")?;
        }
        self.contents = Contents::default();
        let mut pending = Pending::default();
        loop {
            let at = self.input.at();
            let Some(block) = self.input.block("a header")? else {
                return if pending.is_empty() {
                    Ok(false)
                } else {
                    Err(TarError::Truncated { what: "an entry", at })
                };
            };
            let block = *block;
            if block == [0; BLOCK_BYTES] {
                if !pending.is_empty() {
                    return Err(TarError::Extension { problem: "no entry follows it", at });
                }
                // One block of zeros ends an archive for some readers and two for others; ours must be nothing but zeros.
                self.input.zeros_to_the_end(self.limits.padding_bytes)?;
                return Ok(false);
            }
            self.headers += 1;
            if self.headers > self.limits.headers {
                return Err(TarError::Limit {
                    limit: "number of headers",
                    most: self.limits.headers,
                    at,
                });
            }
            let header = Header::parse(&block, at)?;
            if !self.read_extension(&header, at, &mut pending)? {
                self.read_entry(&header, at, pending)?;
                return Ok(true);
            }
        }
    }

    /// Reads an extension header into `pending`; false when this is none.
    fn read_extension(
        &mut self,
        header: &Header<'_>,
        at: u64,
        pending: &mut Pending,
    ) -> Result<bool, TarError> {
        let wrong = |problem| TarError::Extension { problem, at };
        if !matches!(header.flag(), b'x' | b'g' | b'L' | b'K') {
            return Ok(false);
        }
        let contents = self.extension(header.size()?, at)?;
        let most_segments = self.limits.sparse_segments;
        match header.flag() {
            b'g' => self.global.read(&contents, Scope::Global, most_segments).map_err(wrong)?,
            b'x' => {
                let mut overrides = Overrides::default();
                overrides.read(&contents, Scope::Entry, most_segments).map_err(wrong)?;
                if pending.pax.replace(overrides).is_some() {
                    return Err(wrong("two PAX headers for one entry"));
                }
            }
            flag => {
                let (place, twice) = if flag == b'L' {
                    (&mut pending.path, "two GNU long names for one entry")
                } else {
                    (&mut pending.link, "two GNU long links for one entry")
                };
                if place.replace(long_text(contents).map_err(wrong)?).is_some() {
                    return Err(wrong(twice));
                }
            }
        }
        // No writer makes both, and readers disagree on which wins.
        if pending.pax.is_some() && (pending.path.is_some() || pending.link.is_some()) {
            return Err(wrong("PAX and GNU extension headers for one entry"));
        }
        Ok(true)
    }

    fn extension(&mut self, size: u64, at: u64) -> Result<Vec<u8>, TarError> {
        if size > self.limits.extension_bytes {
            return Err(TarError::Limit {
                limit: "size of an extension header",
                most: self.limits.extension_bytes,
                at,
            });
        }
        let mut contents = Vec::new();
        let mut left = size;
        while left > 0 {
            let bytes = self.input.bytes(left, "an extension header")?;
            contents.extend_from_slice(bytes);
            left -= bytes.len() as u64;
        }
        self.input.skip(padding(size), "an extension header")?;
        Ok(contents)
    }

    fn read_entry(
        &mut self,
        header: &Header<'_>,
        at: u64,
        mut pending: Pending,
    ) -> Result<(), TarError> {
        self.read_names(header, at, &mut pending)?;
        self.entry.kind = self.kind(header, at)?;
        self.check_link(at)?;
        let mut pax = pending.pax.unwrap_or_default();
        self.read_attributes(header, &mut pax)?;
        let size_of_header = header.size()?;
        // Only when there is no PAX size does the header's count: CVE-2025-62518.
        let stored = pax.size.unwrap_or(size_of_header);
        let sparse = pax.sparse.take().map_err(|problem| TarError::Extension { problem, at })?;
        self.read_contents(header, at, stored, sparse)
    }

    fn read_names(
        &mut self,
        header: &Header<'_>,
        at: u64,
        pending: &mut Pending,
    ) -> Result<(), TarError> {
        let pax = pending.pax.as_mut();
        // The name in a sparse file's PAX path is a made-up one.
        let pax_path = pax.and_then(|pax| pax.sparse.name.clone().or_else(|| pax.path.take()));
        match pax_path.or_else(|| pending.path.take()) {
            Some(path) => self.entry.path = path,
            None => header.path(&mut self.entry.path),
        }
        let pax_link = pending.pax.as_mut().and_then(|pax| pax.link.take());
        match pax_link.or_else(|| pending.link.take()) {
            Some(link) => self.entry.link = link,
            None => {
                self.entry.link.clear();
                self.entry.link.extend_from_slice(header.link());
            }
        }
        if self.entry.path.is_empty() {
            return Err(header.wrong("path", "is empty"));
        }
        let most = self.limits.path_bytes;
        let limit = |limit| Err(TarError::Limit { limit, most: most as u64, at });
        if self.entry.path.len() > most {
            return limit("length of a path");
        }
        if self.entry.link.len() > most {
            return limit("length of a link");
        }
        Ok(())
    }

    fn kind(&self, header: &Header<'_>, at: u64) -> Result<Kind, TarError> {
        match header.flag() {
            // Before POSIX a directory was a file whose name ends with a slash; GNU's and BSD's readers still think so.
            b'0' | 0 | b'7' if self.entry.path.ends_with(b"/") => Ok(Kind::Directory),
            b'0' | 0 | b'7' => Ok(Kind::File),
            b'S' if header.is_gnu() => Ok(Kind::File),
            b'1' => Ok(Kind::Hardlink),
            b'2' => Ok(Kind::Symlink),
            b'3' => Ok(Kind::CharacterDevice),
            b'4' => Ok(Kind::BlockDevice),
            b'5' => Ok(Kind::Directory),
            b'6' => Ok(Kind::Fifo),
            flag => Err(TarError::Kind { flag: char::from(flag), at }),
        }
    }

    fn check_link(&mut self, at: u64) -> Result<(), TarError> {
        match self.entry.kind {
            Kind::Symlink | Kind::Hardlink if self.entry.link.is_empty() => {
                Err(TarError::Field { field: "link", problem: "is empty", at })
            }
            Kind::Symlink | Kind::Hardlink => Ok(()),
            Kind::File
            | Kind::Directory
            | Kind::CharacterDevice
            | Kind::BlockDevice
            | Kind::Fifo => {
                self.entry.link.clear();
                Ok(())
            }
        }
    }

    fn read_attributes(
        &mut self,
        header: &Header<'_>,
        pax: &mut Overrides,
    ) -> Result<(), TarError> {
        let entry = &mut self.entry;
        entry.mode = header.mode()?;
        entry.uid = pax.uid.or(self.global.uid).map_or_else(|| header.uid(), Ok)?;
        entry.gid = pax.gid.or(self.global.gid).map_or_else(|| header.gid(), Ok)?;
        let mtime_of_header = || Ok(Timestamp { seconds: header.mtime()?, nanoseconds: 0 });
        entry.mtime =
            pax.mtime.or(self.global.mtime).map_or_else(mtime_of_header, Ok::<_, TarError>)?;
        entry.device = (0, 0);
        if matches!(entry.kind, Kind::CharacterDevice | Kind::BlockDevice) {
            let (major, minor) = header.device()?;
            entry.device = (pax.major.unwrap_or(major), pax.minor.unwrap_or(minor));
        }
        entry.xattrs = std::mem::take(&mut pax.xattrs);
        Ok(())
    }

    fn read_contents(
        &mut self,
        header: &Header<'_>,
        at: u64,
        stored: u64,
        sparse: Option<PaxSparse>,
    ) -> Result<(), TarError> {
        let old_sparse = header.flag() == b'S';
        if self.entry.kind != Kind::File && (stored != 0 || sparse.is_some()) {
            // Some readers skip such contents, some take them for the next header.
            return Err(header.wrong("size", "is not 0 for an entry without contents"));
        }
        let mut left = stored;
        let (size, map) = match sparse {
            Some(_) if old_sparse => return Err(header.wrong("sparse map", "has two forms")),
            Some(PaxSparse::Here { size, map }) => (size, Some(map)),
            Some(PaxSparse::InContents { size }) => {
                let (map, used) = sparse::map_in_contents(&mut self.input, stored, &self.limits)?;
                left -= used;
                (size, Some(map))
            }
            None if old_sparse => (
                header.real_size()?,
                Some(sparse::old_map(header, at, &mut self.input, &self.limits)?),
            ),
            None => (stored, None),
        };
        let most = self.limits.file_bytes;
        if size > most {
            return Err(TarError::Limit { limit: "size of a file", most, at });
        }
        if map.as_ref().is_some_and(|map| !sparse::is_consistent(map, size, left)) {
            return Err(header.wrong("sparse map", "does not fit the file"));
        }
        let part =
            if map.is_none() { Segment { offset: 0, length: size } } else { Segment::default() };
        self.contents =
            Contents { stored: left, padding: padding(stored), position: 0, part, next_part: 0 };
        self.entry.size = size;
        self.entry.sparse = map;
        Ok(())
    }

    /// Makes the current part one that has bytes left; false when there is none.
    fn find_part(&mut self) -> bool {
        while self.contents.part.length == 0 {
            let map = self.entry.sparse.as_deref().unwrap_or_default();
            let Some(part) = map.get(self.contents.next_part) else { return false };
            self.contents.part = *part;
            self.contents.next_part += 1;
        }
        true
    }

    fn chunk(&mut self, most: u64) -> Result<Option<Chunk<'_>>, TarError> {
        if self.state == State::Failed {
            return Err(TarError::Failed);
        }
        if !self.find_part() {
            return Ok(None);
        }
        let Segment { offset, length } = self.contents.part;
        self.state = State::Failed;
        let bytes = self.input.contents(length.min(most), "the contents of a file")?;
        self.state = State::Reading;
        let count = bytes.len() as u64;
        self.contents.stored -= count;
        self.contents.part = Segment { offset: offset + count, length: length - count };
        Ok(Some(Chunk { offset, bytes }))
    }
}

impl Pending {
    const fn is_empty(&self) -> bool {
        self.pax.is_none() && self.path.is_none() && self.link.is_none()
    }
}

/// Bytes that fill the last block behind `size` bytes.
const fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK_BYTES as u64
}

/// GNU's long names end with a NUL, or with their header's size.
fn long_text(mut contents: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    let end = contents.iter().position(|byte| *byte == 0).unwrap_or(contents.len());
    if contents[end..].iter().any(|byte| *byte != 0) {
        return Err("NUL inside a path");
    }
    contents.truncate(end);
    if contents.is_empty() { Err("empty long name") } else { Ok(contents) }
}
