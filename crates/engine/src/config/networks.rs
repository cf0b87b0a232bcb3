//! What a container wants of its networks.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use network::{InterfaceSetting, Rates, Transport};
use serde::{Deserialize, Serialize};
use spec::network::HardwareAddress;

use super::ContainerConfig;

/// A place in a network that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkWish {
    /// The network, by name or id as it was given.
    pub network: String,
    /// Further names of the container there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Names that this container alone has for others there: its name for one, and that one's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<(String, String)>,
    /// Its address of IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Ipv4Addr>,
    /// Its address of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Addr>,
    /// Further addresses, of its link alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<IpAddr>,
    /// Its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareAddress>,
    /// Name of its interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// What is meant for elsewhere leaves by the network with the highest one.
    #[serde(skip_serializing_if = "is_zero")]
    pub gateway_priority: i32,
    /// How fast it may be.
    #[serde(skip_serializing_if = "Rates::are_none")]
    pub rates: Rates,
    /// Parameters of its interface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<InterfaceSetting>,
    /// Options of the network's driver, as they were given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

impl ContainerConfig {
    /// Networks of plugins are known by their names; no record of the store is.
    pub(crate) fn tell_plugins_apart(&mut self) {
        let of_plugins = |wish: &mut NetworkWish| wish.network.starts_with(crate::places::CNI);
        self.cni.extend(self.networks.extract_if(.., of_plugins));
    }
}

/// A port of the container that the machine has, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishedPort {
    /// Address of the machine; nothing is each one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_address: Option<IpAddr>,
    /// Port of the machine, the first and the last of those that it may be; nothing is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ports: Option<(u16, u16)>,
    /// Port of the container.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub transport: Transport,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's")]
const fn is_zero(number: &i32) -> bool {
    *number == 0
}
