//! The container's interfaces: `lxc.net.NUMBER`. Whoever keeps a bridge gives addresses; the engine's networks have no part in it.

use std::net::IpAddr;

use engine::config::OwnInterface;
use network::{Family, IpvlanFlag, MacvlanMode as Macvlan, OwnAddress, OwnLink, WayOut};
use spec::network::{Cidr, HardwareAddress};

use crate::config::network::{
    IpvlanIsolation, IpvlanMode, MacvlanMode, Network, NetworkType, VethMode,
};
use crate::config::{Gateway, Ipv4Interface, Ipv6Interface, Route};

use super::Draft;

pub(super) fn map(draft: &mut Draft<'_>) {
    let networks = &draft.config.networks;
    for (number, network) in networks {
        if let Some(link) = link(draft, *number, network) {
            let own = interface(draft, *number, (network, link));
            draft.engine.interfaces.push(own);
        }
    }
}

/// Nothing for what is no interface of its own, and for what is refused.
fn link(draft: &mut Draft<'_>, number: u32, network: &Network) -> Option<OwnLink> {
    let on = || network.link.as_ref().map(|link| link.0.clone()).unwrap_or_default();
    Some(match network.kind? {
        NetworkType::None | NetworkType::Empty => return None,
        NetworkType::Veth => {
            if network.veth.mode == Some(VethMode::Router) {
                let why = "the machine is no router for a pair: name a bridge by link";
                draft.refuse(format!("lxc.net.{number}.veth.mode"), why);
            }
            let host = network.veth.pair.as_ref().map(|pair| pair.0.clone()).unwrap_or_default();
            let routes = [routes(&network.veth.ipv4_routes), routes(&network.veth.ipv6_routes)];
            OwnLink::Pair { bridge: on(), host, routes: routes.concat() }
        }
        NetworkType::Macvlan => OwnLink::Macvlan {
            on: on(),
            mode: match network.macvlan_mode.unwrap_or(MacvlanMode::Private) {
                MacvlanMode::Private => Macvlan::Private,
                MacvlanMode::Vepa => Macvlan::Vepa,
                MacvlanMode::Bridge => Macvlan::Bridge,
                MacvlanMode::PassThrough => Macvlan::Passthru,
            },
        },
        NetworkType::Ipvlan => OwnLink::Ipvlan {
            on: on(),
            mode: match network.ipvlan_mode.unwrap_or(IpvlanMode::L3) {
                IpvlanMode::L3 => network::IpvlanMode::L3,
                IpvlanMode::L3s => network::IpvlanMode::L3s,
                IpvlanMode::L2 => network::IpvlanMode::L2,
            },
            flag: match network.ipvlan_isolation.unwrap_or(IpvlanIsolation::Bridge) {
                IpvlanIsolation::Bridge => IpvlanFlag::Bridge,
                IpvlanIsolation::Private => IpvlanFlag::Private,
                IpvlanIsolation::Vepa => IpvlanFlag::Vepa,
            },
        },
        NetworkType::Vlan => OwnLink::Vlan { on: on(), id: network.vlan?.0 },
        NetworkType::Physical if on().ends_with('+') => {
            let why = "every interface that begins so is not moved: name one each";
            draft.refuse(format!("lxc.net.{number}.link"), why);
            return None;
        }
        NetworkType::Physical => OwnLink::Physical { name: on() },
    })
}

fn interface(
    draft: &mut Draft<'_>,
    number: u32,
    (network, link): (&Network, OwnLink),
) -> OwnInterface {
    let mut refuse = |key: &str, why: &str| draft.refuse(format!("lxc.net.{number}.{key}"), why);
    let hardware = network.hardware.as_ref().and_then(|own| own.bytes());
    if network.hardware.is_some() && hardware.is_none() {
        refuse("hwaddr", "its open digits (x) are not filled: lxc-create does that");
    }
    let hardware: Option<HardwareAddress> = hardware.and_then(|bytes| text(bytes).parse().ok());
    let ways = [
        network.ipv4_gateway.as_ref().map(|way| way_out(way, Family::V4)),
        network.ipv6_gateway.as_ref().map(|way| way_out(way, Family::V6)),
    ];
    let ways: Vec<WayOut> = ways.into_iter().flatten().collect();
    if network.up.is_none() && !ways.is_empty() {
        let key = if network.ipv4_gateway.is_some() { "ipv4.gateway" } else { "ipv6.gateway" };
        refuse(key, "an interface that is down leads nowhere: lxc.net.N.flags = up");
    }
    let addresses = network.ipv4.iter().map(four).chain(network.ipv6.iter().map(six));
    OwnInterface {
        link,
        name: network.name.as_ref().map(|name| name.0.clone()).unwrap_or_default(),
        hardware,
        mtu: network.mtu.map(std::num::NonZeroU32::get),
        up: network.up.is_some(),
        addresses: addresses.collect(),
        ways,
    }
}

fn text(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

fn way_out<A: Copy + Into<IpAddr>>(gateway: &Gateway<A>, family: Family) -> WayOut {
    match gateway {
        Gateway::Automatic => WayOut::Link(family),
        Gateway::Device => WayOut::Interface(family),
        Gateway::Address(address) => WayOut::Gateway((*address).into()),
    }
}

fn four(own: &Ipv4Interface) -> OwnAddress {
    OwnAddress { address: cidr(own.address, own.prefix), broadcast: own.broadcast }
}

fn six(own: &Ipv6Interface) -> OwnAddress {
    OwnAddress { address: cidr(own.address, own.prefix), broadcast: None }
}

fn routes<A: Copy + Into<IpAddr>>(routes: &[Route<A>]) -> Vec<Cidr> {
    routes.iter().map(|route| cidr(route.network, route.prefix)).collect()
}

/// A prefix that was read is not longer than its address.
fn cidr(address: impl Into<IpAddr>, prefix: u8) -> Cidr {
    let address = address.into();
    Cidr::new(address, prefix).unwrap_or(Cidr::host(address))
}
