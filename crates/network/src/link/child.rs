//! Interfaces on another one: macvlan, ipvlan, VLAN; and one that leads nowhere. Sources: linux/if_link.h, ip-link(8).

use std::os::fd::{AsRawFd, BorrowedFd};

use spec::network::HardwareAddress;
use sys::netlink::{CREATE_NEW, Request};

use super::{
    Changes, IFF_UP, IFLA_ADDRESS, IFLA_IFALIAS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND,
    IFLA_LINKINFO, IFLA_MTU, IFLA_NET_NS_FD, NEW_LINK, link,
};
use crate::attachment::{IpvlanFlag, IpvlanMode, LinkKind, MacvlanMode};

const IFLA_LINK: u16 = 5;
const IFLA_MACVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_FLAGS: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;

/// An interface that is wanted on another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewChild<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: ChildKind,
    pub(crate) hardware: HardwareAddress,
    pub(crate) mtu: u32,
    /// Index of the other one.
    pub(crate) parent: u32,
}

/// What one is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChildKind {
    Macvlan(MacvlanMode),
    Ipvlan(IpvlanMode, IpvlanFlag),
    /// It keeps the other one's hardware address until somebody changes it.
    Vlan(u16),
}

impl From<LinkKind> for ChildKind {
    /// What is at a bridge is on none, and is tried as the first kind.
    fn from(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Ipvlan(mode, flag) => Self::Ipvlan(mode, flag),
            LinkKind::Macvlan(mode) => Self::Macvlan(mode),
            LinkKind::Bridge => Self::Macvlan(MacvlanMode::default()),
        }
    }
}

/// An interface that others are wanted on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewParent {
    /// On the cable of an interface with that index, under that number.
    Vlan(u32, u16),
    Dummy,
}

impl Changes {
    /// An interface on another one of this namespace; down, and in another namespace where one is given.
    pub(crate) fn child(&mut self, new: &NewChild<'_>, namespace: Option<BorrowedFd<'_>>) {
        let request = Request::new(NEW_LINK, CREATE_NEW, &link(0, 0, 0))
            .text(IFLA_IFNAME, new.name)
            .number(IFLA_MTU, new.mtu)
            .number(IFLA_LINK, new.parent);
        // All of ipvlan have the other one's.
        let request = match new.kind {
            ChildKind::Ipvlan(..) | ChildKind::Vlan(_) => request,
            ChildKind::Macvlan(_) => request.bytes(IFLA_ADDRESS, &new.hardware.octets()),
        };
        let request = request.nested(IFLA_LINKINFO, |info| match new.kind {
            ChildKind::Ipvlan(mode, flag) => {
                info.text(IFLA_INFO_KIND, "ipvlan").nested(IFLA_INFO_DATA, |data| {
                    data.short(IFLA_IPVLAN_MODE, ipvlan_mode(mode))
                        .short(IFLA_IPVLAN_FLAGS, ipvlan_flag(flag))
                })
            }
            ChildKind::Macvlan(mode) => info
                .text(IFLA_INFO_KIND, "macvlan")
                .nested(IFLA_INFO_DATA, |data| data.number(IFLA_MACVLAN_MODE, macvlan_mode(mode))),
            ChildKind::Vlan(id) => info
                .text(IFLA_INFO_KIND, "vlan")
                .nested(IFLA_INFO_DATA, |data| data.short(IFLA_VLAN_ID, id)),
        });
        let number = namespace.map(|namespace| namespace.as_raw_fd().to_ne_bytes());
        let request =
            number.iter().fold(request, |request, number| request.bytes(IFLA_NET_NS_FD, number));
        self.push(format!("make the interface {}", new.name), request);
    }

    /// An interface for others to be on, up, with what it is for people.
    pub(crate) fn parent(&mut self, name: &str, new: NewParent, alias: &str) {
        let request =
            Request::new(NEW_LINK, CREATE_NEW, &link(0, IFF_UP, IFF_UP)).text(IFLA_IFNAME, name);
        let request = match new {
            NewParent::Dummy => {
                request.nested(IFLA_LINKINFO, |info| info.text(IFLA_INFO_KIND, "dummy"))
            }
            NewParent::Vlan(lower, id) => {
                request.number(IFLA_LINK, lower).nested(IFLA_LINKINFO, |info| {
                    info.text(IFLA_INFO_KIND, "vlan")
                        .nested(IFLA_INFO_DATA, |data| data.short(IFLA_VLAN_ID, id))
                })
            }
        };
        self.push(format!("make the interface {name}"), request);
        // The kernel takes no alias of one that it makes: rtnl_create_link, net/core/rtnetlink.c.
        let request = Request::new(NEW_LINK, 0, &link(0, 0, 0))
            .text(IFLA_IFNAME, name)
            .bytes(IFLA_IFALIAS, alias.as_bytes());
        self.push(format!("name the interface {name}"), request);
    }
}

const fn macvlan_mode(mode: MacvlanMode) -> u32 {
    match mode {
        MacvlanMode::Private => 1,
        MacvlanMode::Vepa => 2,
        MacvlanMode::Bridge => 4,
        MacvlanMode::Passthru => 8,
    }
}

const fn ipvlan_mode(mode: IpvlanMode) -> u16 {
    match mode {
        IpvlanMode::L2 => 0,
        IpvlanMode::L3 => 1,
        IpvlanMode::L3s => 2,
    }
}

const fn ipvlan_flag(flag: IpvlanFlag) -> u16 {
    match flag {
        IpvlanFlag::Bridge => 0,
        IpvlanFlag::Private => 1,
        IpvlanFlag::Vepa => 2,
    }
}
