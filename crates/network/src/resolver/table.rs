//! Who is called what in which network: what all who are registered say, and nothing else.
//!
//! A name is bytes in lower case with a dot between labels (RFC 4343). Several containers may have one: all of them are answered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use crate::resolver::protocol::{Link, Member, Membership};

/// Who is registered.
pub(crate) type PeerId = u64;

/// All networks by their ids.
#[derive(Debug, Default)]
pub(crate) struct Table {
    networks: HashMap<String, Network>,
}

#[derive(Debug, Default)]
struct Network {
    members: usize,
    names: HashMap<Box<[u8]>, Vec<Rc<Place>>>,
    hostnames: HashMap<Box<[u8]>, Vec<Rc<Place>>>,
    addresses: HashMap<IpAddr, Rc<Place>>,
}

/// A container in a network.
#[derive(Debug)]
struct Place {
    peer: PeerId,
    addresses: Vec<IpAddr>,
    name: String,
}

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    V4,
    V6,
    /// Something else: names have none of it.
    Nothing,
}

impl Wanted {
    const fn is(self, address: IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
            Self::Nothing => false,
        }
    }
}

impl Table {
    /// Puts in what a container is called.
    pub(crate) fn add(&mut self, peer: PeerId, member: &Member) {
        for membership in &member.networks {
            let network = self.networks.entry(membership.network.clone()).or_default();
            network.members += 1;
            let place = Rc::new(Place {
                peer,
                addresses: membership.addresses.iter().map(|address| address.address()).collect(),
                name: membership.names.first().cloned().unwrap_or_default(),
            });
            for name in &membership.names {
                insert(&mut network.names, name, &place);
            }
            if let Some(name) = &member.hostname {
                insert(&mut network.hostnames, name, &place);
            }
            for address in &place.addresses {
                network.addresses.insert(*address, Rc::clone(&place));
            }
        }
    }

    /// Takes it out; `member` is what was put in.
    pub(crate) fn remove(&mut self, peer: PeerId, member: &Member) {
        for membership in &member.networks {
            let Some(network) = self.networks.get_mut(&membership.network) else { continue };
            for name in &membership.names {
                remove(&mut network.names, name, peer);
            }
            if let Some(name) = &member.hostname {
                remove(&mut network.hostnames, name, peer);
            }
            for address in &membership.addresses {
                // Another one may have it by now.
                let address = address.address();
                if network.addresses.get(&address).is_some_and(|place| place.peer == peer) {
                    network.addresses.remove(&address);
                }
            }
            network.members -= 1;
            if network.members == 0 {
                self.networks.remove(&membership.network);
            }
        }
    }

    /// The addresses that a name has for this container: of the first of its networks that has some. Without any the name is known and
    /// has none of that kind; nothing is a name that nobody has.
    pub(crate) fn find(&self, asker: &Member, name: &[u8], wanted: Wanted) -> Option<Vec<IpAddr>> {
        let mut is_known = false;
        let mut look = |name: &[u8], network: Option<&[u8]>| {
            for membership in &asker.networks {
                if network.is_some_and(|network| !is_same(network, &membership.network_name)) {
                    continue;
                }
                let Some(found) = self.look(membership, name, wanted) else { continue };
                is_known = true;
                if !found.is_empty() {
                    return Some(found);
                }
            }
            None
        };
        if let Some(found) = look(name, None) {
            return Some(found);
        }
        // NAME.NETWORK; both may have dots.
        for (dot, _) in name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.') {
            let (name, network) = (name.get(..dot)?, name.get(dot + 1..)?);
            if let Some(found) = look(name, Some(network)) {
                return Some(found);
            }
        }
        is_known.then(Vec::new)
    }

    fn look(&self, membership: &Membership, name: &[u8], wanted: Wanted) -> Option<Vec<IpAddr>> {
        let network = self.networks.get(&membership.network)?;
        let is_link = |link: &&Link| is_same(name, &link.alias);
        let lower;
        let name = match membership.links.iter().find(is_link) {
            Some(link) => {
                lower = link.name.to_ascii_lowercase();
                lower.as_bytes()
            }
            None => name,
        };
        let places = network.names.get(name).or_else(|| network.hostnames.get(name))?;
        let all = places.iter().flat_map(|place| &place.addresses);
        Some(all.copied().filter(|address| wanted.is(*address)).collect())
    }

    /// What an address is called in the networks of this container, as `NAME.NETWORK`.
    pub(crate) fn reverse(&self, asker: &Member, address: IpAddr) -> Option<String> {
        asker.networks.iter().find_map(|membership| {
            let place = self.networks.get(&membership.network)?.addresses.get(&address)?;
            Some(format!("{}.{}", place.name, membership.network_name))
        })
    }
}

fn is_same(lower: &[u8], name: &str) -> bool {
    lower.eq_ignore_ascii_case(name.as_bytes())
}

fn key(name: &str) -> Box<[u8]> {
    name.trim_end_matches('.').to_ascii_lowercase().into_bytes().into()
}

fn insert(names: &mut HashMap<Box<[u8]>, Vec<Rc<Place>>>, name: &str, place: &Rc<Place>) {
    if name.is_empty() {
        return;
    }
    let places = names.entry(key(name)).or_default();
    // Whose alias is its name, too.
    if !places.iter().any(|other| Rc::ptr_eq(other, place)) {
        places.push(Rc::clone(place));
    }
}

fn remove(names: &mut HashMap<Box<[u8]>, Vec<Rc<Place>>>, name: &str, peer: PeerId) {
    let key = key(name);
    let Some(places) = names.get_mut(&key) else { return };
    places.retain(|place| place.peer != peer);
    if places.is_empty() {
        names.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(network: &str, names: &[&str], addresses: &[&str]) -> Member {
        let place = Membership {
            network: network.to_owned(),
            network_name: format!("{network}.net"),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Membership::default()
        };
        Member { networks: vec![place], ..Member::default() }
    }

    fn found(table: &Table, asker: &Member, name: &str) -> Option<Vec<String>> {
        let found = table.find(asker, name.as_bytes(), Wanted::V4)?;
        Some(found.iter().map(ToString::to_string).collect())
    }

    fn some(addresses: &[&str]) -> Option<Vec<String>> {
        Some(addresses.iter().map(|address| (*address).to_owned()).collect())
    }

    #[test]
    fn names_hold_in_their_network_alone() {
        let mut table = Table::default();
        let first = member("a", &["Web", "www"], &["10.0.0.2/24", "fd00::2/64"]);
        let second = member("a", &["web2", "www"], &["10.0.0.3/24"]);
        let third = member("b", &["db"], &["10.1.0.2/24"]);
        for (peer, member) in [&first, &second, &third].into_iter().enumerate() {
            table.add(peer as u64, member);
        }
        assert_eq!(found(&table, &second, "web"), some(&["10.0.0.2"]));
        assert_eq!(found(&table, &second, "www"), some(&["10.0.0.2", "10.0.0.3"]));
        assert_eq!(found(&table, &second, "web.a.net"), some(&["10.0.0.2"]));
        assert_eq!(found(&table, &second, "db"), None);
        assert_eq!(found(&table, &third, "web"), None);
        assert_eq!(found(&table, &third, "web.a.net"), None);
        assert_eq!(table.find(&second, b"web2", Wanted::V6), Some(Vec::new()));
        let address = "10.0.0.2".parse().unwrap();
        assert_eq!(table.reverse(&second, address), Some("Web.a.net".to_owned()));
        assert_eq!(table.reverse(&third, address), None);
        table.remove(0, &first);
        assert_eq!(found(&table, &second, "www"), some(&["10.0.0.3"]));
        assert_eq!(found(&table, &second, "web"), None);
        table.remove(1, &second);
        table.remove(2, &third);
        assert!(table.networks.is_empty());
    }

    #[test]
    fn links_are_of_one_and_hostnames_come_last() {
        let mut table = Table::default();
        let mut first = member("a", &["web"], &["10.0.0.2/24"]);
        first.hostname = Some("db".to_owned());
        let mut second = member("a", &["cache"], &["10.0.0.3/24"]);
        second.networks[0].links = vec![Link { alias: "Site".to_owned(), name: "WEB".to_owned() }];
        table.add(0, &first);
        table.add(1, &second);
        assert_eq!(found(&table, &second, "site"), some(&["10.0.0.2"]));
        assert_eq!(found(&table, &first, "site"), None);
        assert_eq!(found(&table, &second, "db"), some(&["10.0.0.2"]));
        let third = member("a", &["db"], &["10.0.0.4/24"]);
        table.add(2, &third);
        assert_eq!(found(&table, &second, "db"), some(&["10.0.0.4"]));
    }
}
