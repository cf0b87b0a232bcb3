//! Why something could not be done with a container.

use std::path::{Path, PathBuf};

use spec::runtime::Status;
use sys::Errno;

use super::ContainerName;
use crate::StartError;
use crate::cgroup::CgroupError;
use crate::checkpoint::CheckpointError;
use crate::id_map::is_unprivileged;

/// Why something could not be done with a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The id is taken.
    #[error("container {name:?} exists already", name = name.as_str())]
    Exists {
        /// Which.
        name: ContainerName,
    },
    /// Nobody has that id.
    #[error("container {name:?} does not exist", name = name.as_str())]
    NotFound {
        /// Which.
        name: ContainerName,
    },
    /// Its state forbids it.
    #[error("{action} container {name:?}: it is {status}", name = name.as_str())]
    WrongState {
        /// Which.
        name: ContainerName,
        /// What was asked for.
        action: &'static str,
        /// What it is.
        status: Status,
    },
    /// It could not be made or started, or a process could not join it.
    #[error("{action} container {name:?}", name = name.as_str())]
    Start {
        /// Which.
        name: ContainerName,
        /// What was asked for.
        action: &'static str,
        /// The step.
        #[source]
        cause: Box<StartError>,
    },
    /// Its control groups.
    #[error("{action} container {name:?}", name = name.as_str())]
    Cgroup {
        /// Which.
        name: ContainerName,
        /// What was asked for.
        action: &'static str,
        /// The group's answer.
        #[source]
        cause: CgroupError,
    },
    /// It could not be dumped or restored.
    #[error("{action} container {name:?}", name = name.as_str())]
    Checkpoint {
        /// Which.
        name: ContainerName,
        /// What was asked for.
        action: &'static str,
        /// What CRIU says.
        #[source]
        cause: Box<CheckpointError>,
    },
    /// A system call.
    #[error("{action} container {name:?}", name = name.as_str())]
    Kernel {
        /// Which.
        name: ContainerName,
        /// What was tried.
        action: &'static str,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// Its record cannot be read.
    #[error("read the record {}: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of the state directory.
    #[error("{action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
}

impl ContainerError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { action, path, errno: cause.into() }
    }

    /// What would help.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "most errors need no hint")]
    pub fn hint(&self) -> Option<String> {
        if !is_unprivileged() {
            return None;
        }
        let cause = match self {
            Self::File { action: "make" | "lock", errno, .. } if errno.raw() == libc::EACCES => {
                return Some(
                    "a user names a directory of his own by $XDG_RUNTIME_DIR or --root".to_owned(),
                );
            }
            Self::Cgroup { cause, .. } => cause,
            Self::Start { cause, .. } => match cause.as_ref() {
                StartError::Cgroup(cause) => cause,
                _ => return None,
            },
            _ => return None,
        };
        (cause.is_refusal() || matches!(cause, CgroupError::NotFound { .. })).then(|| {
            "a user makes control groups only below one that was given to him: systemd delegates one to each login on cgroup v2 \
             (--systemd-cgroup), see cgroups(7), \"Delegation\""
                .to_owned()
        })
    }

    pub(crate) fn start(name: &ContainerName, action: &'static str, cause: StartError) -> Self {
        Self::Start { name: name.clone(), action, cause: Box::new(cause) }
    }
}
