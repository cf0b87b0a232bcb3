//! What a network is on the machine: how each family of its addresses is reached, and the plan that follows.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Network, Subnet};

/// How containers reach the world, and the world them; Docker's gateway modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayMode {
    /// By addresses and published ports of the machine.
    #[default]
    Nat,
    /// The same, and every port can be reached at the container's own address.
    NatUnprotected,
    /// By their own addresses; published ports are open there.
    Routed,
    /// Not at all: the machine itself is not in the network.
    Isolated,
}

/// The modes of both families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayModes {
    /// That of IPv4.
    pub ipv4: GatewayMode,
    /// That of IPv6.
    pub ipv6: GatewayMode,
}

impl GatewayMode {
    /// What people write.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "" | "nat" => Some(Self::Nat),
            "nat-unprotected" => Some(Self::NatUnprotected),
            "routed" => Some(Self::Routed),
            "isolated" => Some(Self::Isolated),
            _ => None,
        }
    }

    /// Whether addresses are translated.
    pub(crate) const fn translates(self) -> bool {
        matches!(self, Self::Nat | Self::NatUnprotected)
    }
}

impl GatewayModes {
    /// That of a family.
    #[must_use]
    pub const fn of(self, is_v6: bool) -> GatewayMode {
        if is_v6 { self.ipv6 } else { self.ipv4 }
    }
}

impl Network {
    /// Whether a subnet's gateway is another machine than this one, or nobody.
    pub(crate) fn has_foreign_gateway(&self, subnet: &Subnet) -> bool {
        let is_v6 = subnet.subnet.is_v6();
        self.config.modes.of(is_v6) == GatewayMode::Isolated || !is_v6 && self.config.inhibit_ipv4
    }

    /// Gateways of its containers that the bridge is not.
    pub(crate) fn foreign_gateways(&self) -> Vec<IpAddr> {
        let foreign = self.config.subnets.iter().filter(|own| self.has_foreign_gateway(own));
        foreign.filter_map(|own| own.gateway).collect()
    }
}

#[cfg(test)]
mod tests {
    use spec::network::Cidr;

    use super::*;
    use crate::networks::NetworkConfig;

    fn network(config: NetworkConfig) -> Network {
        let subnet = |text: &str| {
            let subnet: Cidr = text.parse().unwrap();
            Subnet {
                subnet,
                gateway: Some(subnet.at(1)),
                range: None,
                reserved: std::collections::BTreeMap::new(),
            }
        };
        let subnets = vec![subnet("10.1.0.0/24"), subnet("fd00:1::/64")];
        let config = NetworkConfig { subnets, ..config };
        Network { id: "0".repeat(64), name: "web".to_owned(), created_ns: 0, config }
    }

    fn shown(all: &[Cidr]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_family_has_its_mode() {
        let modes = GatewayModes { ipv4: GatewayMode::Nat, ipv6: GatewayMode::Routed };
        let plan = network(NetworkConfig { modes, ..NetworkConfig::default() }).bridge().unwrap();
        assert_eq!(shown(&plan.masquerade), "10.1.0.0/24");
        assert_eq!(shown(&plan.routed), "fd00:1::/64");
        assert_eq!(shown(&plan.addresses), "10.1.0.1/24 fd00:1::1/64");
        let modes = GatewayModes { ipv4: GatewayMode::Isolated, ipv6: GatewayMode::NatUnprotected };
        let config = NetworkConfig { modes, internal: true, ..NetworkConfig::default() };
        let plan = network(config).bridge().unwrap();
        assert_eq!(shown(&plan.addresses), "fd00:1::1/64");
        assert_eq!(plan.reserved, ["10.1.0.1".parse::<IpAddr>().unwrap()]);
        assert!(plan.masquerade.is_empty() && plan.unprotected.is_empty());
        let sources = vec!["192.0.2.7".parse().unwrap()];
        let config = NetworkConfig { sources, inhibit_ipv4: true, ..NetworkConfig::default() };
        let plan = network(config).bridge().unwrap();
        assert_eq!(plan.sources, [("10.1.0.0/24".parse().unwrap(), "192.0.2.7".parse().unwrap())]);
        assert_eq!(shown(&plan.masquerade), "fd00:1::/64");
        assert_eq!(shown(&plan.addresses), "fd00:1::1/64");
    }
}
