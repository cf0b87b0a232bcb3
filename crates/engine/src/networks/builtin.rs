//! The two networks that are none, and that lists show all the same: tools ask for them.

use super::{Driver, Network, NetworkConfig};
use crate::error::EngineError;

/// Their names, and ids that are the same on every machine: the SHA-256 of the names.
const BUILTIN: [(&str, &str, Driver); 2] = [
    ("host", "4740ae6347b0172c01254ff55bae5aff5199f4446e7f6d643d40185b3f475145", Driver::Host),
    ("none", "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe", Driver::Null),
];

/// `host` and `none`.
pub(super) fn all() -> impl Iterator<Item = Network> {
    BUILTIN.into_iter().map(|(name, id, driver)| Network {
        id: id.to_owned(),
        name: name.to_owned(),
        created_ns: 0,
        config: NetworkConfig { driver, ..NetworkConfig::default() },
    })
}

/// The one of that name or id.
pub(super) fn find(text: &str) -> Option<Network> {
    all().find(|network| network.name == text || network.id == text)
}

/// The one whose id begins so.
pub(super) fn begins(text: &str) -> Option<Network> {
    all().find(|network| !text.is_empty() && network.id.starts_with(text))
}

impl Network {
    /// The same, if a container can have a place in it.
    ///
    /// # Errors
    /// For `host` and `none`.
    pub(crate) fn with_places(self) -> Result<Self, EngineError> {
        match self.config.driver {
            Driver::Bridge | Driver::Macvlan | Driver::Ipvlan => Ok(self),
            Driver::Host | Driver::Null => {
                let why = "a container is in it or is not, from its making on";
                Err(EngineError::value("network", self.name, why))
            }
        }
    }

    /// Whether somebody has made it.
    pub(crate) fn is_custom(&self) -> bool {
        self.name != super::DEFAULT && !matches!(self.config.driver, Driver::Host | Driver::Null)
    }
}
