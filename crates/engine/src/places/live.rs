//! Places that come and go while a container is there: `network connect`, `network disconnect`, ports that `update` publishes. One that runs has
//! them at once: its monitor changes them, and the records are written when it has.

use monitor::{Life, observe};
use network::cni::Record;
use spec::network::Cidr;
use store::{Giving, StoreError};

use super::arrange::demand_subnets;
use super::{Subject, names, plugins};
use crate::config::{NetworkMode, NetworkWish};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::networks::{DEFAULT, Network, NetworksHandle};
use crate::oci::HostFiles;
use crate::start::hostname;
use crate::state::State;

impl NetworksHandle<'_> {
    /// Gives a container a place in a network; at once where it runs.
    ///
    /// # Errors
    /// When there is no such network or container, it has a place there, it has no network of its own, or what it wants is not to be had. Nothing is
    /// changed then.
    pub fn connect(&self, container: &str, wish: &NetworkWish) -> Result<(), EngineError> {
        let network = self.get(&wish.network)?.with_places()?;
        let containers = self.engine.containers();
        let (_lock, container) = containers.locked(container)?;
        demand_networks(&container)?;
        // Whoever does not run yet hears it now, not at its start.
        demand_subnets(&network, wish)?;
        if network.name == DEFAULT {
            // It is said before anything is changed.
            containers.lines_of(&wish.links)?;
        }
        let json = serde_json::to_string(wish)
            .map_err(|cause| EngineError::Record { name: network.name.clone(), cause })?;
        containers.change_places(&container, |giving| match giving.add(&network.id, &json) {
            Err(StoreError::Exists { .. }) => {
                let why = format!("it is in network {} already", network.name);
                Err(EngineError::Place { container: container.record.name.clone(), why })
            }
            added => Ok(added?),
        })?;
        self.tell_of(&network, "connect", &container);
        Ok(())
    }

    /// Takes a container's place in a network away; at once where it runs.
    ///
    /// # Errors
    /// When there is no such network or container, or it has no place there.
    pub fn disconnect(&self, container: &str, network: &str) -> Result<(), EngineError> {
        let network = self.get(network)?;
        let containers = self.engine.containers();
        let (_lock, container) = containers.locked(container)?;
        containers.change_places(&container, |giving| {
            if giving.remove(&network.id)? {
                return Ok(());
            }
            let why = format!("it is not in network {}", network.name);
            Err(EngineError::Place { container: container.record.name.clone(), why })
        })?;
        self.tell_of(&network, "disconnect", &container);
        Ok(())
    }

    fn tell_of(&self, network: &Network, action: &str, container: &Container) {
        self.tell(network, action, &[("container", container.record.id.as_str())]);
    }
}

impl Containers<'_> {
    /// Brings the places of a container that runs in line with the records: for its monitor, after who changed them was killed.
    ///
    /// # Errors
    /// When there is no such container, or its monitor refuses.
    pub fn settle_places(&self, id: &str) -> Result<(), EngineError> {
        let (_lock, container) = self.locked(id)?;
        self.change_places(&container, |_giving| Ok(()))
    }

    /// Changes a container's places; where it runs its monitor brings about what comes of it before the change is written down.
    pub(crate) fn change_places(
        &self,
        container: &Container,
        change: impl FnOnce(&Giving<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let id = &container.record.id;
        let monitor = match container.state {
            State::Running { .. } | State::Restarting(_) | State::Starting => {
                self.monitor_of(container)?
            }
            State::Created { .. } | State::Exited(_) => None,
        };
        let giving = self.engine.store.networks().give(id)?;
        let before = self.wished(&giving)?;
        change(&giving)?;
        let Some(mut monitor) = monitor else { return Ok(giving.commit()?) };
        let places = self.wished(&giving)?;
        let (links_before, links) = (names::links_of(&before), names::links_of(&places));
        let name = &container.record.name;
        let plugged: Vec<_> = Record::all(&container.dirs.container)?
            .into_iter()
            .map(|record| record.place)
            .collect();
        let subject = Subject { id, name, config: &container.config, plugged: &plugged };
        let plan = self.arrange(&giving, &subject, places)?;
        let changed = monitor.set_networks(&container.dirs.state, &plan);
        if changed.is_err() && has_ended(container) {
            // The next run has them.
            return Ok(giving.commit()?);
        }
        changed
            .map_err(EngineError::file("change the networks of", &container.dirs.state))?
            .map_err(|why| EngineError::Places { name: name.clone(), why })?;
        giving.commit()?;
        monitor.keep_networks();
        let given = before.iter().filter_map(|place| place.given.as_ref());
        let had: Vec<Cidr> = given.flat_map(|given| given.addresses.clone()).collect();
        let hostname = hostname(&container.config, id);
        let links = self.changed_links(&links_before, &links)?;
        HostFiles::of(&container.dirs.container, &container.config)
            .in_networks_of(self.engine.keeper.as_ref())
            .rewrite(&hostname, &container.config, (&had, &plan), &links)?;
        if plan.names.is_none() && !plugged.is_empty() {
            let rules = plugins::rules(&container.config, &hostname);
            monitor::ask_plugins_servers(&container.dirs.container, &rules)?;
        }
        Ok(())
    }
}

/// Whether the run is over, by what its monitor has left: a record cannot be read while one is written.
fn has_ended(container: &Container) -> bool {
    let life = observe(&container.dirs.state, &container.dirs.container);
    matches!(life, Ok(Life::Exited(_) | Life::Lost { .. }))
}

/// Whether a container can be given places at all.
fn demand_networks(container: &Container) -> Result<(), EngineError> {
    let why = match &container.config.network {
        NetworkMode::Networks(_) => return Ok(()),
        NetworkMode::None => "it has no network at all (--network none)",
        NetworkMode::Host => "it has the host's network",
        NetworkMode::Container(_) => "it has another container's network",
    };
    Err(EngineError::value("container", container.record.name.clone(), why))
}
