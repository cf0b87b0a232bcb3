//! What there is: interfaces, routes.

use std::net::IpAddr;

use spec::network::{Cidr, HardwareAddress};
use sys::netlink::{Answer, Attributes, DUMP, Request, number};

use super::{
    IFA_ADDRESS, IFA_LOCAL, IFLA_ADDRESS, IFLA_IFALIAS, IFLA_IFNAME, IFLA_MASTER, IFLA_MTU,
    LinkError, Links, RTA_DST, RTA_GATEWAY, RTA_OIF, link,
};

const GET_LINK: u16 = 18;
const GET_ADDRESS: u16 = 22;
const GET_ROUTE: u16 = 26;
const IFLA_STATS64: u16 = 23;
const IFF_RUNNING: u32 = 0x40;
const RTA_TABLE: u16 = 15;
const TABLE_MAIN: u32 = 254;

/// An interface that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) hardware: Option<HardwareAddress>,
    pub(crate) mtu: u32,
    /// Index of its bridge.
    pub(crate) master: Option<u32>,
    /// What people are told of it.
    pub(crate) alias: Option<String>,
    pub(crate) is_up: bool,
    /// Whether packets pass it.
    pub(crate) runs: bool,
    pub(crate) traffic: Traffic,
}

/// What has passed an interface since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that came in.
    pub received_packets: u64,
    /// Packets that went out.
    pub sent_packets: u64,
    /// Bytes that came in.
    pub received_bytes: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
    /// Packets that came in and were dropped.
    pub received_dropped: u64,
    /// Packets that were to go out and were dropped.
    pub sent_dropped: u64,
}

/// A route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteRow {
    /// Nothing is everywhere.
    pub(crate) to: Option<Cidr>,
    pub(crate) gateway: Option<IpAddr>,
    /// Index of the interface it leads over.
    pub(crate) over: u32,
}

impl Links {
    /// The interface of that name; nothing when there is none.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub(crate) fn find(&mut self, name: &str) -> Result<Option<Interface>, LinkError> {
        let request = Request::new(GET_LINK, 0, &link(0, 0, 0)).text(IFLA_IFNAME, name);
        match self.ask(format_args!("look for the interface {name}"), request) {
            Ok(answers) => Ok(answers.first().and_then(interface)),
            Err(error) if error.refusal.errno.raw() == libc::ENODEV => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All interfaces.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub(crate) fn all(&mut self) -> Result<Vec<Interface>, LinkError> {
        let answers =
            self.ask("list the interfaces", Request::new(GET_LINK, DUMP, &link(0, 0, 0)))?;
        Ok(answers.iter().filter_map(interface).collect())
    }

    /// Addresses, each with the index of its interface.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub(crate) fn addresses(&mut self) -> Result<Vec<(u32, Cidr)>, LinkError> {
        // `struct ifaddrmsg`.
        let answers = self.ask("list the addresses", Request::new(GET_ADDRESS, DUMP, &[0; 8]))?;
        let read = |answer: &Answer| {
            let [_family, prefix, ..] = *answer.head() else { return None };
            let attributes = answer.attributes();
            let bytes = attributes.get(IFA_LOCAL).or_else(|| attributes.get(IFA_ADDRESS))?;
            Some((answer.number_at(4), Cidr::new(address(bytes)?, prefix)?))
        };
        Ok(answers.iter().filter_map(read).collect())
    }

    /// Routes of the main table, of both families.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub(crate) fn routes(&mut self) -> Result<Vec<RouteRow>, LinkError> {
        let answers = self.ask("list the routes", Request::new(GET_ROUTE, DUMP, &[0; 12]))?;
        Ok(answers.iter().filter_map(route).collect())
    }
}

fn interface(answer: &Answer) -> Option<Interface> {
    let attributes = answer.attributes();
    Some(Interface {
        index: answer.number_at(4),
        name: attributes.text(IFLA_IFNAME)?.to_owned(),
        hardware: attributes.get(IFLA_ADDRESS).and_then(|bytes| bytes.try_into().ok()),
        mtu: number(attributes.get(IFLA_MTU)),
        master: attributes.get(IFLA_MASTER).map(|bytes| number(Some(bytes))),
        alias: attributes.text(IFLA_IFALIAS).map(str::to_owned),
        is_up: answer.number_at(8) & super::IFF_UP != 0,
        runs: answer.number_at(8) & IFF_RUNNING != 0,
        traffic: traffic(attributes),
    })
}

/// `struct rtnl_link_stats64` begins with these.
fn traffic(attributes: Attributes<'_>) -> Traffic {
    let bytes = attributes.get(IFLA_STATS64).unwrap_or_default();
    let at = |place: usize| {
        let bytes = bytes.get(place * 8..place * 8 + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_ne_bytes)
    };
    Traffic {
        received_packets: at(0),
        sent_packets: at(1),
        received_bytes: at(2),
        sent_bytes: at(3),
        received_dropped: at(6),
        sent_dropped: at(7),
    }
}

fn route(answer: &Answer) -> Option<RouteRow> {
    let [_family, prefix, _, _, table, ..] = *answer.head() else { return None };
    let attributes = answer.attributes();
    let table = attributes.get(RTA_TABLE).map_or(u32::from(table), |bytes| number(Some(bytes)));
    if table != TABLE_MAIN {
        return None;
    }
    let to = attributes.get(RTA_DST).and_then(address);
    Some(RouteRow {
        to: to.and_then(|address| Cidr::new(address, prefix)),
        gateway: attributes.get(RTA_GATEWAY).and_then(address),
        over: number(attributes.get(RTA_OIF)),
    })
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.ok().or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}
