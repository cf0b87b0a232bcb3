//! execve(2) and its relatives with arguments made beforehand, for children that must not allocate.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// Strings with the array of pointers that the kernel wants, made before the child exists.
#[derive(Debug)]
pub struct CStringArray {
    strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl CStringArray {
    /// Takes the strings and points at them.
    #[must_use]
    pub fn new(strings: Vec<CString>) -> Self {
        let mut pointers: Vec<*const c_char> =
            strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Self { strings, pointers }
    }

    /// The strings.
    #[must_use]
    pub fn strings(&self) -> &[CString] {
        &self.strings
    }
}

/// Replaces the program; returns only an error. See execve(2).
pub fn execve(path: &CStr, argv: &CStringArray, envp: &CStringArray) -> Errno {
    // SAFETY: both arrays end with a null pointer, and every other pointer is to a string that its array owns.
    unsafe { libc::execve(path.as_ptr(), argv.pointers.as_ptr(), envp.pointers.as_ptr()) };
    Errno::last()
}

/// Replaces the program by the file that `file` refers to; returns only an error. See execveat(2), AT_EMPTY_PATH.
pub fn execveat(file: BorrowedFd<'_>, argv: &CStringArray, envp: &CStringArray) -> Errno {
    let argv = argv.pointers.as_ptr();
    let envp = envp.pointers.as_ptr();
    // SAFETY: both arrays end with a null pointer, and every other pointer is to a string that its array owns.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            argv,
            envp,
            libc::AT_EMPTY_PATH,
        )
    };
    Errno::last()
}

/// Ends the process at once, without the C library's exit handlers. See _exit(2).
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes an integer and does not return.
    unsafe { libc::_exit(code) }
}
