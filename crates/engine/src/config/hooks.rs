//! Programs that are run in a container's namespaces before its own.

use serde::{Deserialize, Serialize};
use spec::runtime::{Hook, Spec};

/// What is run, in this order. Without an environment of its own each has that of the container's process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsideHooks {
    /// Programs of the host, once everything is mounted and before the root is entered; each begins in the root.
    pub mounted: Vec<Hook>,
    /// Programs of the container, before its own is executed.
    pub before: Vec<Hook>,
}

impl InsideHooks {
    pub(crate) const fn is_empty(&self) -> bool {
        self.mounted.is_empty() && self.before.is_empty()
    }

    /// Adds them to those that a configuration has.
    pub(crate) fn add_to(&self, spec: &mut Spec) {
        if self.is_empty() {
            return;
        }
        let hooks = spec.hooks.get_or_insert_default();
        hooks.create_container.extend_from_slice(&self.mounted);
        hooks.start_container.extend_from_slice(&self.before);
    }
}
