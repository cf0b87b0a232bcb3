//! What is wrong with a configuration as a whole though each entry is right: what LXC finds only when the container is started.
//!
//! Start at [`findings`]. Nothing of the machine is looked at.

use super::address::Gateway;
use super::namespaces::{IdKind, IdMap};
use super::network::{Network, NetworkType, VethMode};
use super::values::Config;

/// One thing that keeps a container from starting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says by its words what it is")]
pub enum Finding {
    #[error("network {0} has no type")]
    NoType(u32),
    #[error("network {number} of type {kind} needs a link")]
    NoLink { number: u32, kind: &'static str },
    #[error("network {0} is a VLAN without a number")]
    NoVlan(u32),
    #[error("network {0} takes its gateway from its link and has none")]
    NoLinkForGateway(u32),
    #[error("network {0} is proxied on its link and has none")]
    NoLinkForProxy(u32),
    #[error("network {0} has VLANs, which ports of bridges alone have")]
    VlanWithoutBridge(u32),
    #[error("ids are mapped twice: {0} and {1}")]
    MappedTwice(String, String),
    #[error("ids of users and of groups have to be mapped, both or neither")]
    HalfMapped,
    #[error("more than {0} maps of one kind of ids")]
    TooManyMaps(usize),
    #[error("a console's log is turned over and has no file")]
    NoLogToRotate,
}

impl Finding {
    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> String {
        let of = |number: u32, key: &str| format!("lxc.net.{number}.{key}");
        match self {
            Self::NoType(number) => of(*number, "type"),
            Self::NoVlan(number) => of(*number, "vlan.id"),
            // What is missing, or not a bridge.
            Self::NoLink { number, .. }
            | Self::NoLinkForGateway(number)
            | Self::NoLinkForProxy(number)
            | Self::VlanWithoutBridge(number) => of(*number, "link"),
            Self::MappedTwice(..) | Self::HalfMapped | Self::TooManyMaps(_) => {
                "lxc.idmap".to_owned()
            }
            Self::NoLogToRotate => "lxc.console.rotate".to_owned(),
        }
    }
}

/// Linux 4.15 and newer, user_namespaces(7).
const MOST_MAPS: usize = 340;

/// What keeps a container of this configuration from starting; nothing when all is well.
#[must_use]
pub fn findings(config: &Config) -> Vec<Finding> {
    let networks = config.networks.iter();
    let mut findings: Vec<Finding> =
        networks.flat_map(|(number, network)| of_network(*number, network)).collect();
    findings.extend(of_id_maps(&config.namespaces.id_maps));
    let terminals = &config.terminals;
    let rotates = terminals.console_log_rotate.is_some_and(|switch| switch.0);
    if rotates && terminals.console_log.is_none() {
        findings.push(Finding::NoLogToRotate);
    }
    findings
}

fn of_network(number: u32, network: &Network) -> Vec<Finding> {
    let Some(kind) = network.kind else { return vec![Finding::NoType(number)] };
    let mut findings = Vec::new();
    let linkless = network.link.is_none();
    let needs = match kind {
        NetworkType::Macvlan => Some("macvlan"),
        NetworkType::Ipvlan => Some("ipvlan"),
        NetworkType::Vlan => Some("vlan"),
        NetworkType::Physical => Some("phys"),
        NetworkType::None | NetworkType::Empty | NetworkType::Veth => None,
    };
    findings.extend(needs.filter(|_| linkless).map(|kind| Finding::NoLink { number, kind }));
    if kind == NetworkType::Vlan && network.vlan.is_none() {
        findings.push(Finding::NoVlan(number));
    }
    let automatic = network.ipv4_gateway == Some(Gateway::Automatic)
        || network.ipv6_gateway == Some(Gateway::Automatic);
    if linkless && automatic {
        findings.push(Finding::NoLinkForGateway(number));
    }
    if linkless && network.l2_proxy.is_some_and(|switch| switch.0) {
        findings.push(Finding::NoLinkForProxy(number));
    }
    let bridged = network.veth.mode != Some(VethMode::Router) && !linkless;
    let vlans = network.veth.vlan.is_some() || !network.veth.tagged_vlans.is_empty();
    if vlans && !bridged {
        findings.push(Finding::VlanWithoutBridge(number));
    }
    findings
}

fn of_id_maps(maps: &[IdMap]) -> Vec<Finding> {
    let of = |kind| maps.iter().filter(move |map| map.kind == kind);
    let (users, groups) = (of(IdKind::User).count(), of(IdKind::Group).count());
    let mut findings = Vec::new();
    if (users == 0) != (groups == 0) {
        findings.push(Finding::HalfMapped);
    }
    if users.max(groups) > MOST_MAPS {
        // Comparing each with each takes time by the square, and this is refused anyway.
        findings.push(Finding::TooManyMaps(MOST_MAPS));
        return findings;
    }
    for (at, map) in maps.iter().enumerate() {
        let others = maps[at + 1..].iter().filter(|other| map.overlaps(other));
        findings.extend(others.map(|other| Finding::MappedTwice(text(map), text(other))));
    }
    findings
}

fn text(map: &IdMap) -> String {
    super::item::Value::show(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[(&str, &str)]) -> Vec<String> {
        let mut config = Config::default();
        for (key, value) in entries {
            config.set(key, value).expect(key);
        }
        findings(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn networks_have_what_their_type_needs() {
        assert_eq!(
            of(&[("lxc.net.0.type", "veth"), ("lxc.net.1.type", "empty")]),
            Vec::<String>::new()
        );
        assert_eq!(of(&[("lxc.net.3.link", "br0")]), ["network 3 has no type"]);
        assert_eq!(
            of(&[
                ("lxc.net.0.type", "vlan"),
                ("lxc.net.0.ipv4.gateway", "auto"),
                ("lxc.net.0.l2proxy", "1")
            ]),
            [
                "network 0 of type vlan needs a link",
                "network 0 is a VLAN without a number",
                "network 0 takes its gateway from its link and has none",
                "network 0 is proxied on its link and has none",
            ]
        );
        assert_eq!(
            of(&[
                ("lxc.net.0.type", "veth"),
                ("lxc.net.0.link", "br0"),
                ("lxc.net.0.veth.mode", "router"),
                ("lxc.net.0.veth.vlan.id", "7")
            ]),
            ["network 0 has VLANs, which ports of bridges alone have"]
        );
    }

    #[test]
    fn ids_are_mapped_once_and_whole() {
        let map = |text: &'static str| ("lxc.idmap", text);
        assert_eq!(
            of(&[map("u 0 100000 1000"), map("g 0 100000 1000"), map("u 1000 5 1")]),
            Vec::<String>::new()
        );
        assert_eq!(
            of(&[map("u 0 100000 1000")]),
            ["ids of users and of groups have to be mapped, both or neither"]
        );
        assert_eq!(
            of(&[map("u 0 100000 1000"), map("g 0 100000 1000"), map("u 999 5 1")]),
            ["ids are mapped twice: u 0 100000 1000 and u 999 5 1"]
        );
        // Outside, and the other way round.
        assert_eq!(
            of(&[
                map("u 5000 100999 2"),
                map("g 0 100000 1000"),
                map("u 0 100000 1000"),
                map("u 6000 101001 1")
            ]),
            ["ids are mapped twice: u 5000 100999 2 and u 0 100000 1000"]
        );
    }
}
