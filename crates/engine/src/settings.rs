//! Settings of the machine's containers, kept as JSON in the store: what holds where a container that is made says nothing else.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::UserMode;
use crate::engine::Engine;
use crate::error::EngineError;

/// What they are kept as, and their name in errors.
const SUBJECT: &str = "containers";
const RECORD: &str = "settings of the machine";

/// All of them. Fields only ever grow, and a missing one has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineSettings {
    /// Whose users containers have; [`UserMode::Unsaid`] is the machine's.
    pub users: UserMode,
}

impl MachineSettings {
    /// As people see them.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "UserNamespace": self.users_word() })
    }

    /// As `--userns` takes it.
    #[must_use]
    pub fn users_word(&self) -> String {
        let is_said = self.users != UserMode::Unsaid;
        if is_said { self.users.to_string() } else { UserMode::Host.to_string() }
    }
}

impl Engine {
    /// What holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn settings(&self) -> Result<MachineSettings, EngineError> {
        read(self.store.settings(SUBJECT)?)
    }

    /// Changes them, for containers that are made from now on.
    ///
    /// # Errors
    /// For users that only one container can have, or without ids for them; when the store cannot be written.
    pub fn change_settings(
        &self,
        change: impl FnOnce(&mut MachineSettings) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.store.change_settings(SUBJECT, |text| {
            let mut settings = read(text)?;
            change(&mut settings)?;
            demand(self, &settings.users)?;
            let text = serde_json::to_string(&settings)
                .map_err(|cause| EngineError::Record { name: RECORD.to_owned(), cause })?;
            Ok((settings != MachineSettings::default()).then_some(text))
        })
    }
}

fn read(text: Option<String>) -> Result<MachineSettings, EngineError> {
    let Some(text) = text else { return Ok(MachineSettings::default()) };
    serde_json::from_str(&text)
        .map_err(|cause| EngineError::Record { name: RECORD.to_owned(), cause })
}

/// What every container can have: better refused now than at the next one.
fn demand(engine: &Engine, users: &UserMode) -> Result<(), EngineError> {
    match users {
        UserMode::Unsaid | UserMode::Host => Ok(()),
        UserMode::Auto(_) => engine.id_pool().map(drop),
        UserMode::KeepId(_) | UserMode::NoMap | UserMode::Container(_) | UserMode::Private(_) => {
            let why = "every container can have host or auto[:OPTIONS]";
            Err(EngineError::value("userns setting", users.to_string(), why))
        }
    }
}
