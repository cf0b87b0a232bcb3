//! Pulls into a private store: from registries that lie, break off and stall, and several at once. Nothing here leaves this machine.
#![forbid(unsafe_code)]

#[cfg(test)]
mod breaks;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod settle;
#[cfg(test)]
mod setup;
#[cfg(test)]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(test)]
mod together;
