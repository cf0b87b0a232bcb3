//! What the engine and its machine are: what `info` tells, by Docker's names. Source: Docker Engine API, `SystemInfo`.

use std::fs::read_to_string;
use std::path::Path;

use libcontainer::cgroup::{Controller, Layout, LayoutKind};
use serde_json::{Value, json};

use crate::engine::{Engine, VERSION};
use crate::error::EngineError;
use crate::lacks::lacks;
use crate::networks::Driver;
use crate::oci::cdi::DIRECTORIES;
use crate::state::State;
use crate::stats::{machine_bytes, machine_cpus};

impl Engine {
    /// What `info` tells, with what the kernel lacks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn facts(&self) -> Result<Value, EngineError> {
        let mut all = self.counts()?;
        let groups = [groups(&self.paths().root), self.program_facts(), machine()];
        for (name, value) in groups.into_iter().filter_map(fields).flatten() {
            all[name] = value;
        }
        if let Some(Value::Array(warnings)) = all.get_mut("Warnings") {
            warnings.extend(self.unconfined().into_iter().map(Value::String));
        }
        let pools = self.networks().settings()?.address_pools;
        if !pools.is_empty() {
            let pool = |pool: &network::pool::Pool| json!({"Base": pool.base, "Size": pool.size});
            all["DefaultAddressPools"] = pools.iter().map(pool).collect();
        }
        Ok(all)
    }

    /// What the machine has to confine containers by, and does not.
    fn unconfined(&self) -> Vec<String> {
        let profile = crate::apparmor::DEFAULT;
        let apparmor = self.apparmor().why_open();
        let apparmor =
            apparmor.map(|why| format!("AppArmor does not confine containers by {profile}: {why}"));
        let selinux = crate::labels::why_open();
        let selinux = selinux.map(|why| format!("SELinux does not label containers: {why}"));
        apparmor.into_iter().chain(selinux).collect()
    }

    fn counts(&self) -> Result<Value, EngineError> {
        let (mut running, mut paused, mut stopped) = (0, 0, 0);
        let containers = self.containers().all()?;
        for container in &containers {
            match container.state {
                State::Running { paused: true, .. } => paused += 1,
                State::Running { .. } | State::Restarting(_) | State::Starting => running += 1,
                State::Created { .. } | State::Exited(_) => stopped += 1,
            }
        }
        Ok(json!({
            "Containers": containers.len(), "ContainersRunning": running, "ContainersPaused": paused,
            "ContainersStopped": stopped, "Images": self.images().summaries()?.len(),
        }))
    }

    fn program_facts(&self) -> Value {
        let drivers = [Driver::Bridge, Driver::Host, Driver::Ipvlan, Driver::Macvlan, Driver::Null];
        let commit = json!({ "ID": VERSION });
        let paths = self.paths();
        let mut security = security_options();
        security.extend(self.keeper.is_some().then(|| "name=rootless".to_owned()));
        security.sort();
        json!({
            "ID": paths.fingerprint(), "ServerVersion": VERSION, "Driver": "overlayfs",
            "DriverStatus": [["Backing Filesystem", backing_file_system(&paths.root)]],
            "Plugins": {
                "Volume": ["local"], "Network": drivers.map(Driver::word),
                "Authorization": null, "Log": crate::parse::log_drivers(),
            },
            "Debug": false, "ExperimentalBuild": true, "Labels": [], "GenericResources": null,
            "LoggingDriver": "json-file", "DockerRootDir": paths.root, "StateDir": paths.state,
            "Runtimes": { "corten": { "path": self.program } }, "DefaultRuntime": "corten",
            "InitBinary": "corten", "ContainerdCommit": { "ID": "" }, "RuncCommit": commit,
            "InitCommit": commit, "Isolation": "", "SecurityOptions": security,
            // Containers never need a server that runs.
            "LiveRestoreEnabled": true, "FirewallBackend": { "Driver": "nftables" },
            "CDISpecDirs": DIRECTORIES, "SystemTime": monitor::format_time(monitor::now_ns()),
            "IndexServerAddress": "https://index.docker.io/v1/",
            "HttpProxy": "", "HttpsProxy": "", "NoProxy": "",
            "Swarm": {
                "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive",
                "ControlAvailable": false, "Error": "", "RemoteManagers": null,
            },
        })
    }
}

fn fields(value: Value) -> Option<serde_json::Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

fn machine() -> Value {
    let uname = rustix::system::uname();
    let forwards = text("/proc/sys/net/ipv4/ip_forward").trim() == "1";
    json!({
        "KernelVersion": uname.release().to_string_lossy(), "OperatingSystem": os_release("PRETTY_NAME", "Linux"),
        "OSVersion": os_release("VERSION_ID", ""), "OSType": "linux",
        "Architecture": uname.machine().to_string_lossy(), "NCPU": machine_cpus(),
        "MemTotal": machine_bytes(), "Name": uname.nodename().to_string_lossy(), "IPv4Forwarding": forwards,
    })
}

/// What can be bounded here, and what not.
fn groups(root: &Path) -> Value {
    let layout = Layout::detect();
    let (kind, is_unified) = match &layout {
        Ok(layout) => {
            (format!("{:?}", layout.kind).to_lowercase(), layout.kind == LayoutKind::Unified)
        }
        Err(error) => (libcontainer::chain(error), false),
    };
    let carries = |controller: Controller| {
        layout.as_ref().is_ok_and(|layout| layout.carrier(controller).is_some())
    };
    let lacks = lacks(root);
    let works = |words: &str| !lacks.iter().any(|line| line.contains(words));
    let has_cpu = carries(Controller::Cpu);
    json!({
        "CgroupDriver": "cgroupfs", "CgroupVersion": if is_unified { "2" } else { "1" }, "CgroupLayout": kind,
        "MemoryLimit": carries(Controller::Memory), "SwapLimit": works("swap accounting"),
        "CpuCfsPeriod": has_cpu, "CpuCfsQuota": has_cpu, "CPUShares": has_cpu,
        "CPUSet": carries(Controller::Cpuset), "PidsLimit": carries(Controller::Pids),
        "OomKillDisable": works("--oom-kill-disable"), "Warnings": lacks,
    })
}

fn text(path: &str) -> String {
    read_to_string(path).unwrap_or_default()
}

/// The type of the file system that the store is on, as mountinfo names it. proc(5), statfs(2).
fn backing_file_system(root: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let Ok(about) = std::fs::metadata(root) else { return "unknown".to_owned() };
    let device = format!("{}:{}", rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
    let mounts = text("/proc/self/mountinfo");
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device));
    mount
        .and_then(|line| line.split_once(" - ")?.1.split(' ').next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// os-release(5).
fn os_release(name: &str, otherwise: &str) -> String {
    let text = text("/etc/os-release");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or(otherwise).trim_matches(['"', '\'']).to_owned()
}

/// What this kernel can confine containers with.
fn security_options() -> Vec<String> {
    let mut options = vec!["name=seccomp,profile=builtin".to_owned()];
    let modules = text("/sys/kernel/security/lsm");
    let known = modules.split(',').map(str::trim);
    let known = known.filter(|module| matches!(*module, "apparmor" | "selinux"));
    options.extend(known.map(|module| format!("name={module}")));
    let has_groups = Path::new("/proc/self/ns/cgroup").exists();
    options.extend(has_groups.then(|| "name=cgroupns".to_owned()));
    options
}
