//! Whether a user may have the namespaces of [`enter`](super::enter), and an overlay in them: this process tries it on itself. What it makes ends
//! with it, and it is of no other use afterwards. Sources: user_namespaces(7), kernel filesystems/overlayfs.rst, "Permission model".

use std::fs;
use std::io::{self, Write};

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{getgid, getuid};
use sys::Errno;

/// What a user cannot have.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The namespaces.
    #[error("make a user, a mount and a network namespace")]
    Namespaces(#[source] Errno),
    /// To be root in them: where AppArmor confines whoever makes one, the namespace is there, and nobody has a right in it.
    #[error("mount in a user namespace")]
    Mount(#[source] Errno),
    /// The root of a container.
    #[error("mount an overlay in a user namespace")]
    Overlay(#[source] Errno),
}

/// Moves this process into namespaces of its own, as root with its own id alone, and mounts an overlay there. It has one thread.
///
/// # Errors
/// The first step that the kernel refuses.
pub fn attempt() -> Result<(), TrialError> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let namespaces = u32::try_from(super::ALL.bits()).unwrap_or(0);
    sys::unshare_namespaces(namespaces).map_err(TrialError::Namespaces)?;
    let mapped = put("/proc/self/setgroups", "deny")
        .and_then(|()| put("/proc/self/uid_map", &format!("0 {user} 1\n")))
        .and_then(|()| put("/proc/self/gid_map", &format!("0 {group} 1\n")));
    mapped.map_err(|error| TrialError::Namespaces(error.into()))?;
    ground().map_err(|errno| TrialError::Mount(errno.into()))?;
    let layers = c"lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr";
    mount(c"overlay", c"/tmp/lower", c"overlay", MountFlags::empty(), Some(layers))
        .map_err(|errno| TrialError::Overlay(errno.into()))
}

/// A file system of its own with the directories of an overlay, which nobody else sees.
fn ground() -> rustix::io::Result<()> {
    mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount(c"tmpfs", c"/tmp", c"tmpfs", MountFlags::empty(), None)?;
    [c"/tmp/lower", c"/tmp/upper", c"/tmp/work"]
        .iter()
        .try_for_each(|path| mkdirat(CWD, *path, Mode::RWXU))
}

fn put(path: &str, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}
