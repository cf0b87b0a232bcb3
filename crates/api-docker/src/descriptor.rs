//! Descriptors that are waited for without a thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// As tokio wants them; it keeps its one descriptor as long as it is there.
#[derive(Debug)]
pub(crate) struct Descriptor<T>(pub(crate) T);

impl<T: AsFd> AsRawFd for Descriptor<T> {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_fd().as_raw_fd()
    }
}

/// Waits for a descriptor from now on. Of types that have one descriptor for life.
///
/// # Errors
/// When the kernel cannot wait for it.
#[expect(
    deprecated,
    reason = "its successor is unsafe for types that change their descriptor, which none here does"
)]
pub(crate) fn waited<T: AsFd>(inner: T, interest: Interest) -> io::Result<AsyncFd<Descriptor<T>>> {
    AsyncFd::with_interest(Descriptor(inner), interest)
}
