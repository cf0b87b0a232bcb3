//! What only frames show: a container that uses an address of another one, or of the network's gateway. Addresses that are nobody's it may
//! use: a virtual address that moves between containers is one.
//!
//! And what would make a network slow that is large: a frame for all goes to every container, each of which takes its time. Who is asked
//! for an address is known, and of what each new interface tells all others nobody needs anything.

use super::Written;
use crate::leaf;
use crate::nft::expression::{Base, Meta};
use crate::nft::{Chain, Expression, Hook, Kind, Set, Verdict};
use Expression::{In, Is, IsNot, NotIn, Payload};
use Kind::{Address4, Address6, EtherAddress, InterfaceName};

/// Names of the sets.
pub(crate) mod sets {
    /// Interfaces of containers.
    pub(crate) const PORTS: &str = "ports";
    /// Hardware addresses that are somebody's.
    pub(crate) const TAKEN_HARDWARE: &str = "taken_hw";
    /// IP addresses that are somebody's.
    pub(crate) const TAKEN: [&str; 2] = ["taken4", "taken6"];
    /// Whose a hardware address is.
    pub(crate) const OWN_HARDWARE: &str = "own_hw";
    /// Whose an IP address is.
    pub(crate) const OWN: [&str; 2] = ["own4", "own6"];
    /// Both at once, of its own network.
    pub(crate) const SENDERS: [&str; 2] = ["senders4", "senders6"];
    /// Whom others of their networks may speak with, by their addresses of hardware and of IP.
    pub(crate) const NEIGHBOURS: [&str; 2] = ["neighbours4", "neighbours6"];
}

const fn set(name: &'static str, key: &'static [Kind]) -> Set {
    Set { name, key, value: &[], has_ranges: false }
}

pub(super) const SETS: &[Set] = &[
    set(sets::PORTS, &[InterfaceName]),
    set(sets::TAKEN_HARDWARE, &[EtherAddress]),
    set(sets::TAKEN[0], &[Address4]),
    set(sets::TAKEN[1], &[Address6]),
    set(sets::OWN_HARDWARE, &[InterfaceName, EtherAddress]),
    set(sets::OWN[0], &[InterfaceName, Address4]),
    set(sets::OWN[1], &[InterfaceName, Address6]),
    set(sets::SENDERS[0], &[InterfaceName, EtherAddress, Address4]),
    set(sets::SENDERS[1], &[InterfaceName, EtherAddress, Address6]),
    set(sets::NEIGHBOURS[0], &[EtherAddress, Address4]),
    set(sets::NEIGHBOURS[1], &[EtherAddress, Address6]),
];

/// NF_BR_PRI_FIRST is lower, NF_BR_PRI_FILTER_BRIDGED higher: before connections are tracked, where br_netfilter does that.
const PRIORITY: i32 = -300;
/// Registers that an interface's name takes, and a hardware address.
const NAME: u32 = 4;
const HARDWARE: u32 = 2;
/// The chain of frames that are their sender's.
const HONEST: &str = "honest";
const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
const IPV6: [u8; 2] = [0x86, 0xdd];
const ICMPV6: u8 = 58;
/// Types of ICMPv6, RFC 4861.
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
/// RFC 3810.
const LISTENER_REPORT: u8 = 143;
/// What the groups begin with that interfaces are in for their addresses. RFC 4291, 2.7.1.
const SOLICITED_NODE: [u8; 13] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff];
/// ARP's code of a request.
const ARP_REQUEST: [u8; 2] = [0, 1];

pub(super) fn chains() -> Vec<Written> {
    let hook = Hook { kind: "filter", number: Hook::PREROUTING, priority: PRIORITY, device: None };
    // Nearly every frame is its sender's.
    let other_than_icmp = vec![Expression::Meta(Meta::Protocol, 0), IsNot(0, vec![ICMPV6])];
    let honest6 = [other_than_icmp, honest(ip(Base::Network, 8, 16), sets::SENDERS[1])].concat();
    let mut rules = vec![
        of(IPV4, honest(ip(Base::Network, 12, 4), sets::SENDERS[0])),
        of(IPV6, honest6),
        loopback(16),
        loopback(12),
        in_a_leaf(),
        vec![
            Expression::Meta(Meta::InputName, 0),
            NotIn(sets::PORTS, 0),
            Expression::Verdict(Verdict::Accept),
        ],
        another(hardware(Base::Link, 6), sets::TAKEN_HARDWARE, sets::OWN_HARDWARE),
        of(IPV4, another(ip(Base::Network, 12, 4), sets::TAKEN[0], sets::OWN[0])),
        // Of an Ethernet address for an IPv4 one, whose fields lie here. RFC 826.
        of(ARP, another(hardware(Base::Network, 8), sets::TAKEN_HARDWARE, sets::OWN_HARDWARE)),
        of(ARP, another(ip(Base::Network, 14, 4), sets::TAKEN[0], sets::OWN[0])),
        of(IPV6, another(ip(Base::Network, 8, 16), sets::TAKEN[1], sets::OWN[1])),
    ];
    rules.extend(neighbour_discovery().map(|rule| of(IPV6, rule)));
    vec![
        Written { chain: Chain { name: "arrive", hook: Some(hook) }, rules },
        of_honest(),
        to_leaves(),
        asked("pass", Hook::FORWARD),
        asked("ask", Hook::OUTPUT),
    ]
}

/// Who is asked for an address that is somebody's, by a container or by the machine: its owner alone.
fn asked(name: &'static str, number: u32) -> Written {
    let hook = Hook { kind: "filter", number, priority: PRIORITY, device: None };
    let arp = vec![
        Payload { base: Base::Network, offset: 6, length: 2, register: 0 },
        Is(0, ARP_REQUEST.to_vec()),
    ];
    let arp = [arp, elsewhere(ip(Base::Network, 24, 4), 0)].concat();
    let solicitation =
        [icmp(NEIGHBOUR_SOLICITATION), elsewhere(ip(Base::Transport, 8, 16), 1)].concat();
    Written {
        chain: Chain { name, hook: Some(hook) },
        rules: vec![of(ARP, arp), of(IPV6, solicitation)],
    }
}

/// Drops what asks for an address of another container than that which it leaves to.
fn elsewhere(address: impl Fn(u32) -> Expression, which: usize) -> Vec<Expression> {
    vec![
        address(0),
        In(sets::TAKEN[which], 0),
        Expression::Meta(Meta::OutputName, 0),
        In(sets::PORTS, 0),
        address(NAME),
        NotIn(sets::OWN[which], 0),
        Expression::Verdict(Verdict::Drop),
    ]
}

/// A leaf forwards and is nobody itself: what it took in for the machine would go around the network's interface, and around all rules
/// that know it.
fn to_leaves() -> Written {
    let hook = Hook { kind: "filter", number: Hook::INPUT, priority: PRIORITY, device: None };
    let rule = vec![
        Expression::Meta(Meta::InputName, 0),
        Is(0, leaf::PORT_PREFIX.as_bytes().to_vec()),
        Expression::Verdict(Verdict::Drop),
    ];
    Written { chain: Chain { name: "to_leaves", hook: Some(hook) }, rules: vec![rule] }
}

/// A rule for frames of one protocol.
fn of(ethertype: [u8; 2], rule: Vec<Expression>) -> Vec<Expression> {
    [vec![Expression::Meta(Meta::EtherType, 0), Is(0, ethertype.to_vec())], rule].concat()
}

fn icmp(kind: u8) -> Vec<Expression> {
    vec![
        Expression::Meta(Meta::Protocol, 0),
        Is(0, vec![ICMPV6]),
        Payload { base: Base::Transport, offset: 0, length: 1, register: 0 },
        Is(0, vec![kind]),
    ]
}

fn neighbour_discovery() -> [Vec<Expression>; 5] {
    let drop = || Expression::Verdict(Verdict::Drop);
    let dropped = |kind: u8| [icmp(kind), vec![drop()]].concat();
    let target = another(ip(Base::Transport, 8, 16), sets::TAKEN[1], sets::OWN[1]);
    // Of which our bridges make nothing: they do not look for members of groups.
    let own_groups = vec![
        Payload { base: Base::Transport, offset: 12, length: 13, register: 0 },
        Is(0, SOLICITED_NODE.to_vec()),
        drop(),
    ];
    [
        // Only the network's gateway is a router (CVE-2020-13401), and needs not be asked.
        dropped(ROUTER_ADVERTISEMENT),
        dropped(REDIRECT),
        dropped(ROUTER_SOLICITATION),
        [icmp(NEIGHBOUR_ADVERTISEMENT), target].concat(),
        [icmp(LISTENER_REPORT), own_groups].concat(),
    ]
}

fn hardware(base: Base, offset: u32) -> impl Fn(u32) -> Expression {
    move |register| Payload { base, offset, length: 6, register }
}

fn ip(base: Base, offset: u32, length: u32) -> impl Fn(u32) -> Expression {
    move |register| Payload { base, offset, length, register }
}

/// No frame has an address of 127.0.0.0/8 there, as its destination or its source (RFC 1122, 3.2.1.3): it would be somebody's who reaches for the
/// machine's own services, where the kernel takes such a packet since `route_localnet` is set (CVE-2020-8558). Of IPv6 it drops them itself.
fn loopback(offset: u32) -> Vec<Expression> {
    let network = ip(Base::Network, offset, 1)(0);
    of(IPV4, vec![network, Is(0, vec![127]), Expression::Verdict(Verdict::Drop)])
}

/// Where the rules of IP see what bridges forward, they see it in the network's own bridge, not in its leaves a first time: there is no
/// address that it could be sent to or come from.
fn in_a_leaf() -> Vec<Expression> {
    vec![
        Expression::Meta(Meta::InputName, 0),
        Is(0, leaf::PORT_PREFIX.as_bytes().to_vec()),
        Expression::Untracked,
    ]
}

/// What comes from where its addresses belong, of hardware and of IP.
fn honest(address: impl Fn(u32) -> Expression, senders: &'static str) -> Vec<Expression> {
    vec![
        Expression::Meta(Meta::InputName, 0),
        hardware(Base::Link, 6)(NAME),
        address(NAME + HARDWARE),
        In(senders, 0),
        Expression::Verdict(Verdict::Jump(HONEST)),
    ]
}

/// What goes to a neighbour over the bridge needs no entry among the machine's connections, whose number is bounded: nothing translates it, and
/// that it may pass is known without. Kernels whose bridges leave IP alone keep none either.
fn of_honest() -> Written {
    let untracked = |address: Expression, neighbours| {
        vec![
            hardware(Base::Link, 0)(0),
            address,
            In(neighbours, 0),
            Expression::Untracked,
            Expression::Verdict(Verdict::Accept),
        ]
    };
    let to4 = ip(Base::Network, 16, 4)(HARDWARE);
    let to6 = ip(Base::Network, 24, 16)(HARDWARE);
    let rules = vec![
        of(IPV4, untracked(to4, sets::NEIGHBOURS[0])),
        of(IPV6, untracked(to6, sets::NEIGHBOURS[1])),
        loopback(16),
        in_a_leaf(),
        vec![Expression::Verdict(Verdict::Accept)],
    ];
    Written { chain: Chain { name: HONEST, hook: None }, rules }
}

/// Drops what has an address that is somebody's and not its sender's.
fn another(
    address: impl Fn(u32) -> Expression,
    taken: &'static str,
    own: &'static str,
) -> Vec<Expression> {
    vec![
        address(0),
        In(taken, 0),
        Expression::Meta(Meta::InputName, 0),
        address(NAME),
        NotIn(own, 0),
        Expression::Verdict(Verdict::Drop),
    ]
}
