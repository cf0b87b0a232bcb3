//! Bake files: from `docker-bake.hcl`, `docker-bake.json` and the `build` sections of Compose files to a list of builds.
//!
//! Nothing is read but the texts that are given, nothing is built. Start at [`Definition::read`], go on with
//! [`Definition::select`]. The format is that of Docker's Bake file reference; the expressions are HCL's.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//!
//! let environment = BTreeMap::from([("TAG".to_owned(), "2.0".to_owned())]);
//! let machine = bake::Machine {
//!     environment: &environment,
//!     compose_environment: &environment,
//!     command_context: "cwd://",
//!     local_platform: "linux/amd64",
//!     now: 0,
//!     home: "/root",
//!     random: &|| [0; 16],
//!     is_address: &|context| context.starts_with("https://"),
//! };
//! let text = "variable \"TAG\" { default = \"1.0\" }\ntarget \"app\" { tags = [\"app:${TAG}\"] }";
//! let file = bake::BakeFile { name: "docker-bake.hcl".to_owned(), text: text.to_owned() };
//! let definition = bake::Definition::read(&[file], &machine)?;
//! let selection = definition.select(&["app".to_owned()], &[], &machine)?;
//! assert_eq!(selection.targets["app"].tags.as_deref(), Some(&["app:2.0".to_owned()][..]));
//! # Ok::<(), bake::BakeError>(())
//! ```
#![forbid(unsafe_code)]

mod budget;
mod comma;
mod compose;
mod decode;
mod definition;
mod dot_env;
mod entry;
mod evaluate;
mod functions;
mod json;
mod machine;
mod matrix;
mod number;
mod operators;
mod overrides;
mod pattern;
mod problem;
mod resolver;
mod schema;
mod secret;
mod select;
mod source;
mod syntax;
mod target;
mod template;
mod types;
mod value;
mod yaml;

pub use compose::is_compose;
pub use definition::{Definition, Listed, Variable};
pub use dot_env::dot_env;
pub use entry::{Attestation, Entry};
pub use machine::Machine;
pub use problem::{BakeError, Problem, Told};
pub use secret::{Secret, Ssh};
pub use select::Selection;
pub use source::BakeFile;
pub use target::{Group, Target};

/// The names of files that are looked for where none is named, in the order in which they count.
pub const FILE_NAMES: &[&str] = &[
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
];
