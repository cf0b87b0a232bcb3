//! Errors of the kernel by name, as they stand in every message: `EPERM`, not "Operation not permitted". Source: errno(3).

use std::fmt;

/// An error number that prints as its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(rustix::io::Errno);

impl Errno {
    /// The number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0.raw_os_error()
    }

    /// From a number, for example one that crossed a pipe. What is outside the kernel's range, 1 to 4095, becomes EIO.
    #[must_use]
    pub const fn from_raw(number: i32) -> Self {
        if number < 1 || number > 4095 {
            return Self(rustix::io::Errno::IO);
        }
        Self(rustix::io::Errno::from_raw_os_error(number))
    }

    /// The error of the last call of the C library in this thread.
    pub(crate) fn last() -> Self {
        Self::from(std::io::Error::last_os_error())
    }

    /// Its name, or nothing where errno(3) has none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.raw()).map(|(_, name)| *name)
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno)
    }
}

impl From<std::io::Error> for Errno {
    /// The kernel's number, or EIO for an error that the standard library made itself.
    fn from(error: std::io::Error) -> Self {
        Self(rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
    }
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.raw())
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.raw()),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Errno {}

macro_rules! names {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

#[rustfmt::skip]
const NAMES: &[(i32, &str)] = names![
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ENOSTR ENODATA ETIME ENONET EREMOTE ENOLINK EPROTO EMULTIHOP
    EBADMSG EOVERFLOW EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP
    EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN
    ENOTCONN ESHUTDOWN ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN EDQUOT ENOMEDIUM
    EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_its_name() {
        assert_eq!(Errno::from_raw(libc::EPERM).to_string(), "EPERM");
        assert_eq!(Errno::from_raw(4095).to_string(), "errno 4095");
        assert_eq!(Errno::from_raw(0).to_string(), "EIO");
        assert_eq!(Errno::from_raw(4096).to_string(), "EIO");
    }
}
