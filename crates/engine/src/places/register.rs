//! What is recorded of containers' places: of one, or of all that a list shows, read at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use spec::ContainerId;
use store::Endpoint;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::networks::Network;

/// Places by container, with their networks.
pub(crate) struct Register<'a> {
    engine: &'a Engine,
    endpoints: HashMap<ContainerId, Vec<Endpoint>>,
    /// Networks by id, each read once.
    networks: RefCell<HashMap<String, Arc<Network>>>,
}

impl<'a> Register<'a> {
    /// Of these places, which are in the order of their coming.
    pub(crate) fn of(engine: &'a Engine, places: Vec<Endpoint>) -> Self {
        let mut endpoints: HashMap<_, Vec<_>> = HashMap::new();
        for endpoint in places {
            endpoints.entry(endpoint.container.clone()).or_default().push(endpoint);
        }
        Self { engine, endpoints, networks: RefCell::default() }
    }

    /// A container's places.
    pub(super) fn of_container(&self, id: &ContainerId) -> &[Endpoint] {
        self.endpoints.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The network of that id.
    pub(super) fn network(&self, id: &str) -> Result<Arc<Network>, EngineError> {
        if let Some(known) = self.networks.borrow().get(id) {
            return Ok(Arc::clone(known));
        }
        let network = Arc::new(self.engine.networks().get(id)?);
        self.networks.borrow_mut().insert(id.to_owned(), Arc::clone(&network));
        Ok(network)
    }
}
