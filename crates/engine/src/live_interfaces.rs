//! Interfaces of the machine that a running container is given, and that are taken away again.
//!
//! Nothing is written down. At the container's end the kernel gives hardware back to the machine, and destroys what is none:
//! network_namespaces(7).

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::config::NetworkMode;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::{Action, State};

impl Containers<'_> {
    /// Moves an interface of the machine into a running container, where it is called `inside` and is down.
    ///
    /// # Errors
    /// When there is none, the name is taken inside, the container has the machine's network, or the kernel moves no such interface.
    pub fn add_interface(
        &self,
        container: &Container,
        name: &str,
        inside: &str,
    ) -> Result<(), EngineError> {
        let namespace = self.own_network(container, name)?;
        let moved = network::give_interface(name, inside, namespace.as_fd());
        moved.map_err(EngineError::network("give", &object(container, name)))
    }

    /// Moves an interface from a running container to the machine, where it is called `name`.
    ///
    /// # Errors
    /// As [`Containers::add_interface`].
    pub fn remove_interface(
        &self,
        container: &Container,
        inside: &str,
        name: &str,
    ) -> Result<(), EngineError> {
        let namespace = self.own_network(container, inside)?;
        let moved = network::take_interface(inside, name, namespace.as_fd());
        moved.map_err(EngineError::network("take back", &object(container, inside)))
    }

    /// Its network namespace, where it has one and the caller is no user.
    fn own_network(&self, container: &Container, name: &str) -> Result<OwnedFd, EngineError> {
        container.allow(Action::Exec)?;
        let wrong = |why: &str| Err(EngineError::value("interface", name, why));
        if self.engine.keeper.is_some() {
            return wrong("a user has no right to the machine's interfaces");
        }
        if container.config.network == NetworkMode::Host {
            return wrong("the container has the machine's network");
        }
        let State::Running { pid, .. } = container.state else {
            return Err(container.refuse(Action::Exec, "not running"));
        };
        let path = std::path::PathBuf::from(format!("/proc/{pid}/ns/net"));
        openat(CWD, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| EngineError::file("open", &path)(errno.into()))
    }
}

fn object(container: &Container, name: &str) -> String {
    format!("interface {name} of container {}", container.record.name)
}
