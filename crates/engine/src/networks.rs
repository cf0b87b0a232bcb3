//! Networks as people have them: made, listed, removed. What a container is given of them is in [`crate::places`].

mod builtin;
mod config;
mod doctor;
mod modes;
mod options;
mod parent_options;
mod plan;
mod request;
mod settings;
mod shown;

use std::collections::BTreeMap;

use monitor::events::Actor;
use network::{BridgePlan, Machine, NetworkError};
use spec::network::HardwareAddress;
use store::Networks;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::image_filter::Labels;
use crate::names;

pub use config::{Driver, NetworkConfig, Subnet};
pub use doctor::{Diagnosis, Finding, Reach};
pub use modes::{GatewayMode, GatewayModes};
pub use request::{NetworkRequest, SubnetRequest};
pub(crate) use settings::NONE;
pub use settings::NetworkSettings;

/// Name of the network that containers are in where nobody says otherwise.
pub const DEFAULT: &str = "bridge";
/// Names that are no networks of their own.
const RESERVED: [&str; 4] = ["none", "host", "container", "default"];

/// A network with what is recorded of it.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// How it is.
    pub config: NetworkConfig,
}

/// Which networks are listed; every kind that is given must be met, by one of its values.
#[derive(Clone, Debug, Default)]
pub struct NetworkFilter {
    dangling: Option<bool>,
    drivers: Vec<String>,
    ids: Vec<String>,
    names: Vec<String>,
    scopes: Vec<String>,
    is_custom: Option<bool>,
    labels: Labels,
}

/// Handle on the networks.
#[derive(Clone, Copy, Debug)]
pub struct NetworksHandle<'a> {
    pub(crate) engine: &'a Engine,
}

impl NetworkFilter {
    /// Adds a condition: `dangling=BOOL`, `driver=NAME`, `id=PREFIX`, `label=NAME[=VALUE]`, `name=PART`, `scope=local`,
    /// `type=custom|builtin`.
    ///
    /// # Errors
    /// For another kind, or a value that it cannot have.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("filter", text, why);
        let (kind, value) =
            text.split_once('=').ok_or_else(|| wrong("it is not of the form KIND=VALUE"))?;
        match (kind, value) {
            ("dangling", "1" | "t" | "true") => self.dangling = Some(true),
            ("dangling", "0" | "f" | "false") => self.dangling = Some(false),
            ("dangling", _) => return Err(wrong("it is not true or false")),
            ("type", "custom") => self.is_custom = Some(true),
            ("type", "builtin") => self.is_custom = Some(false),
            ("type", _) => return Err(wrong("it is not custom or builtin")),
            ("driver", _) => self.drivers.push(value.to_owned()),
            ("id", _) => self.ids.push(value.to_owned()),
            ("name", _) => self.names.push(value.to_owned()),
            ("scope", _) => self.scopes.push(value.to_owned()),
            ("label", _) => self.labels.add(value, true),
            _ => {
                return Err(wrong(
                    "the kind is not one of dangling, driver, id, label, name, scope, type",
                ));
            }
        }
        Ok(())
    }

    fn allows(&self, network: &Network, is_held: bool) -> bool {
        let any = |list: &[String], fits: &dyn Fn(&str) -> bool| {
            list.is_empty() || list.iter().any(|text| fits(text))
        };
        let is_custom = network.is_custom();
        self.dangling.is_none_or(|dangling| is_custom && dangling != is_held)
            && self.is_custom.is_none_or(|wanted| wanted == is_custom)
            && any(&self.drivers, &|driver| driver == network.config.driver.word())
            && any(&self.ids, &|id| network.id.starts_with(id))
            && any(&self.names, &|part| network.name.contains(part))
            && any(&self.scopes, &|scope| scope == "local")
            && self.labels.are_met_by(Some(&network.config.labels))
    }
}

impl<'a> NetworksHandle<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    pub(crate) fn store(&self) -> Networks<'a> {
        self.engine.store.networks()
    }

    /// Makes a network, and its bridge.
    ///
    /// # Errors
    /// When the name is taken, its addresses are another network's or the machine's own, or the kernel refuses. Nothing is left then.
    pub fn create(&self, request: &NetworkRequest) -> Result<Network, EngineError> {
        let name = request.name.clone();
        if RESERVED.contains(&name.as_str()) || name == DEFAULT {
            let why = "it is a name that stands for something else";
            return Err(EngineError::value("network name", name, why));
        }
        let network = self.record(request)?;
        let made = self.machine().and_then(|mut machine| {
            self.store().locked(|| self.restore_rules(&mut machine))?;
            network.make(&mut machine).map_err(|cause| network.refused("make", cause))
        });
        if let Err(error) = made {
            // The first error tells more.
            let _kept = self.store().remove(&network.id);
            return Err(error);
        }
        self.tell(&network, "create", &[]);
        Ok(network)
    }

    fn record(&self, request: &NetworkRequest) -> Result<Network, EngineError> {
        request.check_name()?;
        let routes = self.machine()?.routes().map_err(EngineError::network("look at", "routes"))?;
        let id = names::random_volume()?;
        let created_ns = monitor::now_ns();
        let settings = self.settings()?;
        let mut decided = None;
        self.store().insert(|present| {
            let present: Vec<_> =
                present.iter().map(|row| Network::read(row.clone())).collect::<Result<_, _>>()?;
            if present.iter().any(|own| own.name == request.name) {
                let (what, name) = ("network", request.name.clone());
                return Err(store::StoreError::Exists { what, name }.into());
            }
            let config = request.decide(&present, &routes, &settings)?;
            let name = request.name.clone();
            let network = Network { id, name, created_ns, config };
            let row = network.write()?;
            decided = Some(network);
            Ok::<_, EngineError>(row)
        })?;
        decided.ok_or_else(|| request.wrong_name("it was not written down"))
    }

    /// The network of that name or id.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, text: &str) -> Result<Network, EngineError> {
        if text == DEFAULT {
            return self.default_network();
        }
        if let Some(network) = builtin::find(text) {
            return Ok(network);
        }
        match self.store().get(text) {
            Ok(row) => Network::read(row),
            Err(error) => builtin::begins(text).ok_or_else(|| error.into()),
        }
    }

    /// The network of containers of which nobody says otherwise; it is made when it is first asked for.
    pub(crate) fn default_network(&self) -> Result<Network, EngineError> {
        if let Some(row) = self.store().find(DEFAULT)? {
            return Network::read(row);
        }
        let mut request = NetworkRequest { name: DEFAULT.to_owned(), ..NetworkRequest::default() };
        if self.is_the_machines() {
            let name = "com.docker.network.bridge.name".to_owned();
            request.options.insert(name, "corten0".to_owned());
        }
        match self.record(&request) {
            Ok(network) => Ok(network),
            // Another command was sooner.
            Err(error) => self.store().find(DEFAULT)?.map_or(Err(error), Network::read),
        }
    }

    /// Networks that meet the filter, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, filter: &NetworkFilter) -> Result<Vec<Network>, EngineError> {
        self.default_network()?;
        let mut found = Vec::new();
        for row in self.store().list()? {
            let is_held = !self.store().holders(&row.id)?.is_empty();
            let network = Network::read(row)?;
            if filter.allows(&network, is_held) {
                found.push(network);
            }
        }
        found.extend(builtin::all().filter(|network| filter.allows(network, true)));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Removes a network that no container is in.
    ///
    /// # Errors
    /// When there is none, it is the default one, a container is in it, or the kernel refuses.
    pub fn remove(&self, text: &str) -> Result<Network, EngineError> {
        let network = self.get(text)?;
        if !network.is_custom() {
            let why = "it is one that everybody has and cannot be removed";
            return Err(EngineError::value("network", network.name, why));
        }
        self.store().remove(&network.id)?;
        let removed = network.unmake(&mut self.machine()?);
        removed.map_err(|cause| network.refused("remove", cause))?;
        self.tell(&network, "destroy", &[]);
        Ok(network)
    }

    /// Makes the rules and bridges of every network anew, with all containers in them.
    ///
    /// # Errors
    /// When the store cannot be read, or the kernel refuses: the first one, behind the attempt at all others.
    pub fn reload(&self) -> Result<(), EngineError> {
        let mut machine = self.machine()?;
        self.rewrite_rules(&mut machine)?;
        let mut first = Ok(());
        for row in self.store().list()? {
            let network = Network::read(row)?;
            let made = network.restore(&mut machine);
            first = first.and(made.map_err(|cause| network.refused("make", cause)));
        }
        for (_, places) in self.given()? {
            let set = machine.set_ports(&places);
            first = first.and(set.map_err(EngineError::network("set", "containers' interfaces")));
        }
        first
    }

    /// Makes the rules anew.
    fn rewrite_rules(&self, machine: &mut Machine) -> Result<(), EngineError> {
        self.store().locked(|| self.write_rules(machine))
    }

    /// Makes the rules anew where somebody has removed them; the caller holds the store.
    pub(crate) fn restore_rules(&self, machine: &mut Machine) -> Result<(), EngineError> {
        let is_there = machine.has_rules().map_err(EngineError::network("look for", "rules"))?;
        if is_there { Ok(()) } else { self.write_rules(machine) }
    }

    /// The caller holds the store: nobody is given a place meanwhile, which would come into rules that are about to go. Nor does anybody leave.
    fn write_rules(&self, machine: &mut Machine) -> Result<(), EngineError> {
        let state = &self.engine.paths().state;
        let _held = monitor::hold_tables(state).map_err(EngineError::file("lock", state))?;
        let rows = self.store().list()?;
        let networks: Vec<BridgePlan> = rows
            .into_iter()
            .filter_map(|row| Network::read(row).map(|network| network.bridge()).transpose())
            .collect::<Result<_, _>>()?;
        let mut given = self.given()?;
        let containers = self.engine.store.containers();
        given.retain(|(id, _)| !monitor::has_left(&containers.dirs(id).state));
        let policy = self.settings()?.publish_policy;
        let written = machine.write_rules(
            policy,
            &networks,
            given.iter().map(|(_, places)| places.as_slice()),
        );
        written.map_err(EngineError::network("write", "rules"))
    }

    /// The machine's side, under the name of this store's tables.
    pub(crate) fn machine(&self) -> Result<Machine, EngineError> {
        Machine::open(&self.tables())
            .map_err(EngineError::network("reach", "the machine's network"))
    }

    /// Name of this store's tables: two stores on one machine do not share them.
    pub(crate) fn tables(&self) -> String {
        if self.is_the_machines() {
            return "corten".to_owned();
        }
        format!("corten-{}", self.engine.paths().fingerprint())
    }

    /// Whether this is the store that a machine has where nobody says otherwise: its names are short.
    fn is_the_machines(&self) -> bool {
        self.engine.paths().root == std::path::Path::new("/var/lib/corten")
    }

    pub(crate) fn tell(&self, network: &Network, action: &str, more: &[(&str, &str)]) {
        let own = [("name", network.name.as_str()), ("type", network.config.driver.word())];
        let attributes: BTreeMap<_, _> = own
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.engine.tell("network", action, Actor { id: network.id.clone(), attributes });
    }
}

impl Network {
    pub(crate) fn read(row: store::Network) -> Result<Self, EngineError> {
        let store::Network { id, name, created_ns, config } = row;
        let config = serde_json::from_str(&config)
            .map_err(|cause| EngineError::Record { name: name.clone(), cause })?;
        Ok(Self { id, name, created_ns, config })
    }

    fn write(&self) -> Result<store::Network, EngineError> {
        let config = serde_json::to_string(&self.config)
            .map_err(|cause| EngineError::Record { name: self.name.clone(), cause })?;
        let (id, name) = (self.id.clone(), self.name.clone());
        Ok(store::Network { id, name, created_ns: self.created_ns, config })
    }

    /// Name of its interface: that of its bridge, or of what its containers' interfaces are on.
    #[must_use]
    pub fn interface(&self) -> String {
        let config = &self.config;
        let named = match config.driver {
            Driver::Bridge => &config.interface,
            Driver::Macvlan | Driver::Ipvlan => &config.parent,
            Driver::Host | Driver::Null => &None,
        };
        let short = self.id.get(..12).unwrap_or_default();
        let prefix = if config.driver == Driver::Bridge { "br" } else { "dm" };
        named.clone().unwrap_or_else(|| format!("{prefix}-{short}"))
    }

    pub(crate) fn hardware(&self) -> HardwareAddress {
        let gateways = self.config.subnets.iter().filter_map(|subnet| subnet.gateway);
        let first = gateways.into_iter().next();
        first.map_or(HardwareAddress::local([2, 0, 0, 0, 0, 1]), hardware_of)
    }

    pub(crate) fn refused(&self, action: &'static str, cause: NetworkError) -> EngineError {
        EngineError::network(action, &format!("network {}", self.name))(cause)
    }
}

/// A hardware address that follows from an IP address: who has the one next has the other too, and nobody's memory of it is wrong.
pub(crate) fn hardware_of(address: std::net::IpAddr) -> HardwareAddress {
    match address {
        std::net::IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            HardwareAddress::local([0x02, 0x42, a, b, c, d])
        }
        std::net::IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            HardwareAddress::local([0x02, 0x43, a, b, c, d])
        }
    }
}
