//! Interfaces of a container that its maker describes whole: on bridges and interfaces of the machine that others keep, with addresses that
//! others give. No record, no table of the packet filter and no resolver knows them; start at [`OwnInterfaces::take`].
//!
//! Pairs and what is on another interface go with the container. An interface of the machine itself goes back when a run ends; where the
//! monitor was killed the kernel brings hardware back and destroys what is none, network_namespaces(7).
//! Sources: rtnetlink(7), ip-link(8).

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};
use spec::network::{Cidr, HardwareAddress};

use crate::attachment::{IpvlanFlag, IpvlanMode, MacvlanMode};
use crate::link::{
    Changes, ChildKind, Interface, LinkError, Links, NewChild, NewLink, Port, Route,
};
use crate::machine::NetworkError;

/// Of one that nobody says anything of, Ethernet's.
const USUAL_MTU: u32 = 1500;
/// Interfaces of one container, and so numbers that are tried for a name.
const MOST: usize = 1024;

/// An interface of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnInterface {
    /// What it is.
    pub link: OwnLink,
    /// Its name inside; empty is `eth` with the first number that is free, and of one of the machine's its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its hardware address; nothing is one that is made of the container's id, and of one of the machine's its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareAddress>,
    /// Bytes of the largest packet; nothing is as many as what it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Whether it is up.
    pub up: bool,
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<OwnAddress>,
    /// Who leads everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<WayOut>,
}

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAddress {
    /// It, with its network.
    pub address: Cidr,
    /// Where what is for everybody goes; nothing is the network's last address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<Ipv4Addr>,
}

/// Where packets to everywhere go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayOut {
    /// To this neighbour.
    Gateway(IpAddr),
    /// To the address that what it is on has on the machine.
    Link(Family),
    /// Into the interface, whoever is there.
    Interface(Family),
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "their names")]
pub enum Family {
    V4,
    V6,
}

/// What an interface is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnLink {
    /// An end of a pair.
    Pair {
        /// A bridge that the other end is a port of; empty is none.
        bridge: String,
        /// The other end's name; empty is one that is made of the container's id.
        host: String,
        /// Networks that the machine reaches by the other end.
        routes: Vec<Cidr>,
    },
    /// A hardware address of its own on an interface of the machine.
    Macvlan {
        /// The other interface.
        on: String,
        /// Whom it speaks with.
        mode: MacvlanMode,
    },
    /// IP addresses of its own on an interface of the machine.
    Ipvlan {
        /// The other interface.
        on: String,
        /// What it does with packets.
        mode: IpvlanMode,
        /// Whom it speaks with.
        flag: IpvlanFlag,
    },
    /// A network of its own on another interface's cable, IEEE 802.1Q.
    Vlan {
        /// The other interface.
        on: String,
        /// Its number.
        id: u16,
    },
    /// An interface of the machine.
    Physical {
        /// Its name there.
        name: String,
    },
}

impl OwnInterface {
    /// With the names and hardware address that nobody chose made of a container's id in hexadecimal digits: the same at each of its
    /// starts. `number` tells interfaces of one container apart.
    #[must_use]
    pub fn named(mut self, id: &str, number: u8) -> Self {
        let start = u32::from_str_radix(id.get(..8).unwrap_or_default(), 16).unwrap_or(0);
        let [a, b, c, d] = start.to_be_bytes();
        if let OwnLink::Pair { host, .. } = &mut self.link
            && host.is_empty()
        {
            *host = format!("veth{start:08x}{number:02x}");
        }
        let keeps_its_own = matches!(
            self.link,
            OwnLink::Physical { .. } | OwnLink::Ipvlan { .. } | OwnLink::Vlan { .. }
        );
        if self.hardware.is_none() && !keeps_its_own {
            self.hardware = Some(HardwareAddress::local([0x02, number, a, b, c, d]));
        }
        self
    }

    /// The interface or bridge of the machine that it is, or is on.
    fn on(&self) -> Option<&str> {
        match &self.link {
            OwnLink::Pair { bridge, .. } => {
                Some(bridge.as_str()).filter(|bridge| !bridge.is_empty())
            }
            OwnLink::Macvlan { on, .. } | OwnLink::Ipvlan { on, .. } | OwnLink::Vlan { on, .. } => {
                Some(on)
            }
            OwnLink::Physical { name } => Some(name),
        }
    }
}

/// Interfaces that a run has. Dropped, they are given back.
#[derive(Debug)]
pub struct OwnInterfaces {
    here: Links,
    /// Ends of pairs on the machine.
    ends: Vec<String>,
    /// Interfaces of the machine: their names inside, and on the machine.
    lent: Vec<(String, String)>,
    /// Held where an interface has to come back from it.
    namespace: Option<OwnedFd>,
}

impl OwnInterfaces {
    /// Makes interfaces of these names in a network namespace, from the caller's. Where one is refused there is none.
    ///
    /// # Errors
    /// What the kernel refuses, or what is not there.
    pub fn take(wanted: &[OwnInterface], namespace: BorrowedFd<'_>) -> Result<Self, NetworkError> {
        let here = Links::here().map_err(NetworkError::Socket)?;
        let mut inside = Links::inside(namespace).map_err(NetworkError::Socket)?;
        let mut taken = Self { here, ends: Vec::new(), lent: Vec::new(), namespace: None };
        for own in wanted {
            taken.make(own, &mut inside, namespace)?;
        }
        Ok(taken)
    }

    fn make(
        &mut self,
        own: &OwnInterface,
        inside: &mut Links,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let on = own.on().map(|name| self.present(name)).transpose()?;
        let name = free_name(own, inside)?;
        let object = || format!("make the container's interface {name}");
        let mut changes = Changes::new();
        self.begin(&mut changes, (own, &name), on.as_ref(), namespace)?;
        self.here.carry_out(changes).map_err(failed(object()))?;
        self.remember(own, &name);
        let found = inside.find(&name).map_err(failed(object()))?;
        let index = found.ok_or_else(|| NetworkError::NoBridge(name.clone()))?.index;
        let ways = self.ways(own, on.as_ref())?;
        let mut changes = Changes::new();
        if matches!(own.link, OwnLink::Physical { .. } | OwnLink::Vlan { .. }) {
            changes.describe(index, own.hardware, own.mtu);
        }
        for OwnAddress { address, broadcast } in &own.addresses {
            changes.address_with(index, *address, *broadcast);
        }
        if own.up {
            changes.up(index);
        }
        for route in &ways {
            changes.route(index, route);
        }
        inside
            .carry_out(changes)
            .map_err(failed(format!("configure the container's interface {name}")))?;
        self.lead_in(own)
    }

    /// What makes an interface, or moves it.
    fn begin(
        &mut self,
        changes: &mut Changes,
        (own, name): (&OwnInterface, &str),
        on: Option<&Interface>,
        namespace: BorrowedFd<'_>,
    ) -> Result<(), NetworkError> {
        let hardware = own.hardware.unwrap_or(HardwareAddress::NONE);
        let mtu = own.mtu.or(on.map(|on| on.mtu)).unwrap_or(USUAL_MTU);
        let parent = on.map_or(0, |on| on.index);
        let kind = match &own.link {
            OwnLink::Pair { host, .. } => {
                // The lowest address of a bridge's ports is the bridge's: this one never is.
                let [_, rest @ ..] = hardware.octets();
                let [a, b, c, d, e] = rest;
                let far = HardwareAddress::local([0xfe, a, b, c, d, e]);
                let here = NewLink { name: host, hardware: far, mtu };
                let there = NewLink { name, hardware, mtu };
                let port = Port { bridge: parent, hairpin: false, isolated: false };
                changes.pair(&here, port, &there, Some(namespace));
                return Ok(());
            }
            OwnLink::Physical { .. } => {
                let held = namespace.try_clone_to_owned();
                self.namespace = Some(held.map_err(|error| NetworkError::Enter(error.into()))?);
                changes.go(parent, name, namespace);
                return Ok(());
            }
            OwnLink::Macvlan { mode, .. } => ChildKind::Macvlan(*mode),
            OwnLink::Ipvlan { mode, flag, .. } => ChildKind::Ipvlan(*mode, *flag),
            OwnLink::Vlan { id, .. } => ChildKind::Vlan(*id),
        };
        changes.child(&NewChild { name, kind, hardware, mtu, parent }, Some(namespace));
        Ok(())
    }

    fn remember(&mut self, own: &OwnInterface, name: &str) {
        match &own.link {
            OwnLink::Pair { host, .. } => self.ends.push(host.clone()),
            OwnLink::Physical { name: host } => self.lent.push((name.to_owned(), host.clone())),
            OwnLink::Macvlan { .. } | OwnLink::Ipvlan { .. } | OwnLink::Vlan { .. } => {}
        }
    }

    /// Routes of the machine into a pair.
    fn lead_in(&mut self, own: &OwnInterface) -> Result<(), NetworkError> {
        let OwnLink::Pair { host, routes, .. } = &own.link else { return Ok(()) };
        if routes.is_empty() {
            return Ok(());
        }
        let end = self.present(host)?;
        let mut changes = Changes::new();
        for to in routes {
            changes.route(end.index, &Route { to: Some(*to), gateway: None, metric: 0 });
        }
        self.here.carry_out(changes).map_err(failed(format!("route to the container by {host}")))
    }

    /// Routes to everywhere; before one to a neighbour that is in none of its networks, the one to him.
    fn ways(
        &mut self,
        own: &OwnInterface,
        on: Option<&Interface>,
    ) -> Result<Vec<Route>, NetworkError> {
        let mut routes = Vec::new();
        for way in &own.ways {
            let gateway = match way {
                WayOut::Gateway(gateway) => *gateway,
                WayOut::Link(family) => self.address_of(on, *family)?,
                WayOut::Interface(family) => {
                    let any = match family {
                        Family::V4 => Cidr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
                        Family::V6 => Cidr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0),
                    };
                    routes.push(Route { to: any, gateway: None, metric: 0 });
                    continue;
                }
            };
            if !own.addresses.iter().any(|own| own.address.contains(gateway)) {
                let to = Some(Cidr::host(gateway));
                routes.push(Route { to, gateway: None, metric: 0 });
            }
            routes.push(Route { to: None, gateway: Some(gateway), metric: 0 });
        }
        Ok(routes)
    }

    fn address_of(
        &mut self,
        on: Option<&Interface>,
        family: Family,
    ) -> Result<IpAddr, NetworkError> {
        let all = self.here.addresses().map_err(failed("look for a gateway".to_owned()))?;
        let fits = |address: IpAddr| address.is_ipv6() == (family == Family::V6);
        let own = all.into_iter().filter(|(index, _)| on.is_some_and(|on| on.index == *index));
        let found = own.map(|(_, address)| address.address()).find(|address| fits(*address));
        found.ok_or_else(|| {
            NetworkError::NoGateway(on.map_or_else(String::new, |on| on.name.clone()))
        })
    }

    fn present(&mut self, name: &str) -> Result<Interface, NetworkError> {
        let found = self.here.find(name).map_err(failed(format!("look for {name}")))?;
        found.ok_or_else(|| NetworkError::NoBridge(name.to_owned()))
    }

    /// Interfaces of the machine go back to it by their own names.
    fn give_back(&mut self) -> Result<(), NetworkError> {
        let Some(namespace) = self.namespace.take() else { return Ok(()) };
        let mut inside = Links::inside(namespace.as_fd()).map_err(NetworkError::Socket)?;
        let home = std::fs::File::open("/proc/thread-self/ns/net");
        let home = home.map_err(|error| NetworkError::Enter(error.into()))?;
        for (name, host) in std::mem::take(&mut self.lent) {
            let object = || format!("give the interface {host} back");
            // The container may have renamed it: then the kernel sees to it.
            let Some(found) = inside.find(&name).map_err(failed(object()))? else { continue };
            let mut changes = Changes::new();
            changes.down(found.index);
            changes.go(found.index, &host, home.as_fd());
            inside.carry_out(changes).map_err(failed(object()))?;
        }
        Ok(())
    }
}

impl Drop for OwnInterfaces {
    fn drop(&mut self) {
        // Nobody hears of it: what is left goes with the namespace.
        let _kept = self.give_back();
        for end in std::mem::take(&mut self.ends) {
            let mut changes = Changes::new();
            changes.remove(&end);
            let _gone = self.here.carry_out(changes);
        }
    }
}

fn free_name(own: &OwnInterface, inside: &mut Links) -> Result<String, NetworkError> {
    if !own.name.is_empty() {
        return Ok(own.name.clone());
    }
    if let OwnLink::Physical { name } = &own.link {
        return Ok(name.clone());
    }
    let all = inside.all().map_err(failed("look for a free name".to_owned()))?;
    let mut names = (0..MOST).map(|number| format!("eth{number}"));
    let free = names.find(|name| !all.iter().any(|other| other.name == *name));
    Ok(free.unwrap_or_else(|| "eth".to_owned()))
}

fn failed(object: String) -> impl FnOnce(LinkError) -> NetworkError {
    |cause| NetworkError::Link { object, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_chose_is_made_of_the_containers_id() {
        let pair = |host: &str| OwnInterface {
            link: OwnLink::Pair {
                bridge: "br0".to_owned(),
                host: host.to_owned(),
                routes: Vec::new(),
            },
            name: String::new(),
            hardware: None,
            mtu: None,
            up: true,
            addresses: Vec::new(),
            ways: Vec::new(),
        };
        let id = "abababab0123";
        let own = pair("").named(id, 1);
        assert_eq!(own.hardware.map(|own| own.to_string()).as_deref(), Some("02:01:ab:ab:ab:ab"));
        assert!(matches!(&own.link, OwnLink::Pair { host, .. } if host == "vethabababab01"));
        let own = pair("mine").named(id, 1);
        assert!(matches!(&own.link, OwnLink::Pair { host, .. } if host == "mine"));
        let text = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<OwnInterface>(&text).unwrap(), own);
    }
}
