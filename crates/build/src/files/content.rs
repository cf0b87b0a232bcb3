//! What is in one file, as a number: blocks with their places, blocks of zeros left out, so that a hole is what it reads as and costs
//! nothing. Source: lseek(2), "Seeking file data and holes".

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, SeekFrom, fstat, seek};
use rustix::io::{Errno, pread};
use sha2::{Digest as _, Sha256};

use super::entry::{Entry, Kind, Seen};
use crate::{Cancel, StepError};

/// What is read, and left out where it is zero, at once.
const BLOCK_BYTES: usize = 128 * 1024;

/// The number of some contents.
pub(super) type Sum = [u8; 32];

/// Opens a file of a tree that was selected, and nothing else: EAGAIN in [`StepError::Changed`]'s sense where it is another one.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8], seen: &Seen) -> Result<OwnedFd, StepError> {
    // A pipe must not hold us that has come in its place, nor a terminal become ours.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match sys::open_without_links(root, path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(errno) => return Err(gone_or(path, errno)),
    };
    check(file.as_fd(), path, seen)?;
    Ok(file)
}

/// Refuses what is no longer what was selected.
pub(super) fn check(file: BorrowedFd<'_>, path: &[u8], seen: &Seen) -> Result<(), StepError> {
    match fstat(file) {
        Ok(stat) if seen.is_still(&stat) => Ok(()),
        Ok(_) => Err(StepError::Changed { path: super::path_of(path) }),
        Err(errno) => Err(failed("look at", path, errno)),
    }
}

/// What was there when it was selected and is not now has changed; anything else is an error of its own.
pub(super) fn gone_or(path: &[u8], errno: sys::Errno) -> StepError {
    let raw = errno.raw();
    if [Errno::NOENT, Errno::NOTDIR, Errno::LOOP].iter().any(|gone| gone.raw_os_error() == raw) {
        return StepError::Changed { path: super::path_of(path) };
    }
    StepError::Path { action: "open", path: super::path_of(path), cause: errno.into() }
}

pub(super) fn failed(action: &'static str, path: &[u8], errno: Errno) -> StepError {
    StepError::Path { action, path: super::path_of(path), cause: errno.into() }
}

/// Reads a whole file. It is what was selected before and afterwards, or [`StepError::Changed`].
pub(super) fn sum(
    root: BorrowedFd<'_>,
    path: &[u8],
    entry: &Entry,
    cancel: &Cancel,
) -> Result<Sum, StepError> {
    debug_assert_eq!(entry.kind, Kind::File, "only files have contents");
    let file = open(root, path, &entry.seen)?;
    let sum = of_open(&file, entry.seen.size, cancel).map_err(|outcome| match outcome {
        None => StepError::Cancelled,
        Some(errno) => failed("read", path, errno),
    })?;
    check(file.as_fd(), path, &entry.seen)?;
    Ok(sum)
}

/// Nothing as an error: cancelled.
fn of_open(file: &OwnedFd, size: u64, cancel: &Cancel) -> Result<Sum, Option<Errno>> {
    /// Between looks at whether it is over.
    const BLOCKS: u64 = 256;
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    let block = BLOCK_BYTES as u64;
    let mut buffer = vec![0; BLOCK_BYTES.min(usize::try_from(size).unwrap_or(BLOCK_BYTES))];
    let mut at = 0;
    let mut count = 0;
    while at < size {
        // Where the next data begins, at the beginning of its block.
        match seek(file, SeekFrom::Data(at)) {
            Ok(data) => at = data - data % block,
            Err(Errno::NXIO) => break,
            // This file system knows of no holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(Some(errno)),
        }
        let read = fill(file, &mut buffer, at).map_err(Some)?;
        if buffer[..read].iter().any(|byte| *byte != 0) {
            hash.update(at.to_le_bytes());
            hash.update(&buffer[..read]);
        }
        if read < buffer.len() {
            break;
        }
        at += block;
        count += 1;
        if count % BLOCKS == 0 && cancel.is_cancelled() {
            return Err(None);
        }
    }
    Ok(hash.finalize().into())
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &OwnedFd, buffer: &mut [u8], at: u64) -> Result<usize, Errno> {
    let mut done = 0;
    while done < buffer.len() {
        match pread(file, &mut buffer[done..], at + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use rustix::fs::{AtFlags, statat};

    use super::*;

    fn sum_of(directory: &std::path::Path, name: &str) -> Sum {
        let root = OwnedFd::from(std::fs::File::open(directory).unwrap());
        let stat = statat(&root, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let entry = Entry { below: name.into(), kind: Kind::File, seen: Seen::of(&stat) };
        sum(root.as_fd(), name.as_bytes(), &entry, &Cancel::new().unwrap()).unwrap()
    }

    #[test]
    fn holes_are_what_they_read_as() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let length = 3 * BLOCK_BYTES + 77;
        let holes = std::fs::File::create(path.join("holes")).unwrap();
        holes.set_len(length as u64).unwrap();
        holes.write_all_at(b"x", (BLOCK_BYTES + 5) as u64).unwrap();
        let mut bytes = vec![0; length];
        bytes[BLOCK_BYTES + 5] = b'x';
        std::fs::File::create(path.join("zeros")).unwrap().write_all(&bytes).unwrap();
        assert_eq!(sum_of(path, "holes"), sum_of(path, "zeros"));
        bytes[2 * BLOCK_BYTES + 5] = b'x';
        bytes[BLOCK_BYTES + 5] = 0;
        std::fs::File::create(path.join("moved")).unwrap().write_all(&bytes).unwrap();
        assert_ne!(sum_of(path, "moved"), sum_of(path, "zeros"));
        std::fs::File::create(path.join("shorter")).unwrap().set_len(length as u64 - 1).unwrap();
        std::fs::File::create(path.join("longer")).unwrap().set_len(length as u64).unwrap();
        assert_ne!(sum_of(path, "shorter"), sum_of(path, "longer"));
    }

    #[test]
    fn a_hole_of_exabytes_takes_no_time() {
        let directory = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(directory.path().join("huge")).unwrap();
        // ext4 ends at 16 TiB.
        file.set_len(15 << 40).unwrap();
        sum_of(directory.path(), "huge");
    }
}
