//! Secrets and configs that a container is given, by name: their contents are in no record.

use std::fmt;
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
    /// What it is, of one that is no store's: a build's, for one run. It is in no record.
    #[serde(skip)]
    pub content: Option<HiddenContent>,
}

/// A content that nobody prints.
#[derive(Clone, PartialEq, Eq)]
pub struct HiddenContent(pub Vec<u8>);

impl fmt::Debug for HiddenContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HiddenContent")
    }
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
