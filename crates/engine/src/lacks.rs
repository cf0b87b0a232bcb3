//! What this kernel lacks, and what that costs: each line is a file that was looked for, or a right that the caller has not.

use std::path::{Path, PathBuf};

use libcontainer::cgroup::{Layout, LayoutKind};

/// CAP_SYS_RESOURCE, capabilities(7).
const SYS_RESOURCE: u32 = 24;

/// One line for each thing that is missing.
pub(crate) fn lacks(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    groups(&mut lines);
    confinement(&mut lines);
    namespaces(&mut lines);
    if !has_overlay() {
        lines.push("no overlay file system: containers of images cannot be started".to_owned());
    }
    if !Path::new("/proc/pressure/memory").exists() {
        lines.push("no pressure stall information: nothing tells how long tasks waited".to_owned());
    }
    if !has_capability(SYS_RESOURCE) {
        let line = "no CAP_SYS_RESOURCE: --ulimit cannot raise a hard limit above the caller's own";
        lines.push(line.to_owned());
    }
    if !has_project_quotas(root) {
        let line = "no project quotas on the store's file system: --storage-opt size and volumes with a size are refused";
        lines.push(line.to_owned());
    }
    lines
}

/// In the kernel, or among the modules that it loads when it is asked for one. Source: modules.dep(5).
fn has_overlay() -> bool {
    if read("/proc/filesystems").split_whitespace().any(|word| word == "overlay") {
        return true;
    }
    let release = read("/proc/sys/kernel/osrelease");
    let modules = read(&format!("/lib/modules/{}/modules.dep", release.trim()));
    modules
        .lines()
        .any(|line| line.split(':').next().is_some_and(|name| name.contains("/overlay.ko")))
}

fn groups(lines: &mut Vec<String>) {
    let layout = match Layout::detect() {
        Ok(layout) => layout,
        Err(error) => {
            return lines.push(format!("no control groups: {}", libcontainer::chain(&error)));
        }
    };
    let is_v2 = layout.kind == LayoutKind::Unified;
    if !is_v2 {
        let line = "no control groups v2: a container cannot be given its group to divide further";
        lines.push(line.to_owned());
    }
    let carried = layout.hierarchies.iter().flat_map(|hierarchy| &hierarchy.controllers);
    let carries = |name: &str| carried.clone().any(|controller| controller.name() == name);
    for (name, line) in [
        ("memory", "no memory controller: --memory has no effect"),
        ("cpu", "no cpu controller: --cpus and --cpu-shares have no effect"),
        ("cpuset", "no cpuset controller: --cpuset-cpus has no effect"),
        ("pids", "no pids controller: --pids-limit has no effect"),
        (
            "blkio",
            "no controller of devices' input and output: --blkio-weight and --device-read-bps have no effect",
        ),
        ("hugetlb", "no hugetlb controller: huge pages are not limited"),
    ] {
        if !carries(name) {
            lines.push(line.to_owned());
        }
    }
    let places = group_directories(&layout);
    let has = |name: &str| places.iter().any(|place| place.join(name).exists());
    if is_v2 {
        lines.push("no real-time groups in v2: --cpu-rt-runtime has no effect".to_owned());
        lines.push("no --oom-kill-disable and --memory-swappiness in v2".to_owned());
        return;
    }
    for (file, line) in [
        ("memory.memsw.limit_in_bytes", "no swap accounting: --memory-swap has no effect"),
        ("blkio.bfq.weight", "no BFQ weights: --blkio-weight has no effect"),
        ("cpu.rt_runtime_us", "no real-time groups: --cpu-rt-runtime has no effect"),
        ("memory.oom_control", "no control of the OOM killer: --oom-kill-disable has no effect"),
    ] {
        let weight = file == "blkio.bfq.weight" && has("blkio.weight");
        if !has(file) && !weight {
            lines.push(line.to_owned());
        }
    }
}

/// Where the hierarchies of v1 are, and our own groups in them, which have the files that their root lacks.
fn group_directories(layout: &Layout) -> Vec<PathBuf> {
    let mounts = layout.hierarchies.iter().map(|hierarchy| hierarchy.mount.clone());
    mounts.flat_map(|mount| [mount.join("corten"), mount]).collect()
}

fn confinement(lines: &mut Vec<String>) {
    let modules = read("/sys/kernel/security/lsm");
    for (module, line) in [
        ("apparmor", "no AppArmor: --security-opt apparmor=PROFILE is refused"),
        ("selinux", "no SELinux: --security-opt label=… and :z change nothing"),
    ] {
        if !modules.trim().split(',').any(|word| word == module) {
            lines.push(line.to_owned());
        }
    }
    if !libcontainer::LandlockPlan::is_available() {
        lines.push("no Landlock: --security-opt landlock=… is refused".to_owned());
    }
    if !Path::new("/proc/sys/kernel/seccomp/actions_avail").exists() {
        lines.push("no seccomp: system calls are not filtered".to_owned());
    }
}

fn namespaces(lines: &mut Vec<String>) {
    for (file, line) in [
        ("user", "no user namespaces: a container's root is the machine's"),
        ("cgroup", "no cgroup namespaces: containers see the machine's groups"),
        ("time", "no time namespaces: clocks of a container cannot be shifted"),
    ] {
        if !Path::new("/proc/self/ns").join(file).exists() {
            lines.push(line.to_owned());
        }
    }
    if read("/proc/sys/user/max_user_namespaces").trim() == "0" {
        lines.push("user.max_user_namespaces is 0: no user namespace can be made".to_owned());
    }
    if read("/proc/sys/kernel/unprivileged_userns_clone").trim() == "0" {
        lines.push(
            "kernel.unprivileged_userns_clone is 0: users other than root cannot run containers"
                .to_owned(),
        );
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// proc(5), `/proc/self/status`.
fn has_capability(number: u32) -> bool {
    let status = read("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok())
        .is_some_and(|bits| bits & (1 << number) != 0)
}

/// By the options of the mount that the store is on.
fn has_project_quotas(root: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(about) = std::fs::metadata(root) else { return false };
    let device = format!("{}:{}", rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
    let mounts = read("/proc/self/mountinfo");
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device));
    mount.is_some_and(|line| line.contains("prjquota") || line.contains("pquota"))
}
