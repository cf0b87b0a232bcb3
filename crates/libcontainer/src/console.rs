//! Pseudo-terminals of the container's own: masters for the parent, slaves bound to `/dev/console`, `/dev/tty1` and so on. Source: pts(4),
//! ioctl_tty(2).
//!
//! All but [`TerminalPlace::new`] runs in the child: nothing there allocates. Everything goes by descriptors, so that no link that is
//! swapped in can turn the bind into a mount over a file of the host (CVE-2025-52565).

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs};
use rustix::io::Errno as Raw;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use sys::{Errno, open_in_root};

use crate::descriptor_path::DescriptorPath;
use crate::error::StartError;
use crate::prepared::text;
use crate::rootfs::Root;
use crate::wire;

/// statfs(2).
const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;

/// Both ends of the terminal.
pub(crate) struct Terminal {
    pub(crate) master: OwnedFd,
    pub(crate) slave: OwnedFd,
}

/// Where a terminal is below `/dev`.
pub(crate) struct TerminalPlace {
    name: CString,
    inside: Option<Inside>,
}

/// In a directory there, and what the link in its usual place says.
struct Inside {
    directory: CString,
    link: CString,
}

impl TerminalPlace {
    /// With this name, in a directory of that one unless it is empty.
    pub(crate) fn new(name: &str, directory: &str) -> Result<Self, StartError> {
        let inside = || -> Result<Inside, StartError> {
            let link = text(&format!("{directory}/{name}"))?;
            Ok(Inside { directory: text(directory)?, link })
        };
        let inside = (!directory.is_empty()).then(inside).transpose()?;
        Ok(Self { name: text(name)?, inside })
    }

    /// `tty1` and on, so many.
    pub(crate) fn numbered(count: u16, directory: &str) -> Result<Vec<Self>, StartError> {
        (1..=count).map(|number| Self::new(&format!("tty{number}"), directory)).collect()
    }
}

/// Opens a terminal in the container's devpts and binds it to its place.
pub(crate) fn open(
    root: &Root,
    place: &TerminalPlace,
    size: Option<Winsize>,
) -> Result<Terminal, Errno> {
    let terminal = open_in(root, size)?;
    let dev =
        open_in_root(root.directory(), c"dev", OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    match &place.inside {
        None => bind(&terminal.slave, &dev, &place.name)?,
        Some(Inside { directory, link }) => {
            let mode = Mode::from_raw_mode(0o755);
            there_already(rustix::fs::mkdirat(&dev, directory, mode))?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let inside = rustix::fs::openat(&dev, directory, flags, Mode::empty())?;
            bind(&terminal.slave, &inside, &place.name)?;
            rustix::fs::symlinkat(link, &dev, &place.name)?;
        }
    }
    Ok(terminal)
}

/// Opens terminals for somebody else, to whom their masters go.
pub(crate) fn open_all(
    root: &Root,
    places: &[TerminalPlace],
    socket: BorrowedFd<'_>,
) -> Result<(), Errno> {
    places.iter().try_for_each(|place| {
        let terminal = open(root, place, None)?;
        wire::send_terminal(socket, terminal.master.as_fd())
    })
}

/// Binds a terminal to a file, which is made when it is missing.
fn bind(slave: &OwnedFd, directory: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(0o600);
    there_already(rustix::fs::mknodat(directory, name, FileType::RegularFile, mode, 0))?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let at = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let (from, to) = (DescriptorPath::of(slave.as_fd()), DescriptorPath::of(at.as_fd()));
    Ok(rustix::mount::mount_bind(from.as_c_str(), to.as_c_str())?)
}

fn there_already(made: Result<(), Raw>) -> Result<(), Errno> {
    match made {
        Ok(()) | Err(Raw::EXIST) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
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
