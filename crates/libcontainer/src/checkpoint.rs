//! Checkpoints: a container's processes written into files, and brought back from them, by CRIU.
//!
//! [`dump`] writes a running container, [`restore`] makes one of what was written. Both tell CRIU which of the container's
//! mounts, namespaces and descriptors are not its own; what is so is read from its [`Plan`](crate::Plan). They know no state
//! directory and no command line. Sources: criu(8), CRIU's images/rpc.proto.
//!
//! ```text
//! let criu = Criu::new("/usr/sbin/criu", environment);
//! let outside = Outside::of(&plan);
//! dump(&criu, &Target { pid, rootfs, outside: &outside, cgroup: &plan.cgroup, streams }, &options, &mut |moment| …)?;
//! let restored = restore(&criu, &Origin { plan: &plan, rootfs, staging, stdio }, &options, &mut |moment| …)?;
//! ```

mod criu;
mod dump;
mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod message;
mod mounts;
mod options;
mod protobuf;
mod restore;
mod root;
mod talk;

pub use criu::{Criu, CriuVersion, INVENTORY};
pub use dump::{Target, dump, stream_name};
pub use error::{CheckpointError, LogTail};
pub use mounts::{ExternalMount, Outside};
pub use options::{CgroupMode, DumpKind, DumpOptions, Options, PageServer, RestoreOptions};
pub use restore::{Origin, Restored, restore};
pub use talk::{Moment, OnMoment};
