//! How a network is, kept as JSON in its record. Fields only ever grow, and a missing one has its default.

use std::collections::BTreeMap;
use std::net::IpAddr;

use network::{IpvlanFlag, IpvlanMode, MacvlanMode};
use serde::{Deserialize, Serialize};
use spec::network::Cidr;

use super::modes::GatewayModes;

/// A network's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkConfig {
    /// What it is made of.
    pub driver: Driver,
    /// Its addresses.
    pub subnets: Vec<Subnet>,
    /// Whether there is no way out of it.
    pub internal: bool,
    /// Whether somebody said that containers may be attached by hand; on one machine they always may.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attachable: bool,
    /// Whether its containers may speak with each other.
    pub neighbours: bool,
    /// Whether what leaves the machine has the machine's address.
    pub masquerade: bool,
    /// Bytes of the largest packet.
    pub mtu: u32,
    /// Name of its interface, where somebody gave it one.
    pub interface: Option<String>,
    /// Addresses of the machine that ports are published at where nobody says otherwise.
    pub host_addresses: Vec<IpAddr>,
    /// How each family of its addresses is reached.
    pub modes: GatewayModes,
    /// Addresses that leave the machine in the stead of its containers', one of a family.
    pub sources: Vec<IpAddr>,
    /// Whether its gateway of IPv4 is another machine.
    pub inhibit_ipv4: bool,
    /// Interfaces of the machine by which published ports are reached at the containers' own addresses, too.
    pub trusted_interfaces: Vec<String>,
    /// What interfaces in containers are called before their number.
    pub interface_prefix: Option<String>,
    /// The machine's interface that its containers' are on; nothing is one that leads nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Whom a container speaks with there.
    pub macvlan_mode: MacvlanMode,
    /// What its containers' interfaces do with packets.
    pub ipvlan_mode: IpvlanMode,
    /// Whom a container speaks with there.
    pub ipvlan_flag: IpvlanFlag,
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// As they were given.
    pub options: BTreeMap<String, String>,
}

/// What a network is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A bridge of its own.
    #[default]
    Bridge,
    /// An interface of the machine, on which each container has a hardware address.
    Macvlan,
    /// An interface of the machine, on which each container has IP addresses.
    Ipvlan,
    /// The machine's own network: of `host` alone.
    Host,
    /// Nothing: of `none` alone.
    Null,
}

/// Addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// All of them.
    pub subnet: Cidr,
    /// Who leads out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Those that containers get without asking; nothing is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Cidr>,
    /// Those that others have, by what they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reserved: BTreeMap<String, IpAddr>,
}

impl Driver {
    /// The driver of that name.
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Bridge, Self::Macvlan, Self::Ipvlan].into_iter().find(|own| own.word() == word)
    }

    /// Docker's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Macvlan => "macvlan",
            Self::Ipvlan => "ipvlan",
            Self::Host => "host",
            Self::Null => "null",
        }
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            driver: Driver::Bridge,
            subnets: Vec::new(),
            internal: false,
            attachable: false,
            neighbours: true,
            masquerade: true,
            mtu: 1500,
            interface: None,
            host_addresses: Vec::new(),
            modes: GatewayModes::default(),
            sources: Vec::new(),
            inhibit_ipv4: false,
            trusted_interfaces: Vec::new(),
            interface_prefix: None,
            parent: None,
            macvlan_mode: MacvlanMode::default(),
            ipvlan_mode: IpvlanMode::default(),
            ipvlan_flag: IpvlanFlag::default(),
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }
}

impl Subnet {
    /// The addresses that containers get, by their number in the subnet; `number` is which subnet of its network it is.
    pub(crate) fn leases(&self, number: usize) -> store::Range {
        let place =
            |address| self.subnet.place_of(address).and_then(|place| i64::try_from(place).ok());
        let range = self.range.unwrap_or(self.subnet);
        let (low, high) = (place(range.network().address()), place(range.last()));
        // Its first address stands for the network, and of IPv4 the last one for all in it.
        let whole = i64::try_from(self.subnet.size()).unwrap_or(i64::MAX);
        let is_tiny = whole <= 2;
        let first = if is_tiny { 0 } else { 1 };
        let last = if is_tiny || self.subnet.is_v6() { whole - 1 } else { whole - 2 };
        let others = self.gateway.into_iter().chain(self.reserved.values().copied());
        store::Range {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            first: low.unwrap_or(first).max(first),
            last: high.unwrap_or(last).min(last),
            excluded: others.filter_map(place).collect(),
        }
    }
}
