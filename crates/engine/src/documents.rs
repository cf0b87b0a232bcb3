//! Objects as Docker's documents: what `inspect` prints, field names and all. Source: Docker Engine API 1.43,
//! ContainerInspect and ImageInspect.

use serde_json::{Value, json};
use store::Image;

use crate::config::{MountSource, NetworkMode, SeccompChoice, Security};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::images::ImagesHandle;
use crate::life::{Container, State};
use crate::list::network_name;
use crate::parse::signal_name;

const NEVER: &str = "0001-01-01T00:00:00Z";

impl Containers<'_> {
    /// Docker's document of a container.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect(&self, text: &str) -> Result<Value, EngineError> {
        let container = self.get(text)?;
        let image = container
            .record
            .image
            .as_ref()
            .and_then(|id| self.engine.store.images().resolve(&id.to_string()).ok());
        let argv = [container.config.entrypoint.clone(), container.config.command.clone()].concat();
        let dir = |name: &str| container.dirs.container.join(name);
        Ok(json!({
            "Id": container.record.id.as_str(),
            "Created": monitor::format_time(container.record.created_ns),
            "Path": argv.first(),
            "Args": argv.get(1..).unwrap_or_default(),
            "State": state(&container),
            "Image": container.record.image.as_ref().map(ToString::to_string),
            "ResolvConfPath": dir("resolv.conf"),
            "HostnamePath": dir("hostname"),
            "HostsPath": dir("hosts"),
            "LogPath": dir("container.log"),
            "Name": format!("/{}", container.record.name),
            "RestartCount": 0,
            "Driver": "overlayfs",
            "Platform": "linux",
            "MountLabel": "",
            "ProcessLabel": "",
            "AppArmorProfile": container.config.security.apparmor.clone().unwrap_or_default(),
            "ExecIDs": null,
            "HostConfig": host_config(&container),
            "GraphDriver": self.graph_driver(&container, image.as_ref()),
            "Mounts": self.mounts(&container)?,
            "Config": config(&container),
            "NetworkSettings": network_settings(&container),
        }))
    }

    fn graph_driver(&self, container: &Container, image: Option<&Image>) -> Value {
        let layers =
            image.map(|image| self.engine.store.images().layer_paths(image)).unwrap_or_default();
        let lower: Vec<String> = layers.iter().map(|path| path.display().to_string()).collect();
        let merged = match &container.state {
            State::Running { pid, .. } => json!(format!("/proc/{pid}/root")),
            State::Created { .. } | State::Starting | State::Exited(_) => Value::Null,
        };
        let data = json!({ "LowerDir": lower.join(":"), "UpperDir": container.dirs.upper, "WorkDir": container.dirs.work, "MergedDir": merged });
        json!({ "Name": "overlayfs", "Data": data })
    }

    fn mounts(&self, container: &Container) -> Result<Vec<Value>, EngineError> {
        let mut mounts = Vec::new();
        for mount in &container.config.mounts {
            let (kind, name, source) = match &mount.source {
                MountSource::Tmpfs => ("tmpfs", None, String::new()),
                MountSource::Bind { path, .. } => ("bind", None, path.display().to_string()),
                MountSource::Volume { name, .. } => {
                    let path = self.engine.store.volumes().find(name)?.map(|volume| volume.path);
                    ("volume", Some(name), path.unwrap_or_default().display().to_string())
                }
            };
            let mut value = json!({
                "Type": kind, "Source": source, "Destination": mount.target, "Mode": mount.options.join(","),
                "RW": !mount.read_only, "Propagation": if kind == "bind" { "rprivate" } else { "" },
            });
            if let Some(name) = name {
                value["Name"] = json!(name);
                value["Driver"] = json!("local");
            }
            mounts.push(value);
        }
        Ok(mounts)
    }
}

fn state(container: &Container) -> Value {
    let mut value = json!({
        "Status": container.state.word(),
        "Running": false, "Paused": false, "Restarting": false, "OOMKilled": false, "Dead": false,
        "Pid": 0, "ExitCode": 0, "Error": "", "StartedAt": NEVER, "FinishedAt": NEVER,
    });
    match &container.state {
        State::Created { code, error } => {
            value["ExitCode"] = json!(code);
            value["Error"] = json!(error);
        }
        State::Starting => {}
        State::Running { pid, started_at, paused, monitored, .. } => {
            value["Running"] = json!(true);
            value["Paused"] = json!(paused);
            value["Pid"] = json!(pid);
            value["StartedAt"] = json!(started_at);
            if !monitored {
                value["Error"] = json!(
                    "its monitor is gone: nothing is logged, and its exit code will not be known"
                );
            }
        }
        State::Exited(ended) => {
            value["OOMKilled"] = json!(ended.oom_killed);
            value["ExitCode"] = json!(ended.code);
            value["Error"] = json!(ended.error);
            value["StartedAt"] =
                json!(if ended.started_at.is_empty() { NEVER } else { &ended.started_at });
            value["FinishedAt"] = json!(ended.finished_at);
        }
    }
    value
}

fn config(container: &Container) -> Value {
    let config = &container.config;
    let list = |words: &[String]| if words.is_empty() { Value::Null } else { json!(words) };
    let hostname =
        if config.hostname.is_empty() { container.record.id.short() } else { &config.hostname };
    json!({
        "Hostname": hostname, "Domainname": "", "User": config.user,
        "AttachStdin": config.stdin_once, "AttachStdout": true, "AttachStderr": true,
        "Tty": config.tty, "OpenStdin": config.open_stdin, "StdinOnce": config.stdin_once,
        "Env": config.env, "Cmd": list(&config.command), "Image": container.record.image_name, "Volumes": null,
        "WorkingDir": config.workdir, "Entrypoint": list(&config.entrypoint), "OnBuild": null, "Labels": config.labels,
        "StopSignal": signal_name(config.stop_signal), "StopTimeout": config.stop_timeout_s,
    })
}

/// No network here has addresses; scripts ask for the fields all the same.
fn network_settings(container: &Container) -> Value {
    let mut networks = serde_json::Map::new();
    if !matches!(container.config.network, NetworkMode::Container(_)) {
        let endpoint = json!({
            "IPAMConfig": null, "Links": null, "Aliases": null, "NetworkID": "", "EndpointID": "", "Gateway": "",
            "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
            "MacAddress": "", "DriverOpts": null,
        });
        networks.insert(network_name(container), endpoint);
    }
    json!({
        "Bridge": "", "SandboxID": "", "SandboxKey": "", "EndpointID": "", "Gateway": "", "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0, "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "MacAddress": "",
        "Ports": {}, "Networks": networks,
    })
}

/// Fields of Docker's for which there is no flag here: each has the value that stands for nothing.
fn without_a_flag() -> Value {
    json!({
        "ContainerIDFile": "", "PortBindings": {}, "PublishAllPorts": false, "VolumeDriver": "", "VolumesFrom": null,
        "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": null, "GroupAdd": null, "Links": null, "Cgroup": "",
        "OomScoreAdj": 0, "OomKillDisable": false, "CpuPeriod": 0, "CpuQuota": 0, "CpusetMems": "", "BlkioWeight": 0,
        "MemoryReservation": 0, "MemorySwappiness": null, "DeviceCgroupRules": null, "DeviceRequests": null, "Isolation": "",
    })
}

fn security_options(security: &Security) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    if security.no_new_privileges {
        options.push("no-new-privileges".to_owned());
    }
    match &security.seccomp {
        SeccompChoice::Default => {}
        SeccompChoice::Unconfined => options.push("seccomp=unconfined".to_owned()),
        SeccompChoice::Profile(profile) => options.push(format!("seccomp={profile}")),
    }
    if security.unmasked_paths {
        options.push("systempaths=unconfined".to_owned());
    }
    options.extend(security.apparmor.iter().map(|profile| format!("apparmor={profile}")));
    options.extend(security.labels.iter().map(|label| format!("label={label}")));
    options
}

fn host_config(container: &Container) -> Value {
    let config = &container.config;
    let limits = &config.limits;
    let security = security_options(&config.security);
    let binds: Vec<String> = config
        .mounts
        .iter()
        .filter_map(|mount| match &mount.source {
            MountSource::Bind { path, .. } => Some(format!(
                "{}:{}{}",
                path.display(),
                mount.target.display(),
                if mount.read_only { ":ro" } else { "" }
            )),
            MountSource::Volume { name, anonymous: false, .. } => {
                Some(format!("{name}:{}", mount.target.display()))
            }
            MountSource::Volume { .. } | MountSource::Tmpfs => None,
        })
        .collect();
    let devices: Vec<Value> = config.devices.iter().map(|device| json!({
        "PathOnHost": device.host, "PathInContainer": device.container, "CgroupPermissions": device.access,
    })).collect();
    let ulimits: Vec<Value> = config
        .ulimits
        .iter()
        .map(|limit| json!({ "Name": limit.name, "Soft": limit.soft, "Hard": limit.hard }))
        .collect();
    let network = match &config.network {
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(id) => format!("container:{id}"),
    };
    let list = |words: &[String]| if words.is_empty() { Value::Null } else { json!(words) };
    let mut value = json!({
        "Binds": list(&binds), "NetworkMode": network, "AutoRemove": config.auto_remove,
        "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 },
        "LogConfig": { "Type": "json-file", "Config": { "max-size": "10m", "max-file": "3" } },
        "CapAdd": list(&config.cap_add), "CapDrop": list(&config.cap_drop), "CgroupnsMode": "private", "IpcMode": "private", "PidMode": "",
        "Privileged": config.privileged, "ReadonlyRootfs": config.read_only, "SecurityOpt": list(&security), "Sysctls": config.sysctls,
        "Runtime": "corten", "Init": config.init, "Memory": limits.memory_bytes.unwrap_or(0),
        "MemorySwap": limits.memory_swap_bytes.unwrap_or(0), "NanoCpus": limits.nano_cpus.unwrap_or(0),
        "CpuShares": limits.cpu_shares.unwrap_or(0), "CpusetCpus": limits.cpuset_cpus, "PidsLimit": limits.pids,
        "Devices": devices, "Ulimits": ulimits, "CgroupParent": "/corten", "UTSMode": "", "UsernsMode": "", "ShmSize": 67_108_864,
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, without_a_flag()) {
        value.extend(more);
    }
    value
}

impl ImagesHandle<'_> {
    /// Docker's document of an image.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect(&self, text: &str) -> Result<Value, EngineError> {
        let image = self.resolve(text)?;
        let layers = self.layer_directories(&image);
        let names: Vec<String> = image.names.iter().map(spec::Reference::familiar).collect();
        let mut config = serde_json::to_value(&image.config.config).unwrap_or_default();
        for (key, empty) in [
            ("User", json!("")),
            ("WorkingDir", json!("")),
            ("Env", Value::Null),
            ("Cmd", Value::Null),
            ("Entrypoint", Value::Null),
            ("Labels", Value::Null),
            ("Volumes", Value::Null),
            ("OnBuild", Value::Null),
        ] {
            if config.get(key).is_none() {
                config[key] = empty;
            }
        }
        Ok(json!({
            "Id": image.id.to_string(),
            "RepoTags": names,
            "RepoDigests": [],
            "Parent": "",
            "Comment": image.config.history.last().and_then(|step| step.comment.clone()).unwrap_or_default(),
            "Created": image.config.created.clone().unwrap_or_else(|| NEVER.to_owned()),
            "Author": image.config.author.clone().unwrap_or_default(),
            "Architecture": image.config.architecture,
            "Os": image.config.os,
            "Size": image.size_bytes,
            "GraphDriver": { "Name": "overlayfs", "Data": { "Layers": layers } },
            "RootFS": { "Type": "layers", "Layers": image.config.rootfs.diff_ids },
            "Config": config,
            "Metadata": { "LastTagTime": monitor::format_time(image.loaded_ns) },
        }))
    }
}
