//! A network as `network inspect` shows it.

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

pub(crate) fn network(network: &Network, members: Vec<Member>) -> Document {
    let config = &network.config;
    let has = |v6: bool| config.subnets.iter().any(|own| own.subnet.is_v6() == v6);
    let containers = members.into_iter().fold(Document::new(), |all, member| {
        let document = container(&member);
        all.with(member.id, document)
    });
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
        .with("Containers", containers)
        .with("Options", json!(config.options))
        .with("Labels", json!(config.labels))
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
