//! The program's own file, out of the reach of what it starts (CVE-2019-5736).
//!
//! A container can open `/proc/PID/exe` of a process of ours that is about to become its program, and write to it once that
//! process is gone. What is executed from a read-only mount that nobody else has cannot be opened for writing through it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::CWD;
use rustix::mount::{OpenTreeFlags, open_tree};
use sys::{Errno, MountAttributes, mount_setattr};

/// The running program on a read-only mount of its own, to be executed with execveat(2). Linux 5.12.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN.
pub fn own_program() -> Result<OwnedFd, Errno> {
    let tree = open_tree(
        CWD,
        c"/proc/self/exe",
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC,
    )?;
    let read_only = MountAttributes { set: MountAttributes::RDONLY, ..MountAttributes::default() };
    mount_setattr(tree.as_fd(), c"", false, read_only)?;
    Ok(tree)
}
