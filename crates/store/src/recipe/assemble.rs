//! Reads an archive again from its recipe and the layer's directory. Files are opened below the directory, through no link, and
//! must be regular files of the size that they had.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use sys::{Errno, open_without_links};

use super::moved::{MOST_PATH, Moved};
use super::{
    ArchiveError, CONTENTS, END, FILE, LITERAL, MAGIC, SPARSE, TRAILER_BYTES, damaged, printable,
    read_bytes, read_number,
};
use crate::tar::{Limits, Segment};

type Frame<R> = BufReader<zstd::stream::read::Decoder<'static, BufReader<Take<R>>>>;

/// An archive that is made again as it is read. Its digest is not checked here.
pub(crate) struct Assembly {
    frame: Frame<File>,
    moved: Moved,
    layer: OwnedFd,
    recipe: OwnedFd,
    archive_bytes: u64,
    /// Bytes that were not given out yet.
    left: u64,
    /// Contents that were met so far.
    contents: u64,
    path: Vec<u8>,
    piece: Piece,
}

/// What is being given out.
enum Piece {
    /// The next operation decides.
    Next,
    /// So many bytes of the frame.
    Literal(u64),
    /// Parts of a file, the last one first.
    File(File, Vec<Segment>),
    /// Nothing any more.
    End,
}

impl std::fmt::Debug for Assembly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembly").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Assembly {
    /// Opens the recipe in `recipe` for the layer in `layer`; `None` when there is none.
    pub(crate) fn open(recipe: OwnedFd, layer: OwnedFd) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&recipe, FILE, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        let length = file.metadata()?.len();
        let first = MAGIC.len() as u64;
        let trailer_at = length.checked_sub(TRAILER_BYTES).filter(|at| *at >= first);
        let trailer_at = trailer_at.ok_or(ArchiveError::Damaged("it is too short"))?;
        let (mut magic, mut archive_bytes, mut moves_at) = ([0; 8], [0; 8], [0; 8]);
        file.read_exact_at(&mut magic, 0)?;
        file.read_exact_at(&mut archive_bytes, trailer_at)?;
        file.read_exact_at(&mut moves_at, trailer_at + 8)?;
        let archive_bytes = u64::from_le_bytes(archive_bytes);
        let moves_at = u64::from_le_bytes(moves_at);
        if &magic != MAGIC {
            return Err(ArchiveError::Damaged("it is of a version that is not known here").into());
        }
        if moves_at < first || moves_at > trailer_at {
            return Err(ArchiveError::Damaged("its trailer is wrong").into());
        }
        let moved = Moved::read(&mut frame(&file, moves_at, trailer_at)?)?;
        let frame = frame(file, first, moves_at)?;
        let (left, contents, path, piece) = (archive_bytes, 0, Vec::new(), Piece::Next);
        Ok(Some(Self { frame, moved, layer, recipe, archive_bytes, left, contents, path, piece }))
    }

    /// Length of the whole archive.
    pub(crate) const fn size(&self) -> u64 {
        self.archive_bytes
    }

    fn next_piece(&mut self) -> io::Result<Piece> {
        let mut operation = [0];
        self.frame.read_exact(&mut operation).map_err(damaged)?;
        match operation[0] {
            END if self.left == 0 => Ok(Piece::End),
            LITERAL => Ok(Piece::Literal(read_number(&mut self.frame)?)),
            CONTENTS | SPARSE => {
                read_bytes(&mut self.frame, &mut self.path, MOST_PATH)?;
                let size = read_number(&mut self.frame)?;
                let parts = if operation[0] == SPARSE {
                    read_parts(&mut self.frame, size)?
                } else {
                    vec![Segment { offset: 0, length: size }]
                };
                let file = self.open_file(size)?;
                self.contents += 1;
                Ok(Piece::File(file, parts))
            }
            _ => Err(ArchiveError::Damaged("it has an operation that is not known here").into()),
        }
    }

    fn open_file(&self, wanted: u64) -> Result<File, ArchiveError> {
        let aside = self.moved.find(&self.path, self.contents);
        let opened = match &aside {
            Some(path) => open_regular(self.recipe.as_fd(), path),
            None => open_regular(self.layer.as_fd(), &self.path),
        };
        let path = || printable(&self.path);
        let (file, found) = opened.map_err(|errno| ArchiveError::Open { path: path(), errno })?;
        if found != wanted {
            return Err(ArchiveError::Size { path: path(), found, wanted });
        }
        Ok(file)
    }

    /// Gives out what it can of the current piece; 0 when nothing is left of it.
    fn give(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most =
            |left| usize::try_from(left).map_or(buffer.len(), |left: usize| left.min(buffer.len()));
        match &mut self.piece {
            Piece::Next | Piece::End | Piece::Literal(0) => Ok(0),
            Piece::Literal(left) => {
                let most = most(*left);
                let count = self.frame.read(&mut buffer[..most]).map_err(damaged)?;
                if count == 0 {
                    return Err(ArchiveError::Damaged("it is cut off").into());
                }
                *left -= count as u64;
                Ok(count)
            }
            Piece::File(file, parts) => {
                while parts.last().is_some_and(|part| part.length == 0) {
                    parts.pop();
                }
                let Some(part) = parts.last_mut() else { return Ok(0) };
                let most = most(part.length);
                let count = file.read_at(&mut buffer[..most], part.offset)?;
                if count == 0 {
                    // It was cut off since it was opened.
                    let (path, found) = (printable(&self.path), part.offset);
                    let wanted = part.offset + part.length;
                    return Err(ArchiveError::Size { path, found, wanted }.into());
                }
                part.offset += count as u64;
                part.length -= count as u64;
                Ok(count)
            }
        }
    }
}

impl Read for Assembly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.give(buffer)?;
            self.left = self
                .left
                .checked_sub(count as u64)
                .ok_or(ArchiveError::Damaged("it is longer than it says"))?;
            if count > 0 || matches!(self.piece, Piece::End) {
                return Ok(count);
            }
            self.piece = self.next_piece()?;
        }
    }
}

/// The frame between two places of the file, which is moved to the first.
fn frame<R: Read + Seek>(mut file: R, from: u64, to: u64) -> io::Result<Frame<R>> {
    file.seek(SeekFrom::Start(from))?;
    let decoder = zstd::stream::read::Decoder::with_buffer(BufReader::new(file.take(to - from)))?;
    Ok(BufReader::with_capacity(64 * 1024, decoder.single_frame()))
}

/// The parts of a sparse file, the last one first.
fn read_parts(frame: &mut impl Read, size: u64) -> io::Result<Vec<Segment>> {
    let wrong = || ArchiveError::Damaged("the parts of a sparse file are wrong");
    let count = read_number(frame)?;
    if count > Limits::default().sparse_segments as u64 {
        return Err(wrong().into());
    }
    let (mut parts, mut end) = (Vec::new(), 0_u64);
    for _ in 0..count {
        let offset = end.checked_add(read_number(frame)?).ok_or_else(wrong)?;
        let length = read_number(frame)?;
        end = offset.checked_add(length).filter(|end| *end <= size).ok_or_else(wrong)?;
        parts.push(Segment { offset, length });
    }
    parts.reverse();
    Ok(parts)
}

fn open_regular(directory: BorrowedFd<'_>, path: &[u8]) -> Result<(File, u64), Errno> {
    // Not held up by a pipe that stands in its place.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = open_without_links(directory, path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(rustix::io::Errno::NOENT.into());
    }
    Ok((File::from(file), u64::try_from(stat.st_size).unwrap_or(0)))
}
