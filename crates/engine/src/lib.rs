//! The objects that people name, and what may happen to them: containers, images, templates.
//!
//! [`Engine::open`] opens a store; its handles are [`Containers`], [`ImagesHandle`] and [`Templates`]. The engine decides and
//! writes down; a container's monitor acts. Nothing here mounts or clones, and ending this process disturbs no container.
#![forbid(unsafe_code)]

pub mod config;
mod containers;
mod documents;
mod engine;
mod error;
mod exec;
pub mod hello;
mod image_filter;
mod images;
mod life;
mod list;
mod lock;
mod merge;
mod names;
mod oci;
pub mod parse;
mod pattern;
mod processes;
mod seccomp;
mod start;
mod state;
mod templates;
mod users;

pub use containers::{Containers, CreateRequest};
pub use documents::Document;
pub use engine::{Engine, EngineConfig, VERSION};
pub use error::{EngineError, Kind};
pub use exec::ExecRequest;
pub use image_filter::{ImageFilter, NamedImage};
pub use images::ImagesHandle;
pub use libcontainer::{Plan, chain};
pub use life::Container;
pub use list::{Filter, Row};
pub use monitor::{Connection, FromMonitor, Received, format_time, log, now_ns};
pub use processes::ProcessRow;
pub use start::{Attach, Launch};
pub use state::State;
pub use store::{Image, Import, Loaded, Paths, Removed};
pub use templates::{DebianRequest, TemplateInfo, Templates};
