//! A container that is wanted, as the body of `POST /containers/create`: only what somebody asked for, so that all else is the server's to
//! choose. Source: Docker Engine API, `ContainerCreateRequest`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Document;
use super::host_config::host_config;
use super::run_config::request_config;
use crate::config::{ContainerConfig, IpcMode, Limits, NetworkMode, NetworkWish};
use crate::containers::CreateRequest;
use crate::parse;

impl CreateRequest {
    /// Its document for a server of the API. What the API has no field for is not in it: whoever sends it has refused that.
    #[must_use]
    pub fn document(&self) -> Document {
        let config = &self.config;
        let mut host = host_config(config);
        if config.log.driver.is_empty() && config.log.options.is_empty() {
            host.remove("LogConfig");
        } else {
            let log = json!({ "Type": config.log.driver, "Config": config.log.options });
            host.set("LogConfig", log);
        }
        let is_default = [
            ("CgroupnsMode", !config.sharing.cgroup_host),
            ("IpcMode", config.sharing.ipc == IpcMode::Private),
            ("ShmSize", config.shm_bytes.is_none()),
            ("MemorySwap", config.limits.memory_swap_bytes.is_none()),
            ("MaskedPaths", !config.security.unmasked_paths),
            ("ReadonlyPaths", !config.security.unmasked_paths),
            ("Runtime", true),
            ("Cgroup", true),
        ];
        for (name, _) in is_default.into_iter().filter(|(_, is_default)| *is_default) {
            host.remove(name);
        }
        if let [wish] = config.networks.as_slice()
            && !wish.links.is_empty()
            && is_default_network(&wish.network)
        {
            host.set("Links", links(wish));
        }
        request_config(self)
            .with("HostConfig", host)
            .with("NetworkingConfig", json!({ "EndpointsConfig": endpoints(config) }))
    }
}

/// The network that has links in the way of old.
fn is_default_network(name: &str) -> bool {
    matches!(name, "bridge" | parse::DEFAULT_NETWORK)
}

/// Places in networks by their names; one that says no more than its network is left to the mode.
fn endpoints(config: &ContainerConfig) -> BTreeMap<&str, Value> {
    if !matches!(config.network, NetworkMode::Networks(_)) {
        return BTreeMap::new();
    }
    let plain = |wish: &NetworkWish| {
        let is_plain = NetworkWish { network: wish.network.clone(), ..NetworkWish::default() };
        *wish == is_plain
    };
    match config.networks.as_slice() {
        [wish] if plain(wish) => BTreeMap::new(),
        wishes => wishes.iter().map(|wish| (wish.network.as_str(), wish.document())).collect(),
    }
}

fn links(wish: &NetworkWish) -> Value {
    wish.links.iter().map(|(own, other)| format!("{other}:{own}")).collect()
}

impl NetworkWish {
    /// Docker's document of a place that is wanted, `EndpointSettings`.
    #[must_use]
    pub fn document(&self) -> Value {
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut document = json!({
            "Aliases": self.aliases,
            "DriverOpts": self.options,
            "GwPriority": self.gateway_priority,
            "MacAddress": text(self.hardware.as_ref().map(ToString::to_string)),
            "IPAMConfig": {
                "IPv4Address": text(self.ipv4.map(|own| own.to_string())),
                "IPv6Address": text(self.ipv6.map(|own| own.to_string())),
                "LinkLocalIPs": self.link_local.iter().map(ToString::to_string).collect::<Vec<_>>(),
            },
        });
        if !is_default_network(&self.network) {
            document["Links"] = links(self);
        }
        document
    }

    /// Whether it wants what only Corten's own networks have.
    #[must_use]
    pub fn is_beyond_docker(&self) -> bool {
        !self.rates.are_none()
    }
}

impl Limits {
    /// Docker's document of limits, the body of `POST /containers/NAME/update`: what is not to change is not in it.
    #[must_use]
    pub fn document(&self) -> Value {
        let fields = [
            ("BlkioWeight", json!(self.block_io.weight)),
            ("CpuPeriod", json!(self.cpu_period_us)),
            ("CpuQuota", json!(self.cpu_quota_us)),
            ("CpuRealtimePeriod", json!(self.cpu_rt_period_us)),
            ("CpuRealtimeRuntime", json!(self.cpu_rt_runtime_us)),
            ("CpuShares", json!(self.cpu_shares)),
            ("CpusetCpus", json!(Some(&self.cpuset_cpus).filter(|list| !list.is_empty()))),
            ("CpusetMems", json!(Some(&self.cpuset_mems).filter(|list| !list.is_empty()))),
            ("Memory", json!(self.memory_bytes)),
            ("MemoryReservation", json!(self.memory_reservation_bytes)),
            ("MemorySwap", json!(self.memory_swap_bytes)),
            ("NanoCpus", json!(self.nano_cpus)),
            ("PidsLimit", json!(self.pids)),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Docker's document of a restart policy.
#[must_use]
pub fn restart_document(policy: crate::RestartPolicy) -> Value {
    let (name, most) = parse::restart_words(policy);
    json!({ "Name": name, "MaximumRetryCount": most.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_is_left_to_the_server() {
        let request = CreateRequest { image: "busybox".to_owned(), ..CreateRequest::default() };
        let text = serde_json::to_value(request.document()).unwrap();
        assert_eq!((&text["Image"], &text["Hostname"]), (&json!("busybox"), &json!("")));
        for name in ["LogConfig", "ShmSize", "MaskedPaths", "Runtime", "IpcMode", "MemorySwap"] {
            assert_eq!(text["HostConfig"].get(name), None, "{name}");
        }
        assert_eq!((&text["Cmd"], &text["Entrypoint"]), (&Value::Null, &Value::Null));
        assert_eq!(Limits::default().document(), json!({}));
    }
}
