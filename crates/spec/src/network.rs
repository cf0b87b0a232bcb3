//! Addresses of networks: prefixes (RFC 4632, RFC 4291) and hardware addresses (IEEE 802).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address with the length of its network's prefix: `172.17.0.2/16`. As a network it is written with its first address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Text that is no address with a prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address with the length of a prefix, as in 10.1.0.0/16 or fd00:1::/64")]
pub struct BadCidr(pub String);

impl Cidr {
    /// Nothing when the prefix is longer than the address.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= bits(address)).then_some(Self { address, prefix })
    }

    /// One address alone.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self { address, prefix: bits(address) }
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of the network.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether it is one of IPv6.
    #[must_use]
    pub const fn is_v6(self) -> bool {
        self.address.is_ipv6()
    }

    /// Its network: the same with the first address.
    #[must_use]
    pub fn network(self) -> Self {
        Self { address: self.at(0), prefix: self.prefix }
    }

    /// Whether the address is its network's first one.
    #[must_use]
    pub fn is_network(self) -> bool {
        self == self.network()
    }

    /// Whether an address is in its network.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv6() == self.is_v6() && number(address) & self.mask() == self.first()
    }

    /// Whether two networks have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network().address) || other.contains(self.network().address)
    }

    /// The last address of its network.
    #[must_use]
    pub fn last(self) -> IpAddr {
        from_number(self.first() | !self.mask() & all(self.is_v6()), self.is_v6())
    }

    /// The address of that number in its network, counted from 0; of one outside, the last one.
    #[must_use]
    pub fn at(self, place: u128) -> IpAddr {
        let within = !self.mask() & all(self.is_v6());
        from_number(self.first() | place.min(within), self.is_v6())
    }

    /// The number of an address in its network, counted from 0.
    #[must_use]
    pub fn place_of(self, address: IpAddr) -> Option<u128> {
        self.contains(address).then(|| number(address) - self.first())
    }

    /// How many addresses its network has; [`u128::MAX`] where there are more.
    #[must_use]
    pub fn size(self) -> u128 {
        (!self.mask() & all(self.is_v6())).saturating_add(1)
    }

    /// The address of all: RFC 919. Networks of one or two addresses have none, RFC 3021.
    #[must_use]
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        match self.last() {
            IpAddr::V4(last) if self.prefix < 31 => Some(last),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    fn mask(self) -> u128 {
        let width = bits(self.address);
        let host = u32::from(width - self.prefix);
        all(self.is_v6()) & u128::MAX.checked_shl(host).unwrap_or(0)
    }

    fn first(self) -> u128 {
        number(self.address) & self.mask()
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

const fn all(is_v6: bool) -> u128 {
    if is_v6 { u128::MAX } else { 0xffff_ffff }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn from_number(number: u128, is_v6: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !is_v6 => Ipv4Addr::from_bits(number).into(),
        _ => Ipv6Addr::from_bits(number).into(),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let parsed = text.split_once('/').and_then(|(address, prefix)| {
            let is_number = prefix.bytes().all(|byte| byte.is_ascii_digit());
            Self::new(address.parse().ok()?, prefix.parse().ok().filter(|_| is_number)?)
        });
        parsed.ok_or_else(|| BadCidr(text.to_owned()))
    }
}

impl TryFrom<String> for Cidr {
    type Error = BadCidr;

    fn try_from(text: String) -> Result<Self, BadCidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

/// The address of an Ethernet interface: `02:42:ac:11:00:02`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HardwareAddress([u8; 6]);

/// Text that is no hardware address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hardware address, as in 02:42:ac:11:00:02")]
pub struct BadHardwareAddress(pub String);

impl HardwareAddress {
    /// That of an interface without one.
    pub const NONE: Self = Self([0; 6]);

    /// One that nobody has sold: bit 1 says so, bit 0 that it is one interface's. IEEE 802, 8.2.
    #[must_use]
    pub const fn local([first, rest @ ..]: [u8; 6]) -> Self {
        let [a, b, c, d, e] = rest;
        Self([first & 0xfc | 0x02, a, b, c, d, e])
    }

    /// Its bytes.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether it is many interfaces', and so no interface's own.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The address that IPv6 makes of it for the link alone: RFC 4291, appendix A.
    #[must_use]
    pub fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        let [high, low] = [u16::from_be_bytes([a ^ 2, b]), u16::from_be_bytes([e, f])];
        let [third, fourth] = [u16::from_be_bytes([c, 0xff]), u16::from_be_bytes([0xfe, d])];
        Ipv6Addr::new(0xfe80, 0, 0, 0, high, third, fourth, low)
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for HardwareAddress {
    type Err = BadHardwareAddress;

    fn from_str(text: &str) -> Result<Self, BadHardwareAddress> {
        let bad = || BadHardwareAddress(text.to_owned());
        let mut octets = [0; 6];
        let mut words = text.split([':', '-']);
        for octet in &mut octets {
            let word = words.next().filter(|word| word.len() == 2).ok_or_else(bad)?;
            *octet = u8::from_str_radix(word, 16).map_err(|_digits| bad())?;
        }
        if words.next().is_some() { Err(bad()) } else { Ok(Self(octets)) }
    }
}

impl TryFrom<String> for HardwareAddress {
    type Error = BadHardwareAddress;

    fn try_from(text: String) -> Result<Self, BadHardwareAddress> {
        text.parse()
    }
}

impl From<HardwareAddress> for String {
    fn from(address: HardwareAddress) -> Self {
        address.to_string()
    }
}

impl TryFrom<&[u8]> for HardwareAddress {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn networks() {
        let small = cidr("10.1.2.130/25");
        assert_eq!(small.network().to_string(), "10.1.2.128/25");
        assert_eq!(small.last().to_string(), "10.1.2.255");
        assert_eq!(small.broadcast().unwrap().to_string(), "10.1.2.255");
        assert_eq!((small.size(), small.at(3).to_string()), (128, "10.1.2.131".to_owned()));
        assert_eq!(small.at(1000), small.last());
        assert_eq!(small.place_of(small.at(77)), Some(77));
        let wide = cidr("fd00:1::/64");
        assert_eq!(wide.at(1).to_string(), "fd00:1::1");
        assert_eq!(wide.last().to_string(), "fd00:1::ffff:ffff:ffff:ffff");
        assert_eq!((wide.size(), wide.broadcast()), (1 << 64, None));
        assert_eq!((cidr("::/0").size(), cidr("0.0.0.0/0").size()), (u128::MAX, 1 << 32));
        assert_eq!((cidr("10.0.0.1/31").broadcast(), cidr("10.0.0.1/32").size()), (None, 1));
    }

    #[test]
    fn what_is_in_and_what_overlaps() {
        let network = cidr("10.1.0.0/16");
        assert!(network.contains("10.1.255.1".parse().unwrap()));
        assert!(!network.contains("10.2.0.0".parse().unwrap()));
        assert!(!network.contains("::a01:1".parse().unwrap()));
        assert!(network.overlaps(cidr("10.0.0.0/8")) && cidr("10.0.0.0/8").overlaps(network));
        assert!(!network.overlaps(cidr("10.2.0.0/16")) && !network.overlaps(cidr("::/0")));
        assert!(network.is_network() && !cidr("10.1.0.1/16").is_network());
    }

    #[test]
    fn text_that_is_none() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/+8", "a/8", "/"]
        {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
        for text in ["", "02:42", "02:42:ac:11:00:02:03", "02:42:ac:11:00:0g", "2:42:ac:11:0:2"] {
            assert!(text.parse::<HardwareAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn hardware_addresses() {
        let address: HardwareAddress = "02:42:AC-11:00:02".parse().unwrap();
        assert_eq!(address.to_string(), "02:42:ac:11:00:02");
        assert_eq!(address.link_local().to_string(), "fe80::42:acff:fe11:2");
        assert_eq!(HardwareAddress::local([0xff; 6]).to_string(), "fe:ff:ff:ff:ff:ff");
        assert!("01:00:5e:00:00:01".parse::<HardwareAddress>().unwrap().is_multicast());
    }
}
