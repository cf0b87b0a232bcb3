//! Contents of one file: shared where the file system can, otherwise copied, holes left holes.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{SeekFrom, Stat, copy_file_range, fstat, ftruncate, ioctl_ficlone, seek};
use rustix::io::{Errno as Raw, pread, pwrite, read};
use sys::Errno;

/// Bytes at once where the kernel does not copy by itself.
const BUFFER_BYTES: usize = 256 * 1024;

/// Copies the contents of one open file into another, empty one, and gives their length.
///
/// # Errors
/// As read(2), write(2) and copy_file_range(2).
pub fn copy_file(from: &OwnedFd, to: &OwnedFd) -> Result<u64, Errno> {
    let stat = fstat(from)?;
    Ok(copy(from, to, &stat)?)
}

/// Gives the length.
pub(super) fn copy(from: &OwnedFd, to: &OwnedFd, stat: &Stat) -> Result<u64, Raw> {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size == 0 {
        // Files of procfs have contents and no length.
        return copy_stream(from, to);
    }
    if ioctl_ficlone(to.as_fd(), from.as_fd()).is_ok() {
        return Ok(size);
    }
    let mut at = 0;
    while at < size {
        let (start, end) = match next_data(from, at, size)? {
            Some(range) => range,
            None => break,
        };
        copy_range(from, to, start, end)?;
        at = end;
    }
    // The last hole, and a file that became shorter meanwhile.
    ftruncate(to, size)?;
    Ok(size)
}

/// Where data begins and ends at or behind `at`; all of it where the file system knows of no holes.
fn next_data(from: &OwnedFd, at: u64, size: u64) -> Result<Option<(u64, u64)>, Raw> {
    let start = match seek(from, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Raw::NXIO) => return Ok(None),
        Err(Raw::INVAL | Raw::OPNOTSUPP) => return Ok(Some((at, size))),
        Err(errno) => return Err(errno),
    };
    let end = seek(from, SeekFrom::Hole(start))?;
    Ok((start < size).then(|| (start, end.min(size))))
}

fn copy_range(from: &OwnedFd, to: &OwnedFd, mut start: u64, end: u64) -> Result<(), Raw> {
    while start < end {
        let (mut here, mut there) = (start, start);
        let length = usize::try_from(end - start).unwrap_or(usize::MAX).min(1 << 30);
        match copy_file_range(from, Some(&mut here), to, Some(&mut there), length) {
            // It became shorter.
            Ok(0) => return Ok(()),
            Ok(count) => start += count as u64,
            Err(Raw::INTR) => {}
            Err(Raw::XDEV | Raw::INVAL | Raw::OPNOTSUPP | Raw::NOSYS | Raw::IO | Raw::BADF) => {
                return copy_by_hand(from, to, start, end);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn copy_by_hand(from: &OwnedFd, to: &OwnedFd, mut start: u64, end: u64) -> Result<(), Raw> {
    let mut buffer = vec![0; BUFFER_BYTES];
    while start < end {
        let most = usize::try_from(end - start).unwrap_or(usize::MAX).min(buffer.len());
        let count = match pread(from, &mut buffer[..most], start) {
            Ok(0) => return Ok(()),
            Err(Raw::INTR) => continue,
            count => count?,
        };
        write_all(&buffer[..count], |rest, done| pwrite(to, rest, start + done))?;
        start += count as u64;
    }
    Ok(())
}

fn copy_stream(from: &OwnedFd, to: &OwnedFd) -> Result<u64, Raw> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut at = 0;
    loop {
        let count = match read(from, &mut buffer[..]) {
            Ok(0) => return Ok(at),
            Err(Raw::INTR) => continue,
            count => count?,
        };
        write_all(&buffer[..count], |rest, done| pwrite(to, rest, at + done))?;
        at += count as u64;
    }
}

fn write_all(bytes: &[u8], write: impl Fn(&[u8], u64) -> Result<usize, Raw>) -> Result<(), Raw> {
    let mut done = 0;
    while done < bytes.len() {
        match write(&bytes[done..], done as u64) {
            Ok(0) => return Err(Raw::IO),
            Ok(count) => done += count,
            Err(Raw::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
