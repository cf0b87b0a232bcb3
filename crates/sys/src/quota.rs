//! Projects of files and their quotas: how a directory is bound to so many bytes. Sources: ioctl_xfs_fsgetxattr(2), quotactl_fd(2)
//! of linux/quota.h and linux/dqblk_xfs.h. XFS's commands of quotactl(2) serve every file system whose quotas the kernel keeps.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// `struct fsxattr` of linux/fs.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct FileAttributes {
    flags: u32,
    extent_bytes: u32,
    extents: u32,
    project: u32,
    copy_extent_bytes: u32,
    reserved: [u8; 8],
}

/// `struct fs_disk_quota` of linux/dqblk_xfs.h; what stands behind the inodes is not used here.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct DiskQuota {
    version: i8,
    kind: i8,
    fields: u16,
    id: u32,
    hard_blocks: u64,
    soft_blocks: u64,
    hard_inodes: u64,
    soft_inodes: u64,
    blocks: u64,
    inodes: u64,
    others: [u64; 7],
}

/// `struct fs_quota_statv` of linux/dqblk_xfs.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct QuotaState {
    version: i8,
    reserved: u8,
    flags: u16,
    in_core: u32,
    others: [u64; 19],
}

// The kernel's layout.
const _: () = assert!(size_of::<FileAttributes>() == 28);
const _: () = assert!(size_of::<DiskQuota>() == 112);
const _: () = assert!(size_of::<QuotaState>() == 160);

const FS_IOC_FSGETXATTR: libc::Ioctl = libc::_IOR::<FileAttributes>(b'X' as u32, 31);
const FS_IOC_FSSETXATTR: libc::Ioctl = libc::_IOW::<FileAttributes>(b'X' as u32, 32);
/// The ioctl(2) by which whoever owns a file in the first user namespace moves it to another project. PowerPC has the direction
/// in other bits than the rest: asm/ioctl.h.
pub const SET_PROJECT_COMMAND: u32 =
    if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64")) {
        0x801c_5820
    } else {
        0x401c_5820
    };
const FS_XFLAG_PROJINHERIT: u32 = 0x200;

const PRJQUOTA: i32 = 2;
const Q_XSETQLIM: i32 = 0x5804;
const Q_XGETQSTATV: i32 = 0x5808;
const Q_XGETNEXTQUOTA: i32 = 0x5809;
const FS_DQUOT_VERSION: i8 = 1;
const FS_QSTATV_VERSION1: i8 = 1;
const FS_PROJ_QUOTA: i8 = 2;
const FS_DQ_BSOFT: u16 = 1 << 2;
const FS_DQ_BHARD: u16 = 1 << 3;
const FS_QUOTA_PDQ_ACCT: u16 = 1 << 4;
const FS_QUOTA_PDQ_ENFD: u16 = 1 << 5;
/// What the kernel counts in here.
const BLOCK_BYTES: u64 = 512;

/// What the kernel keeps of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectQuota {
    /// Its number.
    pub project: u32,
    /// Bytes that it may have; 0 is without end.
    pub limit_bytes: u64,
    /// Bytes that it has.
    pub used_bytes: u64,
    /// Files and directories that it has.
    pub inodes: u64,
}

/// The project of an open file, and whether what is made in it, a directory, belongs to the same.
///
/// # Errors
/// ENOTTY or EOPNOTSUPP where the file system knows no projects.
pub fn project(file: BorrowedFd<'_>) -> Result<(u32, bool), Errno> {
    attributes(file).map(|found| (found.project, found.flags & FS_XFLAG_PROJINHERIT != 0))
}

fn attributes(file: BorrowedFd<'_>) -> Result<FileAttributes, Errno> {
    let mut found = FileAttributes::default();
    // SAFETY: the kernel writes one `fsxattr`, which `FileAttributes` is in length and layout.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_FSGETXATTR, &raw mut found) };
    if done == 0 { Ok(found) } else { Err(Errno::last()) }
}

/// Gives an open directory to a project, with all that will be made in it.
///
/// # Errors
/// EPERM for who does not own it, EINVAL outside the first user namespace, EOPNOTSUPP where the file system has no projects.
pub fn set_project(directory: BorrowedFd<'_>, project: u32) -> Result<(), Errno> {
    let mut wanted = attributes(directory)?;
    wanted.project = project;
    wanted.flags |= FS_XFLAG_PROJINHERIT;
    // SAFETY: the kernel reads one `fsxattr`, which `FileAttributes` is in length and layout, and all of it is initialised.
    let done = unsafe { libc::ioctl(directory.as_raw_fd(), FS_IOC_FSSETXATTR, &raw const wanted) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Whether the file system of an open file counts what projects have, and whether it holds them to their limits.
///
/// # Errors
/// ENOSYS before Linux 5.14, or where the file system has no quotas.
pub fn project_quotas(file: BorrowedFd<'_>) -> Result<(bool, bool), Errno> {
    let mut state = QuotaState { version: FS_QSTATV_VERSION1, ..QuotaState::default() };
    // SAFETY: the kernel writes one `fs_quota_statv`, which `QuotaState` is in length.
    let done = unsafe { quotactl(file, Q_XGETQSTATV, 0, (&raw mut state).cast()) };
    let is_on = |flag| state.flags & flag != 0;
    if done == 0 {
        Ok((is_on(FS_QUOTA_PDQ_ACCT), is_on(FS_QUOTA_PDQ_ENFD)))
    } else {
        Err(Errno::last())
    }
}

/// What the kernel keeps of the first project from `from` on that it keeps anything of.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN, ENOSYS before Linux 5.14.
pub fn next_project_quota(file: BorrowedFd<'_>, from: u32) -> Result<Option<ProjectQuota>, Errno> {
    let mut found = DiskQuota::default();
    // SAFETY: the kernel writes one `fs_disk_quota`, which `DiskQuota` is in length.
    let done = unsafe { quotactl(file, Q_XGETNEXTQUOTA, from, (&raw mut found).cast()) };
    if done != 0 {
        let errno = Errno::last();
        // By file system.
        return if matches!(errno.raw(), libc::ENOENT | libc::ESRCH) {
            Ok(None)
        } else {
            Err(errno)
        };
    }
    Ok(Some(ProjectQuota {
        project: found.id,
        limit_bytes: found.hard_blocks.saturating_mul(BLOCK_BYTES),
        used_bytes: found.blocks.saturating_mul(BLOCK_BYTES),
        inodes: found.inodes,
    }))
}

/// Bounds what a project may have; 0 is without end. In units of 512 bytes: the rest counts for a whole one.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN, ENOSYS before Linux 5.14, ESRCH where projects have no quotas.
pub fn set_project_limit(
    file: BorrowedFd<'_>,
    project: u32,
    limit_bytes: u64,
) -> Result<(), Errno> {
    let blocks = limit_bytes.div_ceil(BLOCK_BYTES);
    let mut wanted = DiskQuota {
        version: FS_DQUOT_VERSION,
        kind: FS_PROJ_QUOTA,
        fields: FS_DQ_BHARD | FS_DQ_BSOFT,
        id: project,
        hard_blocks: blocks,
        soft_blocks: blocks,
        ..DiskQuota::default()
    };
    // SAFETY: the kernel reads one `fs_disk_quota`, which `DiskQuota` is in length, and all of it is initialised.
    let done = unsafe { quotactl(file, Q_XSETQLIM, project, (&raw mut wanted).cast()) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// quotactl_fd(2), Linux 5.14, for projects.
///
/// # Safety
/// `data` points at what the command reads or writes.
unsafe fn quotactl(
    file: BorrowedFd<'_>,
    command: i32,
    project: u32,
    data: *mut libc::c_void,
) -> libc::c_long {
    let command = (command << 8) | PRJQUOTA;
    // SAFETY: by the contract of this function the data is the command's; the rest are integers.
    unsafe { libc::syscall(libc::SYS_quotactl_fd, file.as_raw_fd(), command, project, data) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_that_a_filter_looks_for() {
        assert_eq!(FS_IOC_FSSETXATTR, u64::from(SET_PROJECT_COMMAND));
    }
}
