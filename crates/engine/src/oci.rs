//! A container's configuration as an OCI runtime configuration, with Docker's defaults. Pure but for the users, which are
//! looked up in the layers. Sources: OCI config.md and config-linux.md; Docker's documentation of `run`.

use spec::runtime::{BlockIo, Cpu, Device, DeviceRule};
use spec::runtime::{
    Capabilities, Linux, Memory, Mount, Namespace, NamespaceKind, Pids, Process, Resources, Rlimit,
    Root, Spec, User,
};

use crate::config::{ContainerConfig, Limits, NetworkMode, Ulimit};
use crate::error::EngineError;
use crate::users::Account;

mod devices;
mod mounts;

pub(crate) use mounts::{HostFiles, targets, volume_names};

/// Microseconds in which a share of a CPU is counted out.
const CPU_PERIOD_US: u64 = 100_000;
/// Docker refuses less: a container could not even start.
const LEAST_MEMORY_BYTES: u64 = 6 << 20;

#[rustfmt::skip]
/// What Docker hides.
pub(crate) const MASKED: &[&str] = &[
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
];
/// What Docker lets nobody write.
pub(crate) const READ_ONLY: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What the configuration alone does not say.
pub(crate) struct Surroundings<'a> {
    /// The container's host name.
    pub(crate) hostname: &'a str,
    /// Who runs in it.
    pub(crate) account: &'a Account,
    /// Files of the host that are bound into `/etc`.
    pub(crate) files: Option<&'a HostFiles>,
    /// Pid of the container whose network is shared.
    pub(crate) network_pid: Option<i32>,
    /// Directory of each volume, in the order of [`volume_names`].
    pub(crate) volumes: &'a [std::path::PathBuf],
}

/// The OCI configuration.
pub(crate) fn spec(
    config: &ContainerConfig,
    surroundings: &Surroundings<'_>,
) -> Result<Spec, EngineError> {
    let capabilities = capabilities(config)?;
    let mut mounts = mounts::standard(config);
    mounts.extend(surroundings.files.iter().flat_map(|files| files.mounts()));
    mounts.extend(mounts::requested(config, surroundings.volumes));
    let (devices, device_rules) = devices::of(config)?;
    Ok(Spec {
        oci_version: "1.3.0".to_owned(),
        process: Some(process(config, surroundings, &capabilities)),
        root: Some(Root { path: "/".into(), readonly: config.read_only }),
        hostname: Some(surroundings.hostname.to_owned()),
        mounts: sorted(mounts),
        linux: Some(linux(config, surroundings, devices, device_rules)?),
        ..Spec::default()
    })
}

/// A mount comes after the one it lies in.
fn sorted(mut mounts: Vec<Mount>) -> Vec<Mount> {
    mounts.sort_by_key(|mount| mount.destination.components().count());
    mounts
}

/// The process that joins or begins a container.
pub(crate) fn process(
    config: &ContainerConfig,
    surroundings: &Surroundings<'_>,
    capabilities: &[String],
) -> Process {
    let account = surroundings.account;
    let mut env = config.env.clone();
    for (name, value) in [("HOSTNAME", surroundings.hostname), ("HOME", account.home.as_str())] {
        if !env.iter().any(|variable| variable.split('=').next() == Some(name)) {
            env.push(format!("{name}={value}"));
        }
    }
    Process {
        terminal: config.tty,
        user: User {
            uid: account.uid,
            gid: account.gid,
            umask: None,
            additional_gids: account.groups.clone(),
        },
        args: [config.entrypoint.clone(), config.command.clone()].concat(),
        env,
        cwd: config.workdir.clone().into(),
        capabilities: Some(sets(capabilities)),
        rlimits: config.ulimits.iter().map(rlimit).collect(),
        no_new_privileges: config.security.no_new_privileges,
        apparmor_profile: config.security.apparmor.clone(),
        ..Process::default()
    }
}

/// Inheritable and ambient are empty: a program of another user gains nothing at exec (CVE-2022-24769).
pub(crate) fn sets(names: &[String]) -> Capabilities {
    let names = names.to_vec();
    Capabilities {
        bounding: names.clone(),
        effective: names.clone(),
        permitted: names,
        ..Capabilities::default()
    }
}

/// The names of the capabilities that a container of this configuration has.
pub(crate) fn capabilities(config: &ContainerConfig) -> Result<Vec<String>, EngineError> {
    use libcontainer::capability::{DEFAULT, all, bit, names};
    if config.privileged {
        return Ok(names(all()).collect());
    }
    let bits = |list: &[String]| {
        list.iter().try_fold(0, |bits, name| {
            let bit = if name == "ALL" { Some(all()) } else { bit(name) };
            bit.map(|bit| bits | bit).ok_or_else(|| {
                EngineError::value("capability", name.clone(), "there is none of that name")
            })
        })
    };
    let default: u64 = DEFAULT.iter().filter_map(|name| bit(name)).sum();
    let (add, drop) = (bits(&config.cap_add)?, bits(&config.cap_drop)?);
    // Docker's order: dropping ALL leaves what is added by name.
    let base = if config.cap_drop.iter().any(|name| name == "ALL") { 0 } else { default };
    let dropped = if config.cap_drop.iter().any(|name| name == "ALL") { 0 } else { drop };
    Ok(names((base | add) & !dropped).collect())
}

fn linux(
    config: &ContainerConfig,
    surroundings: &Surroundings<'_>,
    devices: Vec<Device>,
    device_rules: Vec<DeviceRule>,
) -> Result<Linux, EngineError> {
    let open = config.privileged || config.security.unmasked_paths;
    let paths = |paths: &[&str]| {
        if open { Vec::new() } else { paths.iter().map(|&path| path.into()).collect() }
    };
    let mut sysctl = config.sysctls.clone();
    if config.network == NetworkMode::None {
        // Inside its own network nobody is harmed by a port below 1024 or an echo request, as Docker has it since 20.10.
        for (name, value) in [
            ("net.ipv4.ip_unprivileged_port_start", "0"),
            ("net.ipv4.ping_group_range", "0 2147483647"),
        ] {
            sysctl.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    Ok(Linux {
        namespaces: namespaces(config, surroundings.network_pid),
        devices,
        resources: Some(resources(&config.limits, device_rules)?),
        sysctl,
        masked_paths: paths(MASKED),
        readonly_paths: paths(READ_ONLY),
        ..Linux::default()
    })
}

fn namespaces(config: &ContainerConfig, network_pid: Option<i32>) -> Vec<Namespace> {
    use NamespaceKind::{Cgroup, Ipc, Mount, Network, Pid, Uts};
    let mut namespaces: Vec<Namespace> =
        [Mount, Pid, Ipc, Uts, Cgroup].map(|kind| Namespace { kind, path: None }).into();
    match (&config.network, network_pid) {
        (NetworkMode::Host, _) => {}
        (NetworkMode::None, _) => namespaces.push(Namespace { kind: Network, path: None }),
        (NetworkMode::Container(_), pid) => {
            let path = format!("/proc/{}/ns/net", pid.unwrap_or(0));
            namespaces.push(Namespace { kind: Network, path: Some(path.into()) });
        }
    }
    namespaces
}

pub(crate) fn resources(
    limits: &Limits,
    devices: Vec<DeviceRule>,
) -> Result<Resources, EngineError> {
    let signed = |what: &'static str, bytes: u64| {
        i64::try_from(bytes)
            .map_err(|_too_large| EngineError::value(what, bytes.to_string(), "it is too large"))
    };
    let mut resources = Resources { devices, ..Resources::default() };
    if let Some(bytes) = limits.memory_bytes.filter(|bytes| *bytes > 0) {
        if bytes < LEAST_MEMORY_BYTES {
            return Err(EngineError::value(
                "memory limit",
                bytes.to_string(),
                "the least is 6 MiB",
            ));
        }
        let limit = signed("memory limit", bytes)?;
        // Docker gives as much swap as memory unless told otherwise.
        let swap = match limits.memory_swap_bytes {
            None | Some(0) => limit.saturating_mul(2),
            Some(swap) => swap,
        };
        if swap >= 0 && swap < limit {
            return Err(EngineError::value(
                "memory swap",
                swap.to_string(),
                "it counts memory and swap together, so it is at least the memory limit",
            ));
        }
        resources.memory =
            Some(Memory { limit: Some(limit), swap: Some(swap), ..Memory::default() });
    } else if limits.memory_swap_bytes.is_some_and(|swap| swap > 0) {
        return Err(EngineError::value("memory swap", "", "it needs a memory limit too"));
    }
    if let Some(bytes) = limits.memory_reservation_bytes.filter(|bytes| *bytes > 0) {
        let reservation = signed("memory reservation", bytes)?;
        if limits.memory_bytes.is_some_and(|limit| limit > 0 && limit < bytes) {
            return Err(EngineError::value(
                "memory reservation",
                bytes.to_string(),
                "it is above the memory limit",
            ));
        }
        resources.memory.get_or_insert_default().reservation = Some(reservation);
    }
    resources.block_io = block_io(limits)?;
    resources.cpu = cpu(limits);
    resources.pids = limits.pids.filter(|pids| *pids != 0).map(|limit| Pids { limit: Some(limit) });
    Ok(resources)
}

fn block_io(limits: &Limits) -> Result<Option<BlockIo>, EngineError> {
    let Some(weight) = limits.blkio_weight.filter(|weight| *weight > 0) else { return Ok(None) };
    if !(10..=1000).contains(&weight) {
        let why = "it is not between 10 and 1000";
        return Err(EngineError::value("blkio weight", weight.to_string(), why));
    }
    Ok(Some(BlockIo { weight: Some(weight), ..BlockIo::default() }))
}

fn cpu(limits: &Limits) -> Option<Cpu> {
    let cpu = Cpu {
        shares: limits.cpu_shares.filter(|shares| *shares > 0),
        quota: limits
            .nano_cpus
            .filter(|cpus| *cpus > 0)
            .map(|cpus| i64::try_from(cpus / (1_000_000_000 / CPU_PERIOD_US)).unwrap_or(i64::MAX))
            .or(limits.cpu_quota_us.filter(|quota| *quota != 0)),
        period: limits
            .nano_cpus
            .filter(|cpus| *cpus > 0)
            .map(|_| CPU_PERIOD_US)
            .or(limits.cpu_period_us.filter(|period| *period > 0)),
        cpus: Some(limits.cpuset_cpus.clone()).filter(|cpus| !cpus.is_empty()),
        mems: Some(limits.cpuset_mems.clone()).filter(|nodes| !nodes.is_empty()),
        ..Cpu::default()
    };
    Some(cpu).filter(|cpu| *cpu != Cpu::default())
}

fn rlimit(ulimit: &Ulimit) -> Rlimit {
    let value = |value: i64| u64::try_from(value).unwrap_or(u64::MAX);
    let kind = format!("RLIMIT_{}", ulimit.name.to_ascii_uppercase());
    Rlimit { kind, hard: value(ulimit.hard), soft: value(ulimit.soft) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_as_docker() {
        let of = |add: &[&str], drop: &[&str]| {
            let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
            let config = ContainerConfig {
                cap_add: words(add),
                cap_drop: words(drop),
                ..ContainerConfig::default()
            };
            capabilities(&config).unwrap()
        };
        assert_eq!(of(&[], &[]).len(), 14);
        assert_eq!(of(&["CAP_NET_ADMIN"], &["ALL"]), ["CAP_NET_ADMIN"]);
        assert_eq!(of(&["ALL"], &["CAP_SYS_ADMIN"]).len(), 40);
        assert!(!of(&[], &["CAP_CHOWN"]).contains(&"CAP_CHOWN".to_owned()));
    }

    #[test]
    fn limits_become_resources() {
        let limits = Limits {
            memory_bytes: Some(64 << 20),
            nano_cpus: Some(1_500_000_000),
            pids: Some(10),
            ..Limits::default()
        };
        let resources = resources(&limits, Vec::new()).unwrap();
        let memory = resources.memory.unwrap();
        assert_eq!((memory.limit, memory.swap), (Some(64 << 20), Some(128 << 20)));
        let cpu = resources.cpu.unwrap();
        assert_eq!((cpu.quota, cpu.period), (Some(150_000), Some(100_000)));
        assert!(
            super::resources(&Limits { memory_bytes: Some(1024), ..Limits::default() }, Vec::new())
                .is_err()
        );
    }

    fn document(change: impl FnOnce(&mut ContainerConfig)) -> String {
        let mut config = ContainerConfig {
            command: vec!["true".to_owned()],
            workdir: "/".to_owned(),
            ..ContainerConfig::default()
        };
        change(&mut config);
        let account = Account { home: "/root".to_owned(), ..Account::default() };
        let surroundings = Surroundings {
            hostname: "web",
            account: &account,
            files: Some(&HostFiles::of("/c".as_ref(), &config)),
            network_pid: None,
            volumes: &["/v/data/_data".into()],
        };
        let mut spec = spec(&config, &surroundings).unwrap();
        if config.privileged {
            // Which ones there are is up to the machine.
            spec.linux.as_mut().unwrap().devices.clear();
        }
        serde_json::to_string_pretty(&spec).unwrap()
    }

    #[test]
    fn documents_are_dockers() {
        insta::assert_snapshot!("default", document(|_| {}));
        insta::assert_snapshot!("privileged", document(|config| config.privileged = true));
        insta::assert_snapshot!(
            "read_only",
            document(|config| {
                config.read_only = true;
                config.tty = true;
                config.network = NetworkMode::Host;
                config.security.no_new_privileges = true;
                config.mounts = vec![
                    crate::parse::tmpfs("/run:size=1m").unwrap(),
                    crate::parse::volume("data:/data:ro").unwrap(),
                    crate::parse::volume("/srv:/srv").unwrap(),
                ];
                config.ulimits = vec![crate::parse::ulimit("nofile=1024:2048").unwrap()];
            })
        );
    }
}
