//! Elements of sets and maps.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sys::netlink::{Attributes, Request};

/// Elements of one request: the longest takes less than 128 bytes, and an attribute has 65,535.
pub(super) const MOST_AT_ONCE: usize = 500;

/// NFT_SET_ELEM_INTERVAL_END.
const INTERVAL_END: u32 = 1;
/// Bytes of an interface's name, IFNAMSIZ.
const NAME: usize = 16;

/// One field of a key or of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Address(IpAddr),
    EtherAddress([u8; 6]),
    /// IPPROTO_TCP and so on.
    Protocol(u8),
    Port(u16),
    InterfaceName(String),
}

/// A key, and the value where it is one of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Element {
    key: Vec<u8>,
    value: Vec<u8>,
    is_end: bool,
}

impl Value {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Address(IpAddr::V4(address)) => address.octets().to_vec(),
            Self::Address(IpAddr::V6(address)) => address.octets().to_vec(),
            Self::EtherAddress(address) => address.to_vec(),
            Self::Protocol(number) => vec![*number],
            Self::Port(number) => number.to_be_bytes().to_vec(),
            Self::InterfaceName(name) => {
                let mut bytes = name.as_bytes().to_vec();
                bytes.resize(NAME, 0);
                bytes
            }
        }
    }
}

/// Fields of a key of several each fill up four bytes.
fn joined(fields: &[Value]) -> Vec<u8> {
    match fields {
        [one] => one.bytes(),
        fields => fields
            .iter()
            .flat_map(|field| {
                let mut bytes = field.bytes();
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                bytes
            })
            .collect(),
    }
}

impl Element {
    /// One of a set.
    pub(crate) fn of(key: &[Value]) -> Self {
        Self { key: joined(key), value: Vec::new(), is_end: false }
    }

    /// One of a map.
    pub(crate) fn mapping(key: &[Value], value: &[Value]) -> Self {
        Self { key: joined(key), value: joined(value), is_end: false }
    }

    /// The addresses of a network, for a set of ranges: its first address, and the one behind its last.
    pub(crate) fn range(address: IpAddr, prefix: u8) -> Vec<Self> {
        let (first, end) = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                let first = address.to_bits() & mask;
                let end = (first | !mask).checked_add(1).map(|end| Ipv4Addr::from_bits(end).into());
                (Ipv4Addr::from_bits(first).into(), end)
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                let first = address.to_bits() & mask;
                let end = (first | !mask).checked_add(1).map(|end| Ipv6Addr::from_bits(end).into());
                (Ipv6Addr::from_bits(first).into(), end)
            }
        };
        let first = Self::of(&[Value::Address(first)]);
        let end = end.map(|end: IpAddr| Self { is_end: true, ..Self::of(&[Value::Address(end)]) });
        std::iter::once(first).chain(end).collect()
    }

    /// The same for a map of ranges.
    pub(crate) fn range_mapping(address: IpAddr, prefix: u8, value: &[Value]) -> Vec<Self> {
        let mut range = Self::range(address, prefix);
        if let Some(first) = range.first_mut() {
            first.value = joined(value);
        }
        range
    }

    pub(super) fn encode(&self, item: Request) -> Request {
        let item = item.nested(1, |key| key.bytes(1, &self.key));
        let item = if self.value.is_empty() {
            item
        } else {
            item.nested(2, |value| value.bytes(1, &self.value))
        };
        if self.is_end { item.network_number(3, INTERVAL_END) } else { item }
    }

    pub(super) fn decode(item: &[u8]) -> Option<Self> {
        let attributes = Attributes::of(item);
        let flags = attributes.get(3).and_then(|bytes| bytes.try_into().ok());
        Some(Self {
            key: attributes.nested(1).get(1)?.to_vec(),
            value: attributes.nested(2).get(1).unwrap_or_default().to_vec(),
            is_end: flags.map_or(0, u32::from_be_bytes) & INTERVAL_END != 0,
        })
    }
}
