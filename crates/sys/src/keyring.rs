//! Session keyrings. Sources: keyctl(2), keyrings(7), keyctl_describe(3).

use std::ffi::CStr;

use crate::Errno;

/// The session keyring of this process. Nothing here allocates.
#[derive(Clone, Copy, Debug)]
pub struct SessionKeyring {
    id: libc::c_long,
}

/// Joins a session keyring in the place of the caller's, so that the host's keys stay out of reach: a new one, or the one of
/// that name, which is made when there is none that the caller may search.
///
/// # Errors
/// ENOSYS where the kernel has no keyrings, EDQUOT beyond the user's quota.
pub fn join_session_keyring(name: Option<&CStr>) -> Result<SessionKeyring, Errno> {
    let name = name.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: KEYCTL_JOIN_SESSION_KEYRING reads a string that ends with NUL, as a `CStr` does, and nothing by a null pointer.
    let id = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name) };
    if id >= 0 { Ok(SessionKeyring { id }) } else { Err(Errno::last()) }
}

impl SessionKeyring {
    /// The user id of whoever made it, in the caller's user namespace.
    ///
    /// # Errors
    /// EINVAL for words of the kernel that are not understood; EACCES for a keyring that may not be viewed.
    pub fn owner(self) -> Result<u32, Errno> {
        self.describe().map(|(owner, _)| owner)
    }

    /// Lets processes of its owner find it that do not have it yet.
    ///
    /// # Errors
    /// EACCES when it is somebody else's.
    pub fn let_owner_search(self) -> Result<(), Errno> {
        /// KEY_USR_SEARCH, keyctl_setperm(3).
        const OWNER_SEARCHES: u32 = 0x0008_0000;
        let permissions = self.describe()?.1 | OWNER_SEARCHES;
        // SAFETY: KEYCTL_SETPERM takes integers only.
        let done =
            unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_SETPERM, self.id, permissions) };
        if done == 0 { Ok(()) } else { Err(Errno::last()) }
    }

    /// Owner and permissions, of "keyring;UID;GID;PERMISSIONS;NAME".
    fn describe(self) -> Result<(u32, u32), Errno> {
        /// A name has a page at most, the rest some 40 bytes.
        const LONGEST: usize = 4096 + 64;
        let mut words = [0_u8; LONGEST];
        // SAFETY: the kernel writes no more than the length of the buffer that it is given.
        let length = unsafe {
            let (buffer, room) = (words.as_mut_ptr(), words.len());
            libc::syscall(libc::SYS_keyctl, libc::KEYCTL_DESCRIBE, self.id, buffer, room)
        };
        let length = usize::try_from(length).map_err(|_negative| Errno::last())?;
        let text = words.get(..length).and_then(|text| std::str::from_utf8(text).ok());
        let mut fields = text.unwrap_or_default().split(';').skip(1);
        let owner = fields.next().and_then(|field| field.parse().ok());
        let permissions = fields.nth(1).and_then(|field| u32::from_str_radix(field, 16).ok());
        owner.zip(permissions).ok_or(Errno::from_raw(libc::EINVAL))
    }
}
