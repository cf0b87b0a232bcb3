//! The terminals of a container: its console, and those beside it. Source: lxc.container.conf(5), "CONSOLE", "TTY".

use std::path::PathBuf;

use monitor::ConsoleFile;
use serde::{Deserialize, Serialize};

/// The kernel has so many virtual consoles: linux/vt.h, MAX_NR_CONSOLES.
pub const MOST_TERMINALS: u16 = 63;

/// What is wanted of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TerminalConfig {
    /// How many beside the console: `/dev/tty1` and so on. Nothing is as many as a whole system has, and none for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// Name of a directory below `/dev` that they and the console are in, with links in their usual places; empty is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub directory: String,
    /// How many pseudo terminals there may be, those among them; nothing is as many as the kernel has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_pseudo: Option<u32>,
    /// How much of what the console has shown is kept in memory for who looks at it later. Nothing is as much as a whole system has, and
    /// nothing for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_kept_bytes: Option<u32>,
    /// A file of the host's that what the console shows is written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_file: Option<ConsoleFile>,
    /// A terminal, FIFO or file of the host's that what the console shows is copied to; what is typed there is typed on the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_device: Option<PathBuf>,
}
