//! `/proc/self/fd/N` without an allocation, for calls that take paths only. Source: proc(5).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

const PREFIX: &[u8] = b"/proc/self/fd/";
/// The prefix, ten digits and the end of the string.
const LEN: usize = PREFIX.len() + 11;

/// The path of a descriptor, valid while the descriptor is open.
pub(crate) struct DescriptorPath<'fd> {
    bytes: [u8; LEN],
    descriptor: std::marker::PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> DescriptorPath<'fd> {
    pub(crate) fn of(descriptor: BorrowedFd<'fd>) -> Self {
        let mut bytes = [0; LEN];
        bytes[..PREFIX.len()].copy_from_slice(PREFIX);
        let number = descriptor.as_raw_fd().unsigned_abs();
        let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1);
        let mut rest = number;
        for place in bytes[PREFIX.len()..PREFIX.len() + digits].iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        Self { bytes, descriptor: std::marker::PhantomData }
    }

    /// The same as a path; it allocates.
    pub(crate) fn to_path_buf(&self) -> std::path::PathBuf {
        std::ffi::OsStr::from_bytes(self.as_c_str().to_bytes()).into()
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_number() {
        // A path may be made for a number that is not open; only its text is looked at.
        let stdin = rustix::stdio::stdin();
        assert_eq!(DescriptorPath::of(stdin).as_c_str(), c"/proc/self/fd/0");
    }
}
