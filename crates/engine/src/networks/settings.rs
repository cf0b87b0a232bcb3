//! Settings of the machine's networks, kept as JSON in the store: what holds where neither a network nor a container says otherwise.

use std::net::IpAddr;

use network::{PublishPolicy, pool};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DEFAULT, NetworksHandle};
use crate::error::EngineError;

/// The name that stands for no network at all.
pub(crate) const NONE: &str = "none";
/// What connects a user's networks ends connections itself and has packets as large as these: the fewer the better. pasta(1), slirp4netns(1), "--mtu".
const USERS_MTU: u32 = 65_520;
/// Name of the record in errors.
const RECORD: &str = "settings of the networks";

/// All of them. Fields only ever grow, and a missing one has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSettings {
    /// Whether the machine's own input rules hold for published ports.
    pub publish_policy: PublishPolicy,
    /// Addresses of the machine that ports are published at; none is each one.
    pub publish_addresses: Vec<IpAddr>,
    /// Where addresses of new networks come from; none is Docker's private ranges.
    pub address_pools: Vec<pool::Pool>,
    /// The network of containers of which nobody says another one.
    pub default_network: String,
    /// Bytes of the largest packet in a new network.
    pub mtu: u32,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            publish_policy: PublishPolicy::Open,
            publish_addresses: Vec::new(),
            address_pools: Vec::new(),
            default_network: DEFAULT.to_owned(),
            mtu: 1500,
        }
    }
}

impl NetworkSettings {
    /// As people see them.
    #[must_use]
    pub fn document(&self) -> Value {
        let pools = self.address_pools.iter();
        let pools = pools.map(|pool| json!({"Base": pool.base, "Size": pool.size}));
        json!({
            "AddressPools": pools.collect::<Vec<_>>(),
            "DefaultNetwork": self.default_network,
            "MTU": self.mtu,
            "PublishAddresses": self.publish_addresses,
            "PublishPolicy": self.publish_policy,
        })
    }
}

impl NetworksHandle<'_> {
    /// What holds where nobody has changed it.
    #[must_use]
    pub fn usual_settings(&self) -> NetworkSettings {
        let usual = NetworkSettings::default();
        let is_users = self.engine.keeper.is_some();
        NetworkSettings { mtu: if is_users { USERS_MTU } else { usual.mtu }, ..usual }
    }

    /// What holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn settings(&self) -> Result<NetworkSettings, EngineError> {
        self.read(self.store().settings()?)
    }

    /// Changes them. Another policy holds at once, for every port that is published; connections go on. The rest holds for what is made from now on.
    ///
    /// # Errors
    /// When the default network is to be one that is not there, the store cannot be written, or the kernel refuses.
    pub fn change_settings(
        &self,
        change: impl FnOnce(&mut NetworkSettings) -> Result<(), EngineError>,
    ) -> Result<NetworkSettings, EngineError> {
        let mut had = None;
        let mut has = None;
        self.store().change_settings(|text| {
            let before = self.read(text)?;
            let mut settings = before.clone();
            change(&mut settings)?;
            let text = serde_json::to_string(&settings)
                .map_err(|cause| EngineError::Record { name: RECORD.to_owned(), cause })?;
            let is_usual = settings == self.usual_settings();
            (had, has) = (Some(before), Some(settings));
            Ok::<_, EngineError>((!is_usual).then_some(text))
        })?;
        let settings = has.unwrap_or_else(|| self.usual_settings());
        if had.is_some_and(|had| had.publish_policy != settings.publish_policy) {
            let mut machine = self.machine()?;
            // Where there are none yet they come with the first network.
            if machine.has_rules().map_err(EngineError::network("look for", "rules"))? {
                self.rewrite_rules(&mut machine)?;
            }
        }
        Ok(settings)
    }

    /// Whether there is a network of that name that containers can be in, or it stands for none.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn demand_default(&self, name: &str) -> Result<(), EngineError> {
        if name == NONE || name == DEFAULT {
            return Ok(());
        }
        self.get(name)?.with_places().map(drop)
    }

    fn read(&self, text: Option<String>) -> Result<NetworkSettings, EngineError> {
        let Some(text) = text else { return Ok(self.usual_settings()) };
        serde_json::from_str(&text)
            .map_err(|cause| EngineError::Record { name: RECORD.to_owned(), cause })
    }
}
