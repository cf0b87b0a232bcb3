//! From a Dockerfile to an image: stages that run beside each other, each step an ordinary container or a copy of files, and a cache
//! whose keys are the contents of what a step reads.
//!
//! Start at [`build`] with a [`BuildRequest`]; a [`Progress`] hears what happens and [`Cancel`] ends it. Nothing here knows HTTP, flags
//! or terminals: what lies outside of this machine comes by [`Outside`].
#![forbid(unsafe_code)]

mod add;
mod archive;
pub mod attest;
mod beside;
mod binds;
mod builder;
mod cache;
mod cache_image;
mod cancel;
mod checks;
mod context;
mod contexts;
mod definition;
mod emulation;
mod error;
mod event;
mod fetching;
mod files;
mod git;
mod history;
mod image;
mod kept;
mod key;
mod mounts;
mod outline;
mod outside;
mod part;
mod places;
mod relay;
mod request;
mod run;
mod settings;
mod slots;
mod squash;
mod stage;
mod transfer;
mod world;

pub use archive::{LOOK_BYTES, begins_archive};
pub use builder::{build, check};
pub use cancel::Cancel;
pub use dockerfile::{Outline, OutlineArgument, OutlineMount, Span, Target};
pub use error::{BuildError, StepError};
pub use event::{Event, Progress, Step, StepKind, Warning};
pub use git::GitSettings;
pub use history::{BuildRecord, BuildState, History, HistoryError, MOST_LOG, MOST_RECORDS};
pub use kept::FailedStep;
pub use outline::{Offer, outline};
pub use outside::{Fetched, Heard, Outside, Refusal};
pub use request::{
    Agent, AllowedDevices, Annotation, AnnotationLevel, BuildRequest, BuildSecret, CachePlace,
    Caching, ContextSource, DockerfileSource, NamedContext, ProvenanceWish, PullBases, Squash,
    StepRules,
};
pub use world::World;

use engine::{EngineConfig, Image};

/// What a build works with.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// How the store is opened: each stage does so for itself.
    pub engine: &'a EngineConfig,
    /// Registries and web servers.
    pub outside: &'a dyn Outside,
    /// Hears what happens.
    pub progress: &'a dyn Progress,
    /// Ends it.
    pub cancel: &'a Cancel,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Surroundings").field("engine", self.engine).finish_non_exhaustive()
    }
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The image, in the store. Of several it is the one for this machine, or else the first, and has the names.
    pub image: Image,
    /// All of them, in the order of the platforms.
    pub images: Vec<Image>,
    /// What is said of each of them.
    pub statements: Vec<Vec<attest::Statement>>,
    /// How many steps were asked for, and how many of them the cache had.
    pub steps: (usize, usize),
}
