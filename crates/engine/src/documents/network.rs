//! A network as `network inspect` shows it.

use std::collections::HashSet;

use network::LiveInterface;
use serde_json::{Value, json};

use super::{Content, Document};
use crate::networks::{Network, Subnet};
use crate::places::endpoint_id;

/// A container in it: what it was given, and how its interface is.
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) attachment: network::Attachment,
    pub(crate) live: Option<LiveInterface>,
}

/// What lists show of a network.
pub(crate) fn network_in_list(network: &Network) -> Document {
    ends(begins(network), network)
}

pub(crate) fn network(network: &Network, members: Vec<Member>) -> Document {
    let containers = members.into_iter().fold(Document::new(), |all, member| {
        let document = container(&member);
        all.with(member.id, document)
    });
    ends(begins(network).with("Containers", containers), network)
}

fn begins(network: &Network) -> Document {
    let config = &network.config;
    let has = |v6: bool| config.subnets.iter().any(|own| own.subnet.is_v6() == v6);
    Document::new()
        .with("Name", network.name.clone())
        .with("Id", network.id.clone())
        .with("Created", monitor::format_time(network.created_ns))
        .with("Scope", "local")
        .with("Driver", config.driver.word())
        .with("EnableIPv4", has(false))
        .with("EnableIPv6", has(true))
        .with(
            "IPAM",
            Document::new()
                .with("Driver", "default")
                .with("Options", json!({}))
                .with("Config", Content::List(config.subnets.iter().map(subnet).collect())),
        )
        .with("Internal", config.internal)
        .with("Attachable", config.attachable)
        .with("Ingress", false)
        .with("ConfigFrom", json!({"Network": ""}))
        .with("ConfigOnly", false)
}

fn ends(document: Document, network: &Network) -> Document {
    let config = &network.config;
    let mut options = config.options.clone();
    if network.name == crate::networks::DEFAULT {
        options.extend(said_of_default(network));
    }
    document.with("Options", json!(options)).with("Labels", json!(config.labels))
}

/// What Docker says of the default network, and programs read there.
fn said_of_default(network: &Network) -> impl Iterator<Item = (String, String)> {
    let config = &network.config;
    let address = config.host_addresses.first();
    let all = [
        ("bridge.default_bridge", true.to_string()),
        ("bridge.enable_icc", config.neighbours.to_string()),
        ("bridge.enable_ip_masquerade", config.masquerade.to_string()),
        ("bridge.host_binding_ipv4", address.map_or("0.0.0.0".to_owned(), ToString::to_string)),
        ("bridge.name", network.interface()),
        ("driver.mtu", config.mtu.to_string()),
    ];
    all.into_iter().map(|(name, value)| (format!("com.docker.network.{name}"), value))
}

/// How many addresses of its subnets are in use, and how many containers can still be given.
pub(crate) fn allocations(network: &Network, leases: &[store::Lease]) -> Document {
    let each = network.config.subnets.iter().enumerate().map(|(number, own)| {
        let range = own.leases(number);
        let given: HashSet<i64> = leases
            .iter()
            .filter(|lease| lease.range == range.number)
            .map(|own| own.place)
            .collect();
        // Those that nobody is given: the first, the last of IPv4, the gateway and reserved ones.
        let size = own.subnet.size();
        let ends = if own.subnet.is_v6() { 1 } else { 2 };
        let others = given.union(&range.excluded.iter().copied().collect()).count();
        let in_use = u128::try_from(others + ends).unwrap_or(u128::MAX).min(size);
        let within = |place: &&i64| (range.first..=range.last).contains(*place);
        let taken: HashSet<&i64> = given.iter().chain(&range.excluded).filter(within).collect();
        let room = u64::try_from(range.last - range.first + 1).unwrap_or(0);
        let left = room.saturating_sub(taken.len() as u64);
        let in_use = u64::try_from(in_use).unwrap_or(u64::MAX);
        (own.subnet.to_string(), json!({ "IPsInUse": in_use, "DynamicIPsAvailable": left }))
    });
    let subnets: serde_json::Map<String, Value> = each.collect();
    Document::new().with("IPAM", json!({ "Subnets": subnets }))
}

fn subnet(subnet: &Subnet) -> Document {
    let mut document = Document::new().with("Subnet", subnet.subnet.to_string());
    if let Some(range) = subnet.range {
        document = document.with("IPRange", range.to_string());
    }
    if let Some(gateway) = subnet.gateway {
        document = document.with("Gateway", gateway.to_string());
    }
    if subnet.reserved.is_empty() {
        return document;
    }
    let reserved: Value = subnet
        .reserved
        .iter()
        .map(|(name, address)| (name.clone(), Value::from(address.to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    document.with("AuxiliaryAddresses", reserved)
}

fn container(member: &Member) -> Document {
    let address = |v6: bool| {
        let found = member.attachment.addresses.iter().find(|own| own.is_v6() == v6);
        found.map(ToString::to_string).unwrap_or_default()
    };
    let hardware = member.attachment.own_hardware();
    let document = Document::new()
        .with("Name", member.name.clone())
        .with("EndpointID", endpoint_id(&member.id, &member.attachment.network))
        .with("MacAddress", hardware.map(|own| own.to_string()).unwrap_or_default())
        .with("IPv4Address", address(false))
        .with("IPv6Address", address(true));
    member
        .live
        .as_ref()
        .map_or(document.clone(), |live| document.with("Interface", interface(live)))
}

/// How a container's interface is, and what has passed it.
fn interface(live: &LiveInterface) -> Document {
    let addresses: Vec<_> = live.addresses.iter().map(ToString::to_string).collect();
    let traffic = live.traffic;
    Document::new()
        .with("Name", live.name.clone())
        .with("MacAddress", live.hardware.map(|own| own.to_string()).unwrap_or_default())
        .with("Addresses", json!(addresses))
        .with("MTU", live.mtu)
        .with("Up", live.is_up)
        .with("RxBytes", traffic.received_bytes)
        .with("RxPackets", traffic.received_packets)
        .with("RxDropped", traffic.received_dropped)
        .with("TxBytes", traffic.sent_bytes)
        .with("TxPackets", traffic.sent_packets)
        .with("TxDropped", traffic.sent_dropped)
}
