//! SELinux labels: of a container's mounts, of its processes, of their keyrings. Sources: selinux(8), mount(8) "context=",
//! proc_pid_attr(5).

use std::ffi::{CStr, CString};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno as Raw;
use sys::Errno;

use crate::error::StartError;
use crate::identity::write_label;
use crate::prepared::text;

/// statfs(2).
const SELINUX_MAGIC: u32 = 0xf97c_ff8c;

/// Whether this machine runs with SELinux: its file system is mounted and may be written.
#[must_use]
pub fn enabled() -> bool {
    use rustix::fs::StatVfsMountFlags;
    let place = "/sys/fs/selinux";
    let is_there = rustix::fs::statfs(place)
        .is_ok_and(|stat| u32::try_from(stat.f_type & 0xffff_ffff) == Ok(SELINUX_MAGIC));
    is_there
        && rustix::fs::statvfs(place)
            .is_ok_and(|stat| !stat.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Whether labels of the machine's policy have levels: categories are parts of these.
#[must_use]
pub fn has_levels() -> bool {
    std::fs::read("/sys/fs/selinux/mls").is_ok_and(|text| text.starts_with(b"1"))
}

/// Whether the machine's policy has this label. Where the caller may not ask, it has.
///
/// # Errors
/// What the kernel says to the question itself.
pub fn knows(label: &str) -> Result<bool, Errno> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let question = match open("/sys/fs/selinux/context", flags, Mode::empty()) {
        Err(Raw::ACCESS | Raw::PERM) => return Ok(true),
        opened => opened?,
    };
    match rustix::io::write(&question, label.as_bytes()) {
        Ok(_) | Err(Raw::ACCESS | Raw::PERM) => Ok(true),
        Err(Raw::INVAL) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Does something in which sockets that this thread makes have a label: who connects to one needs rights over it, whatever the label of
/// its file is. proc_pid_attr(5), sockcreate.
///
/// # Errors
/// What the kernel says to the label.
pub fn with_socket_label<T>(label: &str, act: impl FnOnce() -> T) -> Result<T, Errno> {
    const SOCKETS: &CStr = c"/proc/thread-self/attr/sockcreate";
    write_label(SOCKETS, label.as_bytes())?;
    let done = act();
    // One byte, or write(2) would not reach the kernel's handler.
    write_label(SOCKETS, b"\0")?;
    Ok(done)
}

/// How a file system gets the label of a container's mounts.
pub(crate) enum Labelling {
    /// By an option of mount(2): every file in it, for ever.
    Context,
    /// By an attribute once it is mounted.
    Attribute,
    /// Not at all: SELinux labels these itself, and for all containers alike.
    None,
}

impl Labelling {
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "proc" | "sysfs" | "cgroup" | "cgroup2" => Self::None,
            "mqueue" => Self::Attribute,
            _ => Self::Context,
        }
    }
}

/// Options of a file system with the label, which may hold commas.
pub(crate) fn with_context(options: &str, label: &str) -> String {
    let comma = if options.is_empty() { "" } else { "," };
    format!("{options}{comma}context=\"{label}\"")
}

/// A process's label, ready; it is an error where nothing would enforce it.
pub(crate) fn process_label(label: Option<&String>) -> Result<Option<CString>, StartError> {
    let Some(label) = label else { return Ok(None) };
    let refused = |why: &str, errno: i32| StartError::Parent {
        action: format!("enter the SELinux label {label}: {why}"),
        errno: Errno::from_raw(errno),
    };
    if !enabled() {
        return Err(refused("this machine runs without SELinux", libc::EOPNOTSUPP));
    }
    let asked = StartError::parent(format!("ask SELinux for the label {label}"));
    if !knows(label).map_err(asked)? {
        return Err(refused("the policy of this machine does not know it", libc::EINVAL));
    }
    text(label).map(Some)
}
