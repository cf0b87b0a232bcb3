//! What a container is given of its networks: addresses, interfaces, the way out, ports. Pure, but for what the records say is free.

use std::net::IpAddr;
use std::path::Path;

use monitor::NetworkPlan;
use network::Attachment;
use spec::ContainerId;
use spec::network::{Cidr, HardwareAddress};
use store::{Giving, Taken};

use super::{Place, names, ports};
use crate::config::{ContainerConfig, NetworkWish};
use crate::error::EngineError;
use crate::networks::{Network, Subnet, hardware_of};

/// Whose places they are.
pub(super) struct Subject<'a> {
    pub(super) id: &'a ContainerId,
    pub(super) name: &'a str,
    pub(super) config: &'a ContainerConfig,
    /// Places that plugins gave it.
    pub(super) plugged: &'a [network::cni::Place],
}

/// Gives a container its places. Where it has one already it keeps what it was given. `usual` are the machine's addresses of ports where neither
/// network nor container says which; a user's are led in.
pub(super) fn arrange(
    giving: &Giving<'_>,
    subject: &Subject<'_>,
    mut places: Vec<Place>,
    (usual, user): (&[IpAddr], Option<&Path>),
) -> Result<NetworkPlan, EngineError> {
    // The way out: by the highest priority, of equal ones by the first in the order of their names, as Docker has it.
    places.sort_by(|a, b| {
        let key = |place: &Place| {
            (place.network.config.internal, std::cmp::Reverse(place.wish.gateway_priority))
        };
        key(a).cmp(&key(b)).then_with(|| a.network.name.cmp(&b.network.name))
    });
    let had = ports::had(&places);
    let mut attachments: Vec<Attachment> = Vec::new();
    for place in &places {
        let taken: Vec<&str> = attachments
            .iter()
            .map(|own| &own.interface)
            .chain(places.iter().filter_map(|place| Some(&place.given.as_ref()?.interface)))
            .chain(places.iter().filter_map(|place| place.wish.interface.as_ref()))
            .chain(subject.plugged.iter().map(|place| &place.interface))
            .map(String::as_str)
            .collect();
        let attachment = match &place.given {
            Some(given) => Attachment { ports: Vec::new(), open: Vec::new(), ..given.clone() },
            None => {
                let prefix = place.network.config.interface_prefix.as_deref();
                give(giving, place, free_interface(prefix, &taken))?
            }
        };
        attachments.push(attachment);
    }
    for (number, attachment) in attachments.iter_mut().enumerate() {
        attachment.is_default = number == 0;
    }
    // Where plugins lead ports in they do so until the end of the run.
    let is_led_in = subject.plugged.iter().any(|place| !place.ports.is_empty());
    if !is_led_in {
        giving.release_ports()?;
    }
    // On an interface of the machine a container has all of its ports itself.
    let leads_in =
        |place: &Place| place.network.kind().is_bridge() && !place.network.config.internal;
    if let Some((first, place)) =
        attachments.iter_mut().zip(&places).find(|(_, place)| !is_led_in && leads_in(place))
    {
        let config = &place.network.config;
        let usual = if config.host_addresses.is_empty() { usual } else { &config.host_addresses };
        let terms = ports::Terms { usual, had: &had, modes: config.modes, user };
        let own: Vec<_> = first.addresses.iter().map(|address| address.address()).collect();
        (first.ports, first.open) = ports::claim(giving, subject.config, &own, &terms)?;
    }
    for (attachment, place) in attachments.iter().zip(&places) {
        let json = serde_json::to_string(attachment)
            .map_err(|cause| EngineError::Record { name: subject.name.to_owned(), cause })?;
        giving.set_given(&place.network.id, &json)?;
    }
    let member = names::member(subject, &places, &attachments);
    Ok(NetworkPlan { places: attachments, names: member, ..NetworkPlan::default() })
}

/// The first of `eth0`, `eth1` and so on that no place has.
pub(super) fn free_interface(prefix: Option<&str>, taken: &[&str]) -> String {
    let name = |number: usize| format!("{}{number}", prefix.unwrap_or("eth"));
    let free = (0..=taken.len()).map(name).find(|name| !taken.contains(&name.as_str()));
    free.unwrap_or_else(|| name(taken.len()))
}

/// The addresses that are wanted are the network's.
pub(super) fn demand_subnets(network: &Network, wish: &NetworkWish) -> Result<(), EngineError> {
    for wanted in [wish.ipv4.map(IpAddr::from), wish.ipv6.map(IpAddr::from)].into_iter().flatten() {
        let mut subnets = network.config.subnets.iter();
        if !subnets.any(|subnet| subnet.subnet.contains(wanted)) {
            let why = format!("network {} has no subnet with it", network.name);
            return Err(EngineError::value("address", wanted.to_string(), why));
        }
    }
    Ok(())
}

fn give(
    giving: &Giving<'_>,
    place: &Place,
    free_interface: String,
) -> Result<Attachment, EngineError> {
    let Place { network, wish, .. } = place;
    demand_subnets(network, wish)?;
    if !network.kind().is_bridge() && !wish.rates.are_none() {
        let why = "a rate can be bounded in networks of the driver bridge alone";
        return Err(EngineError::value("network", network.name.clone(), why));
    }
    if network.kind().shares_hardware() && wish.hardware.is_some() {
        let why = "its containers have the hardware address of the interface that they are on";
        return Err(EngineError::value("network", network.name.clone(), why));
    }
    let mut addresses = Vec::new();
    for (which, subnet) in network.config.subnets.iter().enumerate() {
        addresses.push(address(giving, place, subnet, which)?);
    }
    let hardware = match (wish.hardware, addresses.first()) {
        (Some(hardware), _) => hardware,
        (None, Some(address)) => hardware_of(address.address()),
        (None, None) => HardwareAddress::local(crate::names::random()?),
    };
    let gateways = if network.config.internal {
        Vec::new()
    } else {
        network.config.subnets.iter().filter_map(|subnet| subnet.gateway).collect()
    };
    // Of its own for each run: the interface of the one before may still be on its way out.
    let run = crate::names::random::<5>()?;
    Ok(Attachment {
        network: network.id.clone(),
        network_name: network.name.clone(),
        kind: network.kind(),
        bridge: network.interface(),
        host_interface: network::host_interface(&addresses, run),
        interface: wish.interface.clone().unwrap_or(free_interface),
        hardware,
        addresses,
        link_local: wish.link_local.clone(),
        mtu: network.config.mtu,
        gateways,
        foreign_gateways: network.foreign_gateways(),
        bridge_hardware: network.hardware(),
        is_default: false,
        isolated: !network.config.neighbours,
        ports: Vec::new(),
        open: Vec::new(),
        trusted: network.config.trusted_interfaces.clone(),
        rates: wish.rates,
        settings: wish.settings.clone(),
    })
}

/// The container's address of a subnet.
fn address(
    giving: &Giving<'_>,
    place: &Place,
    subnet: &Subnet,
    which: usize,
) -> Result<Cidr, EngineError> {
    let Place { network, wish, .. } = place;
    let wanted: Option<IpAddr> = if subnet.subnet.is_v6() {
        wish.ipv6.map(IpAddr::from).filter(|address| subnet.subnet.contains(*address))
    } else {
        wish.ipv4.map(IpAddr::from).filter(|address| subnet.subnet.contains(*address))
    };
    let number = wanted.and_then(|address| subnet.subnet.place_of(address));
    let number = number.and_then(|number| i64::try_from(number).ok());
    let given = giving.lease(&network.id, &subnet.leases(which), number)?;
    let number = given.map_err(|taken| match (taken, wanted) {
        (Taken::By(holder), Some(address)) => {
            EngineError::value("address", address.to_string(), format!("container {holder} has it"))
        }
        _ => EngineError::value(
            "network",
            network.name.clone(),
            format!("every address of {} is in use", subnet.range.unwrap_or(subnet.subnet)),
        ),
    })?;
    let address = subnet.subnet.at(u128::try_from(number).unwrap_or(0));
    Ok(Cidr::new(address, subnet.subnet.prefix()).unwrap_or(Cidr::host(address)))
}
