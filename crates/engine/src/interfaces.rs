//! Interfaces that a caller describes whole, for containers that are in no network of the engine's.

use crate::config::{ContainerConfig, NetworkMode};
use crate::containers::Containers;
use crate::error::EngineError;

/// So many fit the number that tells their names apart.
const MOST: usize = 256;

impl Containers<'_> {
    /// Refuses those that cannot be.
    pub(crate) fn check_interfaces(&self, config: &ContainerConfig) -> Result<(), EngineError> {
        if config.interfaces.is_empty() {
            return Ok(());
        }
        let wrong = |why: &str| {
            let count = config.interfaces.len().to_string();
            Err(EngineError::value("interfaces", count, why))
        };
        if config.network != NetworkMode::None {
            return wrong(
                "they are for a container with a network of its own that is in no other (--network none)",
            );
        }
        if self.engine.keeper.is_some() {
            return wrong("a user has no right to the machine's interfaces");
        }
        if config.interfaces.len() > MOST {
            return wrong("there are more than 256");
        }
        Ok(())
    }
}
