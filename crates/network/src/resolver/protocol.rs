//! What a monitor and the resolver say to each other over a Unix socket of whole packets. Each packet is one JSON document.
//!
//! ```text
//! monitor                                resolver
//! Register { version, member }  ------>  puts the names into its table, answers at the sockets
//!   + UDP socket, TCP listener  <------  Registered, or Refused { reason } and the connection ends
//! Update { member }             ------>  a new name, a network more or less: the whole again
//!                               <------  Registered, or Refused { reason }; what was holds on then
//! (connection ends)             ------>  the names are gone
//!                               <------  (connection ends): the resolver is gone; start it, register again
//! ```
//!
//! Nothing is a request of the resolver. A packet out of order, too large, of another version or not understood is refused, and concerns
//! this one connection. Both ends are this program, perhaps of different versions.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use spec::network::Cidr;

/// Where it listens, in the state directory.
pub(crate) const SOCKET: &str = "resolver.sock";
/// Of the packets' form. Fields may be added that a reader without them can do without.
pub(crate) const VERSION: u32 = 1;
/// Bytes of a packet: what a Unix socket takes at once by default is three times that.
pub(crate) const LARGEST: usize = 64 << 10;
/// Networks of one container.
const MOST_NETWORKS: usize = 256;
/// Names of one container in one network, and links.
const MOST_NAMES: usize = 512;
/// Addresses of one container in one network.
const MOST_ADDRESSES: usize = 16;
/// Name servers of one container; resolv.conf(5) has three.
const MOST_SERVERS: usize = 16;
/// RFC 1035, 2.3.4.
const LONGEST_NAME: usize = 253;

/// From the monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// First of all, with the sockets.
    Register { version: u32, member: Member },
    /// It is called otherwise now.
    Update { member: Member },
}

/// From the resolver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The names are known, and questions are answered.
    Registered,
    /// Nothing has changed.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A container: what it is called, and whom its questions go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its networks. A question is answered by the first that knows the name.
    pub networks: Vec<Membership>,
    /// Its own idea of what it is called; a name of another container goes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Whom unknown names are asked of.
    #[serde(default)]
    pub upstream: UpstreamRules,
}

/// A container's place in a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The network's id: containers with the same one know each other.
    pub network: String,
    /// What the network is called: `NAME.NETWORK` is a name, too.
    pub network_name: String,
    /// The container's addresses, with the length of the network's prefix.
    pub addresses: Vec<Cidr>,
    /// Its names: first the one that its addresses are called, then short id and aliases.
    pub names: Vec<String>,
    /// Other names that this container alone has for those in the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Whether there is no way out of it: questions of who has internal networks only go nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_internal: bool,
}

/// Another name for a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it is called here.
    pub alias: String,
    /// What it is called by all.
    pub name: String,
}

/// Whom unknown names are asked of, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamRules {
    /// Name servers (`--dns`); nothing is those of the host's resolv.conf, whatever it says at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<IpAddr>>,
    /// `options ndots:N`, if it was given: with more than none, names of one label are never asked of anybody, so that the search list
    /// is gone through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ndots: Option<u8>,
    /// `options timeout:N`, seconds to wait for one server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u8>,
    /// `options attempts:N`, how often all servers are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u8>,
}

impl Request {
    /// Reads a packet; the reason why it cannot be, in words for the other side.
    pub(crate) fn decode(packet: &[u8]) -> Result<Self, String> {
        let mut request: Self =
            serde_json::from_slice(packet).map_err(|error| error.to_string())?;
        let member = match &mut request {
            Self::Register { version, .. } if *version != VERSION => {
                return Err(format!("version {version} of the protocol, not {VERSION}"));
            }
            Self::Register { member, .. } | Self::Update { member } => member,
        };
        member.check()?;
        member.shrink();
        Ok(request)
    }
}

impl Member {
    /// Gives back what a list took in advance while it was read: more than the list, mostly, and kept for each container.
    fn shrink(&mut self) {
        self.networks.shrink_to_fit();
        for network in &mut self.networks {
            network.names.shrink_to_fit();
            network.addresses.shrink_to_fit();
            network.links.shrink_to_fit();
        }
    }

    /// Bounds what one container can cost the others.
    fn check(&self) -> Result<(), String> {
        let most = |what: &str, count: usize, most: usize| {
            if count > most { Err(format!("{count} {what}, at most {most}")) } else { Ok(()) }
        };
        most("networks", self.networks.len(), MOST_NETWORKS)?;
        most("name servers", self.upstream.servers.iter().flatten().count(), MOST_SERVERS)?;
        for network in &self.networks {
            most("names", network.names.len(), MOST_NAMES)?;
            most("links", network.links.len(), MOST_NAMES)?;
            most("addresses", network.addresses.len(), MOST_ADDRESSES)?;
        }
        let links = || self.networks.iter().flat_map(|network| &network.links);
        let names = self.networks.iter().flat_map(|network| network.names.iter());
        let names = names.chain(links().flat_map(|link| [&link.alias, &link.name]));
        for name in names.chain(&self.hostname) {
            most("bytes in a name", name.len(), LONGEST_NAME)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_back_and_bounded() {
        let place = Membership { names: vec!["web".to_owned()], ..Membership::default() };
        let mut member = Member { networks: vec![place; 2], ..Member::default() };
        let packet = |member: &Member| {
            let request = Request::Register { version: VERSION, member: member.clone() };
            serde_json::to_vec(&request).unwrap()
        };
        let read = Request::decode(&packet(&member)).unwrap();
        assert_eq!(read, Request::Register { version: VERSION, member: member.clone() });
        member.networks[1].names = vec!["a".repeat(254)];
        assert_eq!(
            Request::decode(&packet(&member)),
            Err("254 bytes in a name, at most 253".to_owned())
        );
        let other = br#"{"register":{"version":9,"member":{"networks":[]}}}"#;
        assert_eq!(Request::decode(other), Err("version 9 of the protocol, not 1".to_owned()));
        assert!(Request::decode(b"{\"stop\":{}}").is_err());
    }
}
