//! execve(2) and its relatives with arguments made beforehand, for children that must not allocate.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// Strings with the array of pointers that the kernel wants, made before the child exists.
#[derive(Debug)]
pub struct CStringArray {
    strings: Vec<CString>,
    /// A last string whose end is written after the fork.
    blank: Option<Blank>,
    pointers: Vec<*const c_char>,
}

/// A string that is longer than what it says so far. The last byte stays NUL.
#[derive(Debug)]
struct Blank {
    bytes: Box<[Cell<u8>]>,
    written: usize,
}

impl CStringArray {
    /// Takes the strings and points at them.
    #[must_use]
    pub fn new(strings: Vec<CString>) -> Self {
        let mut pointers: Vec<*const c_char> =
            strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Self { strings, blank: None, pointers }
    }

    /// The same with one more string at the end, `begin`, to which [`Self::write_end`] can add up to `room` bytes.
    #[must_use]
    pub fn with_blank(strings: Vec<CString>, begin: &CStr, room: usize) -> Self {
        let mut array = Self::new(strings);
        let begin = begin.to_bytes();
        let bytes = begin.iter().copied().chain(std::iter::repeat_n(0, room + 1)).map(Cell::new);
        let blank = Blank { bytes: bytes.collect(), written: begin.len() };
        array.pointers.pop();
        array.pointers.push(blank.bytes.as_ptr().cast());
        array.pointers.push(std::ptr::null());
        array.blank = Some(blank);
        array
    }

    /// Writes the end of the last string; nothing is allocated. False, and nothing is written, when there is no room for
    /// it, when it holds a NUL byte or when no string has a blank.
    #[must_use]
    pub fn write_end(&self, end: &[u8]) -> bool {
        let Some(Blank { bytes, written }) = &self.blank else { return false };
        let room = &bytes[*written..bytes.len() - 1];
        if end.len() > room.len() || end.contains(&0) {
            return false;
        }
        room.iter().zip(end).for_each(|(to, from)| to.set(*from));
        true
    }

    /// The strings, without one that has a blank.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn last(array: &CStringArray) -> Vec<u8> {
        array.blank.as_ref().map_or_else(Vec::new, |blank| {
            blank.bytes.iter().map(Cell::get).take_while(|byte| *byte != 0).collect()
        })
    }

    #[test]
    fn a_blank_is_filled_up_to_its_room() {
        let array = CStringArray::with_blank(vec![c"A=1".into()], c"HOME=", 4);
        assert_eq!((last(&array), array.pointers.len()), (b"HOME=".to_vec(), 3));
        assert!(array.write_end(b"/a") && array.write_end(b"/abc"));
        assert!(!array.write_end(b"/abcd") && !array.write_end(b"/\0"));
        assert_eq!(last(&array), b"HOME=/abc");
        assert!(!CStringArray::new(Vec::new()).write_end(b""));
    }
}
