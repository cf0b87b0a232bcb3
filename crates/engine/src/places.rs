//! A container's places in its networks: what it is given of them for a run. Names become addresses here, and ports of the machine are
//! claimed; the monitor attaches what comes of it. Start at [`Containers::give_places`]; what changes while it runs is in `live`.

mod arrange;
mod live;
mod names;
mod plugins;
mod ports;
mod register;
mod shown;
mod user;

use std::net::IpAddr;

use monitor::NetworkPlan;
use network::{Attachment, Machine};
use spec::ContainerId;
use store::Giving;

use crate::config::{ContainerConfig, NetworkMode, NetworkWish};
use crate::containers::{Containers, Made};
use crate::error::EngineError;
use crate::networks::{NONE, Network, NetworksHandle};
use crate::parse;
use arrange::Subject;

pub use plugins::CniPaths;
pub(crate) use plugins::PREFIX as CNI;
pub(crate) use register::Register;
pub(crate) use shown::{
    ShownEndpoint, ShownPlace, endpoint_id, in_a_list, networks_document, ports_document, ports_of,
    said_to_be_there,
};
pub use shown::{host_address, host_place};

/// A place that is being given.
struct Place {
    network: Network,
    wish: NetworkWish,
    /// What it has of it already.
    given: Option<Attachment>,
}

impl Containers<'_> {
    /// Puts a container of which nobody said where it is into the network that the machine's settings name.
    pub(crate) fn settle_network(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        let is_open = |name: &String| *name == parse::DEFAULT_NETWORK;
        let NetworkMode::Networks(first) = &mut config.network else { return Ok(()) };
        let wishes = config.networks.iter_mut().map(|wish| &mut wish.network);
        let open: Vec<_> = wishes.chain([first]).filter(|name| is_open(name)).collect();
        if open.is_empty() {
            return Ok(());
        }
        let usual = self.engine.networks().settings()?.default_network;
        if usual != NONE {
            open.into_iter().for_each(|name| name.clone_from(&usual));
            return Ok(());
        }
        let plain =
            NetworkWish { network: parse::DEFAULT_NETWORK.to_owned(), ..NetworkWish::default() };
        if config.publish_all || !config.ports.is_empty() || config.networks != [plain] {
            let why = "containers of this machine are in no network (corten network settings), and what is wanted of one needs it: give one by --network";
            return Err(EngineError::value("network", parse::DEFAULT_NETWORK, why));
        }
        config.network = NetworkMode::None;
        config.networks.clear();
        Ok(())
    }

    /// The networks that a new container wants to be in, by their ids, and what it wants of each, as it is written down.
    pub(crate) fn wishes(
        &self,
        config: &ContainerConfig,
    ) -> Result<Vec<(String, String)>, EngineError> {
        self.check_lists(config)?;
        let wish = |wish: &NetworkWish| {
            let network = self.engine.networks().get(&wish.network)?.with_places()?;
            let json = serde_json::to_string(wish)
                .map_err(|cause| EngineError::Record { name: network.name, cause })?;
            Ok((network.id, json))
        };
        config.networks.iter().map(wish).collect()
    }

    /// Gives a container its places for a run, and makes what it needs of its networks on the machine; nothing where it is in none by its mode.
    pub(crate) fn give_places(&self, made: &Made) -> Result<Option<NetworkPlan>, EngineError> {
        if !matches!(made.config.network, NetworkMode::Networks(_)) {
            return Ok(None);
        }
        let given = match self.try_to_give(made) {
            Err(EngineError::Value { .. }) => {
                // Who has it may have ended, and nobody has looked since.
                self.all()?;
                self.try_to_give(made)
            }
            given => given,
        };
        given.map(Some)
    }

    fn try_to_give(&self, made: &Made) -> Result<NetworkPlan, EngineError> {
        let giving = self.engine.store.networks().give(&made.id)?;
        // Of a run before.
        let forget = |place| Place { given: None, ..place };
        let places = self.wished(&giving)?.into_iter().map(forget).collect();
        let subject =
            Subject { id: &made.id, name: &made.name, config: &made.config, plugged: &[] };
        let mut plan = self.arrange(&giving, &subject, places)?;
        plan.cni = self.give_plugins(&giving, made, &plan.places)?;
        giving.commit()?;
        Ok(plan)
    }

    /// Gives places, and makes their networks where they are not there.
    fn arrange(
        &self,
        giving: &Giving<'_>,
        subject: &Subject<'_>,
        places: Vec<Place>,
    ) -> Result<NetworkPlan, EngineError> {
        let networks = self.engine.networks();
        let keeper = self.engine.keeper.as_ref();
        if let Some(keeper) = keeper {
            user::demand_way_out(keeper, subject.config, &places)?;
        }
        // Plugins need nothing of ours.
        if !places.is_empty() {
            let mut machine = networks.machine()?;
            networks.restore_rules(&mut machine)?;
            for place in &places {
                make_ready(&mut machine, &place.network)?;
            }
        }
        let usual = self.usual_addresses(subject.config)?;
        let user = keeper.map(|_| self.engine.paths().state.as_path());
        let mut plan = arrange::arrange(giving, subject, places, (&usual, user))?;
        plan.tables = networks.tables();
        plan.state_dir.clone_from(&self.engine.paths().state);
        plan.forwarder = keeper.map(|_| self.engine.paths().state.clone());
        plan.settle = self.own_command(["settle-networks", subject.id.as_str()]);
        if let Some(names) = &mut plan.names {
            names.state_dir.clone_from(&self.engine.paths().state);
        }
        Ok(plan)
    }

    /// The machine's addresses of ports where nobody says which.
    fn usual_addresses(&self, config: &ContainerConfig) -> Result<Vec<IpAddr>, EngineError> {
        if config.ports.is_empty() && !config.publish_all {
            return Ok(Vec::new());
        }
        Ok(self.engine.networks().settings()?.publish_addresses)
    }

    /// Takes a container out of its networks whose monitor was killed before it could.
    pub(crate) fn take_places_back(&self, id: &ContainerId) -> Result<(), EngineError> {
        let endpoints = self.engine.store.networks().of_container(id)?;
        let given: Vec<Attachment> = endpoints
            .iter()
            .filter_map(|endpoint| serde_json::from_str(endpoint.given.as_deref()?).ok())
            .collect();
        if given.is_empty() {
            return Ok(());
        }
        let taken = self.engine.networks().machine()?.detach(&given);
        taken.map_err(EngineError::network("take a container out of", "its networks"))
    }

    fn wished(&self, giving: &Giving<'_>) -> Result<Vec<Place>, EngineError> {
        let mut places = Vec::new();
        for endpoint in giving.endpoints()? {
            let network = self.engine.networks().get(&endpoint.network)?;
            let wish = serde_json::from_str(&endpoint.wanted)
                .map_err(|cause| EngineError::Record { name: network.name.clone(), cause })?;
            let given = endpoint.given.as_deref().map(serde_json::from_str).transpose();
            let given =
                given.map_err(|cause| EngineError::Record { name: network.name.clone(), cause })?;
            places.push(Place { network, wish, given });
        }
        Ok(places)
    }
}

impl NetworksHandle<'_> {
    /// What every container that may run was given.
    pub(crate) fn given(&self) -> Result<Vec<(ContainerId, Vec<Attachment>)>, EngineError> {
        let mut all: Vec<(ContainerId, Vec<Attachment>)> = Vec::new();
        for endpoint in self.store().given()? {
            let Some(given) = endpoint.given else { continue };
            let attachment = serde_json::from_str(&given).map_err(|cause| EngineError::Record {
                name: endpoint.container.short().to_owned(),
                cause,
            })?;
            match all.last_mut() {
                Some((container, attachments)) if *container == endpoint.container => {
                    attachments.push(attachment);
                }
                _ => all.push((endpoint.container, vec![attachment])),
            }
        }
        Ok(all)
    }
}

/// Makes a network's interface where it is not there: at first, and after a reboot.
fn make_ready(machine: &mut Machine, network: &Network) -> Result<(), EngineError> {
    let is_there = machine.has_interface(&network.interface());
    if is_there.map_err(|cause| network.refused("look for", cause))? {
        return Ok(());
    }
    network.restore(machine).map_err(|cause| network.refused("make", cause))
}
