//! SELinux labels of a container, as its record keeps them.

use serde::{Deserialize, Serialize};

/// What a container's processes and files are labelled, from the moment it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SelinuxLabels {
    /// Its processes.
    pub process: String,
    /// Its own file systems, and what is labelled for it alone.
    pub files: String,
    /// The level of both; empty where the policy has no levels.
    pub level: String,
    /// Whether the level was chosen for it, and no other container has it.
    pub is_own: bool,
}
