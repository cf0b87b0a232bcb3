//! What IP decides. Addresses are NATed before a route is sought (dstnat), forwarding is judged afterwards, and what leaves the machine
//! gets an address of its own last (srcnat).

use super::Written;
use crate::nft::expression::{Base, Meta, Side};
use crate::nft::{Chain, Expression, Hook, Kind, Set, Verdict};
use crate::policy::Detour;
use Expression::{
    AddressKind, ConnectionState, ConnectionStatus, DestinationNat, In, Is, IsNot, Map, Mask,
    Masquerade, NotIn, Payload, SourceNat,
};
use Kind::{Address4, Address6, InterfaceName, Port, Protocol};

/// Names of the sets and maps.
pub(crate) mod sets {
    /// Interfaces of networks.
    pub(crate) const BRIDGES: &str = "bridges";
    /// Interfaces of networks that have no way out.
    pub(crate) const INTERNAL: &str = "internal";
    /// An interface and itself, for networks whose containers may speak with each other.
    pub(crate) const NEIGHBOURS: &str = "neighbours";
    /// A network's interface and an address of a container on it.
    pub(crate) const HAIRPIN: [&str; 2] = ["hairpin4", "hairpin6"];
    /// Addresses that leave the machine as its own.
    pub(crate) const MASQUERADE: [&str; 2] = ["masquerade4", "masquerade6"];
    /// Addresses that leave the machine as another one that somebody chose.
    pub(crate) const SOURCES: [&str; 2] = ["sources4", "sources6"];
    /// Ports of every address of the machine, and where they lead.
    pub(crate) const PORTS: [&str; 2] = ["ports4", "ports6"];
    /// Ports of one address.
    pub(crate) const PORTS_AT: [&str; 2] = ["ports4_at", "ports6_at"];
    /// Addresses and ports of containers that can be reached without NAT.
    pub(crate) const OPEN: [&str; 2] = ["open4", "open6"];
    /// The same for what comes by an interface.
    pub(crate) const OPEN_BY: [&str; 2] = ["open4_by", "open6_by"];
    /// Addresses of containers that answer an echo request without NAT.
    pub(crate) const ROUTED: [&str; 2] = ["routed4", "routed6"];
    /// Addresses of containers that can be reached from outside without NAT, at every port.
    pub(crate) const UNPROTECTED: [&str; 2] = ["unprotected4", "unprotected6"];
}

const fn set(name: &'static str, key: &'static [Kind]) -> Set {
    Set { name, key, value: &[], has_ranges: false }
}

pub(super) const SETS: &[Set] = &[
    set(sets::BRIDGES, &[InterfaceName]),
    set(sets::INTERNAL, &[InterfaceName]),
    set(sets::NEIGHBOURS, &[InterfaceName, InterfaceName]),
    set(sets::HAIRPIN[0], &[InterfaceName, Address4]),
    set(sets::HAIRPIN[1], &[InterfaceName, Address6]),
    Set { has_ranges: true, ..set(sets::MASQUERADE[0], &[Address4]) },
    Set { has_ranges: true, ..set(sets::MASQUERADE[1], &[Address6]) },
    Set { has_ranges: true, value: &[Address4], ..set(sets::SOURCES[0], &[Address4]) },
    Set { has_ranges: true, value: &[Address6], ..set(sets::SOURCES[1], &[Address6]) },
    Set { has_ranges: true, ..set(sets::ROUTED[0], &[Address4]) },
    Set { has_ranges: true, ..set(sets::ROUTED[1], &[Address6]) },
    Set { has_ranges: true, ..set(sets::UNPROTECTED[0], &[Address4]) },
    Set { has_ranges: true, ..set(sets::UNPROTECTED[1], &[Address6]) },
    Set { value: &[Address4, Port], ..set(sets::PORTS[0], &[Protocol, Port]) },
    Set { value: &[Address6, Port], ..set(sets::PORTS[1], &[Protocol, Port]) },
    Set { value: &[Address4, Port], ..set(sets::PORTS_AT[0], &[Address4, Protocol, Port]) },
    Set { value: &[Address6, Port], ..set(sets::PORTS_AT[1], &[Address6, Protocol, Port]) },
    set(sets::OPEN[0], &[Address4, Protocol, Port]),
    set(sets::OPEN[1], &[Address6, Protocol, Port]),
    set(sets::OPEN_BY[0], &[InterfaceName, Address4, Protocol, Port]),
    set(sets::OPEN_BY[1], &[InterfaceName, Address6, Protocol, Port]),
];

/// NFPROTO_IPV4 and NFPROTO_IPV6.
const FAMILIES: [u8; 2] = [2, 10];
/// RTN_LOCAL, linux/rtnetlink.h.
const LOCAL: u32 = 2;
/// NF_CT_STATE_BIT of established and related, linux/netfilter/nf_conntrack_common.h.
pub(super) const KNOWN: u32 = 2 | 4;
/// IPS_DST_NAT.
const DESTINATION_NAT: u32 = 0x20;
/// Registers that an interface's name takes.
const NAME: u32 = 4;

/// NF_IP_PRI_NAT_DST, NF_IP_PRI_FILTER, NF_IP_PRI_NAT_SRC.
const NAT_DESTINATION: i32 = -100;
const FILTER: i32 = 0;
const NAT_SOURCE: i32 = 100;

fn chain(name: &'static str, kind: &'static str, number: u32, priority: i32) -> Chain {
    Chain { name, hook: Some(Hook { kind, number, priority, device: None }) }
}

/// With a detour, what comes from outside comes in by it a second time: the machine's input chains see it first. Where no answer comes back to ::1
/// nothing is led there, so that it is refused at once, and whoever asks goes on to 127.0.0.1.
pub(super) fn chains(detour: Option<&Detour>, answers_loopback: bool) -> Vec<Written> {
    let translated = || published(translate);
    let mut chains = vec![
        Written {
            chain: chain("from_outside", "nat", Hook::PREROUTING, NAT_DESTINATION),
            rules: detour.map_or_else(translated, translated_of),
        },
        Written {
            chain: chain(FROM_HERE, "nat", Hook::OUTPUT, NAT_DESTINATION),
            rules: (!answers_loopback).then(own_loopback).into_iter().chain(translated()).collect(),
        },
        Written {
            chain: chain("forward", "filter", Hook::FORWARD, FILTER),
            rules: vec![
                [
                    vec![Expression::Meta(Meta::OutputName, 0), In(sets::BRIDGES, 0)],
                    vec![Expression::Verdict(Verdict::Jump("to_containers"))],
                ]
                .concat(),
                vec![
                    Expression::Meta(Meta::InputName, 0),
                    In(sets::INTERNAL, 0),
                    Expression::Verdict(Verdict::Drop),
                ],
            ],
        },
        Written { chain: Chain { name: "to_containers", hook: None }, rules: to_containers() },
        Written { chain: chain("leave", "nat", Hook::POSTROUTING, NAT_SOURCE), rules: leave() },
    ];
    if let Some(detour) = detour {
        chains.push(Written { chain: Chain { name: TRANSLATE, hook: None }, rules: translated() });
        chains.push(super::detour::marks(detour));
    }
    chains
}

/// What the machine itself sends.
pub(crate) const FROM_HERE: &str = "from_here";

/// A chain of its own, where not every packet is translated as it comes.
const TRANSLATE: &str = "translate";

/// What comes from containers is translated at once, what comes from outside when it comes a second time.
fn translated_of(detour: &Detour) -> Vec<Vec<Expression>> {
    let jump = || vec![Expression::Verdict(Verdict::Jump(TRANSLATE))];
    let of_a_container = vec![Expression::Meta(Meta::InputName, 0), In(sets::BRIDGES, 0)];
    vec![[super::detour::came_by(&detour.back), jump()].concat(), [of_a_container, jump()].concat()]
}

/// ::1 is the machine's own.
fn own_loopback() -> Vec<Expression> {
    vec![
        family(0),
        Is(0, vec![FAMILIES[1]]),
        address(Side::Destination, 1, 0),
        Is(0, std::net::Ipv6Addr::LOCALHOST.octets().to_vec()),
        Expression::Verdict(Verdict::Accept),
    ]
}

/// Sends it where the port leads; that is in the first registers.
fn translate(which: usize) -> Vec<Expression> {
    vec![DestinationNat { is_v6: which == 1, address: 0, port: registers(which) }]
}

/// What becomes of packets to a published port: those of one address first.
pub(super) fn published(then: impl Fn(usize) -> Vec<Expression>) -> Vec<Vec<Expression>> {
    let rule = |which: usize, is_at: bool| {
        let mut rule = of(which);
        let (map, first) = if is_at {
            rule.push(address(Side::Destination, which, 0));
            (sets::PORTS_AT[which], registers(which))
        } else {
            (sets::PORTS[which], 0)
        };
        rule.extend(protocol_and_port(first));
        rule.push(Map { map, key: 0, to: 0 });
        // Behind what the map gives. The routing table is asked last: few connections come that far.
        let kind = registers(which) + 1;
        rule.extend([AddressKind(Side::Destination, kind), Is(kind, LOCAL.to_ne_bytes().to_vec())]);
        rule.extend(then(which));
        rule
    };
    vec![rule(0, true), rule(0, false), rule(1, true), rule(1, false)]
}

fn to_containers() -> Vec<Vec<Expression>> {
    let accept = || Expression::Verdict(Verdict::Accept);
    vec![
        [vec![ConnectionState(0)], any_bit(KNOWN), vec![accept()]].concat(),
        [input_and_output(), vec![In(sets::NEIGHBOURS, 0), accept()]].concat(),
        vec![
            Expression::Meta(Meta::InputName, 0),
            In(sets::INTERNAL, 0),
            Expression::Verdict(Verdict::Drop),
        ],
        [vec![ConnectionStatus(0)], any_bit(DESTINATION_NAT), vec![accept()]].concat(),
        open(0),
        open(1),
        open_by(0),
        open_by(1),
        echo(0),
        echo(1),
        unprotected(0),
        unprotected(1),
        vec![Expression::Verdict(Verdict::Drop)],
    ]
}

/// Begins a rule for packets of one family.
fn of(which: usize) -> Vec<Expression> {
    vec![family(0), Is(0, vec![FAMILIES[which]])]
}

/// Ports that everybody reaches at the container's own address.
fn open(which: usize) -> Vec<Expression> {
    let mut rule = of(which);
    rule.push(address(Side::Destination, which, 0));
    rule.extend(protocol_and_port(registers(which)));
    rule.extend([In(sets::OPEN[which], 0), Expression::Verdict(Verdict::Accept)]);
    rule
}

/// Ports that are reached there by an interface.
fn open_by(which: usize) -> Vec<Expression> {
    let mut rule = of(which);
    rule.push(Expression::Meta(Meta::InputName, 0));
    rule.push(address(Side::Destination, which, NAME));
    rule.extend(protocol_and_port(NAME + registers(which)));
    rule.extend([In(sets::OPEN_BY[which], 0), Expression::Verdict(Verdict::Accept)]);
    rule
}

/// Echo requests: RFC 792, RFC 4443 4.1.
fn echo(which: usize) -> Vec<Expression> {
    const PROTOCOLS: [u8; 2] = [1, 58];
    const REQUESTS: [u8; 2] = [8, 128];
    let mut rule = of(which);
    rule.extend([
        Expression::Meta(Meta::Protocol, 0),
        Is(0, vec![PROTOCOLS[which]]),
        Payload { base: Base::Transport, offset: 0, length: 1, register: 0 },
        Is(0, vec![REQUESTS[which]]),
        address(Side::Destination, which, 0),
        In(sets::ROUTED[which], 0),
        Expression::Verdict(Verdict::Accept),
    ]);
    rule
}

/// From outside alone: other networks are apart.
fn unprotected(which: usize) -> Vec<Expression> {
    let mut rule = of(which);
    rule.extend([
        address(Side::Destination, which, 0),
        In(sets::UNPROTECTED[which], 0),
        Expression::Meta(Meta::InputName, 0),
        NotIn(sets::BRIDGES, 0),
        Expression::Verdict(Verdict::Accept),
    ]);
    rule
}

fn leave() -> Vec<Vec<Expression>> {
    // Sets last, here too.
    let to_containers = [Expression::Meta(Meta::OutputName, 0), In(sets::BRIDGES, 0), Masquerade];
    let mut from_loopback = of(0);
    from_loopback.extend([
        address(Side::Source, 0, 0),
        Mask { register: 0, mask: vec![255, 0, 0, 0] },
        Is(0, vec![127, 0, 0, 0]),
    ]);
    let mut from_loopback_6 = of(1);
    from_loopback_6.extend([
        address(Side::Source, 1, 0),
        Is(0, std::net::Ipv6Addr::LOCALHOST.octets().to_vec()),
    ]);
    let [from_loopback, from_loopback_6] =
        [from_loopback, from_loopback_6].map(|rule| [rule, to_containers.to_vec()].concat());
    // A container that reaches its own network through a port of the machine would get its answer from an address it never asked.
    let hairpin = |which: usize| {
        let led_here = [of(which), vec![ConnectionStatus(0)], any_bit(DESTINATION_NAT)].concat();
        let from_its_network = vec![
            Expression::Meta(Meta::OutputName, 0),
            address(Side::Source, which, NAME),
            In(sets::HAIRPIN[which], 0),
            Masquerade,
        ];
        [led_here, from_its_network].concat()
    };
    let outside = |which: usize| {
        vec![
            family(0),
            Is(0, vec![FAMILIES[which]]),
            address(Side::Source, which, 0),
            In(sets::MASQUERADE[which], 0),
            Expression::Meta(Meta::OutputName, 0),
            NotIn(sets::BRIDGES, 0),
            Masquerade,
        ]
    };
    let mut rules = vec![from_loopback, from_loopback_6, hairpin(0), hairpin(1)];
    rules.extend([chosen(0), chosen(1), outside(0), outside(1)]);
    rules
}

/// What leaves with an address that somebody chose.
fn chosen(which: usize) -> Vec<Expression> {
    let mut rule = of(which);
    rule.extend([
        Expression::Meta(Meta::OutputName, NAME),
        NotIn(sets::BRIDGES, NAME),
        address(Side::Source, which, 0),
        Map { map: sets::SOURCES[which], key: 0, to: 0 },
        SourceNat { is_v6: which == 1, address: 0 },
    ]);
    rule
}

const fn family(register: u32) -> Expression {
    Expression::Meta(Meta::Family, register)
}

/// Names of the interfaces that a packet came by and leaves by, as a key.
fn input_and_output() -> Vec<Expression> {
    vec![Expression::Meta(Meta::InputName, 0), Expression::Meta(Meta::OutputName, NAME)]
}

fn protocol_and_port(first: u32) -> [Expression; 2] {
    [
        Expression::Meta(Meta::Protocol, first),
        // Of TCP, UDP, SCTP and DCCP alike.
        Payload { base: Base::Transport, offset: 2, length: 2, register: first + 1 },
    ]
}

/// Registers that an address takes.
const fn registers(which: usize) -> u32 {
    if which == 0 { 1 } else { 4 }
}

const fn address(side: Side, which: usize, register: u32) -> Expression {
    let (offset, length) = match (side, which) {
        (Side::Source, 0) => (12, 4),
        (Side::Destination, 0) => (16, 4),
        (Side::Source, _) => (8, 16),
        (Side::Destination, _) => (24, 16),
    };
    Payload { base: Base::Network, offset, length, register }
}

/// Goes on if the first register has one of the bits.
pub(super) fn any_bit(bits: u32) -> Vec<Expression> {
    let mask = Mask { register: 0, mask: bits.to_ne_bytes().to_vec() };
    vec![mask, IsNot(0, vec![0; 4])]
}
