//! What the last plugin said: the container's addresses and name servers. Source: specification 1.0.0, "ADD Success"; 0.3.1, "Result".

use std::net::IpAddr;

use serde::Deserialize;
use spec::network::{Cidr, HardwareAddress};

use super::Place;
use super::error::CniError;

/// What a container was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its addresses.
    pub addresses: Vec<Cidr>,
    /// Who leads out.
    pub gateways: Vec<IpAddr>,
    /// Its hardware address.
    pub hardware: Option<HardwareAddress>,
    /// Bytes of the largest packet; 0 where nobody says.
    pub mtu: u32,
    /// What it is to ask.
    pub dns: Dns,
}

/// Name servers, and how they are asked. resolv.conf(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Their addresses.
    pub servers: Vec<IpAddr>,
    /// Where short names are looked for.
    pub search: Vec<String>,
    /// Options of the resolver.
    pub options: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    interfaces: Vec<RawInterface>,
    ips: Vec<RawAddress>,
    dns: RawDns,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawInterface {
    name: String,
    mac: String,
    mtu: u32,
    sandbox: String,
}

#[derive(Deserialize)]
struct RawAddress {
    interface: Option<i64>,
    address: Cidr,
    gateway: Option<IpAddr>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawDns {
    nameservers: Vec<String>,
    domain: String,
    search: Vec<String>,
    options: Vec<String>,
}

impl Answer {
    /// Reads a result; the versions that are spoken have what is read here in common.
    pub(super) fn read(value: &serde_json::Value, interface: &str) -> Result<Self, String> {
        let raw = Raw::deserialize(value).map_err(|error| error.to_string())?;
        let own = raw
            .interfaces
            .iter()
            .find(|found| !found.sandbox.is_empty() && found.name == interface);
        let is_of_container =
            |ip: &&RawAddress| match ip.interface.and_then(|at| usize::try_from(at).ok()) {
                None => true,
                Some(at) => raw.interfaces.get(at).is_none_or(|found| !found.sandbox.is_empty()),
            };
        let ips: Vec<_> = raw.ips.iter().filter(is_of_container).collect();
        let word = |text: &String| {
            let is_word =
                !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
            is_word.then(|| text.clone())
        };
        let search = if raw.dns.search.is_empty() { vec![raw.dns.domain] } else { raw.dns.search };
        Ok(Self {
            addresses: ips.iter().map(|ip| ip.address).collect(),
            gateways: ips.iter().filter_map(|ip| ip.gateway).collect(),
            hardware: own.and_then(|own| own.mac.parse().ok()),
            mtu: own.map_or(0, |own| own.mtu),
            dns: Dns {
                servers: raw.dns.nameservers.iter().filter_map(|text| text.parse().ok()).collect(),
                search: search.iter().filter_map(word).collect(),
                options: raw.dns.options.iter().filter_map(word).collect(),
            },
        })
    }

    /// Whether what the container wanted is what it was given: plugins may leave out what they do not know.
    pub(super) fn meets(self, place: &Place) -> Result<Self, CniError> {
        let unmet = |wanted: String| CniError::Unmet { network: place.network(), wanted };
        for wanted in &place.addresses {
            if !self.addresses.iter().any(|given| given.address() == *wanted) {
                return Err(unmet(format!("address {wanted}")));
            }
        }
        if let (Some(wanted), Some(given)) = (place.hardware, self.hardware)
            && wanted != given
        {
            return Err(unmet(format!("MAC address {wanted}")));
        }
        Ok(self)
    }
}
