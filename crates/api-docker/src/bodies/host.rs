//! What a new container wants of its host. Source: Docker Engine API, `HostConfig`.

use std::collections::BTreeMap;

use engine::config::{
    ContainerConfig, DeviceConfig, DeviceRate, HostRules, Limits, Security, Sharing, Ulimit,
};
use engine::{EngineError, parse};
use serde::Deserialize;

use super::mounts::Mount;

/// The part of the body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct HostConfig {
    binds: Vec<String>,
    masked_paths: Option<Vec<String>>,
    readonly_paths: Option<Vec<String>>,
    log_config: LogConfig,
    pub(super) network_mode: String,
    pub(super) port_bindings: BTreeMap<String, Vec<PortBinding>>,
    restart_policy: RestartPolicy,
    auto_remove: bool,
    pub(super) volume_driver: String,
    volumes_from: Vec<String>,
    pub(super) annotations: BTreeMap<String, String>,
    cap_add: Vec<String>,
    cap_drop: Vec<String>,
    cgroupns_mode: String,
    dns: Vec<String>,
    dns_options: Vec<String>,
    dns_search: Vec<String>,
    extra_hosts: Vec<String>,
    group_add: Vec<String>,
    pub(super) ipc_mode: String,
    pub(super) links: Vec<String>,
    oom_score_adj: i32,
    pid_mode: String,
    privileged: bool,
    publish_all_ports: bool,
    readonly_rootfs: bool,
    security_opt: Vec<String>,
    storage_opt: BTreeMap<String, String>,
    tmpfs: BTreeMap<String, String>,
    #[serde(rename = "UTSMode")]
    uts_mode: String,
    userns_mode: String,
    shm_size: i64,
    pub(super) sysctls: BTreeMap<String, String>,
    runtime: String,
    isolation: String,
    pub(super) mounts: Vec<Mount>,
    init: Option<bool>,
    #[serde(flatten)]
    resources: Resources,
}

/// Limits and devices, which `POST /containers/{id}/update` has, too. Nought is no limit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Resources {
    cpu_shares: i64,
    memory: i64,
    nano_cpus: i64,
    cgroup_parent: String,
    blkio_weight: u16,
    blkio_weight_device: Vec<Rate>,
    blkio_device_read_bps: Vec<Rate>,
    blkio_device_write_bps: Vec<Rate>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    blkio_device_read_iops: Vec<Rate>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    blkio_device_write_iops: Vec<Rate>,
    cpu_period: i64,
    cpu_quota: i64,
    cpu_realtime_period: i64,
    cpu_realtime_runtime: i64,
    cpuset_cpus: String,
    cpuset_mems: String,
    devices: Vec<Device>,
    device_cgroup_rules: Vec<String>,
    device_requests: Vec<DeviceRequest>,
    memory_reservation: i64,
    memory_swap: i64,
    memory_swappiness: Option<i64>,
    oom_kill_disable: bool,
    pids_limit: Option<i64>,
    ulimits: Vec<OneUlimit>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct LogConfig {
    #[serde(rename = "Type")]
    driver: String,
    config: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct PortBinding {
    host_ip: String,
    host_port: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct RestartPolicy {
    pub(crate) name: String,
    maximum_retry_count: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Rate {
    path: String,
    #[serde(alias = "Weight")]
    rate: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Device {
    path_on_host: String,
    path_in_container: String,
    cgroup_permissions: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DeviceRequest {
    driver: String,
    count: i64,
    #[serde(rename = "DeviceIDs")]
    device_ids: Vec<String>,
    capabilities: Vec<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OneUlimit {
    name: String,
    soft: i64,
    hard: i64,
}

impl HostConfig {
    /// Whether ports are to be published.
    pub(super) fn has_ports(&self) -> bool {
        !self.port_bindings.is_empty()
    }

    /// Writes all of it but networks into a configuration.
    ///
    /// # Errors
    /// For values that no container can have.
    pub(super) fn settle(self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        only("runtime", &self.runtime, &["corten", "runc", "io.containerd.runc.v2"])?;
        only("isolation", &self.isolation, &["default"])?;
        only("volume driver", &self.volume_driver, &["local"])?;
        config.auto_remove = self.auto_remove;
        config.read_only = self.readonly_rootfs;
        config.privileged = self.privileged;
        config.publish_all = self.publish_all_ports;
        config.init = self.init.unwrap_or(false);
        config.annotations = self.annotations;
        config.groups = self.group_add;
        config.volumes_from = self.volumes_from;
        config.cap_add = each(&self.cap_add, parse::capability)?;
        config.cap_drop = each(&self.cap_drop, parse::capability)?;
        config.ports = ports(&self.port_bindings)?;
        config.restart = restart(&self.restart_policy)?;
        config.sysctls = pairs(&self.sysctls, parse::sysctl)?.into_iter().collect();
        config.oom_score_adj = within(self.oom_score_adj, -1000..=1000, "oom-score-adj")?;
        config.shm_bytes = u64::try_from(self.shm_size).ok().filter(|bytes| *bytes > 0);
        config.sharing = Sharing {
            ipc: parse::ipc(&self.ipc_mode)?,
            pid: parse::pid(&self.pid_mode)?,
            uts_host: parse::is_host("uts mode", &self.uts_mode)?,
            cgroup_host: parse::is_host("cgroupns mode", &self.cgroupns_mode)?,
            users_host: false,
            shifted: false,
            users: parse::user_namespace(&self.userns_mode)?,
        };
        config.hosts = HostRules {
            dns: each(&self.dns, parse::name_server)?,
            dns_search: each(&self.dns_search, parse::search_domain)?,
            dns_options: each(&self.dns_options, parse::resolver_option)?,
            extra_hosts: each(&self.extra_hosts, parse::extra_host)?,
            ..HostRules::default()
        };
        for option in &self.security_opt {
            security(&mut config.security, option)?;
        }
        parse::system_paths(&mut config.security, self.masked_paths, self.readonly_paths)?;
        let storage = texts(&self.storage_opt);
        config.storage_options = parse::storage_options(storage.iter().map(String::as_str))?;
        let log = texts(&self.log_config.config);
        config.log = parse::log(Some(&self.log_config.driver), log.iter().map(String::as_str))?;
        for text in &self.binds {
            config.mounts.push(parse::volume(text)?);
        }
        for (target, options) in &self.tmpfs {
            let text =
                if options.is_empty() { target.clone() } else { format!("{target}:{options}") };
            config.mounts.push(parse::tmpfs(&text)?);
        }
        for mount in self.mounts {
            config.mounts.push(mount.config()?);
        }
        self.resources.settle(config)
    }
}

impl Resources {
    fn settle(self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        config.cgroup_parent.clone_from(&self.cgroup_parent);
        for device in &self.devices {
            let container = Some(&device.path_in_container).filter(|path| !path.is_empty());
            if parse::is_cdi_name(&device.path_on_host) {
                config.cdi_devices.push(device.path_on_host.clone());
                continue;
            }
            let access = Some(device.cgroup_permissions.as_str()).filter(|text| !text.is_empty());
            config.devices.push(DeviceConfig {
                host: device.path_on_host.clone().into(),
                container: container.unwrap_or(&device.path_on_host).into(),
                access: access.unwrap_or("rwm").to_owned(),
            });
        }
        for rule in &self.device_cgroup_rules {
            parse::device_rule(rule)?;
            config.device_rules.push(rule.clone());
        }
        for request in &self.device_requests {
            config.cdi_devices.extend(request.names()?);
        }
        for OneUlimit { name, soft, hard } in &self.ulimits {
            config.ulimits.push(Ulimit { name: name.clone(), soft: *soft, hard: *hard });
        }
        config.limits = self.limits()?;
        Ok(())
    }

    /// The limits that a container is to have from now on: of processes none is one, too.
    ///
    /// # Errors
    /// For limits that cannot be.
    pub(crate) fn changes(&self) -> Result<Limits, EngineError> {
        let mut limits = self.limits()?;
        limits.pids = self.pids_limit.map(|limit| limit.max(0));
        Ok(limits)
    }

    /// Forgets what it says of the number of processes.
    pub(crate) const fn without_pids(&mut self) {
        self.pids_limit = None;
    }

    /// The limits alone; what is nought is none.
    ///
    /// # Errors
    /// For limits that cannot be.
    fn limits(&self) -> Result<Limits, EngineError> {
        let more = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
        let given = |value: i64| Some(value).filter(|value| *value != 0);
        let rates = |all: &[Rate]| -> Vec<DeviceRate> {
            all.iter()
                .map(|own| DeviceRate { path: own.path.clone().into(), rate: own.rate })
                .collect()
        };
        let mut limits = Limits {
            memory_bytes: more(self.memory),
            memory_swap_bytes: given(self.memory_swap),
            memory_reservation_bytes: more(self.memory_reservation),
            nano_cpus: more(self.nano_cpus),
            cpu_shares: more(self.cpu_shares),
            cpu_period_us: more(self.cpu_period),
            cpu_quota_us: given(self.cpu_quota),
            cpu_rt_period_us: more(self.cpu_realtime_period),
            cpu_rt_runtime_us: given(self.cpu_realtime_runtime),
            // Nought and less are no limit.
            pids: self.pids_limit.filter(|limit| *limit > 0),
            oom_kill_disable: self.oom_kill_disable,
            ..Limits::default()
        };
        let list = |text: &String| {
            if text.is_empty() { Ok(String::new()) } else { parse::cpu_list(text) }
        };
        limits.cpuset_cpus = list(&self.cpuset_cpus)?;
        limits.cpuset_mems = list(&self.cpuset_mems)?;
        limits.memory_swappiness = match self.memory_swappiness {
            None | Some(-1) => None,
            Some(value) => Some(within(value, 0..=100, "memory-swappiness")?.unsigned_abs()),
        };
        limits.block_io.weight = Some(self.blkio_weight).filter(|weight| *weight != 0);
        limits.block_io.weight_devices = rates(&self.blkio_weight_device);
        limits.block_io.read_bps = rates(&self.blkio_device_read_bps);
        limits.block_io.write_bps = rates(&self.blkio_device_write_bps);
        limits.block_io.read_iops = rates(&self.blkio_device_read_iops);
        limits.block_io.write_iops = rates(&self.blkio_device_write_iops);
        parse::check_limits(&limits)?;
        parse::check_processors(&limits)?;
        Ok(limits)
    }
}

impl DeviceRequest {
    /// Names of CDI devices: those of the driver `cdi` are such, others are GPUs.
    fn names(&self) -> Result<Vec<String>, EngineError> {
        if self.driver == "cdi" {
            return Ok(self.device_ids.clone());
        }
        let is_gpu = self.capabilities.iter().flatten().any(|word| word == "gpu");
        if !is_gpu {
            let what = self.capabilities.concat().join(",");
            return Err(EngineError::value(
                "device request",
                what,
                "there are gpu and CDI devices",
            ));
        }
        if self.device_ids.is_empty() {
            parse::gpus(&self.count.to_string())
        } else {
            parse::gpus(&format!("device={}", self.device_ids.join(",")))
        }
    }
}

/// Refuses words that stand for what there is not.
fn only(what: &'static str, value: &str, known: &[&str]) -> Result<(), EngineError> {
    if value.is_empty() || known.contains(&value) {
        return Ok(());
    }
    Err(EngineError::value(what, value, format!("it is not one of {}", known.join(", "))))
}

fn within<T: PartialOrd + ToString>(
    value: T,
    range: std::ops::RangeInclusive<T>,
    what: &'static str,
) -> Result<T, EngineError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let why =
        format!("it is not within {} to {}", range.start().to_string(), range.end().to_string());
    Err(EngineError::value(what, value.to_string(), why))
}

fn each(
    texts: &[String],
    read: impl Fn(&str) -> Result<String, EngineError>,
) -> Result<Vec<String>, EngineError> {
    texts.iter().map(|text| read(text)).collect()
}

/// As the command line has them.
fn texts(options: &BTreeMap<String, String>) -> Vec<String> {
    options.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn pairs(
    options: &BTreeMap<String, String>,
    read: impl Fn(&str) -> Result<(String, String), EngineError>,
) -> Result<Vec<(String, String)>, EngineError> {
    texts(options).iter().map(|text| read(text)).collect()
}

/// Clients read profiles themselves, and send what is in them. Files of this machine are not theirs to name.
fn security(security: &mut Security, option: &str) -> Result<(), EngineError> {
    let profile = option.split_once(['=', ':']).filter(|(name, _)| *name == "seccomp");
    match profile {
        Some((_, word)) if !matches!(word, "unconfined" | "builtin" | "default") => {
            parse::seccomp_profile(security, word.to_owned())
        }
        _ => parse::security_option(security, option),
    }
}

pub(crate) fn restart(policy: &RestartPolicy) -> Result<engine::RestartPolicy, EngineError> {
    match (policy.name.as_str(), policy.maximum_retry_count) {
        ("", _) => Ok(engine::RestartPolicy::default()),
        (name, 0) => parse::restart(name),
        (name, count) => parse::restart(&format!("{name}:{count}")),
    }
}

/// `PORT[/PROTOCOL]` to where it is on the machine.
fn ports(
    bindings: &BTreeMap<String, Vec<PortBinding>>,
) -> Result<Vec<engine::config::PublishedPort>, EngineError> {
    let mut ports = Vec::new();
    for (port, places) in bindings {
        // One that is named and has no place is to be anywhere.
        let anywhere = [PortBinding::default()];
        let places = if places.is_empty() { &anywhere[..] } else { places };
        for PortBinding { host_ip, host_port } in places {
            let host_ip =
                if host_ip.contains(':') { format!("[{host_ip}]") } else { host_ip.clone() };
            let text = match (host_ip.is_empty(), host_port.is_empty()) {
                (true, true) => port.clone(),
                (true, false) => format!("{host_port}:{port}"),
                (false, _) => format!("{host_ip}:{host_port}:{port}"),
            };
            ports.extend(parse::published(&text)?);
        }
    }
    Ok(ports)
}
