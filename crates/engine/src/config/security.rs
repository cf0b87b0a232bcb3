//! What confines a container, beside its capabilities.

use std::path::PathBuf;

use libcontainer::seccomp::AskedCall;
use serde::{Deserialize, Serialize};

use super::{Landlock, SelinuxLabels};

/// Confinement beyond capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Security {
    /// See PR_SET_NO_NEW_PRIVS.
    pub no_new_privileges: bool,
    /// System call filter.
    pub seccomp: SeccompChoice,
    /// Whether masked and read-only paths are left open.
    pub unmasked_paths: bool,
    /// AppArmor profile; `unconfined` is none, and nothing the default one.
    pub apparmor: Option<String>,
    /// SELinux label options, as given.
    pub labels: Vec<String>,
    /// SELinux labels that it was given when it was made; nothing where nothing labels it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<SelinuxLabels>,
    /// Further paths that read as empty.
    pub masked: Vec<String>,
    /// Paths that are left open, or those below them where `/*` is behind.
    pub unmasked: Vec<String>,
    /// Mount options of `/proc`.
    pub proc_options: Vec<String>,
    /// Whether every wall is as tight as a service bears it, see `hardened.rs`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hardened: bool,
    /// The user of its image where that made another one of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_user: Option<String>,
    /// Whether it makes containers of its own, see `nesting.rs`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nesting: bool,
    /// Whether AppArmor's profile is that of whole systems, which may mount, where none is named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub profile_of_systems: bool,
    /// Files and ports that its processes may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landlock: Option<Landlock>,
    /// System calls that its monitor answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emulate: Vec<AskedCall>,
    /// Socket of who records its system calls, for one run.
    #[serde(skip)]
    pub recorder: Option<PathBuf>,
}

/// A system call filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeccompChoice {
    /// Docker's default profile.
    #[default]
    Default,
    /// None.
    Unconfined,
    /// The narrower one of our own.
    Hardened,
    /// The text of a profile.
    Profile(String),
}
