//! A container's places in networks as people see them.

use std::sync::Arc;

use network::{Attachment, PortMapping};
use serde_json::{Value, json};
use spec::network::Cidr;

use super::{Register, names};
use crate::config::{NetworkMode, NetworkWish};
use crate::containers::Containers;
use crate::documents::Document;
use crate::error::EngineError;
use crate::life::Container;
use crate::networks::{DEFAULT, Network};
use crate::state::State;

/// A place in a network.
#[derive(Clone, Debug)]
pub(crate) struct ShownPlace {
    /// Id of the container.
    pub(super) container: String,
    /// What others there call it.
    pub(super) names: Vec<String>,
    pub(crate) network: Arc<Network>,
    pub(crate) wish: NetworkWish,
    /// What it was given, while it runs.
    pub(crate) given: Option<Attachment>,
}

impl Containers<'_> {
    /// A container's places, in the order of their coming.
    pub(crate) fn places_of(&self, container: &Container) -> Result<Vec<ShownPlace>, EngineError> {
        let endpoints = match container.config.network {
            NetworkMode::Networks(_) => {
                self.engine.store.networks().of_container(&container.record.id)?
            }
            NetworkMode::None | NetworkMode::Host | NetworkMode::Container(_) => Vec::new(),
        };
        self.places_in(&Register::of(self.engine, endpoints), container)
    }

    /// The same by what has been read already.
    pub(crate) fn places_in(
        &self,
        register: &Register<'_>,
        container: &Container,
    ) -> Result<Vec<ShownPlace>, EngineError> {
        if !matches!(container.config.network, NetworkMode::Networks(_)) {
            return Ok(Vec::new());
        }
        let runs = matches!(container.state, State::Running { .. });
        let name = || container.record.name.clone();
        let unreadable = |cause| EngineError::Record { name: name(), cause };
        let mut places = Vec::new();
        for endpoint in register.of_container(&container.record.id) {
            let network = register.network(&endpoint.network)?;
            let wish: NetworkWish = serde_json::from_str(&endpoint.wanted).map_err(unreadable)?;
            let given = endpoint.given.as_deref().filter(|_| runs);
            let given = given.map(serde_json::from_str).transpose();
            let names = match network.name.as_str() {
                DEFAULT => Vec::new(),
                _ => names::all(&container.record.name, &container.record.id, &wish),
            };
            let id = container.record.id.as_str().to_owned();
            let given = given.map_err(unreadable)?;
            places.push(ShownPlace { container: id, names, network, wish, given });
        }
        places.extend(self.places_of_plugins(container)?);
        Ok(places)
    }

    /// The hardware address that somebody wanted for a container in its first network.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn wished_hardware(&self, text: &str) -> Result<Option<String>, EngineError> {
        let places = self.places_of(&self.get(text)?)?;
        let first = places.first().and_then(|place| place.wish.hardware);
        Ok(first.map(|own| own.to_string()))
    }

    /// Published ports of a container that runs, by the container's port.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn ports(&self, text: &str) -> Result<Vec<PortMapping>, EngineError> {
        Ok(ports_of(&self.places_of(&self.get(text)?)?))
    }
}

/// Published ports in their order. Those that are open at the container's own address have 0 as the machine's port.
pub(crate) fn ports_of(places: &[ShownPlace]) -> Vec<PortMapping> {
    let given = || places.iter().filter_map(|place| place.given.as_ref());
    let mut ports: Vec<PortMapping> = given().flat_map(|given| given.ports.clone()).collect();
    let open = given().flat_map(|given| &given.open);
    ports.extend(open.map(|open| PortMapping {
        host_address: None,
        outside: None,
        host_port: 0,
        transport: open.transport,
        port: open.port,
        address: open.address,
    }));
    ports.sort_by_key(|port| (port.port, port.transport, port.address.is_ipv6(), port.host_port));
    ports
}

/// The machine's address of a port, as Docker writes each one.
#[must_use]
pub fn host_address(port: &PortMapping) -> String {
    let every = if port.address.is_ipv6() { "::" } else { "0.0.0.0" };
    port.published_at().map_or_else(|| every.to_owned(), |address| address.to_string())
}

/// The machine's port; nothing where the container's own address is reached.
fn host_port(port: &PortMapping) -> String {
    if port.host_port == 0 { String::new() } else { port.host_port.to_string() }
}

/// The machine's address and port, with brackets around an address of IPv6.
#[must_use]
pub fn host_place(port: &PortMapping) -> String {
    let address = host_address(port);
    if address.contains(':') {
        format!("[{address}]:{}", host_port(port))
    } else {
        format!("{address}:{}", host_port(port))
    }
}

/// Ports that the image or the caller says are there. Nobody is behind them where the container does not run.
pub(crate) fn said_to_be_there(container: &Container) -> &[String] {
    if matches!(container.state, State::Running { .. }) {
        &container.config.exposed_ports
    } else {
        &[]
    }
}

/// Ports as `ps` shows them: those that lead in, then those that are only said to be there.
pub(crate) fn in_a_list(ports: &[PortMapping], exposed: &[String]) -> String {
    let place = |port: &PortMapping| format!("{}/{}", port.port, port.transport.word());
    let (open, translated): (Vec<_>, Vec<_>) = ports.iter().partition(|port| port.host_port == 0);
    let published =
        translated.into_iter().map(|port| format!("{}->{}", host_place(port), place(port)));
    // Once for both families.
    let mut open: Vec<String> = open.into_iter().map(place).collect();
    open.dedup();
    let is_published = |text: &&String| ports.iter().any(|port| **text == place(port));
    let others = exposed.iter().filter(|text| !is_published(text)).cloned();
    published.chain(open).chain(others).collect::<Vec<_>>().join(", ")
}

/// `NetworkSettings.Ports`.
pub(crate) fn ports_document(ports: &[PortMapping], exposed: &[String]) -> Value {
    let mut all = serde_json::Map::new();
    for text in exposed {
        all.insert(text.clone(), Value::Null);
    }
    for port in ports {
        let name = format!("{}/{}", port.port, port.transport.word());
        let entry = json!({"HostIp": host_address(port), "HostPort": host_port(port)});
        match all.get_mut(&name) {
            Some(Value::Array(list)) => list.push(entry),
            _ => {
                all.insert(name, json!([entry]));
            }
        }
    }
    Value::Object(all)
}

/// `NetworkSettings.Networks`.
pub(crate) fn networks_document(places: &[ShownPlace]) -> Document {
    places.iter().fold(Document::new(), |all, place| {
        all.with(place.network.name.clone(), place_document(place))
    })
}

fn place_document(place: &ShownPlace) -> Document {
    let given = place.given.as_ref();
    let address = |v6: bool| {
        given.and_then(|given| given.addresses.iter().find(|own| own.is_v6() == v6).copied())
    };
    let wish = &place.wish;
    let list = |items: Vec<String>| if items.is_empty() { Value::Null } else { items.into() };
    let links = wish.links.iter().map(|(alias, name)| format!("{name}:{alias}")).collect();
    let options: serde_json::Map<_, _> =
        wish.options.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    ShownEndpoint {
        wanted: wanted(wish),
        links: list(links),
        aliases: list(wish.aliases.clone()),
        hardware: hardware(given),
        options: if options.is_empty() { Value::Null } else { options.into() },
        priority: wish.gateway_priority,
        network: place.network.id.clone(),
        endpoint: given.map(|_| place.endpoint_id()).unwrap_or_default(),
        addresses: [address(false), address(true)],
        gateways: place.gateways(),
        names: list(place.names.clone()),
    }
    .document()
}

/// `MacAddress`, which is empty where it is not the container's own.
fn hardware(given: Option<&Attachment>) -> String {
    let own = given.and_then(Attachment::own_hardware);
    own.map(|own| own.to_string()).unwrap_or_default()
}

/// `IPAMConfig`: the addresses that were asked for.
fn wanted(wish: &NetworkWish) -> Value {
    let mut wanted = serde_json::Map::new();
    wanted.extend(wish.ipv4.map(|own| ("IPv4Address".to_owned(), own.to_string().into())));
    wanted.extend(wish.ipv6.map(|own| ("IPv6Address".to_owned(), own.to_string().into())));
    if !wish.link_local.is_empty() {
        let addresses: Vec<_> = wish.link_local.iter().map(ToString::to_string).collect();
        wanted.insert("LinkLocalIPs".to_owned(), addresses.into());
    }
    if wanted.is_empty() { Value::Null } else { wanted.into() }
}

/// An entry of `NetworkSettings.Networks`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShownEndpoint {
    wanted: Value,
    links: Value,
    aliases: Value,
    hardware: String,
    options: Value,
    priority: i32,
    network: String,
    endpoint: String,
    /// Of IPv4, and of IPv6.
    addresses: [Option<Cidr>; 2],
    gateways: [String; 2],
    names: Value,
}

impl ShownEndpoint {
    pub(crate) fn document(self) -> Document {
        let [v4, v6] = self.addresses;
        let text = |own: Option<Cidr>| own.map(|own| own.address().to_string()).unwrap_or_default();
        let prefix = |own: Option<Cidr>| own.map_or(0, |own| own.prefix());
        let [gateway, gateway_v6] = self.gateways;
        Document::new()
            .with("IPAMConfig", self.wanted)
            .with("Links", self.links)
            .with("Aliases", self.aliases)
            .with("MacAddress", self.hardware)
            .with("DriverOpts", self.options)
            .with("GwPriority", self.priority)
            .with("NetworkID", self.network)
            .with("EndpointID", self.endpoint)
            .with("Gateway", gateway)
            .with("IPAddress", text(v4))
            .with("IPPrefixLen", prefix(v4))
            .with("IPv6Gateway", gateway_v6)
            .with("GlobalIPv6Address", text(v6))
            .with("GlobalIPv6PrefixLen", prefix(v6))
            .with("DNSNames", self.names)
    }
}

/// An id of a container's place in a network: 64 hexadecimal digits that follow from both.
pub(crate) fn endpoint_id(container: &str, network: &str) -> String {
    [container, network].map(|id| id.get(..32).unwrap_or_default()).concat()
}

impl ShownPlace {
    fn endpoint_id(&self) -> String {
        endpoint_id(&self.container, &self.network.id)
    }

    fn gateways(&self) -> [String; 2] {
        [false, true].map(|v6| {
            let given = self.given.as_ref();
            let found =
                given.and_then(|given| given.gateways.iter().find(|own| own.is_ipv6() == v6));
            found.map(ToString::to_string).unwrap_or_default()
        })
    }

    /// The fields that Docker had before a container could be in several networks: those of the default one.
    pub(crate) fn of_old(places: &[Self], document: Document) -> Document {
        let place = places.iter().find(|place| place.network.name == DEFAULT);
        let given = place.and_then(|place| place.given.as_ref());
        let address = |v6: bool| {
            let found =
                given.and_then(|given| given.addresses.iter().find(|own| own.is_v6() == v6));
            let text = found.map(|own| own.address().to_string()).unwrap_or_default();
            (text, found.map_or(0, |own| own.prefix()))
        };
        let ((v4, v4_prefix), (v6, v6_prefix)) = (address(false), address(true));
        let [gateway, gateway_v6] = place.map(Self::gateways).unwrap_or_default();
        let endpoint = place.filter(|_| given.is_some()).map(Self::endpoint_id).unwrap_or_default();
        document
            .with("EndpointID", endpoint)
            .with("Gateway", gateway)
            .with("GlobalIPv6Address", v6)
            .with("GlobalIPv6PrefixLen", v6_prefix)
            .with("IPAddress", v4)
            .with("IPPrefixLen", v4_prefix)
            .with("IPv6Gateway", gateway_v6)
            .with("MacAddress", hardware(given))
    }
}
