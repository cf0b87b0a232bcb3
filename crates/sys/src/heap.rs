//! Giving memory back to the kernel.

use std::ffi::c_void;

/// Returns free memory of the C library's heap to the kernel. See malloc_trim(3).
pub fn trim_heap() {
    // SAFETY: the function takes an integer and only moves the end of the heap where no allocation lives.
    unsafe { libc::malloc_trim(0) };
}

/// Returns what a process that waits has no use for: free memory of the heap, what its stack once reached down to, and its hold on
/// pages of the program with the page tables that lead to them (Linux 6.14). What is needed again comes again by a fault.
///
/// For a process of one thread. See madvise(2), MADV_DONTNEED.
pub fn release_idle_memory() {
    trim_heap();
    release_stack();
    // SAFETY: the callback has the type that is asked for, and takes no data.
    unsafe { libc::dl_iterate_phdr(Some(release_program), std::ptr::null_mut()) };
}

/// The kernel keeps as much below a stack free of other mappings: kernel-parameters.txt, `stack_guard_gap`, 256 pages.
const DEPTH: usize = 1024 * 1024;

#[inline(never)]
fn release_stack() {
    let here = 0_u8;
    // A page is left for the calls that are made from here.
    let end = std::ptr::from_ref(&here).addr().saturating_sub(rustix::param::page_size());
    // SAFETY: the stack grows down: nothing below what runs now is read again before it is written, and up to this depth nothing
    // else is mapped there.
    unsafe { release(end.saturating_sub(DEPTH), end) };
}

unsafe extern "C" fn release_program(
    program: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> libc::c_int {
    // SAFETY: dl_iterate_phdr(3) gives a description that is there during the call.
    let program = unsafe { &*program };
    // SAFETY: there are that many headers behind the pointer, for as long as the program runs.
    let segments =
        unsafe { std::slice::from_raw_parts(program.dlpi_phdr, program.dlpi_phnum.into()) };
    for segment in segments {
        if segment.p_type != libc::PT_LOAD || segment.p_flags & libc::PF_W != 0 {
            continue;
        }
        let begin = usize::try_from(program.dlpi_addr.wrapping_add(segment.p_vaddr));
        if let (Ok(begin), Ok(length)) = (begin, usize::try_from(segment.p_memsz)) {
            // SAFETY: nobody could write to the segment, so that its pages are those of the file.
            unsafe { release(begin, begin.saturating_add(length)) };
        }
    }
    0
}

/// Drops the whole pages between two addresses. Parts that are not mapped are no matter: madvise(2) goes on behind them.
///
/// # Safety
/// Nobody may need what is written in the pages: they come again from their file, or as zeros.
unsafe fn release(begin: usize, end: usize) {
    let page = rustix::param::page_size();
    let (begin, end) = (begin.next_multiple_of(page), end & !(page - 1));
    if begin < end {
        let at = std::ptr::with_exposed_provenance_mut::<c_void>(begin);
        // SAFETY: as the caller promises.
        unsafe { libc::madvise(at, end - begin, libc::MADV_DONTNEED) };
    }
}
