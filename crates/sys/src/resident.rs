//! A file's pages that stay in memory: the kernel writes none of them to swap while they are held.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use crate::Errno;

/// Pages of a file that has no file system, such as that of memfd_create(2). Dropped, the kernel may swap them again.
#[derive(Debug)]
pub struct Resident {
    address: NonNull<libc::c_void>,
    length: usize,
}

impl Resident {
    /// Holds the first `length` bytes of a file, which need not be writable.
    ///
    /// # Errors
    /// As mmap(2) and mlock(2): EINVAL for no bytes at all, ENOMEM above RLIMIT_MEMLOCK.
    pub fn of(file: BorrowedFd<'_>, length: usize) -> Result<Self, Errno> {
        // Private, since a file that is sealed against writing refuses every shared mapping before Linux 6.7; what is only read
        // are the pages of the file all the same.
        let (anywhere, flags) = (std::ptr::null_mut(), libc::MAP_PRIVATE);
        // SAFETY: without an address and MAP_FIXED the kernel chooses one where nothing is.
        let address =
            unsafe { libc::mmap(anywhere, length, libc::PROT_READ, flags, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let address = NonNull::new(address).ok_or(Errno::from_raw(libc::EFAULT))?;
        let held = Self { address, length };
        // SAFETY: the kernel reads and writes no memory of ours; the range is the mapping that was just made.
        let locked = unsafe { libc::mlock(held.address.as_ptr(), held.length) };
        if locked == 0 { Ok(held) } else { Err(Errno::last()) }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and nobody was ever given its address.
        unsafe { libc::munmap(self.address.as_ptr(), self.length) };
    }
}
