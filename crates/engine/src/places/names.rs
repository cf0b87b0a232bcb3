//! What a container is called in its networks, and whom it asks for other names.
//!
//! In a network that somebody has made containers know each other by name, as with Docker. In the default network they do not; what they ask
//! goes to the host's name servers, whatever those are at the time, and no resolver runs before somebody asks.

use std::net::IpAddr;
use std::path::PathBuf;

use monitor::NameRules;
use network::Attachment;
use network::resolver::{Member, Membership, UpstreamRules};
use spec::ContainerId;

use super::Place;
use super::arrange::Subject;
use crate::config::{ContainerConfig, HostRules, NetworkWish};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::networks::DEFAULT;
use crate::oci::HostLinks;

/// A name that a container has for another one, and that one's.
type Link = (String, String);

impl Containers<'_> {
    /// What `/etc/hosts` says of those that a container is linked to in the default network, where nobody is known by name.
    pub(crate) fn linked(&self, id: &ContainerId) -> Result<Vec<(IpAddr, String)>, EngineError> {
        let mut lines = Vec::new();
        for endpoint in self.engine.store.networks().of_container(id)? {
            let wish: NetworkWish = serde_json::from_str(&endpoint.wanted)
                .map_err(|cause| EngineError::Record { name: id.short().to_owned(), cause })?;
            if !wish.links.is_empty()
                && self.engine.networks().get(&endpoint.network)?.name == DEFAULT
            {
                lines.extend(self.lines_of(&wish.links)?);
            }
        }
        Ok(lines)
    }

    /// The same for these links alone.
    pub(super) fn lines_of(&self, links: &[Link]) -> Result<Vec<(IpAddr, String)>, EngineError> {
        let mut lines = Vec::new();
        for link in links {
            let other = self.get(&link.1)?;
            let places = self.places_of(&other)?;
            let place = places.iter().find(|place| place.network.name == DEFAULT);
            let given = place.and_then(|place| place.given.as_ref()).ok_or_else(|| {
                let why = "it does not run in the default network";
                EngineError::value("link", other.record.name.clone(), why)
            })?;
            let addresses = given.addresses.iter().map(|address| address.address());
            lines.extend(addresses.map(|address| (address, names_of(link, &other))));
        }
        Ok(lines)
    }

    /// What becomes of lines where links come and go. Of a container that is gone nothing is known.
    pub(super) fn changed_links(
        &self,
        before: &[Link],
        after: &[Link],
    ) -> Result<HostLinks, EngineError> {
        let but = |links: &[Link], others: &[Link]| {
            let alone = links.iter().filter(|link| !others.contains(link));
            alone.cloned().collect::<Vec<_>>()
        };
        let gone = but(before, after);
        let names = |link: &Link| Some(names_of(link, &self.get(&link.1).ok()?));
        let gone = gone.iter().filter_map(names).collect();
        Ok(HostLinks { gone, new: self.lines_of(&but(after, before))? })
    }
}

/// What a container is called by who is linked to it.
fn names_of((alias, _): &Link, other: &Container) -> String {
    format!("{alias} {} {}", other.record.id.short(), other.record.name)
}

/// Links of the default network.
pub(super) fn links_of(places: &[Place]) -> Vec<Link> {
    let of_default = places.iter().filter(|place| !has_names(place));
    of_default.flat_map(|place| place.wish.links.clone()).collect()
}

/// Whether a container's questions go to the resolver: with servers of its own and no names of others it asks them itself.
fn asks_resolver<'a>(
    config: &ContainerConfig,
    networks: impl IntoIterator<Item = &'a str>,
) -> bool {
    let mut networks = networks.into_iter().peekable();
    networks.peek().is_some()
        && (config.hosts.dns.is_empty() || networks.any(|name| name != DEFAULT))
}

/// What the resolver is told.
pub(super) fn member(
    subject: &Subject<'_>,
    places: &[Place],
    attachments: &[Attachment],
) -> Option<NameRules> {
    let Subject { id, name, config, .. } = subject;
    if !asks_resolver(config, places.iter().map(|place| place.network.name.as_str())) {
        return None;
    }
    let membership = |(place, attachment): (&Place, &Attachment)| {
        let names = if has_names(place) { all(name, id, &place.wish) } else { Vec::new() };
        Membership {
            network: place.network.id.clone(),
            network_name: place.network.name.clone(),
            addresses: attachment.addresses.clone(),
            names,
            is_internal: place.network.config.internal,
            links: place
                .wish
                .links
                .iter()
                .map(|(alias, name)| network::resolver::Link {
                    alias: alias.clone(),
                    name: name.clone(),
                })
                .collect(),
        }
    };
    let is_known = places.iter().any(has_names);
    let member = Member {
        networks: places.iter().zip(attachments).map(membership).collect(),
        hostname: Some(config.hostname.clone()).filter(|name| !name.is_empty() && is_known),
        upstream: upstream(&config.hosts),
    };
    Some(NameRules { state_dir: PathBuf::new(), member, is_known })
}

/// Names of a container in a network: its own first, which stands for its addresses.
pub(super) fn all(name: &str, id: &ContainerId, wish: &NetworkWish) -> Vec<String> {
    let own = [name.to_owned(), id.short().to_owned()];
    own.into_iter().chain(wish.aliases.iter().cloned()).collect()
}

fn has_names(place: &Place) -> bool {
    place.network.name != DEFAULT
}

fn upstream(rules: &HostRules) -> UpstreamRules {
    let option = |wanted: &str| {
        let value = |option: &String| {
            option.split_once(':').filter(|(name, _)| *name == wanted)?.1.parse().ok()
        };
        rules.dns_options.iter().find_map(value)
    };
    let servers: Vec<_> = rules.dns.iter().filter_map(|server| server.parse().ok()).collect();
    UpstreamRules {
        servers: Some(servers).filter(|servers| !servers.is_empty()),
        ndots: option("ndots"),
        timeout: option("timeout"),
        attempts: option("attempts"),
    }
}
