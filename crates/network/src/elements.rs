//! Networks, containers and ports as elements of the sets that the fixed rules look into.

use std::net::IpAddr;

use crate::attachment::{Attachment, BridgePlan, OpenPort, PortMapping};
use crate::nft::{Batch, Element, Value};
use crate::rules::{Rules, bridge_sets as bridge, inet_sets as inet};

/// Whether elements come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// They are there afterwards, whether they were or not.
    Add,
    /// They were there and go.
    Remove,
}

/// Puts the elements of a network into a transaction.
pub(crate) fn of_network(batch: &mut Batch, rules: &Rules, network: &BridgePlan, change: Change) {
    let name = || Value::InterfaceName(network.interface.clone());
    let one = Element::of(&[name()]);
    put(batch, rules, inet::BRIDGES, std::slice::from_ref(&one), change);
    if network.internal {
        put(batch, rules, inet::INTERNAL, &[one], change);
    }
    if network.neighbours {
        put(batch, rules, inet::NEIGHBOURS, &[Element::of(&[name(), name()])], change);
    }
    for range in &network.masquerade {
        let elements = Element::range(range.address(), range.prefix());
        put(batch, rules, inet::MASQUERADE[which(range.address())], &elements, change);
    }
    for (range, source) in &network.sources {
        let value = [Value::Address(*source)];
        let elements = Element::range_mapping(range.address(), range.prefix(), &value);
        put(batch, rules, inet::SOURCES[which(range.address())], &elements, change);
    }
    for (ranges, sets) in
        [(&network.routed, inet::ROUTED), (&network.unprotected, inet::UNPROTECTED)]
    {
        for range in ranges {
            let elements = Element::range(range.address(), range.prefix());
            put(batch, rules, sets[which(range.address())], &elements, change);
        }
    }
    // Nobody but the bridge is the gateway.
    let own = network.addresses.iter().map(|address| address.address());
    taken(batch, rules, own.chain(network.reserved.iter().copied()), change);
    put_bridge(
        batch,
        rules,
        bridge::TAKEN_HARDWARE,
        &[hardware(network.hardware.octets())],
        change,
    );
}

/// Puts the elements of a container's place in a network into a transaction. `others` are its addresses in other networks, which its answers
/// may come from here too.
pub(crate) fn of_attachment(
    batch: &mut Batch,
    rules: &Rules,
    attachment: &Attachment,
    others: &[IpAddr],
    change: Change,
) {
    let name = || Value::InterfaceName(attachment.host_interface.clone());
    let link_local = IpAddr::V6(attachment.hardware.link_local());
    let own = || attachment.addresses.iter().map(|address| address.address());
    put_bridge(batch, rules, bridge::PORTS, &[Element::of(&[name()])], change);
    let octets = attachment.hardware.octets();
    put_bridge(batch, rules, bridge::TAKEN_HARDWARE, &[hardware(octets)], change);
    let owned = [Element::of(&[name(), Value::EtherAddress(octets)])];
    put_bridge(batch, rules, bridge::OWN_HARDWARE, &owned, change);
    let on_link = || attachment.link_local.iter().copied().chain([link_local]);
    taken(batch, rules, own().chain(on_link()), change);
    for address in own().chain(on_link()).chain(others.iter().copied()) {
        let owned = [Element::of(&[name(), Value::Address(address)])];
        put_bridge(batch, rules, bridge::OWN[which(address)], &owned, change);
    }
    for address in own().chain(on_link()) {
        let both = [name(), Value::EtherAddress(octets), Value::Address(address)];
        put_bridge(batch, rules, bridge::SENDERS[which(address)], &[Element::of(&both)], change);
        if !attachment.isolated {
            let neighbour = [Element::of(&both[1..])];
            put_bridge(batch, rules, bridge::NEIGHBOURS[which(address)], &neighbour, change);
        }
    }
    for address in own() {
        let bridge = Value::InterfaceName(attachment.bridge.clone());
        let element = [Element::of(&[bridge, Value::Address(address)])];
        put(batch, rules, inet::HAIRPIN[which(address)], &element, change);
    }
    of_open_ports(batch, rules, attachment, change);
    of_ports(batch, rules, &attachment.ports, change);
}

/// Ports that are reached without NAT: some from everywhere, the published ones by interfaces that are trusted.
fn of_open_ports(batch: &mut Batch, rules: &Rules, attachment: &Attachment, change: Change) {
    let place = |open: &OpenPort| {
        let protocol = Value::Protocol(open.transport.number());
        [Value::Address(open.address), protocol, Value::Port(open.port)]
    };
    for family in 0..2 {
        let open = attachment.open.iter().filter(|open| which(open.address) == family);
        let open: Vec<_> = open.map(|open| Element::of(&place(open))).collect();
        put(batch, rules, inet::OPEN[family], &open, change);
        let ports = || attachment.ports.iter().filter(|port| which(port.address) == family);
        let by = |interface: &String| {
            let name = Value::InterfaceName(interface.clone());
            let open = ports().map(|port| OpenPort {
                address: port.address,
                transport: port.transport,
                port: port.port,
            });
            let key = move |open| [&[name.clone()][..], &place(&open)].concat();
            let mut elements: Vec<_> = open.map(|open| Element::of(&key(open))).collect();
            // Two ports of the machine may lead to one of the container.
            elements.sort_unstable();
            elements.dedup();
            elements
        };
        let trusted: Vec<_> = attachment.trusted.iter().flat_map(by).collect();
        put(batch, rules, inet::OPEN_BY[family], &trusted, change);
    }
}

/// Puts published ports into a transaction.
pub(crate) fn of_ports(batch: &mut Batch, rules: &Rules, ports: &[PortMapping], change: Change) {
    for family in 0..2 {
        let of_family = || ports.iter().filter(|port| which(port.address) == family);
        let everywhere = of_family().filter(|port| port.host_address.is_none());
        let everywhere: Vec<_> = everywhere.map(mapping).collect();
        put(batch, rules, inet::PORTS[family], &everywhere, change);
        let somewhere = of_family().filter(|port| port.host_address.is_some());
        let somewhere: Vec<_> = somewhere.map(mapping).collect();
        put(batch, rules, inet::PORTS_AT[family], &somewhere, change);
    }
}

/// The map that a published port is in.
pub(crate) fn map_of(port: &PortMapping) -> &'static str {
    let maps = if port.host_address.is_some() { inet::PORTS_AT } else { inet::PORTS };
    maps[which(port.address)]
}

/// A published port as an element of its map.
pub(crate) fn mapping(port: &PortMapping) -> Element {
    let at = port.host_address.map(Value::Address);
    let key: Vec<_> = at
        .into_iter()
        .chain([Value::Protocol(port.transport.number()), Value::Port(port.host_port)])
        .collect();
    Element::mapping(&key, &[Value::Address(port.address), Value::Port(port.port)])
}

fn taken(
    batch: &mut Batch,
    rules: &Rules,
    addresses: impl Iterator<Item = IpAddr>,
    change: Change,
) {
    for address in addresses {
        let element = [Element::of(&[Value::Address(address)])];
        put_bridge(batch, rules, bridge::TAKEN[which(address)], &element, change);
    }
}

fn hardware(octets: [u8; 6]) -> Element {
    Element::of(&[Value::EtherAddress(octets)])
}

/// Which of two sets: that of IPv4, or that of IPv6.
const fn which(address: IpAddr) -> usize {
    if address.is_ipv4() { 0 } else { 1 }
}

fn put(batch: &mut Batch, rules: &Rules, set: &str, elements: &[Element], change: Change) {
    put_into(batch, &rules.inet, set, elements, change);
}

fn put_bridge(batch: &mut Batch, rules: &Rules, set: &str, elements: &[Element], change: Change) {
    put_into(batch, &rules.bridge, set, elements, change);
}

fn put_into(
    batch: &mut Batch,
    table: &crate::nft::Table,
    set: &str,
    elements: &[Element],
    change: Change,
) {
    match change {
        Change::Add => batch.add(table, set, elements),
        Change::Remove => batch.remove(table, set, elements),
    }
}
