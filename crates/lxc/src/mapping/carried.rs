//! What a configuration says beyond what the engine runs: [`Tools`] is for whoever starts, stops and lists containers.

use std::path::PathBuf;

use crate::config::keys::ROOT_MOUNT;
use crate::config::life::{AutoStart, Hooks, Monitor, Signal};
use crate::config::mounts::SharedMounts;
use crate::config::{Config, Switch};

/// SIGINT and SIGKILL.
const REBOOT: i32 = 2;
const KILL: i32 = 9;

/// What whoever starts, stops and lists containers does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Programs that are run on the way; each is a line for the shell.
    pub hooks: Hooks,
    /// `NAME=value` of all hooks but those inside: LXC's variables, then the container's own. What a hook is told besides (which one
    /// it is, namespaces, why it stops) is known when it is run.
    pub hook_environment: Vec<String>,
    /// Starting with the machine: whether, when, and in which groups.
    pub start: AutoStart,
    /// Its console, which the engine has, too: hooks are told of it.
    pub console: Console,
    /// Its monitor, and where that one logs.
    pub monitor: Monitor,
    /// Signals that it gets.
    pub signals: SignalNumbers,
    /// Whether it is removed when it stops, with its directory.
    pub ephemeral: bool,
    /// Whether its root is copied and removed with it.
    pub root_managed: bool,
    /// A directory of the host's that is made a shared mount before it starts; it is mounted inside anyway.
    pub shared_mounts: Option<SharedMounts>,
}

/// A console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// Where it is.
    pub place: ConsolePlace,
    /// What it shows is written there, too.
    pub log: Option<PathBuf>,
    /// How long that file may get; 0 is without end.
    pub log_bytes: u64,
    /// Whether a full one goes to a file with `.1` behind its name.
    pub log_rotates: bool,
    /// How much of what it has shown is kept in memory; 0 is nothing.
    pub buffer_bytes: u64,
}

/// Where a console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsolePlace {
    /// A terminal of its own, which others attach to.
    Own,
    /// There is none.
    None,
    /// A terminal, file or FIFO of the host's, which what it shows is copied to and read from.
    Device(PathBuf),
}

/// Signals by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalNumbers {
    /// Asks it to stop; nothing is for who asks: SIGRTMIN+3 where the first process blocks that, as systemd does, else SIGPWR.
    pub halt: Option<i32>,
    /// Asks it to start anew.
    pub reboot: i32,
    /// Ends it at once.
    pub stop: i32,
}

impl Tools {
    /// What a configuration says that needs no more thought; the environment of hooks follows.
    pub(super) fn of(config: &Config) -> Self {
        let (terminals, signals) = (&config.terminals, &config.signals);
        let number =
            |signal: Option<Signal>| signal.map(|signal| signal.0).filter(|number| *number != 0);
        let is_on = |switch: Option<Switch>| switch.is_some_and(|switch| switch.0);
        Self {
            hooks: config.hooks.clone(),
            hook_environment: Vec::new(),
            start: config.start.clone(),
            console: Console {
                place: console_place(config),
                log: terminals.console_log.clone(),
                log_bytes: terminals.console_log_size.map_or(0, |size| size.0),
                log_rotates: is_on(terminals.console_log_rotate),
                buffer_bytes: terminals.console_buffer_size.map_or(0, |size| size.0),
            },
            monitor: config.monitor.clone(),
            signals: SignalNumbers {
                halt: number(signals.halt),
                reboot: number(signals.reboot).unwrap_or(REBOOT),
                stop: number(signals.stop).unwrap_or(KILL),
            },
            ephemeral: is_on(config.init.ephemeral),
            root_managed: config.mounts.root_managed.is_none_or(|switch| switch.0),
            shared_mounts: config.mounts.automatic.shared.clone(),
        }
    }
}

/// Where a container's console is.
pub(super) fn console_place(config: &Config) -> ConsolePlace {
    match &config.terminals.console {
        None => ConsolePlace::Own,
        Some(path) if path.as_os_str() == "none" => ConsolePlace::None,
        Some(path) => ConsolePlace::Device(path.clone()),
    }
}

/// Where hooks find the container's root.
pub(super) fn root_mount(config: &Config) -> PathBuf {
    config.mounts.root_mount.clone().unwrap_or_else(|| ROOT_MOUNT.into())
}
