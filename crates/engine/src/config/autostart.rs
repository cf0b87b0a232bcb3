//! Whether a container is started with the machine, and in which turn.

use serde::{Deserialize, Serialize};

/// How a container is started with the machine, beside its restart policy. Source: lxc.container.conf(5), "AUTOSTART".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Autostart {
    /// Whether it is.
    pub on: bool,
    /// Seconds that the next one waits once it has started.
    pub delay_s: u32,
    /// Lower ones are started earlier.
    pub order: i32,
    /// Groups that it is in.
    pub groups: Vec<String>,
}

/// What is to be other; what is nothing stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutostartChange {
    /// Whether it is started with the machine.
    pub on: Option<bool>,
    /// Seconds that the next one waits.
    pub delay_s: Option<u32>,
    /// Its turn.
    pub order: Option<i32>,
    /// Its groups, all of them.
    pub groups: Option<Vec<String>>,
}

impl AutostartChange {
    /// Changes what it says.
    pub fn apply(&self, to: &mut Autostart) {
        to.on = self.on.unwrap_or(to.on);
        to.delay_s = self.delay_s.unwrap_or(to.delay_s);
        to.order = self.order.unwrap_or(to.order);
        if let Some(groups) = &self.groups {
            to.groups.clone_from(groups);
        }
    }
}
