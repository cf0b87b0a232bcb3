//! Whole systems as LXC knows them: their configuration in [`config`], and what the engine runs for one in [`mapping`].
#![forbid(unsafe_code)]

pub mod config;
pub mod mapping;
