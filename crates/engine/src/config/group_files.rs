//! Files of control groups by their names.

use serde::{Deserialize, Serialize};

/// What is written into a file of a container's control group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFile {
    /// Whether it is one of version 2.
    pub unified: bool,
    /// Its name, which begins with its controller's: `memory.high`.
    pub name: String,
    /// The text.
    pub value: String,
}
