//! Session keyrings. Source: keyctl(2), keyrings(7).

use crate::Errno;

/// Joins a new, anonymous session keyring, so that the host's keys stay out of reach.
///
/// # Errors
/// ENOSYS where the kernel has no keyrings, EDQUOT beyond the user's quota.
pub fn join_anonymous_session_keyring() -> Result<(), Errno> {
    // SAFETY: KEYCTL_JOIN_SESSION_KEYRING with a null name reads no memory.
    let id = unsafe {
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<u8>())
    };
    if id >= 0 { Ok(()) } else { Err(Errno::last()) }
}
