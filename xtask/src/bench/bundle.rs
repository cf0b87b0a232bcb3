//! Bundles to measure with: 25 mounts, the default system call filter, limits; what an engine asks of its OCI runtime.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use libcontainer::capability;
use libcontainer::seccomp::default_profile;
use serde_json::{Value, json};

/// Bind mounts beside the seven of every container.
pub(super) const VOLUMES: usize = 18;

/// The group that the containers' groups are in, as every engine has one. The first of them makes it, and it stays.
pub(super) const GROUP: &str = "corten-bench";

/// Writes a bundle of `/bin/true` below `directory`, with the root file system `rootfs`, for the container `name`.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write(
    directory: &Path,
    rootfs: &Path,
    name: &str,
    network: bool,
) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let mut namespaces = vec!["pid", "ipc", "uts", "mount", "cgroup"];
    namespaces.extend(network.then_some("network"));
    let namespaces: Vec<Value> =
        namespaces.into_iter().map(|kind| json!({ "type": kind })).collect();
    let config = json!({
        // Debian's crun knows no newer one.
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["true"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {
                "bounding": capability::DEFAULT,
                "effective": capability::DEFAULT,
                "permitted": capability::DEFAULT,
            },
            "noNewPrivileges": true,
        },
        "root": {"path": rootfs},
        "hostname": "bench",
        "mounts": mounts(directory)?,
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": format!("/{GROUP}/{name}"),
            "seccomp": default_profile(&capability::DEFAULT),
            "maskedPaths": [
                "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "resources": {
                "devices": [{"allow": false, "access": "rwm"}],
                "memory": {"limit": 256 << 20},
                "pids": {"limit": 100},
            },
        },
    });
    #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
    fs::write(directory.join("config.json"), serde_json::to_vec(&config)?)?;
    Ok(directory.to_owned())
}

/// Writes the compiled default filter, as the kernel takes it.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_filter(path: &Path) -> anyhow::Result<()> {
    let program = libcontainer::seccomp::default_program(&capability::DEFAULT)
        .context("no filter is compiled ahead of time for this machine")?;
    let bytes: Vec<u8> =
        program.instructions.iter().flat_map(libcontainer::seccomp::Instruction::bytes).collect();
    #[expect(clippy::disallowed_methods, reason = "a scratch file of the measurement")]
    fs::write(path, bytes)?;
    Ok(())
}

fn mounts(directory: &Path) -> anyhow::Result<Vec<Value>> {
    let usual = [
        ("/proc", "proc", "nosuid,noexec,nodev"),
        ("/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
        ("/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
        ("/sys", "sysfs", "nosuid,noexec,nodev,ro"),
        ("/sys/fs/cgroup", "cgroup", "ro,nosuid,noexec,nodev"),
        ("/dev/mqueue", "mqueue", "nosuid,noexec,nodev"),
        ("/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=67108864"),
    ];
    let options = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut mounts: Vec<Value> = usual
        .iter()
        .map(|(at, kind, words)| {
            json!({"destination": at, "type": kind, "source": kind, "options": options(words)})
        })
        .collect();
    for number in 0..VOLUMES {
        let source = directory.join("volumes").join(number.to_string());
        fs::create_dir_all(&source)?;
        let words = if number % 2 == 0 { "rbind,rprivate" } else { "rbind,rprivate,ro" };
        mounts.push(json!({
            "destination": format!("/volumes/{number}"), "type": "bind", "source": source, "options": options(words),
        }));
    }
    Ok(mounts)
}
