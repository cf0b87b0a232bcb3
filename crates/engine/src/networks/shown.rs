//! Networks as documents: with the containers that are in them, and without.

use std::fs::File;
use std::os::fd::AsFd;

use network::{Attachment, LiveInterface};
use spec::ContainerId;

use super::{Network, NetworksHandle};
use crate::documents::{self, Document, Member};
use crate::error::{EngineError, Kind};
use crate::life::Container;
use crate::state::State;

impl NetworksHandle<'_> {
    /// A network as people see it, with the containers that run in it.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect(&self, text: &str) -> Result<Document, EngineError> {
        let network = self.get(text)?;
        let members = self.members(&network)?;
        Ok(documents::network(&network, members))
    }

    /// The same with how many of its addresses are in use.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect_with_status(&self, text: &str) -> Result<Document, EngineError> {
        let network = self.get(text)?;
        let leases = self.store().leases(&network.id)?;
        let members = self.members(&network)?;
        let status = documents::allocations(&network, &leases);
        Ok(documents::network(&network, members).with("Status", status))
    }

    /// A network as lists show it.
    #[must_use]
    pub fn listed(&self, network: &Network) -> Document {
        documents::network_in_list(network)
    }

    fn members(&self, network: &Network) -> Result<Vec<Member>, EngineError> {
        let mut members = Vec::new();
        for endpoint in self.store().of_network(&network.id)? {
            let Some(given) = &endpoint.given else { continue };
            let Some(container) = self.still(&endpoint.container)? else { continue };
            let State::Running { pid, .. } = container.state else { continue };
            let name = container.record.name;
            let attachment: Attachment = serde_json::from_str(given)
                .map_err(|cause| EngineError::Record { name: name.clone(), cause })?;
            let live = live(pid, &attachment);
            let id = endpoint.container.as_str().to_owned();
            members.push(Member { id, name, attachment, live });
        }
        Ok(members)
    }

    /// A container that a record named a moment ago, unless it is removed by now.
    pub(super) fn still(&self, id: &ContainerId) -> Result<Option<Container>, EngineError> {
        match self.engine.containers().get(id.as_str()) {
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }
}

/// A container's interface as it is; nothing where the container has just ended, or somebody has renamed or removed it.
fn live(pid: i32, attachment: &Attachment) -> Option<LiveInterface> {
    interfaces(pid)?.into_iter().find(|one| one.name == attachment.interface)
}

/// All of a container's interfaces; nothing where it has just ended.
pub(super) fn interfaces(pid: i32) -> Option<Vec<LiveInterface>> {
    let namespace = File::open(format!("/proc/{pid}/ns/net")).ok()?;
    LiveInterface::all(namespace.as_fd()).ok()
}
