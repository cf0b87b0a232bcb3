//! A pseudo-terminal of the container's own: master for the parent, slave bound to `/dev/console`. Source: pts(4), ioctl_tty(2).
//!
//! Runs in the child: nothing here allocates. Everything goes by descriptors, so that no link that is swapped in can turn the
//! bind into a mount over a file of the host (CVE-2025-52565).

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use sys::{Errno, open_in_root};

use crate::descriptor_path::DescriptorPath;
use crate::rootfs::Root;

/// statfs(2).
const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;

/// Both ends of the terminal.
pub(crate) struct Terminal {
    pub(crate) master: OwnedFd,
    pub(crate) slave: OwnedFd,
}

/// Opens the terminal in the container's devpts and binds it to its console.
pub(crate) fn open(root: &Root, size: Option<Winsize>) -> Result<Terminal, Errno> {
    let terminal = open_in(root, size)?;
    let dev =
        open_in_root(root.directory(), c"dev", OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    match rustix::fs::mknodat(
        &dev,
        c"console",
        FileType::RegularFile,
        Mode::from_raw_mode(0o600),
        0,
    ) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let at = rustix::fs::openat(
        &dev,
        c"console",
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let (from, to) = (DescriptorPath::of(terminal.slave.as_fd()), DescriptorPath::of(at.as_fd()));
    rustix::mount::mount_bind(from.as_c_str(), to.as_c_str())?;
    Ok(terminal)
}

/// The two ends, from the devpts mounted below `root`; for a process that joins, its root is the container's already.
pub(crate) fn open_in(root: &Root, size: Option<Winsize>) -> Result<Terminal, Errno> {
    terminal(
        open_in_root(
            root.directory(),
            c"dev/pts/ptmx",
            OFlags::RDWR | OFlags::NOCTTY,
            Mode::empty(),
        )?,
        size,
    )
}

/// The same for a process whose root is the container's.
pub(crate) fn open_here(size: Option<Winsize>) -> Result<Terminal, Errno> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    terminal(rustix::fs::open(c"/dev/pts/ptmx", flags, Mode::empty())?, size)
}

fn terminal(master: OwnedFd, size: Option<Winsize>) -> Result<Terminal, Errno> {
    let is_pts = fstatfs(&master)?.f_type == DEVPTS_SUPER_MAGIC;
    if !is_pts || FileType::from_raw_mode(fstat(&master)?.st_mode) != FileType::CharacterDevice {
        return Err(Errno::from_raw(libc::ENODEV));
    }
    unlockpt(&master)?;
    let slave =
        ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    if let Some(size) = size.filter(|size| size.ws_row != 0 || size.ws_col != 0) {
        tcsetwinsize(&slave, size)?;
    }
    Ok(Terminal { master, slave })
}
