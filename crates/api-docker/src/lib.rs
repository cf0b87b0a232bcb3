//! The Docker Engine API over HTTP: requests become calls of the engine, and what it says becomes answers. Decides nothing.
//!
//! [`router::route`] says which operation a request is for and [`version`] how it speaks; [`query`] and [`filters`] read its parameters. Source: the
//! Engine API's reference and its history of versions, docs.docker.com/reference/api/engine.
#![forbid(unsafe_code)]

mod answer;
mod bodies;
mod consoles;
mod descriptor;
mod engines;
pub mod failure;
pub mod filters;
mod flow;
pub mod frames;
mod handlers;
mod hijack;
mod hub;
pub mod operation;
pub mod query;
mod relay;
pub mod router;
mod server;
mod shared;
mod starts;
mod talk;
pub mod version;
mod watch;

pub use server::serve;
