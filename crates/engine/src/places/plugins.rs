//! A container's places in networks of plugins (CNI): lists that the machine's administrator wrote, `--network cni:NAME`. What they give is
//! known when its monitor has run them, and read from its record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use monitor::CniRules;
use network::cni::{ConfigList, Place, Record};
use network::{Attachment, LinkKind, PortMapping, Rates};
use spec::network::HardwareAddress;
use store::Giving;

use super::arrange::free_interface;
use super::{ShownPlace, ports};
use crate::config::{ContainerConfig, NetworkWish};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::life::Container;
use crate::networks::{GatewayModes, Network, NetworkConfig};
use crate::oci::names_of;
use crate::start::hostname;
use crate::state::State;

/// Before the name of a list.
pub(crate) const PREFIX: &str = "cni:";

/// The one option of Docker's drivers that plugins are told, too.
const INTERFACE_NAME: &str = "com.docker.network.endpoint.ifname";

/// Where lists of plugins and their programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniPaths {
    /// Directory of the lists.
    pub lists: PathBuf,
    /// Directories of the programs.
    pub programs: Vec<PathBuf>,
}

impl Default for CniPaths {
    /// The usual place of lists; those of programs are Debian's and everybody else's.
    fn default() -> Self {
        let programs = ["/usr/lib/cni", "/opt/cni/bin"].map(PathBuf::from).to_vec();
        Self { lists: PathBuf::from("/etc/cni/net.d"), programs }
    }
}

impl Containers<'_> {
    /// Whether the lists that a new container wants are there.
    pub(super) fn check_lists(&self, config: &ContainerConfig) -> Result<(), EngineError> {
        for wish in &config.cni {
            let list = self.list_of(wish)?;
            let wrong = |option: &str| {
                let why = format!("its plugins know no {option}");
                Err(EngineError::value("network", wish.network.clone(), why))
            };
            if wish.gateway_priority != 0 {
                return wrong("gw-priority");
            }
            if !wish.rates.are_none() {
                return wrong("bandwidth, ingress or egress");
            }
            if !wish.link_local.is_empty() {
                return wrong("link-local-ip");
            }
            if !wish.links.is_empty() {
                return wrong("link");
            }
            if wish.options.keys().any(|option| option != INTERFACE_NAME) {
                return wrong("driver-opt");
            }
            if config.networks.is_empty() && config.cni.len() == 1 {
                may_publish(config, std::slice::from_ref(&list))?;
            }
        }
        Ok(())
    }

    fn list_of(&self, wish: &NetworkWish) -> Result<ConfigList, EngineError> {
        let name = wish.network.strip_prefix(PREFIX).unwrap_or(&wish.network);
        Ok(ConfigList::find(&self.engine.cni.lists, name)?)
    }

    /// What a container's monitor is told of its places in networks of plugins, behind those that it has in others.
    pub(super) fn give_plugins(
        &self,
        giving: &Giving<'_>,
        made: &Made,
        others: &[Attachment],
    ) -> Result<Option<CniRules>, EngineError> {
        let config = &made.config;
        if config.cni.is_empty() {
            return Ok(None);
        }
        let lists = config.cni.iter().map(|wish| self.list_of(wish));
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        // The first that can lead them in; where other networks do, plugins do not.
        let mut ports = Vec::new();
        if others.iter().all(|other| other.ports.is_empty() && other.open.is_empty()) {
            may_publish(config, &lists)?;
            let usual = self.usual_addresses(config)?;
            let user = self.engine.keeper.as_ref().map(|_| self.engine.paths().state.as_path());
            ports = claim_for_plugins(giving, config, (&usual, user))?;
        }
        let taken = others.iter().map(|other| &other.interface);
        let wanted = config.cni.iter().filter_map(|wish| wish.interface.as_ref());
        let mut taken: Vec<String> = taken.chain(wanted).cloned().collect();
        let mut places = Vec::new();
        for (wish, list) in config.cni.iter().zip(lists) {
            let interface = wish.interface.clone().unwrap_or_else(|| {
                let taken: Vec<_> = taken.iter().map(String::as_str).collect();
                free_interface(None, &taken)
            });
            taken.push(interface.clone());
            let leads_in = list.has_capability("portMappings");
            let addresses = [wish.ipv4.map(IpAddr::from), wish.ipv6.map(IpAddr::from)];
            places.push(Place {
                programs: self.engine.cni.programs.clone(),
                container: made.id.as_str().to_owned(),
                name: made.name.clone(),
                interface,
                addresses: addresses.into_iter().flatten().collect(),
                hardware: wish.hardware,
                aliases: wish.aliases.clone(),
                ports: if leads_in { std::mem::take(&mut ports) } else { Vec::new() },
                list,
            });
        }
        Ok(Some(CniRules { places, ..rules(config, &hostname(config, &made.id)) }))
    }

    /// Takes a container out of its networks of plugins whose monitor was killed before it could; its lock is held. A plugin that fails keeps
    /// nobody from looking: it is tried again when the container is started or removed.
    pub(crate) fn take_plugins_back(&self, dirs: &store::ContainerDirs) -> Result<(), EngineError> {
        if !Record::all(&dirs.container)?.is_empty() {
            let _kept = monitor::unplug(&dirs.state, &dirs.container, false);
        }
        Ok(())
    }

    /// The same for a container that is removed, by force whatever its plugins say.
    pub(crate) fn leave_plugins(
        &self,
        container: &Container,
        force: bool,
    ) -> Result<(), EngineError> {
        if container.config.cni.is_empty() {
            return Ok(());
        }
        let left = monitor::unplug(&container.dirs.state, &container.dirs.container, force);
        left.or_else(|error| if force { Ok(()) } else { Err(EngineError::from(error)) })
    }

    /// A container's places in networks of plugins, as others are shown.
    pub(super) fn places_of_plugins(
        &self,
        container: &Container,
    ) -> Result<Vec<ShownPlace>, EngineError> {
        let runs = matches!(container.state, State::Running { .. });
        if container.config.cni.is_empty() {
            return Ok(Vec::new());
        }
        let records = if runs { Record::all(&container.dirs.container)? } else { Vec::new() };
        let mut given = records.iter().filter(|record| record.answer.is_some());
        let place = |wish: &NetworkWish| {
            let record = given.find(|record| record.place.network() == wish.network);
            Ok(ShownPlace {
                container: container.record.id.as_str().to_owned(),
                names: Vec::new(),
                network: Arc::new(Network {
                    id: String::new(),
                    name: wish.network.clone(),
                    created_ns: 0,
                    config: NetworkConfig::default(),
                }),
                wish: wish.clone(),
                given: record.map(attachment).transpose()?,
            })
        };
        container.config.cni.iter().map(place).collect()
    }
}

/// What the caller says of names, without places.
pub(super) fn rules(config: &ContainerConfig, hostname: &str) -> CniRules {
    let hosts = &config.hosts;
    CniRules {
        places: Vec::new(),
        names: names_of(hostname, config),
        servers: hosts.dns.clone(),
        search: hosts.dns_search.clone(),
        options: hosts.dns_options.clone(),
    }
}

fn claim_for_plugins(
    giving: &Giving<'_>,
    config: &ContainerConfig,
    (usual, user): (&[IpAddr], Option<&Path>),
) -> Result<Vec<PortMapping>, EngineError> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let hosts = config.ports.iter().filter_map(|port| port.host_address.as_ref());
    if hosts.chain(usual).any(IpAddr::is_ipv6) {
        addresses.push(Ipv6Addr::UNSPECIFIED.into());
    }
    let terms = ports::Terms { usual, had: &[], modes: GatewayModes::default(), user };
    let (mut ports, _) = ports::claim(giving, config, &addresses, &terms)?;
    // Plugins look at the container's addresses themselves.
    ports.dedup_by_key(|port| (port.published_at(), port.host_port, port.transport, port.port));
    Ok(ports)
}

/// Somebody must lead ports in.
fn may_publish(config: &ContainerConfig, lists: &[ConfigList]) -> Result<(), EngineError> {
    let wanted = ports::wanted(config)?;
    let Some(port) = wanted.first().map(|port| port.port.to_string()) else { return Ok(()) };
    if lists.iter().any(|list| list.has_capability("portMappings")) {
        return Ok(());
    }
    let why = "no plugin of the container's networks has the capability portMappings";
    Err(EngineError::value("published port", port, why))
}

/// What plugins gave, in the form in which other networks give it.
fn attachment(record: &Record) -> Result<Attachment, EngineError> {
    let answer = record.answer()?;
    let ports = record.place.ports.iter().flat_map(|port| {
        let is_reached = |address: &IpAddr| {
            port.host_address.is_none_or(|host| host.is_ipv4() == address.is_ipv4())
        };
        let addresses = answer.addresses.iter().map(|own| own.address()).filter(is_reached);
        addresses.map(|address| PortMapping { address, ..port.clone() })
    });
    Ok(Attachment {
        network: String::new(),
        network_name: record.place.network(),
        kind: LinkKind::default(),
        bridge: String::new(),
        host_interface: String::new(),
        interface: record.place.interface.clone(),
        hardware: answer.hardware.unwrap_or(HardwareAddress::NONE),
        ports: ports.collect(),
        addresses: answer.addresses,
        link_local: Vec::new(),
        mtu: answer.mtu,
        gateways: answer.gateways,
        foreign_gateways: Vec::new(),
        bridge_hardware: HardwareAddress::NONE,
        is_default: false,
        isolated: false,
        open: Vec::new(),
        trusted: Vec::new(),
        rates: Rates::default(),
        settings: Vec::new(),
    })
}
