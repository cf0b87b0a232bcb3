//! Documents and names of the container world as plain Rust types: nothing here touches a file, a socket or the kernel.
//!
//! Start at [`runtime::Spec`] (what an OCI runtime is told), [`image::Manifest`] and [`image::ImageConfig`] (what an image
//! is), or [`reference::Reference`] (how people name one). A value of a parsed type is valid: nobody checks it again.
#![forbid(unsafe_code)]

pub mod bytes;
pub mod digest;
pub mod id;
pub mod image;
pub mod network;
pub mod nul;
pub mod path;
pub mod reference;
pub mod runtime;
pub mod seccomp_profile;
pub mod suggest;
pub mod yaml;

pub use digest::Digest;
pub use id::{ContainerId, ContainerName, ImageId};
pub use reference::Reference;
pub use seccomp_profile::SeccompProfile;
