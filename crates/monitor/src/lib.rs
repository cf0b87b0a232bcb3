//! The small process that stays with one container: it starts it, owns its streams and its log, serves whoever attaches, runs
//! further processes inside, and records how it ended.
//!
//! The engine calls [`prepare`], and [`Waiting::give`] with a [`HandOff`]; the program's hidden face `monitor` calls [`main`]. Later commands
//! [`connect`] to it. [`observe`] tells a container's true state from what the monitor wrote and what the kernel says, also
//! when the monitor is gone. It never parses an image, listens on no network, connects to one only where a log goes to a receiver of
//! syslog, and has one thread.
#![forbid(unsafe_code)]

mod again;
mod attached;
mod behind;
mod claim;
mod client;
mod clients;
mod clock;
mod connection;
mod console;
mod contents;
mod emulation;
pub mod events;
mod files;
mod forwards;
mod freeze;
mod handoff;
mod health;
mod hold;
mod home;
mod idle;
mod input;
mod inside;
pub mod keeper;
mod kept;
mod left;
mod limits;
pub mod log;
mod message;
mod names;
mod oom;
mod outputs;
mod plugged;
mod probe;
mod restart;
mod restore;
mod run;
mod running;
mod said;
mod serve;
mod sessions;
mod spawn;
mod start;
mod surroundings;
mod terminals;

pub use clock::{format_time, now_ns};
pub use connection::{ConnectError, Connection, connect};
pub use console::{ConsoleFile, ConsoleRules};
pub use emulation::EMULATION_SOCKET;
pub use files::{ExitFile, Life, PAUSED, StateFile, find_claimed, observe, wait_for_end};
pub use handoff::{
    EventRules, HANDOFF_VERSION, HandOff, NameRules, NetworkPlan, StopRules, read_handoff,
};
pub use health::{HealthFile, HealthRules, HealthStatus, OnFailure, ProbeResult};
pub use hold::{Held, HoldError, hold, hold_main};
pub use left::{has_left, hold_tables};
pub use limits::LIMIT_FILES;
pub use log::LogRules;
pub use plugged::{CniRules, ask_plugins_servers, unplug};
pub use restart::RestartPolicy;
pub use restore::{CRIU_LOGS, RestoreRules};
pub use run::main;
pub use said::{FromMonitor, Received};
pub use spawn::{Ahead, SpawnError, Waiting, prepare, raise_descriptors, reap};
