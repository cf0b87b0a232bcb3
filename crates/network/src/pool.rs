//! Where the addresses of a new network come from. Pure: start at [`first_free`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use spec::network::Cidr;

/// Addresses that networks are cut from, each with a prefix of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// All of them.
    pub base: Cidr,
    /// Length of a network's prefix.
    pub size: u8,
}

/// Docker's private ranges (RFC 1918), cut into networks of 4,094 addresses: 272 of them, where Docker's sizes make 31.
#[must_use]
pub fn default_pools() -> Vec<Pool> {
    const SIZE: u8 = 20;
    let pool = |a, b, prefix| {
        Cidr::new(IpAddr::V4(Ipv4Addr::new(a, b, 0, 0)), prefix)
            .map(|base| Pool { base, size: SIZE })
    };
    // 172.17.0.0/16 is the default network's: it is the first of 172.16.0.0/12 that is cut.
    (17..32).map(|second| pool(172, second, 16)).chain([pool(192, 168, 16)]).flatten().collect()
}

/// The first network of the pools that overlaps none of these.
#[must_use]
pub fn first_free(pools: &[Pool], taken: &[Cidr]) -> Option<Cidr> {
    pools.iter().find_map(|pool| {
        let step = Cidr::new(pool.base.address(), pool.size)?.size();
        let count = pool.base.size() / step;
        (0..count).find_map(|number| {
            let candidate = Cidr::new(pool.base.at(number * step), pool.size)?;
            let is_free = !taken.iter().any(|network| network.overlaps(candidate));
            is_free.then_some(candidate)
        })
    })
}

/// A network of IPv6 that nobody else has: fd00::/8 with these 56 bits behind it. RFC 4193, 3.2.2.
#[must_use]
pub fn unique_local(random: [u8; 7]) -> Cidr {
    let [a, b, c, d, e, f, g] = random;
    let octets = [0xfd, a, b, c, d, e, f, g, 0, 0, 0, 0, 0, 0, 0, 0];
    let address = IpAddr::V6(Ipv6Addr::from(octets));
    Cidr::new(address, 64).unwrap_or(Cidr::host(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_cut_until_there_are_none() {
        let pools = [
            Pool { base: cidr("10.0.0.0/30"), size: 31 },
            Pool { base: cidr("10.1.0.0/24"), size: 25 },
        ];
        let mut taken = vec![cidr("10.1.0.5/32")];
        let mut given = Vec::new();
        while let Some(network) = first_free(&pools, &taken) {
            given.push(network.to_string());
            taken.push(network);
        }
        assert_eq!(given, ["10.0.0.0/31", "10.0.0.2/31", "10.1.0.128/25"]);
    }

    #[test]
    fn ours_are_many_and_apart() {
        let mut taken = vec![cidr("172.17.0.0/16")];
        while let Some(network) = first_free(&default_pools(), &taken) {
            taken.push(network);
        }
        assert_eq!(taken.len(), 1 + 14 * 16 + 16);
        assert_eq!(taken[1].to_string(), "172.18.0.0/20");
        assert_eq!(unique_local([1; 7]).to_string(), "fd01:101:101:101::/64");
    }
}
