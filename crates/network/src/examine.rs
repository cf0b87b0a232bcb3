//! What there is on the machine, beside what there should be. Looks only; start at [`Machine::rules_state`].

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use crate::attachment::Attachment;
use crate::elements;
use crate::leaf;
use crate::machine::{Machine, NetworkError};
use crate::nft::{self, Element, Hook, chains};
use crate::policy::PublishPolicy;
use crate::rules::FROM_HERE;
use crate::{PortMapping, settings};

/// Our tables, as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesState {
    /// There are none.
    Missing,
    /// Those of a policy.
    Present(PublishPolicy),
    /// The rules lead over interfaces that are not there any more.
    NoDetour,
}

/// An interface, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// Whether it is up.
    pub is_up: bool,
    /// Name of the bridge that it is a port of.
    pub bridge: Option<String>,
}

/// Where in a packet's way a chain sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// On its way to a program of the machine.
    Input,
    /// On its way through the machine.
    Forward,
}

/// A chain of somebody else's that lets nothing through but what one of its rules lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppingChain {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// Where it looks.
    pub way: Way,
    /// Those of the names asked for that no rule of its table has.
    pub unnamed: Vec<String>,
}

impl Machine {
    /// Whether our tables are there, and of which policy.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn rules_state(&mut self) -> Result<RulesState, NetworkError> {
        if !self.has_rules()? {
            return Ok(RulesState::Missing);
        }
        let table = self.rules.single[0].clone();
        let is_detoured = nft::has_table(&mut self.filter, &table)
            .map_err(|cause| NetworkError::Look { table: table.to_string(), cause })?;
        if !is_detoured {
            return Ok(RulesState::Present(PublishPolicy::Open));
        }
        let detour = self.rules.detour.clone();
        for name in [&detour.out, &detour.back] {
            if !self.interface_state(name)?.is_some_and(|found| found.is_up) {
                return Ok(RulesState::NoDetour);
            }
        }
        Ok(RulesState::Present(PublishPolicy::RespectHost))
    }

    /// Whether our rules lead nothing in from ::1: what stood [in the way](crate::in_the_way_of_loopback) when they were made.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn keeps_loopback(&mut self) -> Result<bool, NetworkError> {
        let table = self.rules.inet.clone();
        // NFPROTO_INET
        let rules = chains::rules(&mut self.filter, 1, &table.name)
            .map_err(|cause| NetworkError::Look { table: table.to_string(), cause })?;
        let is_it = |rule: &chains::RuleRow| {
            rule.chain == FROM_HERE && rule.mentions(&Ipv6Addr::LOCALHOST.octets())
        };
        Ok(rules.iter().any(is_it))
    }

    /// Name of the interface by which packets come in a second time where published ports respect the machine's rules.
    #[must_use]
    pub fn detour(&self) -> &str {
        &self.rules.detour.back
    }

    /// Those of the ports that the tables do not have, or that lead elsewhere there.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn missing<'a>(
        &mut self,
        ports: impl IntoIterator<Item = &'a PortMapping>,
    ) -> Result<Vec<PortMapping>, NetworkError> {
        let mut known: BTreeMap<&str, Vec<Element>> = BTreeMap::new();
        let mut missing = Vec::new();
        for port in ports {
            let map = elements::map_of(port);
            if !known.contains_key(map) {
                let table = self.rules.inet.clone();
                let mut found = nft::elements_of(&mut self.filter, &table, map)
                    .map_err(|cause| NetworkError::Look { table: table.to_string(), cause })?;
                found.sort_unstable();
                known.insert(map, found);
            }
            let element = elements::mapping(port);
            if known.get(map).is_none_or(|found| found.binary_search(&element).is_err()) {
                missing.push(port.clone());
            }
        }
        Ok(missing)
    }

    /// How an interface is; nothing when there is none.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn interface_state(&mut self, name: &str) -> Result<Option<InterfaceState>, NetworkError> {
        let failed =
            |cause| NetworkError::Link { object: format!("look for the interface {name}"), cause };
        let Some(found) = self.links.find(name).map_err(failed)? else { return Ok(None) };
        let bridge = match found.master {
            Some(index) => {
                self.links.all().map_err(failed)?.into_iter().find(|own| own.index == index)
            }
            None => None,
        };
        Ok(Some(InterfaceState { is_up: found.is_up, bridge: bridge.map(|bridge| bridge.name) }))
    }

    /// Chains of others that let nothing through but what a rule of theirs does, and which of these interfaces no rule of theirs names.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn dropping_chains(
        &mut self,
        interfaces: &[String],
    ) -> Result<Vec<DroppingChain>, NetworkError> {
        let failed = |cause| NetworkError::Look { table: "of others".to_owned(), cause };
        let own = self.rules.inet.name.clone();
        let mut found = Vec::new();
        for chain in chains::base_chains(&mut self.filter).map_err(failed)? {
            let Some(family) = family(chain.family).filter(|_| chain.table != own) else {
                continue;
            };
            let way = match chain.hook {
                Hook::INPUT => Way::Input,
                Hook::FORWARD => Way::Forward,
                _ => continue,
            };
            let rules = chains::rules(&mut self.filter, chain.family, &chain.table);
            let rules = rules.map_err(failed)?;
            let last = rules.iter().rfind(|rule| rule.chain == chain.name);
            if !chain.drops && !last.is_some_and(chains::RuleRow::ends_all) {
                continue;
            }
            // To its end: another one may begin the same.
            let bytes = |name: &str| [name.as_bytes(), &[0]].concat();
            let is_named = |name: &&String| rules.iter().any(|rule| rule.mentions(&bytes(name)));
            let unnamed = interfaces.iter().filter(|name| !is_named(name)).cloned().collect();
            found.push(DroppingChain {
                family,
                table: chain.table,
                chain: chain.name,
                way,
                unnamed,
            });
        }
        Ok(found)
    }
}

const fn family(number: u8) -> Option<&'static str> {
    match number {
        1 => Some("inet"),
        2 => Some("ip"),
        10 => Some("ip6"),
        _ => None,
    }
}

/// A parameter of the kernel's network, by its path below `net`; nothing where the kernel has no such one.
#[must_use]
pub fn kernel_setting(name: &str) -> Option<String> {
    settings::read(name)
}

impl Attachment {
    /// The bridge that its interface on the host is a port of: the network's, or one beside it where that has no room.
    #[must_use]
    pub fn port_of(&self) -> Option<String> {
        let leaf = leaf::of(self).map(|leaf| leaf.bridge);
        self.kind.is_bridge().then(|| leaf.unwrap_or_else(|| self.bridge.clone()))
    }
}
