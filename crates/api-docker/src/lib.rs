//! The Docker Engine API over HTTP: requests become calls of the engine, and what it says becomes answers. Decides nothing.
//!
//! [`router::route`] says which operation a request is for and [`version`] how it speaks; [`query`] and [`filters`] read its parameters. Source: the
//! Engine API's reference and its history of versions, docs.docker.com/reference/api/engine.
#![forbid(unsafe_code)]

pub mod accounts;
mod answer;
mod bodies;
mod consoles;
mod description;
mod descriptor;
mod engines;
pub mod failure;
pub mod filters;
mod flow;
pub mod frames;
#[cfg(fuzzing)]
pub mod fuzzing;
mod halves;
mod handlers;
mod hijack;
mod hub;
mod limits;
mod lines;
mod listen;
mod log;
mod metrics;
pub mod operation;
mod origin;
mod policy;
mod progress;
pub mod query;
mod registries;
mod relay;
pub mod router;
mod server;
mod shared;
mod starts;
mod talk;
mod telling;
mod tls;
mod traces;
pub mod version;
mod watch;
mod websocket;

pub use listen::{Endpoint, ListenError, Place};
pub use log::Log;
pub use policy::{LimitedSocket, Policy, PolicyError};
pub use registries::Registries;
pub use server::{ServeConfig, ServeError, serve};
pub use tls::{TlsError, TlsFiles};
pub use traces::TraceConfig;
