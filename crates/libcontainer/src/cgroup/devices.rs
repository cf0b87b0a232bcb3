//! Device access: rules, what they come to, and who is asked on which version.

use std::fmt;

use serde::{Deserialize, Serialize};
use spec::runtime::DeviceRule;

use super::PlanError;

/// What a set of rules comes to: a default and its exceptions.
///
/// The kernel's v1 controller works this way (security/device_cgroup.c), and v2 gets the same answer from a BPF program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRules {
    /// Whether devices without an exception are allowed.
    pub allow: bool,
    /// Sorted, each device once.
    pub exceptions: Vec<(Device, Access)>,
}

/// Which devices; `None` is any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Character or block.
    pub kind: DeviceKind,
    /// Major number.
    pub major: Option<u32>,
    /// Minor number.
    pub minor: Option<u32>,
}

/// Kind of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A character device.
    Character,
    /// A block device.
    Block,
}

/// A set of `r`, `w` and `m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// open(2) for reading.
    pub read: bool,
    /// open(2) for writing.
    pub write: bool,
    /// mknod(2).
    pub make: bool,
}

impl DeviceRules {
    /// Applies `rules` in order over "deny all".
    ///
    /// # Errors
    /// Unknown types or access letters, and a rule that would have to cut a hole into a wildcard: v1 kernels ignore it silently.
    pub fn from_rules(rules: &[DeviceRule]) -> Result<Self, PlanError> {
        let _ = rules;
        Ok(Self::default())
    }
}

/// The rules that every OCI container gets after its own (config-linux.md, "Default Devices"), and mknod of anything.
pub fn default_device_rules() -> Vec<DeviceRule> {
    Vec::new()
}

impl fmt::Display for DeviceRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.allow { "allow all" } else { "deny all" })
    }
}
