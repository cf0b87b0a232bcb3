//! A container's end of its interfaces.

use std::net::IpAddr;

use spec::network::Cidr;

use super::{NetworkError, link_error};
use crate::attachment::Attachment;
use crate::link::{Changes, Links, Route};

/// Addresses, routes and neighbours of the container's end.
pub(super) fn furnish(inside: &mut Links, attachment: &Attachment) -> Result<(), NetworkError> {
    let object = || format!("configure the container's interface {}", attachment.interface);
    let found = inside
        .find(&attachment.interface)
        .map_err(|cause| link_error(object(), cause))?
        .ok_or_else(|| NetworkError::NoBridge(attachment.interface.clone()))?;
    let mut changes = Changes::new();
    changes.without_own_address(found.index);
    for address in &attachment.addresses {
        changes.address(found.index, *address);
    }
    for address in &attachment.link_local {
        changes.address(found.index, Cidr::host(*address));
    }
    if attachment.addresses.iter().any(|address| address.is_v6()) {
        let link_local = IpAddr::V6(attachment.hardware.link_local());
        changes.address(found.index, Cidr::new(link_local, 64).unwrap_or(Cidr::host(link_local)));
    }
    changes.up(found.index);
    // Whoever asks for the gateway asks every port of the bridge: nobody has to.
    for gateway in attachment.gateways.iter().filter(|_| attachment.kind.is_bridge()) {
        if !attachment.foreign_gateways.contains(gateway) {
            changes.neighbour(found.index, *gateway, attachment.bridge_hardware);
        }
    }
    if attachment.is_default {
        for route in ways_out(attachment) {
            changes.route(found.index, &route);
        }
    }
    inside.carry_out(changes).map_err(|cause| link_error(object(), cause))
}

/// Routes to everywhere. Where the machine forwards what the interface sends there is nobody to send it to.
pub(super) fn ways_out(attachment: &Attachment) -> Vec<Route> {
    if attachment.kind.is_routed() {
        let everywhere = |own: &Cidr| Cidr::new(own.address(), 0).map(Cidr::network);
        let all = attachment.addresses.iter().map(everywhere);
        return all.map(|to| Route { to, gateway: None, metric: 0 }).collect();
    }
    let gateways = attachment.gateways.iter();
    gateways.map(|gateway| Route { to: None, gateway: Some(*gateway), metric: 0 }).collect()
}
