//! A page of memory that a child of clone3 goes on sharing with whoever else has it, unlike all its other memory.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::Errno;

/// Bytes of a mapping; every page size is a multiple.
const LENGTH: usize = 4096;

#[repr(C)]
struct Words {
    number: AtomicU32,
    pid: AtomicI32,
}

/// The first bytes of a file, as memory: two numbers of 32 bits in native order, 0 in a new file. To store is to write the file.
#[derive(Debug)]
pub struct SharedPage {
    words: NonNull<Words>,
}

impl SharedPage {
    /// Maps a file whose length is a page at least, writable. To touch what is beyond its end would be SIGBUS, see mmap(2).
    ///
    /// # Errors
    /// As mmap(2).
    pub fn of(file: BorrowedFd<'_>) -> Result<Self, Errno> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let (anywhere, flags) = (std::ptr::null_mut(), libc::MAP_SHARED);
        // SAFETY: without an address and MAP_FIXED the kernel chooses one where nothing is.
        let address =
            unsafe { libc::mmap(anywhere, LENGTH, protection, flags, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let words = NonNull::new(address.cast()).ok_or(Errno::from_raw(libc::EFAULT))?;
        Ok(Self { words })
    }

    /// Stores the first number.
    pub fn store(&self, number: u32) {
        self.words().number.store(number, Ordering::Relaxed);
    }

    /// The first number as it is now.
    #[must_use]
    pub fn load(&self) -> u32 {
        self.words().number.load(Ordering::Relaxed)
    }

    /// The second number, for the kernel to store a pid in.
    #[must_use]
    pub fn pid(&self) -> &AtomicI32 {
        &self.words().pid
    }

    fn words(&self) -> &Words {
        // SAFETY: the mapping is as long as `self` or longer, aligned to a page, and all bits are values of atomic integers.
        unsafe { self.words.as_ref() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and nothing borrows from `self` any more.
        unsafe { libc::munmap(self.words.as_ptr().cast(), LENGTH) };
    }
}
