//! mount_setattr(2): flags of a mount, or of a whole tree, in one call.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// What changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MountAttributes<'a> {
    /// `MOUNT_ATTR_…` bits to set.
    pub set: u64,
    /// `MOUNT_ATTR_…` bits to clear.
    pub clear: u64,
    /// One of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, or 0 for no change.
    pub propagation: u64,
    /// A user namespace whose maps the mount shall use (MOUNT_ATTR_IDMAP).
    pub user_namespace: Option<BorrowedFd<'a>>,
}

impl MountAttributes<'_> {
    /// Read-only.
    pub const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
    /// Set-user-id bits and file capabilities are ignored.
    pub const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
    /// Device nodes do not work.
    pub const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
    /// Nothing can be executed.
    pub const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
    /// Symbolic links are not followed (Linux 5.14).
    pub const NOSYMFOLLOW: u64 = libc::MOUNT_ATTR_NOSYMFOLLOW;
}

/// Changes the mount at `path` below `directory`; an empty path is `directory` itself. `recursive` includes all mounts below.
///
/// # Errors
/// As mount_setattr(2): EPERM without CAP_SYS_ADMIN or on a locked flag, EINVAL where the path is no mount, ENOSYS before 5.12.
pub fn mount_setattr(
    directory: BorrowedFd<'_>,
    path: &CStr,
    recursive: bool,
    attributes: MountAttributes<'_>,
) -> Result<(), Errno> {
    let mut raw = libc::mount_attr {
        attr_set: attributes.set,
        attr_clr: attributes.clear,
        propagation: attributes.propagation,
        userns_fd: 0,
    };
    if let Some(user_namespace) = attributes.user_namespace {
        raw.attr_set |= libc::MOUNT_ATTR_IDMAP;
        raw.userns_fd = u64::from(user_namespace.as_raw_fd().cast_unsigned());
    }
    let mut flags = libc::AT_EMPTY_PATH;
    if recursive {
        flags |= libc::AT_RECURSIVE;
    }
    let size = size_of::<libc::mount_attr>();
    // SAFETY: the path is a valid C string, and the kernel reads `size` bytes of `raw`, which is that long.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory.as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const raw,
            size,
        )
    };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}
