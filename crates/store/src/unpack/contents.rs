//! The contents of one file, chunk by chunk as they lie in the reader's buffer. Holes of a sparse file stay holes.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::UnpackError;
use super::attributes::at_step;
use crate::tar::Entry;

pub(super) fn write_contents(
    file: BorrowedFd<'_>,
    path: &[u8],
    entry: &mut Entry<'_, impl Read, impl Write>,
) -> Result<(), UnpackError> {
    let is_sparse = entry.sparse.is_some();
    while let Some(chunk) = entry.next_chunk()? {
        let outcome = if is_sparse {
            write_all(chunk.bytes, |rest, done| rustix::io::pwrite(file, rest, chunk.offset + done))
        } else {
            write_all(chunk.bytes, |rest, _| rustix::io::write(file, rest))
        };
        at_step("write", path, outcome)?;
    }
    if is_sparse {
        // The last hole, if there is one.
        at_step("set size of", path, rustix::fs::ftruncate(file, entry.size))?;
    }
    Ok(())
}

fn write_all(
    bytes: &[u8],
    write: impl Fn(&[u8], u64) -> Result<usize, Errno>,
) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        match write(&bytes[done..], done as u64) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
