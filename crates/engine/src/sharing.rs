//! Containers that others lean on: those whose namespaces are shared, and those that are started first.

use crate::config::{ContainerConfig, IpcMode, NetworkMode, PidMode};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::oci::Joined;
use crate::start::Attach;
use crate::state::{Action, State};

impl Containers<'_> {
    /// A container that runs, and its first process.
    pub(crate) fn running(&self, id: &str) -> Result<(i32, Container), EngineError> {
        let other = self.get(id)?;
        other.allow(Action::ShareNamespaces)?;
        match other.state {
            State::Running { pid, .. } => Ok((pid, other)),
            State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => {
                Err(other.refuse(Action::ShareNamespaces, "not running"))
            }
        }
    }

    /// Whose IPC and PID namespaces are joined.
    pub(crate) fn joined(&self, config: &ContainerConfig) -> Result<Joined, EngineError> {
        let mut joined = Joined::default();
        if let PidMode::Container(id) = &config.sharing.pid {
            joined.pid = Some(self.running(id)?.0);
        }
        if let IpcMode::Container(id) = &config.sharing.ipc {
            let (pid, other) = self.running(id)?;
            if other.config.sharing.ipc != IpcMode::Shareable {
                let why = "that container was not made with --ipc shareable";
                return Err(EngineError::value("ipc mode", format!("container:{id}"), why));
            }
            joined.ipc = Some(pid);
        }
        Ok(joined)
    }

    /// Starts those that must run before a container of this configuration.
    pub(crate) fn start_required(&self, config: &ContainerConfig) -> Result<(), EngineError> {
        for name in &config.requires {
            let required = self.get(name)?;
            if let Some(mut connection) = self.start(name, Attach::default())? {
                self.started(&required.record.id, &required.record.name, &mut connection)?;
            }
        }
        Ok(())
    }

    /// Names of other containers become their ids: a name may mean another container tomorrow.
    pub(crate) fn resolve_others(&self, config: &mut ContainerConfig) -> Result<(), EngineError> {
        let resolve = |name: &mut String| {
            let id = self.engine.store.containers().get(name)?.id;
            id.as_str().clone_into(name);
            Ok::<_, EngineError>(())
        };
        if let NetworkMode::Container(name) = &mut config.network {
            resolve(name)?;
        }
        self.settle_network(config)?;
        if let PidMode::Container(name) = &mut config.sharing.pid {
            resolve(name)?;
        }
        if let IpcMode::Container(name) = &mut config.sharing.ipc {
            resolve(name)?;
        }
        config.requires.iter_mut().try_for_each(resolve)?;
        self.settle_users(config)
    }

    /// Removes whoever has the name that a new container is to have. What would be refused of the new one is refused before.
    pub(crate) fn replace(&self, name: &str) -> Result<(), EngineError> {
        match self.engine.store.containers().get(name) {
            // A prefix of an id is no name.
            Ok(record) if record.name == name => self.remove(record.id.as_str(), true, false),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == store::Kind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
