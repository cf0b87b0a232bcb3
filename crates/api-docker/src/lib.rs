//! The Docker Engine API over HTTP: requests become calls of the engine, and what it says becomes answers. Decides nothing.
//!
//! [`router::route`] says which operation a request is for and [`version`] how it speaks; [`query`] and [`filters`] read its parameters. Source: the
//! Engine API's reference and its history of versions, docs.docker.com/reference/api/engine.
#![forbid(unsafe_code)]

mod answer;
mod bodies;
mod engines;
pub mod failure;
pub mod filters;
pub mod frames;
mod handlers;
pub mod operation;
pub mod query;
pub mod router;
mod server;
pub mod version;

pub use server::serve;
