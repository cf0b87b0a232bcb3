//! `checkconfig`: what the running kernel has of all that containers are made of. What it shows it has looked for in this kernel, not in
//! the configuration that some file says it was built with.

use std::path::Path;

use super::call::Call;
use crate::failure::Failure;
use crate::output;

/// Kinds of namespaces, with their files below `/proc/self/ns`.
const NAMESPACES: [(&str, &str); 8] = [
    ("Utsname", "uts"),
    ("Ipc", "ipc"),
    ("Pid", "pid"),
    ("User", "user"),
    ("Network", "net"),
    ("Mount", "mnt"),
    ("Cgroup", "cgroup"),
    ("Time", "time"),
];
const CONTROLLERS: [&str; 6] = ["cpu", "cpuset", "memory", "pids", "devices", "freezer"];
const FILE_SYSTEMS: [&str; 5] = ["overlay", "fuse", "devpts", "tmpfs", "mqueue"];

pub(super) fn checkconfig(_call: &Call) -> Result<i32, Failure> {
    let mut rows = vec!["--- Namespaces ---".to_owned()];
    let row = |name: &str, is_there: bool| {
        format!("{name}: {}", if is_there { "enabled" } else { "missing" })
    };
    for (name, file) in NAMESPACES {
        rows.push(row(&format!("{name} namespace"), exists(&format!("/proc/self/ns/{file}"))));
    }
    rows.push(String::new());
    rows.push("--- Control groups ---".to_owned());
    let is_unified = exists("/sys/fs/cgroup/cgroup.controllers");
    rows.push(format!("Version: {}", if is_unified { 2 } else { 1 }));
    let controllers = if is_unified {
        std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default()
    } else {
        std::fs::read_to_string("/proc/cgroups").unwrap_or_default()
    };
    // Of version 2 these are no controllers, and always there.
    let is_there = |name: &str| {
        controllers.split_whitespace().any(|word| word == name)
            || (is_unified && matches!(name, "devices" | "freezer"))
    };
    rows.extend(CONTROLLERS.iter().map(|name| row(&format!("Controller {name}"), is_there(name))));
    rows.push(String::new());
    rows.push("--- File systems ---".to_owned());
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let is_known =
        |name: &str| known.lines().any(|line| line.split_whitespace().last() == Some(name));
    rows.extend(FILE_SYSTEMS.iter().map(|name| row(name, is_known(name))));
    rows.push(String::new());
    rows.push("--- Confinement ---".to_owned());
    for (name, path) in [
        ("Filters of system calls", "/proc/sys/kernel/seccomp"),
        ("AppArmor", "/sys/kernel/security/apparmor"),
        ("SELinux", "/sys/fs/selinux/enforce"),
    ] {
        rows.push(row(name, exists(path)));
    }
    output::write(&format!("{}\n", rows.join("\n")))?;
    Ok(0)
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
