//! What the caller wanted of the host, as Docker's `HostConfig`. What Corten cannot do has Docker's default.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::container::mount_mode;
use super::requested::requested_mounts;
use super::{Content, Document, list_or_null, path};
use crate::config::{
    Autostart, ContainerConfig, DeviceRate, IpcMode, MountConfig, MountSource, PidMode,
    SeccompChoice,
};
use crate::list::network_name;
use crate::oci::{SHM_BYTES, masked, read_only};

pub(super) fn host_config(config: &ContainerConfig) -> Document {
    let document = Document::new()
        .with("Binds", list_or_null(&binds(config)))
        .with("ContainerIDFile", "")
        .with("LogConfig", log_config(config))
        .with("NetworkMode", network_name(config))
        .with("PortBindings", port_bindings(config))
        .with("RestartPolicy", restart_policy(config))
        .with_filled("Autostart", autostart(config))
        .with("AutoRemove", config.auto_remove)
        .with("VolumeDriver", "")
        .with(
            "VolumesFrom",
            if config.volumes_from.is_empty() {
                Value::Null
            } else {
                config.volumes_from.clone().into()
            },
        )
        .with("CapAdd", list_or_null(&config.cap_add))
        .with("CapDrop", list_or_null(&config.cap_drop))
        .with("CgroupnsMode", if config.sharing.cgroup_host { "host" } else { "private" })
        .with("Dns", config.hosts.dns.clone())
        .with("DnsOptions", config.hosts.dns_options.clone())
        .with("DnsSearch", config.hosts.dns_search.clone())
        .with("ExtraHosts", list_or_null(&config.hosts.extra_hosts))
        .with("GroupAdd", list_or_null(&config.groups))
        .with("IpcMode", ipc_mode(config))
        .with("Cgroup", "")
        .with("Links", Value::Null)
        .with("OomScoreAdj", config.oom_score_adj)
        .with("PidMode", pid_mode(config))
        .with("Privileged", config.privileged)
        .with("PublishAllPorts", config.publish_all)
        .with("ReadonlyRootfs", config.read_only)
        .with("SecurityOpt", list_or_null(&security_options(config)))
        .with_filled("StorageOpt", json!(config.storage_options))
        .with_filled("Tmpfs", json!(tmpfs(config)))
        .with("UTSMode", if config.sharing.uts_host { "host" } else { "" })
        .with("UsernsMode", users_mode(config))
        .with("ShmSize", config.shm_bytes.unwrap_or(SHM_BYTES))
        .with_filled("Sysctls", json!(config.sysctls))
        .with("Runtime", "corten")
        .with("ConsoleSize", json!([0, 0]))
        .with("Isolation", "")
        .with_filled("Annotations", json!(config.annotations));
    // A privileged one has none at all, without `systempaths` they are empty.
    let paths = |paths: Vec<String>| if config.privileged { Value::Null } else { json!(paths) };
    with_resources(document, config)
        .with_filled("Mounts", requested_mounts(config))
        .with("MaskedPaths", paths(masked(config)))
        .with("ReadonlyPaths", paths(read_only(config)))
        .with_filled("Init", if config.init { json!(true) } else { Value::Null })
        .with_filled("System", if config.system { json!(true) } else { Value::Null })
}

/// Docker's "Resources", which stand in the middle of its HostConfig.
fn with_resources(document: Document, config: &ContainerConfig) -> Document {
    let limits = &config.limits;
    let block_io = &limits.block_io;
    let memory = limits.memory_bytes.unwrap_or(0);
    // As much swap as memory unless told otherwise.
    let swap = limits.memory_swap_bytes.map_or_else(|| json!(memory * 2), |bytes| json!(bytes));
    document
        .with("CpuShares", limits.cpu_shares.unwrap_or(0))
        .with("Memory", memory)
        .with("NanoCpus", limits.nano_cpus.unwrap_or(0))
        .with("CgroupParent", config.cgroup_parent.clone())
        .with("BlkioWeight", block_io.weight.unwrap_or(0))
        .with("BlkioWeightDevice", rates("Weight", &block_io.weight_devices))
        .with("BlkioDeviceReadBps", rates("Rate", &block_io.read_bps))
        .with("BlkioDeviceWriteBps", rates("Rate", &block_io.write_bps))
        .with("BlkioDeviceReadIOps", rates("Rate", &block_io.read_iops))
        .with("BlkioDeviceWriteIOps", rates("Rate", &block_io.write_iops))
        .with("CpuPeriod", limits.cpu_period_us.unwrap_or(0))
        .with("CpuQuota", limits.cpu_quota_us.unwrap_or(0))
        .with("CpuRealtimePeriod", limits.cpu_rt_period_us.unwrap_or(0))
        .with("CpuRealtimeRuntime", limits.cpu_rt_runtime_us.unwrap_or(0))
        .with("CpusetCpus", limits.cpuset_cpus.clone())
        .with("CpusetMems", limits.cpuset_mems.clone())
        .with("Devices", devices(config))
        .with("DeviceCgroupRules", list_or_null(&config.device_rules))
        .with("DeviceRequests", device_requests(config))
        .with("MemoryReservation", limits.memory_reservation_bytes.unwrap_or(0))
        .with("MemorySwap", swap)
        .with("MemorySwappiness", json!(limits.memory_swappiness))
        .with("OomKillDisable", limits.oom_kill_disable)
        .with("PidsLimit", json!(limits.pids))
        .with("Ulimits", ulimits(config))
        .with("CpuCount", 0)
        .with("CpuPercent", 0)
        .with("IOMaximumIOps", 0)
        .with("IOMaximumBandwidth", 0)
}

fn ipc_mode(config: &ContainerConfig) -> String {
    match &config.sharing.ipc {
        IpcMode::Private => "private".to_owned(),
        IpcMode::Shareable => "shareable".to_owned(),
        IpcMode::None => "none".to_owned(),
        IpcMode::Host => "host".to_owned(),
        IpcMode::Container(id) => format!("container:{id}"),
    }
}

fn users_mode(config: &ContainerConfig) -> String {
    if config.sharing.users_host { "host".to_owned() } else { config.sharing.users.to_string() }
}

fn pid_mode(config: &ContainerConfig) -> String {
    match &config.sharing.pid {
        PidMode::Private => String::new(),
        PidMode::Host => "host".to_owned(),
        PidMode::Container(id) => format!("container:{id}"),
    }
}

fn rates(name: &'static str, rates: &[DeviceRate]) -> Content {
    let rates = rates.iter();
    let rates =
        rates.map(|rate| Document::new().with("Path", path(&rate.path)).with(name, rate.rate));
    Content::List(rates.collect())
}

/// Docker asks a driver of that name for devices of the Container Device Interface.
fn device_requests(config: &ContainerConfig) -> Content {
    if config.cdi_devices.is_empty() {
        return Value::Null.into();
    }
    let request = Document::new()
        .with("Driver", "cdi")
        .with("Count", 0)
        .with("DeviceIDs", config.cdi_devices.clone())
        .with("Capabilities", Value::Null)
        .with("Options", Value::Null);
    Content::List(vec![request])
}

fn restart_policy(config: &ContainerConfig) -> Document {
    let (name, most) = crate::parse::restart_words(config.restart);
    Document::new().with("Name", name).with("MaximumRetryCount", most.unwrap_or(0))
}

/// Our own; nothing where nobody asked for any of it.
fn autostart(config: &ContainerConfig) -> Value {
    if config.autostart == Autostart::default() {
        return Value::Null;
    }
    json!(config.autostart)
}

fn log_config(config: &ContainerConfig) -> Document {
    let (driver, options) = crate::logging::shown(&config.log);
    Document::new().with("Type", driver).with("Config", json!(options))
}

/// Mounts as `--volume` writes them: those with a source that a missing one would be made for.
fn binds(config: &ContainerConfig) -> Vec<String> {
    let bind = |source: &str, mount: &MountConfig, is_copied: bool| {
        let mut parts = vec![source.to_owned(), path(&mount.target)];
        let mode = mount_mode(mount);
        let nocopy = if is_copied { "" } else { "nocopy" };
        let mode: Vec<_> =
            [mode.as_str(), nocopy].into_iter().filter(|own| !own.is_empty()).collect();
        parts.extend((!mode.is_empty()).then(|| mode.join(",")));
        parts.join(":")
    };
    let mounts = config.mounts.iter().filter(|mount| !mount.is_written_out);
    let mounts = mounts.filter_map(|mount| match &mount.source {
        MountSource::Bind { path: source, create: true } => Some(bind(&path(source), mount, true)),
        MountSource::Volume { name, anonymous: false, copy, .. } => Some(bind(name, mount, *copy)),
        MountSource::Bind { .. }
        | MountSource::Volume { .. }
        | MountSource::Image { .. }
        | MountSource::Tmpfs => None,
    });
    mounts.collect()
}

fn tmpfs(config: &ContainerConfig) -> BTreeMap<String, String> {
    let mounts = config.mounts.iter().filter(|mount| !mount.is_written_out);
    let mounts = mounts.filter(|mount| mount.source == MountSource::Tmpfs);
    mounts.map(|mount| (path(&mount.target), mount_mode(mount))).collect()
}

fn security_options(config: &ContainerConfig) -> Vec<String> {
    let security = &config.security;
    let mut options = Vec::new();
    if security.no_new_privileges {
        options.push("no-new-privileges".to_owned());
    }
    if security.hardened {
        options.push("hardened".to_owned());
    }
    if security.nesting {
        options.push("nesting".to_owned());
    }
    match &security.seccomp {
        SeccompChoice::Default => {}
        // Part of the whole.
        SeccompChoice::Hardened if security.hardened => {}
        SeccompChoice::Hardened => options.push("seccomp=hardened".to_owned()),
        SeccompChoice::Unconfined => options.push("seccomp=unconfined".to_owned()),
        SeccompChoice::Profile(profile) => options.push(format!("seccomp={profile}")),
    }
    if !security.emulate.is_empty() {
        let names = security.emulate.iter().map(|call| call.name()).collect::<Vec<_>>();
        options.push(format!("emulate={}", names.join(",")));
    }
    options.extend(security.landlock.iter().map(|rules| format!("landlock={rules}")));
    for (key, paths) in [("mask", &security.masked), ("unmask", &security.unmasked)] {
        if !paths.is_empty() {
            options.push(format!("{key}={}", paths.join(":")));
        }
    }
    if !security.proc_options.is_empty() {
        options.push(format!("proc-opts={}", security.proc_options.join(",")));
    }
    options.extend(security.apparmor.iter().map(|profile| format!("apparmor={profile}")));
    options.extend(security.labels.iter().map(|label| format!("label={label}")));
    options
}

fn devices(config: &ContainerConfig) -> Content {
    let devices = config.devices.iter().map(|device| {
        Document::new()
            .with("PathOnHost", path(&device.host))
            .with("PathInContainer", path(&device.container))
            .with("CgroupPermissions", device.access.clone())
    });
    Content::List(devices.collect())
}

fn ulimits(config: &ContainerConfig) -> Content {
    let limits = config.ulimits.iter().map(|limit| {
        Document::new()
            .with("Name", limit.name.clone())
            .with("Hard", limit.hard)
            .with("Soft", limit.soft)
    });
    Content::List(limits.collect())
}

/// What was asked for, by the container's port.
fn port_bindings(config: &ContainerConfig) -> Value {
    let mut all = serde_json::Map::new();
    for port in &config.ports {
        let host = port.host_ports.map(|(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        });
        let address = port.host_address.map(|address| address.to_string());
        let entry = json!({
            "HostIp": address.unwrap_or_default(),
            "HostPort": host.unwrap_or_default(),
        });
        match all.get_mut(&format!("{}/{}", port.port, port.transport.word())) {
            Some(Value::Array(list)) => list.push(entry),
            _ => {
                all.insert(format!("{}/{}", port.port, port.transport.word()), json!([entry]));
            }
        }
    }
    all.into()
}
