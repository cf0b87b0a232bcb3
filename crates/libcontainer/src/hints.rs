//! Why the kernel refuses a step, where the answer alone does not tell. Sources: mount(2), mount_setattr(2), pivot_root(2),
//! user_namespaces(7).

use sys::Errno;

use crate::plan::Step;

/// What is known about this answer to this step.
pub(crate) fn hint(step: &Step, errno: Errno) -> Option<&'static str> {
    Some(match (step, errno.raw()) {
        (Step::Mount { kind, .. }, libc::ELOOP | libc::ENOTDIR)
            if matches!(kind.as_str(), "proc" | "sysfs") =>
        {
            "it must be mounted on ordinary directory"
        }
        (Step::Mount { kind, .. }, libc::EPERM) => of_file_system(kind)?,
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
        (Step::PivotRoot, libc::EINVAL) => {
            "a root on a ramfs cannot be exchanged, only moved (--no-pivot)"
        }
        _ => return None,
    })
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
