//! The client against registries: Debian's, and one that lies. Nothing here leaves this machine.
#![forbid(unsafe_code)]

#[cfg(test)]
mod honesty;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod mirrors;
#[cfg(test)]
mod patience;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod redirects;
#[cfg(test)]
mod setup;
#[cfg(test)]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(test)]
mod transfers;
