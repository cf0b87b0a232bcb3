//! Interfaces, addresses, routes and neighbours, by rtnetlink. Knows no network of ours; start at [`Links`]. Sources: rtnetlink(7),
//! linux/if_link.h, linux/if_addr.h, linux/neighbour.h.

mod child;
mod detour;
mod look;
mod queue;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use spec::network::{Cidr, HardwareAddress};
use sys::Errno;
use sys::netlink::{CREATE, CREATE_NEW, Protocol, REPLACE, Refusal, Request, Socket};

pub(crate) use child::{ChildKind, NewChild, NewParent};
pub(crate) use look::Interface;
pub use look::Traffic;

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const NEW_NEIGHBOUR: u16 = 28;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_INFO_SLAVE_KIND: u16 = 4;
const IFLA_INFO_SLAVE_DATA: u16 = 5;
const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_BRPORT_HAIRPIN: u16 = 4;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const VETH_INFO_PEER: u16 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;
const IFF_UP: u32 = 1;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
const IFA_F_NODAD: u32 = 2;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const TABLE_MAIN: u8 = 254;
const TABLE_LOCAL: u8 = 255;
const PROTOCOL_STATIC: u8 = 4;
const TYPE_UNICAST: u8 = 1;
const TYPE_LOCAL: u8 = 2;

const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NUD_PERMANENT: u16 = 0x80;

/// A socket for the interfaces of one network namespace.
#[derive(Debug)]
pub(crate) struct Links(Socket);

/// Why an interface is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{step}")]
pub struct LinkError {
    step: String,
    /// The kernel's answer.
    #[source]
    pub refusal: Refusal,
}

impl LinkError {
    /// A name that another interface has, as the kernel would say it.
    pub(crate) fn taken(name: &str) -> Self {
        let errno = Errno::from_raw(libc::EEXIST);
        Self {
            step: format!("call an interface {name}"),
            refusal: Refusal { place: 0, errno, words: None },
        }
    }
}

/// An interface that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct NewLink<'a> {
    pub(crate) name: &'a str,
    pub(crate) hardware: HardwareAddress,
    pub(crate) mtu: u32,
}

/// What an interface is as a port of a bridge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// Index of the bridge.
    pub(crate) bridge: u32,
    /// Whether frames may go back where they came from.
    pub(crate) hairpin: bool,
    /// Whether it speaks with ports alone that are not isolated.
    pub(crate) isolated: bool,
}

/// A way to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Nothing is everywhere.
    pub(crate) to: Option<Cidr>,
    /// The family tells which everywhere is meant.
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) metric: u32,
}

/// Several changes, in their order, that are sent as one.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    requests: Vec<Request>,
    steps: Vec<String>,
}

impl Links {
    /// Those of the caller's network namespace.
    ///
    /// # Errors
    /// As socket(2).
    pub(crate) fn here() -> Result<Self, Errno> {
        Socket::open(Protocol::Route).map(Self)
    }

    /// Those of another one.
    ///
    /// # Errors
    /// Also as setns(2).
    pub(crate) fn inside(namespace: BorrowedFd<'_>) -> Result<Self, Errno> {
        Socket::open_in(namespace, Protocol::Route).map(Self)
    }

    /// Carries the changes out.
    ///
    /// # Errors
    /// The first one that the kernel refuses. Others may have been carried out.
    pub(crate) fn carry_out(&mut self, changes: Changes) -> Result<(), LinkError> {
        let Changes { requests, steps } = changes;
        self.0.carry_out(requests).map_err(|refusal| {
            let step = steps.into_iter().nth(refusal.place).unwrap_or_default();
            LinkError { step, refusal }
        })
    }

    fn ask(
        &mut self,
        step: impl fmt::Display,
        request: Request,
    ) -> Result<Vec<sys::netlink::Answer>, LinkError> {
        self.0.ask(request).map_err(|refusal| LinkError { step: step.to_string(), refusal })
    }
}

impl Changes {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A bridge, up.
    pub(crate) fn bridge(&mut self, new: &NewLink<'_>) {
        let request = described(new, CREATE_NEW).nested(IFLA_LINKINFO, |info| {
            info.text(IFLA_INFO_KIND, "bridge").nested(IFLA_INFO_DATA, |data| {
                // Nothing waits for a spanning tree that there is not: a port forwards at once. And no container that says it asks for
                // members of groups keeps what is sent to a group from the others.
                data.number(IFLA_BR_FORWARD_DELAY, 0)
                    .number(IFLA_BR_STP_STATE, 0)
                    .byte(IFLA_BR_MCAST_SNOOPING, 0)
            })
        });
        self.push(format!("make the bridge {}", new.name), request);
    }

    /// A pair of interfaces: one here, up and a port of a bridge; the other one down, here too or in a namespace.
    pub(crate) fn pair(
        &mut self,
        here: &NewLink<'_>,
        port: Port,
        there: &NewLink<'_>,
        namespace: Option<BorrowedFd<'_>>,
    ) {
        let peer = |data: Request| {
            data.holding(VETH_INFO_PEER, &link(0, 0, 0), |peer| {
                let peer = peer
                    .text(IFLA_IFNAME, there.name)
                    .bytes(IFLA_ADDRESS, &there.hardware.octets())
                    .number(IFLA_MTU, there.mtu);
                let number = namespace.map(|namespace| namespace.as_raw_fd().to_ne_bytes());
                number.iter().fold(peer, |peer, number| peer.bytes(IFLA_NET_NS_FD, number))
            })
        };
        let request = described(here, CREATE_NEW)
            .number(IFLA_MASTER, port.bridge)
            .nested(IFLA_LINKINFO, |info| {
                info.text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, peer)
            });
        self.push(format!("make the interface {}", here.name), request);
        if port.hairpin || port.isolated {
            self.port(here.name, port.hairpin, port.isolated);
        }
    }

    /// Says what a port does: whether frames may go back where they came from, whether it speaks with isolated ones.
    pub(crate) fn port(&mut self, name: &str, hairpin: bool, isolated: bool) {
        let request = Request::new(NEW_LINK, 0, &link(0, 0, 0)).text(IFLA_IFNAME, name);
        let request = request.nested(IFLA_LINKINFO, |info| {
            info.text(IFLA_INFO_SLAVE_KIND, "bridge").nested(IFLA_INFO_SLAVE_DATA, |data| {
                data.byte(IFLA_BRPORT_HAIRPIN, hairpin.into())
                    .byte(IFLA_BRPORT_ISOLATED, isolated.into())
            })
        });
        self.push(format!("set the port {name}"), request);
    }

    /// Makes an interface a port of a bridge, and sets it up.
    pub(crate) fn join(&mut self, name: &str, bridge: u32) {
        let request = Request::new(NEW_LINK, 0, &link(0, IFF_UP, IFF_UP))
            .text(IFLA_IFNAME, name)
            .number(IFLA_MASTER, bridge);
        self.push(format!("make {name} a port"), request);
    }

    /// Tells people what an interface is.
    pub(crate) fn alias(&mut self, index: u32, alias: &str) {
        let request = Request::new(NEW_LINK, 0, &link(index, 0, 0));
        let request = request.bytes(IFLA_IFALIAS, alias.as_bytes());
        self.push("name the interface".to_owned(), request);
    }

    /// Keeps the kernel from giving an interface an IPv6 address by itself.
    pub(crate) fn without_own_address(&mut self, index: u32) {
        let request =
            Request::new(NEW_LINK, 0, &link(index, 0, 0)).nested(IFLA_AF_SPEC, |families| {
                let inet6 = u16::try_from(libc::AF_INET6).unwrap_or(0);
                families.nested(inet6, |inet6| {
                    inet6.byte(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)
                })
            });
        self.push("choose the interface's addresses".to_owned(), request);
    }

    /// Moves an interface, which goes down, into a network namespace, and calls it so there.
    pub(crate) fn go(&mut self, index: u32, name: &str, namespace: BorrowedFd<'_>) {
        let request = Request::new(NEW_LINK, 0, &link(index, 0, 0))
            .bytes(IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes())
            .text(IFLA_IFNAME, name);
        self.push(format!("move the interface {name}"), request);
    }

    /// Changes what is given of an interface that is down.
    pub(crate) fn describe(
        &mut self,
        index: u32,
        hardware: Option<HardwareAddress>,
        mtu: Option<u32>,
    ) {
        if hardware.is_none() && mtu.is_none() {
            return;
        }
        let mut request = Request::new(NEW_LINK, 0, &link(index, 0, 0));
        if let Some(hardware) = hardware {
            request = request.bytes(IFLA_ADDRESS, &hardware.octets());
        }
        if let Some(mtu) = mtu {
            request = request.number(IFLA_MTU, mtu);
        }
        self.push("change the interface".to_owned(), request);
    }

    /// Sets an interface down.
    pub(crate) fn down(&mut self, index: u32) {
        let request = Request::new(NEW_LINK, 0, &link(index, 0, IFF_UP));
        self.push("set the interface down".to_owned(), request);
    }

    /// Sets an interface up.
    pub(crate) fn up(&mut self, index: u32) {
        let request = Request::new(NEW_LINK, 0, &link(index, IFF_UP, IFF_UP));
        self.push("set the interface up".to_owned(), request);
    }

    /// Removes an interface; its pair goes too.
    pub(crate) fn remove(&mut self, name: &str) {
        let request = Request::new(DELETE_LINK, 0, &link(0, 0, 0)).text(IFLA_IFNAME, name);
        self.push(format!("remove the interface {name}"), request);
    }

    /// Gives an interface an address. Nobody is asked whether another one has it: that is known.
    pub(crate) fn address(&mut self, index: u32, address: Cidr) {
        self.address_with(index, address, None);
    }

    /// The same with a broadcast address that is not the network's last one.
    pub(crate) fn address_with(&mut self, index: u32, address: Cidr, broadcast: Option<Ipv4Addr>) {
        let scope = if is_link_local(address.address()) { SCOPE_LINK } else { SCOPE_UNIVERSE };
        self.address_of(index, address, (scope, broadcast));
    }

    /// Gives an interface an address that nothing leaves the machine with.
    pub(crate) fn hidden_address(&mut self, index: u32, address: Cidr) {
        self.address_of(index, address, (SCOPE_LINK, None));
    }

    fn address_of(
        &mut self,
        index: u32,
        address: Cidr,
        (scope, broadcast): (u8, Option<Ipv4Addr>),
    ) {
        let mut head = vec![family(address.address()), address.prefix(), 0, scope];
        head.extend(index.to_ne_bytes());
        let bytes = octets(address.address());
        let mut request = Request::new(NEW_ADDRESS, REPLACE, &head)
            .bytes(IFA_LOCAL, &bytes)
            .bytes(IFA_ADDRESS, &bytes)
            .number(IFA_FLAGS, IFA_F_NODAD);
        if let Some(broadcast) = broadcast.or(address.broadcast()) {
            request = request.bytes(IFA_BROADCAST, &broadcast.octets());
        }
        self.push(format!("add the address {address}"), request);
    }

    /// Adds a route over an interface.
    pub(crate) fn route(&mut self, index: u32, route: &Route) {
        let request = route_request(NEW_ROUTE, CREATE, route, (TABLE_MAIN, TYPE_UNICAST));
        let place = route.to.map_or_else(|| "everywhere".to_owned(), |to| to.to_string());
        self.push(format!("add the route to {place}"), request.number(RTA_OIF, index));
    }

    /// Takes packets to an address in by an interface although the address is another one's.
    pub(crate) fn local_route(&mut self, index: u32, to: Cidr) {
        let route = Route { to: Some(to), gateway: None, metric: LAST };
        let request = route_request(NEW_ROUTE, CREATE, &route, (TABLE_LOCAL, TYPE_LOCAL));
        self.push(format!("take {to} in"), request.number(RTA_OIF, index));
    }

    /// Removes the default route of a family over an interface.
    pub(crate) fn remove_default(&mut self, index: u32, route: &Route) {
        let request = route_request(DELETE_ROUTE, 0, route, (TABLE_MAIN, TYPE_UNICAST));
        self.push("remove the default route".to_owned(), request.number(RTA_OIF, index));
    }

    /// Tells an interface the hardware address of a neighbour, for good.
    pub(crate) fn neighbour(&mut self, index: u32, address: IpAddr, hardware: HardwareAddress) {
        // `struct ndmsg`: family, padding, index, state, flags, kind.
        let mut head = vec![family(address), 0, 0, 0];
        head.extend(index.to_ne_bytes());
        head.extend(NUD_PERMANENT.to_ne_bytes());
        head.extend([0, 0]);
        let request = Request::new(NEW_NEIGHBOUR, REPLACE, &head)
            .bytes(NDA_DST, &octets(address))
            .bytes(NDA_LLADDR, &hardware.octets());
        self.push(format!("make {address} known"), request);
    }

    fn push(&mut self, step: String, request: Request) {
        self.requests.push(request);
        self.steps.push(step);
    }
}

/// Behind every route that the kernel made itself.
const LAST: u32 = 1024;

fn described(new: &NewLink<'_>, flags: u16) -> Request {
    Request::new(NEW_LINK, flags, &link(0, IFF_UP, IFF_UP))
        .text(IFLA_IFNAME, new.name)
        .bytes(IFLA_ADDRESS, &new.hardware.octets())
        .number(IFLA_MTU, new.mtu)
}

fn route_request(kind: u16, flags: u16, route: &Route, (table, class): (u8, u8)) -> Request {
    let example = route.to.map(Cidr::address).or(route.gateway);
    let family = family(example.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let prefix = route.to.map_or(0, Cidr::prefix);
    let scope =
        if route.gateway.is_some() || class == TYPE_LOCAL { SCOPE_UNIVERSE } else { SCOPE_LINK };
    // `struct rtmsg`: family, both lengths, service, table, who, scope, type, flags.
    let head = [family, prefix, 0, 0, table, PROTOCOL_STATIC, scope, class, 0, 0, 0, 0];
    let mut request = Request::new(kind, flags, &head);
    if let Some(to) = route.to {
        request = request.bytes(RTA_DST, &octets(to.address()));
    }
    if let Some(gateway) = route.gateway {
        request = request.bytes(RTA_GATEWAY, &octets(gateway));
    }
    if route.metric > 0 { request.number(RTA_PRIORITY, route.metric) } else { request }
}

/// `struct ifinfomsg`.
fn link(index: u32, flags: u32, change: u32) -> Vec<u8> {
    [0, index, flags, change].iter().flat_map(|number| number.to_ne_bytes()).collect()
}

pub(crate) fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).unwrap_or(0)
}

pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
