//! Whole systems as LXC knows them: their configuration in [`config`], what the engine runs for one in [`mapping`], the directory
//! that they are in in [`containers`], and what LXC's tools do with them: [`start`], [`hooks`], [`copies`], [`snapshots`].
#![forbid(unsafe_code)]

pub mod config;
pub mod containers;
pub mod copies;
pub mod hooks;
pub mod mapping;
pub mod snapshots;
pub mod start;
pub mod tree;
