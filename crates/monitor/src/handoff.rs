//! What the engine tells the monitor, as a file in the state directory: all that is needed to start a container, again and again.

use std::path::PathBuf;

use libcontainer::Plan;
use serde::{Deserialize, Serialize};

/// Version of the form that this program writes; it reads this and every earlier one.
pub const HANDOFF_VERSION: u32 = 1;

/// File name in the state directory.
pub(crate) const FILE: &str = "handoff.json";

/// Everything that a monitor knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandOff {
    /// [`HANDOFF_VERSION`] of the program that wrote it.
    pub version: u32,
    /// The container's id.
    pub id: String,
    /// What to start.
    pub plan: Plan,
    /// Directory for what does not survive a reboot: socket, state, this file.
    pub state_dir: PathBuf,
    /// Directory for what does: log, exit status.
    pub container_dir: PathBuf,
    /// Whether standard input is a pipe that clients can write to; else it is empty.
    pub open_stdin: bool,
    /// Whether standard input ends with the first client that writes to it.
    pub stdin_once: bool,
    /// What is logged.
    pub log: LogRules,
    /// Arguments with which this program removes the container when no client has done so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_remove: Option<Vec<String>>,
}

/// What is logged, and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRules {
    /// Whether anything is.
    pub enabled: bool,
    /// Bytes after which a new file is begun.
    pub max_bytes: u64,
    /// Files that are kept.
    pub max_files: u32,
}

impl Default for LogRules {
    /// Three files of ten megabytes: a container cannot fill the host's disk.
    fn default() -> Self {
        Self { enabled: true, max_bytes: 10_000_000, max_files: 3 }
    }
}
