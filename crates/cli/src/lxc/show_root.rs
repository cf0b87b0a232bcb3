//! How hooks of mounts find a container's root: it is moved to where LXC shows it, in the container's own mount namespace, before the
//! container enters it. Nobody but the engine calls this. Source: move_mount(2); lxc.container.conf(5), "lxc.rootfs.mount".

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, move_mount};

use crate::output;

/// Exit code of what cannot be run, as a shell's.
const NOT_RUN: i32 = 127;
const SHELL: &str = "/bin/sh";

/// The directory, and the shell's words with its name.
pub(super) fn show_root(mut words: impl Iterator<Item = String>) -> i32 {
    let (Some(at), Some(name)) = (words.next(), words.next()) else { return NOT_RUN };
    if let Err(errno) = show(&at) {
        let errno = sys::Errno::from_raw(errno.raw_os_error());
        output::error(&format!("show the container's root at {at}: {errno}"), None);
        return NOT_RUN;
    }
    let error = Command::new(SHELL).arg0(name).args(words).current_dir("/").exec();
    output::error(&format!("run {SHELL}: {error}"), None);
    NOT_RUN
}

/// Moves the mount that is the working directory there, unless another hook has done so.
fn show(at: &str) -> Result<(), Errno> {
    let mount_of = |path: &str| {
        statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).map(|status| status.stx_mnt_id)
    };
    if mount_of(at)? == mount_of(".")? {
        return Ok(());
    }
    move_mount(CWD, ".", CWD, at, MoveMountFlags::empty())
}
