//! Places in networks, as clients write them.

use std::collections::BTreeMap;

use engine::config::{NetworkMode, NetworkWish};
use engine::{EngineError, parse};
use serde::Deserialize;

use super::host::HostConfig;

/// Places that a new container is to have, by network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct NetworkingConfig {
    pub(super) endpoints_config: BTreeMap<String, Endpoint>,
}

/// A place that is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    #[serde(rename = "IPAMConfig")]
    ipam: Ipam,
    #[serde(rename = "Links")]
    links: Vec<String>,
    #[serde(rename = "Aliases")]
    aliases: Vec<String>,
    #[serde(rename = "MacAddress")]
    pub(super) hardware: String,
    #[serde(rename = "DriverOpts")]
    pub(super) options: BTreeMap<String, String>,
    #[serde(rename = "GwPriority")]
    pub(super) priority: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Ipam {
    #[serde(rename = "IPv4Address")]
    ipv4: String,
    #[serde(rename = "IPv6Address")]
    ipv6: String,
    #[serde(rename = "LinkLocalIPs")]
    link_local: Vec<String>,
}

impl Endpoint {
    /// What the engine is told of it.
    ///
    /// # Errors
    /// For addresses and options that are none.
    pub(crate) fn settle(self, wish: &mut NetworkWish) -> Result<(), EngineError> {
        let one = |name: &'static str, value: String| (!value.is_empty()).then_some((name, value));
        let priority = self.priority.filter(|priority| *priority != 0);
        let options =
            self.options.into_iter().map(|(name, value)| ("driver-opt", format!("{name}={value}")));
        let all = [
            one("ip", self.ipam.ipv4),
            one("ip6", self.ipam.ipv6),
            one("mac-address", self.hardware),
            priority.map(|priority| ("gw-priority", priority.to_string())),
        ];
        let all = all.into_iter().flatten();
        let all = all.chain(self.ipam.link_local.into_iter().map(|own| ("link-local-ip", own)));
        let all = all.chain(self.aliases.into_iter().map(|alias| ("alias", alias))).chain(options);
        for (name, value) in all {
            parse::network_option(wish, name, &value)?;
        }
        for text in &self.links {
            wish.links.push(parse::link(text)?);
        }
        Ok(())
    }
}

/// Where a new container's network is: what `NetworkMode` says comes first.
pub(super) fn places(
    host: &HostConfig,
    networking: NetworkingConfig,
) -> Result<(NetworkMode, Vec<NetworkWish>), EngineError> {
    let mut endpoints = networking.endpoints_config;
    let named = match host.network_mode.as_str() {
        // Of old clients; the first network that is given is then meant.
        "" | "default" => {
            endpoints.keys().next().cloned().unwrap_or_else(|| parse::DEFAULT_NETWORK.to_owned())
        }
        mode => mode.to_owned(),
    };
    let (mode, wish) = parse::network(&named)?;
    let Some(mut first) = wish else { return Ok((mode, Vec::new())) };
    let same = if endpoints.contains_key(&named) { named } else { "default".to_owned() };
    if let Some(endpoint) = endpoints.remove(&same) {
        endpoint.settle(&mut first)?;
    }
    let mut wishes = vec![first];
    for (network, endpoint) in endpoints {
        let mut wish = NetworkWish { network, ..NetworkWish::default() };
        endpoint.settle(&mut wish)?;
        wishes.push(wish);
    }
    if let ([wish], false) = (wishes.as_mut_slice(), host.links.is_empty()) {
        for text in &host.links {
            wish.links.push(parse::link(text)?);
        }
    }
    Ok((mode, wishes))
}
