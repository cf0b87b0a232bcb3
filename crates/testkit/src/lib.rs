//! For tests only: the program with a store of its own, root file systems from real tools, and a count of what is left behind.
//!
//! Start at [`Corten`]. Nothing here mocks the kernel; everything is made below a temporary directory and removed with it.
#![forbid(unsafe_code)]
#![expect(clippy::panic, reason = "a test helper fails the test that called it")]

mod api_server;
mod busybox;
mod catalog;
mod certificates;
mod corten;
mod dockerd;
mod ending;
mod files;
mod host;
mod id_ranges;
mod leftovers;
mod must;
mod registry_server;
mod scripted_server;
mod signer;
mod terminal;
mod token_server;
mod user_host;
mod wait;

pub use api_server::{ApiAnswer, ApiServer, ApiSocket};
pub use busybox::{FORK_BOMB, busybox_rootfs};
pub use catalog::{
    Catalog, MadeImage, MadeLayer, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, archive, noise,
    sha256,
};
pub use certificates::Certificates;
pub use corten::{Corten, Finished, signal};
pub use dockerd::Dockerd;
pub use ending::Ending;
pub use files::write;
pub use host::{enter as enter_host, enter_another as enter_another_host, with_device_description};
pub use id_ranges::give_id_ranges;
pub use leftovers::Leftovers;
pub use registry_server::{RegistryOptions, RegistryServer};
pub use scripted_server::{Gate, Request, Response, ScriptedServer};
pub use signer::Signer;
pub use terminal::{TerminalStep, on_terminal};
pub use token_server::{REFRESH_TOKEN, TokenServer};
pub use user_host::{USER_RANGES, on_user_host};
pub use wait::{holds_in_time, wait_until};
