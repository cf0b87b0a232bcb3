//! Why the kernel refuses a step, where the answer alone does not tell. Sources: mount(2), mount_setattr(2), pivot_root(2),
//! user_namespaces(7).

use sys::{Errno, Namespaces};

use crate::id_map::is_unprivileged;
use crate::plan::Step;

/// What an administrator may have switched off: a file below /proc/sys, and the value that does it. The second and the third
/// are distributions': Debian's, and Ubuntu's.
const SWITCHES: [(&str, &str); 3] = [
    ("user/max_user_namespaces", "0"),
    ("kernel/unprivileged_userns_clone", "0"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
];

/// Why the kernel does not make these namespaces.
pub(crate) fn of_namespaces(wanted: Namespaces, errno: Errno) -> String {
    let user = wanted.contains(Namespaces::USER);
    match errno.raw() {
        libc::EPERM if !user && is_unprivileged() => {
            ": a user without rights needs a new user namespace".to_owned()
        }
        libc::EPERM | libc::EACCES | libc::ENOSPC | libc::EUSERS => match switched_off() {
            Some(switch) if user => format!(": {switch}"),
            _ if matches!(errno.raw(), libc::ENOSPC | libc::EUSERS) => {
                ": too many or too deep, see /proc/sys/user/max_*_namespaces".to_owned()
            }
            _ if errno.raw() == libc::EACCES => {
                // clone(2), CLONE_INTO_CGROUP.
                ": its control group cannot be entered from the caller's, cgroups(7) \"Delegation containment\"".to_owned()
            }
            _ => String::new(),
        },
        _ => String::new(),
    }
}

/// Which switch keeps users from having user namespaces, or rights in them.
fn switched_off() -> Option<String> {
    let is_off = |(name, off): &&(&str, &str)| {
        std::fs::read_to_string(format!("/proc/sys/{name}")).is_ok_and(|text| text.trim() == *off)
    };
    let (name, value) = SWITCHES.iter().find(is_off)?;
    Some(format!("user namespaces are switched off for users: /proc/sys/{name} is {value}"))
}

/// Why a step in a user's own user namespace is refused that is none of those in [`hint`]: AppArmor makes the namespace and
/// takes the rights in it away.
pub(crate) fn of_lost_rights(errno: Errno) -> Option<String> {
    if !is_unprivileged() || !matches!(errno.raw(), libc::EPERM | libc::EACCES) {
        return None;
    }
    switched_off()
}

/// What is known about this answer to this step.
pub(crate) fn hint(step: &Step, errno: Errno) -> Option<&'static str> {
    Some(match (step, errno.raw()) {
        (Step::Mount { kind, .. }, libc::ELOOP | libc::ENOTDIR)
            if matches!(kind.as_str(), "proc" | "sysfs") =>
        {
            "it must be mounted on ordinary directory"
        }
        (Step::Mount { kind, .. }, libc::EPERM) => of_file_system(kind)?,
        (Step::Mount { data, .. }, libc::EINVAL) if has_id(data) && is_unprivileged() => {
            "an id of its options may not be mapped in the user namespace"
        }
        (Step::Mount { .. } | Step::Bind { .. }, libc::EXDEV) => {
            "a link leads to the root itself or below /proc"
        }
        (Step::Bind { id_map: Some(_), .. }, libc::EINVAL) => {
            "its file system may not know id-mapped mounts on this kernel"
        }
        (Step::Bind { id_map: Some(_), .. }, libc::EPERM) => {
            "id-mapped mounts need root's rights on the host, and no map before"
        }
        (Step::Bind { .. }, libc::EPERM) => {
            "an attribute of its source is locked: a user namespace cannot change it"
        }
        (Step::Bind { .. }, libc::EACCES) => {
            "its source, or the way to its place, is out of reach for the root of the user namespace"
        }
        // drivers/tty/pty.c: new instances of devpts leave a part to the first one.
        (Step::Console { .. } | Step::Terminals { .. }, libc::ENOSPC) => {
            "the machine has no more pseudo terminals for containers: raise /proc/sys/kernel/pty/max, of which /proc/sys/kernel/pty/reserve are kept"
        }
        (Step::PivotRoot, libc::EINVAL) => {
            "a root on a ramfs cannot be exchanged, only moved (--no-pivot)"
        }
        _ => return None,
    })
}

/// Whether options of a mount name a user or a group.
fn has_id(data: &str) -> bool {
    data.split(',').any(|option| option.starts_with("uid=") || option.starts_with("gid="))
}

/// File systems that show a namespace are mounted by whoever rules over it.
fn of_file_system(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "sysfs" => "it needs a network namespace that belongs to the container's user namespace",
        "proc" => {
            "it needs a pid namespace that belongs to the container's user namespace, and a /proc outside without covers"
        }
        "mqueue" => "it needs an IPC namespace that belongs to the container's user namespace",
        "cgroup" | "cgroup2" => {
            "it needs a cgroup namespace that belongs to the container's user namespace"
        }
        _ => return None,
    })
}
