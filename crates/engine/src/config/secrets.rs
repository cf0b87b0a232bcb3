//! Secrets and configs that a container is given, by name: their contents are never here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use store::SecretKind;

/// One of them, and how the container has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretConfig {
    /// Which of the two.
    pub kind: SecretKind,
    /// Its name.
    pub name: String,
    /// How.
    pub place: SecretPlace,
}

/// How a container has a secret or config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretPlace {
    /// As a file in memory.
    File {
        /// Where; absolute.
        target: PathBuf,
        /// Owner, as the container sees it.
        uid: u32,
        /// Group.
        gid: u32,
        /// Permission bits.
        mode: u32,
    },
    /// As a variable of its environment.
    Variable {
        /// The variable's name.
        name: String,
    },
}
