//! The chains of respect-host, which see a packet behind the machine's own input chains. `dup` is of IPv4 or of IPv6, never of both: it is in
//! tables of its own, and a mark of the connection leads there. The original is dropped before its connection is written down anywhere, the
//! mark with it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Written;
use super::inet::{KNOWN, any_bit, published};
use crate::nft::expression::Meta;
use crate::nft::{Chain, Expression, Hook, Value, Verdict};
use crate::policy::Detour;
use Expression::{ConnectionMark, ConnectionState, Duplicate, Immediate, Is, MarkConnection};

/// Addresses behind the interface that copies leave by; nobody has them, and no packet bears them. RFC 3927, 2.1; RFC 4291, 2.5.6.
pub(crate) const GATEWAYS: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(169, 254, 0, 1), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2));
/// Behind every chain that decides: NF_IP_PRI_CONNTRACK_HELPER is 300.
const MARKS: i32 = 298;
const COPIES: i32 = 299;
/// Registers that the longest address takes.
const DEVICE: u32 = 4;

fn input(name: &'static str, priority: i32) -> Chain {
    let hook = Hook { kind: "filter", number: Hook::INPUT, priority, device: None };
    Chain { name, hook: Some(hook) }
}

/// Of connections whose first packet goes that way: each detour has one of its own, since two stores look at all packets. FNV-1a.
fn mark(detour: &Detour) -> Vec<u8> {
    let start = 0x811c_9dc5_u32;
    let mix = |sum: u32, byte: u8| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    detour.out.bytes().fold(start, mix).to_ne_bytes().to_vec()
}

/// An interface as a key.
pub(super) fn came_by(interface: &str) -> Vec<Expression> {
    vec![
        Expression::Meta(Meta::InputName, 0),
        Is(0, Value::InterfaceName(interface.to_owned()).bytes()),
    ]
}

/// Marks what goes to a published port, but never what has been here.
pub(super) fn marks(detour: &Detour) -> Written {
    let accept = || vec![Expression::Verdict(Verdict::Accept)];
    let mut rules = vec![
        [vec![ConnectionState(0)], any_bit(KNOWN), accept()].concat(),
        [came_by(&detour.back), accept()].concat(),
    ];
    rules.extend(published(|_which| vec![Immediate(0, mark(detour)), MarkConnection(0)]));
    Written { chain: input("let_in", MARKS), rules }
}

/// Copies it to the interface with that index, for one family.
pub(super) fn copies(which: usize, detour: &Detour, device: u32) -> Written {
    let gateway =
        if which == 0 { GATEWAYS.0.octets().to_vec() } else { GATEWAYS.1.octets().to_vec() };
    let rule = vec![
        ConnectionMark(0),
        Is(0, mark(detour)),
        Immediate(0, gateway),
        Immediate(DEVICE, device.to_ne_bytes().to_vec()),
        Duplicate { address: 0, device: DEVICE },
        Expression::Verdict(Verdict::Drop),
    ];
    Written { chain: input("let_in", COPIES), rules: vec![rule] }
}
