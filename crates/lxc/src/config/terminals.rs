//! The console, further terminals, and pseudo terminals.

use std::path::PathBuf;

use super::numbers::{BufferSize, Switch};
use super::paths::DeviceDirectory;

/// Keys of terminals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// `lxc.console.path`: a terminal of the host's to be the console, or `none`.
    pub console: Option<PathBuf>,
    /// `lxc.console.logfile`: what the console shows is written there, too.
    pub console_log: Option<PathBuf>,
    /// `lxc.console.size`: how long the log may get.
    pub console_log_size: Option<BufferSize>,
    /// `lxc.console.rotate`: a log that is full goes to a file of another name.
    pub console_log_rotate: Option<Switch>,
    /// `lxc.console.buffer.size`: how much of what it has shown is kept in memory.
    pub console_buffer_size: Option<BufferSize>,
    /// `lxc.tty.max`: how many terminals there are beside the console.
    pub terminals: Option<u32>,
    /// `lxc.tty.dir`: where below `/dev` they are.
    pub directory: Option<DeviceDirectory>,
    /// `lxc.pty.max`: how many pseudo terminals there may be.
    pub pseudo_terminals: Option<u32>,
}
