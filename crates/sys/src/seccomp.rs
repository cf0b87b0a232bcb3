//! Loading a system call filter. Source: seccomp(2).

use std::os::fd::OwnedFd;

use crate::Errno;
use crate::fd::own_fd;

/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`, linux/seccomp.h.
const NEW_LISTENER: u32 = 8;

/// One instruction of classic BPF, laid out as the kernel's `sock_filter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FilterInstruction {
    /// Operation.
    pub code: u16,
    /// Instructions skipped when a comparison holds.
    pub jt: u8,
    /// Instructions skipped when it does not.
    pub jf: u8,
    /// Constant.
    pub k: u32,
}

impl FilterInstruction {
    /// As the kernel lays it out in memory on this machine.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 8] {
        let [code_0, code_1] = self.code.to_ne_bytes();
        let [k_0, k_1, k_2, k_3] = self.k.to_ne_bytes();
        [code_0, code_1, self.jt, self.jf, k_0, k_1, k_2, k_3]
    }
}

/// Loads a filter for the calling thread. It needs no_new_privs or CAP_SYS_ADMIN. Gives the notify descriptor when
/// SECCOMP_FILTER_FLAG_NEW_LISTENER is among the flags; the kernel opens it close-on-exec.
///
/// # Errors
/// EACCES without the rights, EINVAL for a malformed filter or unknown flags.
pub fn load_seccomp_filter(
    program: &[FilterInstruction],
    flags: u32,
) -> Result<Option<OwnedFd>, Errno> {
    let Ok(len) = u16::try_from(program.len()) else { return Err(Errno::from_raw(libc::EINVAL)) };
    // The kernel only reads the filter; its C type has no const.
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: `filter` points at `len` instructions laid out as `sock_filter` (repr(C), same fields), and they outlive the call.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter)
    };
    let number = i32::try_from(done).ok().filter(|done| *done >= 0).ok_or_else(Errno::last)?;
    Ok((flags & NEW_LISTENER != 0).then(|| own_fd(number)))
}
