//! Which namespaces a container shares, and with whom. Source: namespaces(7).

use serde::{Deserialize, Serialize};

use super::UserMode;

/// What a container shares with the host or with another container; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sharing {
    /// Whose System V IPC, message queues and `/dev/shm`.
    pub ipc: IpcMode,
    /// Whose processes it sees.
    pub pid: PidMode,
    /// Whether its host name is the host's.
    pub uts_host: bool,
    /// Whether it sees the host's control groups.
    pub cgroup_host: bool,
    /// Whether it was asked to have the host's users, as releases before user namespaces wrote it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub users_host: bool,
    /// Whose users it has.
    #[serde(skip_serializing_if = "is_unsaid")]
    pub users: UserMode,
    /// Whether its files have the machine's ids on the disk, because the kernel could not map them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shifted: bool,
}

fn is_unsaid(mode: &UserMode) -> bool {
    *mode == UserMode::Unsaid
}

/// Whose IPC namespace a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpcMode {
    /// Its own.
    #[default]
    Private,
    /// Its own, which others may join.
    Shareable,
    /// Its own, without `/dev/shm`.
    None,
    /// The host's.
    Host,
    /// That of another container, by its id.
    Container(String),
}

/// Whose PID namespace a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PidMode {
    /// Its own.
    #[default]
    Private,
    /// The host's.
    Host,
    /// That of another container, by its id.
    Container(String),
}
