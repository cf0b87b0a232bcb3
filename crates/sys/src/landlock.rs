//! Landlock: a process gives up rights to files and ports, for itself and everything that it executes. Sources: landlock(7),
//! landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2), linux/landlock.h.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::Errno;
use crate::fd::own_fd;

/// `LANDLOCK_CREATE_RULESET_VERSION`.
const VERSION: u32 = 1;
/// `LANDLOCK_RULE_PATH_BENEATH` and `LANDLOCK_RULE_NET_PORT`.
const PATH_BENEATH: u32 = 1;
const NET_PORT: u32 = 2;

/// What a ruleset governs: whatever is named here is refused but for what rules allow. Laid out as the kernel's
/// `landlock_ruleset_attr`; fields that a kernel does not know must be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LandlockRuleset {
    /// `LANDLOCK_ACCESS_FS_…` bits.
    pub files: u64,
    /// `LANDLOCK_ACCESS_NET_…` bits, version 4.
    pub network: u64,
    /// `LANDLOCK_SCOPE_…` bits, version 6.
    pub scopes: u64,
}

/// The kernel's `landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    access: u64,
    parent: libc::c_int,
}

/// The kernel's `landlock_net_port_attr`.
#[repr(C)]
struct NetPort {
    access: u64,
    port: u64,
}

/// The version of Landlock that this kernel has, from 1 on; nothing when it has none, or it is switched off.
#[must_use]
pub fn landlock_version() -> Option<u32> {
    let none: *const LandlockRuleset = std::ptr::null();
    // SAFETY: with this flag the kernel wants no ruleset and a size of 0, and touches no memory.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, VERSION) };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// Makes a ruleset without rules; the kernel opens it close-on-exec.
///
/// # Errors
/// EINVAL for bits that this kernel does not know, E2BIG for fields of that kind, ENOMSG for one that governs nothing.
pub fn create_landlock_ruleset(ruleset: &LandlockRuleset) -> Result<OwnedFd, Errno> {
    let size = size_of::<LandlockRuleset>();
    let attributes: *const LandlockRuleset = ruleset;
    // SAFETY: `attributes` points at `size` initialised bytes in the kernel's layout (repr(C), no padding), which it only reads.
    let done = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, attributes, size, 0_u32) };
    let number = i32::try_from(done).ok().filter(|done| *done >= 0).ok_or_else(Errno::last)?;
    Ok(own_fd(number))
}

/// Allows `access` to a file, or to everything below a directory, which may be opened with O_PATH.
///
/// # Errors
/// EINVAL for bits that the ruleset does not govern, or that only directories have and this is none.
pub fn allow_landlock_path(
    ruleset: BorrowedFd<'_>,
    parent: BorrowedFd<'_>,
    access: u64,
) -> Result<(), Errno> {
    let rule = PathBeneath { access, parent: parent.as_raw_fd() };
    // SAFETY: `rule` is the kernel's landlock_path_beneath_attr (packed as there), initialised, and outlives the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            PATH_BENEATH,
            &raw const rule,
            0_u32,
        )
    };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Allows `access` to a TCP port.
///
/// # Errors
/// EINVAL for bits that the ruleset does not govern, EAFNOSUPPORT without TCP.
pub fn allow_landlock_port(ruleset: BorrowedFd<'_>, port: u16, access: u64) -> Result<(), Errno> {
    let rule = NetPort { access, port: port.into() };
    // SAFETY: `rule` is the kernel's landlock_net_port_attr (repr(C), no padding), initialised, and outlives the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            NET_PORT,
            &raw const rule,
            0_u32,
        )
    };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Puts the calling thread, and whatever it makes from here on, under the ruleset. It needs no_new_privs or CAP_SYS_ADMIN.
///
/// # Errors
/// EPERM without the rights, E2BIG for the seventeenth ruleset.
pub fn restrict_by_landlock(ruleset: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: a descriptor and flags; the kernel touches no memory of ours.
    let done =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}
