//! Whole systems as LXC knows them. So far its configuration: start at [`config`].
#![forbid(unsafe_code)]

pub mod config;
