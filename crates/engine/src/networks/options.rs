//! Docker's options of a bridge, by their names.

use std::net::IpAddr;

use super::config::NetworkConfig;
use super::modes::GatewayMode;
use super::request::NetworkRequest;
use crate::error::EngineError;
use crate::parse::{self, NO_INTERFACE_NAME};

/// Bytes of an interface's name without a number of two digits.
const LONGEST_PREFIX: usize = 13;

impl NetworkRequest {
    /// Reads them into the network's configuration.
    pub(super) fn read_options(&self, config: &mut NetworkConfig) -> Result<(), EngineError> {
        for (name, value) in &self.options {
            read(name, value, config).map_err(|why| {
                EngineError::value("network option", format!("{name}={value}"), why)
            })?;
        }
        let modes = [config.modes.ipv4, config.modes.ipv6];
        if modes.contains(&GatewayMode::Isolated) && !config.internal {
            let why = "only a network that is internal (--internal) can be isolated";
            return Err(EngineError::value("gateway mode", "isolated", why));
        }
        Ok(())
    }
}

fn read(name: &str, value: &str, config: &mut NetworkConfig) -> Result<(), &'static str> {
    match name.strip_prefix("com.docker.network.").unwrap_or(name) {
        // Of the one that there is already.
        "bridge.default_bridge" if !flag(value)? => {}
        "bridge.name" => {
            config.interface = Some(interface(value)?);
        }
        "bridge.enable_icc" => config.neighbours = flag(value)?,
        "bridge.enable_ip_masquerade" => config.masquerade = flag(value)?,
        "bridge.inhibit_ipv4" => config.inhibit_ipv4 = flag(value)?,
        "bridge.gateway_mode_ipv4" => config.modes.ipv4 = mode(value)?,
        "bridge.gateway_mode_ipv6" => config.modes.ipv6 = mode(value)?,
        // Docker takes addresses of both families by the first name.
        "bridge.host_binding_ipv4" => config.host_addresses.push(address(value)?),
        "bridge.host_binding_ipv6" => config.host_addresses.push(of_family(value, true)?),
        "host_ipv4" => config.sources.push(of_family(value, false)?),
        "host_ipv6" => config.sources.push(of_family(value, true)?),
        "bridge.trusted_host_interfaces" => {
            for name in value.split(':').filter(|name| !name.is_empty()) {
                config.trusted_interfaces.push(interface(name)?);
            }
        }
        "container_iface_prefix" if value.len() > LONGEST_PREFIX => {
            return Err("it has at most 13 characters: a number comes behind it");
        }
        "container_iface_prefix" => config.interface_prefix = Some(interface(value)?),
        "driver.mtu" => {
            config.mtu = parse::mtu(value).map_err(|_bad| "it is not 68 to 65535")?;
        }
        _ => return Err("it is unknown"),
    }
    Ok(())
}

fn flag(value: &str) -> Result<bool, &'static str> {
    match value {
        "1" | "t" | "true" => Ok(true),
        "0" | "f" | "false" => Ok(false),
        _ => Err("it is not true or false"),
    }
}

fn mode(value: &str) -> Result<GatewayMode, &'static str> {
    GatewayMode::of_word(value).ok_or("it is not one of nat, nat-unprotected, routed, isolated")
}

fn address(value: &str) -> Result<IpAddr, &'static str> {
    value.parse().map_err(|_bad| "it is no address")
}

fn of_family(value: &str, is_v6: bool) -> Result<IpAddr, &'static str> {
    let address = address(value)?;
    if address.is_ipv6() == is_v6 {
        Ok(address)
    } else {
        Err("it is an address of the other family")
    }
}

fn interface(name: &str) -> Result<String, &'static str> {
    if parse::is_interface_name(name) { Ok(name.to_owned()) } else { Err(NO_INTERFACE_NAME) }
}
