//! What a container may write in file systems of the kernel's.

use serde::{Deserialize, Serialize};

/// Whether a file system can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// No.
    ReadOnly,
    /// As far as the kernel lets the container.
    Writable,
}

/// Of each; nothing is as for every container: neither, but that a whole system divides its own groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelAccess {
    /// `/sys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sys: Option<Access>,
    /// Its own control groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Access>,
}
