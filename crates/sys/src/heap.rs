//! Giving memory back.

/// Returns free memory of the C library's heap to the kernel. See malloc_trim(3).
pub fn trim_heap() {
    // SAFETY: the function takes an integer and only moves the end of the heap where no allocation lives.
    unsafe { libc::malloc_trim(0) };
}
