//! Registries: what is asked of them, and images that come from them and go to them. The only HTTP client of the house.
//!
//! Never reads the environment or a configuration file: what they say is in [`Settings`]. Blocking throughout: one thread is one
//! connection. Start at [`Client::repository`]; the calls of the distribution specification are methods of [`Repository`].
//! Sources: opencontainers/distribution-spec 1.1, distribution's token specification, RFC 9110, RFC 7617, RFC 6750.
#![forbid(unsafe_code)]

mod address;
mod auth;
mod checksum;
mod client;
mod copy;
mod courier;
mod credentials;
mod download;
mod endpoint;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod host;
mod hosts;
mod http;
mod manifest_list;
mod named;
mod patience;
mod progress;
mod proxy;
mod pull;
mod push;
mod repository;
mod search;
mod verify;
mod words;

pub use client::{Client, Settings, TransferLimits};
pub use copy::{BadPlace, Copied, Copy, Place, Selection, copy};
pub use courier::Courier;
pub use credentials::{Credentials, CredentialsError, DockerConfig, Kept, Login, NoCredentials};
pub use download::Download;
pub use error::{Kind, RegistryError};
pub use hosts::{
    BadRules, Daemon, HostRules, Mirror, Proxies, RegistriesConf, RegistryRule, TlsRule,
    hosts_toml, registry_of_directory,
};
pub use http::{NetworkError, Stage, Told};
pub use manifest_list::{Described, describe, list_document, list_members, push_list};
pub use named::registry_named;
pub use progress::{Part, PartState, Progress};
pub use pull::{Found, Pull, Pulled, Remote, Resolution, fetch, resolve};
pub use push::{Form, Format, Push, Pushed, push, push_index};
pub use repository::{Body, Fetched, Mount, Pointer, Repository, Upload};
pub use search::{SearchFilter, SearchResult};
pub use verify::{
    Admission, AdmitError, Demand, Flaw, Identity, KeyError, KeyFile, KeySource, Looked, Pattern,
    Policy, PolicyError, PolicyFiles, PublicKey, Refusal, RefusalCause, Require, Ruling,
    SignatureForm, Signed, Verified, admit, look_up, repository_of,
};
