//! Networks and addresses of the Internet protocol. RFC 4632, RFC 4291.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{ANY, Answer, Arguments, Native};
use crate::value::Value;

pub(super) const TABLE: &[Native] = &[
    ("cidrhost", 2, 2, host),
    ("cidrnetmask", 1, 1, |arguments| {
        let network = Network::read(&arguments.text(0)?)?;
        Ok(Value::Text(network.address(network.mask()).to_string()))
    }),
    ("cidrsubnet", 3, 3, subnet),
    ("cidrsubnets", 1, ANY, subnets),
];

/// An address as a number, how many bits addresses have, and how many of them are the network's.
#[derive(Clone, Copy)]
struct Network {
    start: u128,
    width: u32,
    length: u32,
}

impl Network {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network");
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let (number, width) = match address.parse().or(Err(wrong()))? {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let length: u32 = length.parse().or(Err(wrong()))?;
        if length > width {
            return Err(wrong());
        }
        let network = Self { start: 0, width, length };
        Ok(Self { start: number & network.mask(), ..network })
    }

    /// The bits of hosts.
    fn hosts(&self) -> u128 {
        let bits = self.width - self.length;
        1_u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1)
    }

    fn all(&self) -> u128 {
        if self.width == 32 { u128::from(u32::MAX) } else { u128::MAX }
    }

    fn mask(&self) -> u128 {
        self.all() & !self.hosts()
    }

    fn address(&self, number: u128) -> IpAddr {
        match (self.width, u32::try_from(number)) {
            (32, Ok(number)) => IpAddr::V4(Ipv4Addr::from_bits(number)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }

    fn show(&self) -> Value {
        Value::Text(format!("{}/{}", self.address(self.start), self.length))
    }

    /// One with so many bits more.
    fn longer(&self, bits: usize) -> Result<Self, String> {
        let length = u32::try_from(bits).ok().and_then(|bits| self.length.checked_add(bits));
        let length = length.filter(|length| *length <= self.width);
        let length = length.ok_or_else(|| format!("{bits} more bits are too many"))?;
        Ok(Self { length, ..*self })
    }
}

/// The host of a number, counted from the end where it is negative.
fn host(arguments: &Arguments<'_>) -> Answer {
    let network = Network::read(&arguments.text(0)?)?;
    let number = arguments.whole(1)?;
    let distance = if number < 0 { number.unsigned_abs() - 1 } else { number.unsigned_abs() };
    if distance > network.hosts() {
        return Err(format!("the network has no host {number}"));
    }
    let bits = if number < 0 { network.hosts() - distance } else { distance };
    Ok(Value::Text(network.address(network.start | bits).to_string()))
}

fn subnet(arguments: &Arguments<'_>) -> Answer {
    let network = Network::read(&arguments.text(0)?)?;
    let (bits, number) = (arguments.index(1)?, arguments.index(2)?);
    let inner = network.longer(bits)?;
    let number = u128::try_from(number).unwrap_or(u128::MAX);
    let offset =
        number.checked_mul(inner.hosts().saturating_add(1)).filter(|at| *at <= network.hosts());
    let offset = offset.ok_or_else(|| format!("{bits} bits do not hold the number {number}"))?;
    Ok(Network { start: network.start | offset, ..inner }.show())
}

/// One after the other, each where its size lets it begin.
fn subnets(arguments: &Arguments<'_>) -> Answer {
    let network = Network::read(&arguments.text(0)?)?;
    let mut next = Some(0_u128);
    let mut found = Vec::new();
    for at in 1..arguments.values.len() {
        let bits = arguments.index(at)?;
        if !(1..=32).contains(&bits) {
            return Err("bits are from 1 to 32".to_owned());
        }
        let inner = network.longer(bits)?;
        let full = || "the network has no more room".to_owned();
        let begin = next.and_then(|next| next.checked_add(inner.hosts())).ok_or_else(full)?;
        let begin = begin & !inner.hosts();
        if begin > network.hosts() {
            return Err(full());
        }
        found.push(Network { start: network.start | begin, ..inner }.show());
        next = begin.checked_add(inner.hosts()).and_then(|end| end.checked_add(1));
    }
    Ok(Value::List(found))
}
