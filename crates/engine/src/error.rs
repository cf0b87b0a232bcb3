//! What the engine refuses, in words for people and in kinds for programs.

use libcontainer::{PlanError, StartError};
use network::cni::CniError;
use store::{SecretError, StoreError};

use crate::checkpoints::CheckpointRefusal;

/// What sort of refusal it is: mapped once to exit codes, HTTP statuses and gRPC codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request makes no sense.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// Its state does not allow it.
    Conflict,
    /// It is so already.
    Unchanged,
    /// This release, or this machine, cannot do it.
    Unsupported,
    /// The caller has no right.
    Permission,
    /// The disk is full.
    Full,
    /// Everything else.
    Internal,
}

/// An operation that was refused.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A value that cannot be used.
    #[error("invalid {what} {value:?}: {why}")]
    Value {
        /// Which value.
        what: &'static str,
        /// As given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A network's addresses are those of another one.
    #[error("invalid subnet {subnet:?}: it overlaps the addresses of network {holder}")]
    Overlap {
        /// Those that are wanted.
        subnet: String,
        /// Whose they are.
        holder: String,
    },
    /// There is no driver of that name.
    #[error("plugin {name:?} not found")]
    NoPlugin {
        /// As it was asked for.
        name: String,
    },
    /// A place in a network that cannot be given or taken away.
    #[error("invalid container {container:?}: {why}")]
    Place {
        /// The container's name.
        container: String,
        /// What is wrong.
        why: String,
    },
    /// It has ended as somebody wanted, and the next boot will not know that somebody did.
    #[error("remember that somebody stopped container {name}")]
    Remember {
        /// Its name.
        name: String,
        /// Why that could not be written down.
        #[source]
        cause: Box<StoreError>,
    },
    /// A network of the machine.
    #[error("{action} {object}")]
    Network {
        /// `make`, `remove` …
        action: &'static str,
        /// `network NAME` …
        object: String,
        /// Why not.
        #[source]
        cause: Box<network::NetworkError>,
    },
    /// A network of plugins.
    #[error(transparent)]
    Cni(Box<network::cni::CniError>),
    /// Something that this release does not have.
    #[error("{0} is not supported yet")]
    NotYet(String),
    /// There are no ids for user namespaces.
    #[error(
        "no ids for user namespaces: corten and containers have no line in both /etc/subuid and /etc/subgid, and somebody has those that nobody should have"
    )]
    NoIdRanges,
    /// A user has no ids but his own.
    #[error("a user namespace takes ids, and /etc/subuid or /etc/subgid gives this user none")]
    NoOwnIds,
    /// The caller is not root.
    #[error("only root can run containers")]
    NotRoot,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A registry, or the way to it.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// The policy refuses an image, or nobody can say whether it does.
    #[error(transparent)]
    Admit(Box<registry::AdmitError>),
    /// An image that is not here, and that no registry gave.
    #[error("image {name} is not here")]
    NotPulled {
        /// As it was asked for.
        name: String,
        /// Names that are nearly the same.
        closest: Vec<String>,
        /// Why it could not be pulled.
        #[source]
        cause: Box<EngineError>,
    },
    /// No plan can be made of the configuration.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The container's state does not allow it.
    #[error("{action} container {name}: it is {state}")]
    State {
        /// `start`, `pause` …
        action: &'static str,
        /// The container's name.
        name: String,
        /// In which state it is.
        state: &'static str,
    },
    /// The container could not be started; its monitor said why.
    #[error("start container {name}: {why}")]
    Start {
        /// The container's name.
        name: String,
        /// In one line.
        why: String,
        /// The exit code for it.
        code: u8,
    },
    /// No further process has that id.
    #[error("no such exec instance: {id}")]
    NoSuchExec {
        /// As it was asked for.
        id: String,
    },
    /// A further process is started once.
    #[error("exec command {id} has already run")]
    ExecHasRun {
        /// Its id.
        id: String,
    },
    /// A further process could not be started.
    #[error("exec in container {name}: {why}")]
    Exec {
        /// The container's name.
        name: String,
        /// In one line.
        why: String,
        /// The exit code for it.
        code: u8,
    },
    /// The monitor could not be made.
    #[error("start the monitor of container {name}")]
    Spawn {
        /// The container's name.
        name: String,
        /// The cause.
        #[source]
        cause: monitor::SpawnError,
    },
    /// The files of a container that does not run.
    #[error("mount the files of container {name}")]
    Hold {
        /// The container's name.
        name: String,
        /// The cause.
        #[source]
        cause: monitor::HoldError,
    },
    /// Files of a container or volume on the host.
    #[error("{action} {what}")]
    HostMount {
        /// `mount`, `unmount`.
        action: &'static str,
        /// `container web`, `volume data`.
        what: String,
        /// The cause.
        #[source]
        cause: Box<libcontainer::HostMountError>,
    },
    /// The monitor is gone.
    #[error("container {name} has no monitor")]
    NoMonitor {
        /// The container's name.
        name: String,
        /// The cause.
        #[source]
        cause: monitor::ConnectError,
    },
    /// A file.
    #[error("{action} {path}")]
    File {
        /// `read`, `write` …
        action: &'static str,
        /// Which.
        path: String,
        /// The cause.
        #[source]
        cause: std::io::Error,
    },
    /// A path that leads to nothing in a container.
    #[error("could not find the file {path} in container {container}")]
    NoFile {
        /// As it was asked for.
        path: String,
        /// The container, as it was asked for.
        container: String,
    },
    /// The control groups.
    #[error("{action} container {name}")]
    Cgroup {
        /// `pause`, `kill` …
        action: &'static str,
        /// The container's name.
        name: String,
        /// The cause.
        #[source]
        cause: libcontainer::cgroup::CgroupError,
    },
    /// The container did not stand still; its monitor said why.
    #[error("pause container {name}: {why}")]
    Freeze {
        /// The container's name.
        name: String,
        /// In one line.
        why: String,
    },
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefusal),
    /// The container has the places in networks that it had; its monitor said why.
    #[error("change the networks of container {name}: {why}")]
    Places {
        /// The container's name.
        name: String,
        /// In one line.
        why: String,
    },
    /// A start inside this process.
    #[error(transparent)]
    Local(#[from] StartError),
    /// The hierarchies of this machine.
    #[error(transparent)]
    Layout(libcontainer::cgroup::DetectError),
    /// A record that cannot be read.
    #[error("the record of container {name} is damaged")]
    Record {
        /// The container's name.
        name: String,
        /// What is wrong.
        #[source]
        cause: serde_json::Error,
    },
    /// The machine's kernel has no AppArmor, or does without.
    #[error("this machine runs without AppArmor")]
    NoAppArmor,
    /// The machine's kernel has no SELinux, or does without.
    #[error("this machine runs without SELinux")]
    NoSelinux,
    /// Corten's module of the machine's SELinux policy.
    #[error("change the SELinux policy")]
    SelinuxModule(#[from] crate::labels::ModuleError),
    /// An AppArmor profile.
    #[error(transparent)]
    AppArmor(#[from] crate::apparmor::ProfileError),
    /// A template that cannot be built.
    #[error("build template {name}: {why}")]
    Template {
        /// Which.
        name: String,
        /// In one line.
        why: String,
    },
}

/// What sort of refusal it is, and what would help.
pub(crate) const fn of_plugins(error: &CniError) -> (Kind, Option<&'static str>) {
    match error {
        CniError::NotFound { .. } => {
            (Kind::NotFound, Some("NETCONFPATH names the directory of lists"))
        }
        CniError::NoProgram { .. } => {
            (Kind::NotFound, Some("CNI_PATH names the directories of plugins"))
        }
        CniError::Config { .. } => (Kind::Invalid, None),
        CniError::Read { .. } | CniError::Record { .. } | CniError::Unmet { .. } => {
            (Kind::Internal, None)
        }
        CniError::Run { .. }
        | CniError::TimedOut { .. }
        | CniError::Refused { .. }
        | CniError::Ended { .. }
        | CniError::Answer { .. } => {
            (Kind::Internal, Some("rm --force removes a container whatever its plugins say"))
        }
    }
}

pub(crate) const fn of_secret(error: &SecretError) -> Option<&'static str> {
    match error {
        SecretError::KeyFile { .. } => Some(
            "a key file is made by (umask 077; head -c 32 /dev/urandom > FILE); the store's own by the first secret",
        ),
        SecretError::KeyLost { .. } => {
            Some("put the file back, or remove what was sealed with it by secret rm and config rm")
        }
        SecretError::OtherKey { .. } => {
            Some("CORTEN_SECRET_KEY_FILE names a key file; without it the store's own is used")
        }
        SecretError::Name { .. } | SecretError::Size { .. } | SecretError::Damaged { .. } => None,
    }
}

impl From<network::cni::CniError> for EngineError {
    fn from(error: network::cni::CniError) -> Self {
        Self::Cni(Box::new(error))
    }
}

impl From<registry::AdmitError> for EngineError {
    fn from(error: registry::AdmitError) -> Self {
        Self::Admit(Box::new(error))
    }
}

impl EngineError {
    /// What sort of refusal it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Value { .. } | Self::Plan(_) => Kind::Invalid,
            Self::NotYet(_)
            | Self::NoIdRanges
            | Self::NoOwnIds
            | Self::NoAppArmor
            | Self::NoSelinux => Kind::Unsupported,
            // Docker's interface has them so.
            Self::NotRoot | Self::Overlap { .. } | Self::Place { .. } => Kind::Permission,
            Self::Store(error) => match error.kind() {
                store::Kind::Invalid => Kind::Invalid,
                store::Kind::NotFound => Kind::NotFound,
                store::Kind::Conflict => Kind::Conflict,
                store::Kind::Full => Kind::Full,
                store::Kind::Permission => Kind::Permission,
                store::Kind::Unsupported => Kind::Unsupported,
                store::Kind::Internal => Kind::Internal,
            },
            Self::Registry(error) => match error.kind() {
                registry::Kind::Invalid => Kind::Invalid,
                registry::Kind::NotFound => Kind::NotFound,
                registry::Kind::Unauthorized | registry::Kind::Denied => Kind::Permission,
                registry::Kind::Full => Kind::Full,
                registry::Kind::Unavailable
                | registry::Kind::TooMany
                | registry::Kind::Dishonest
                | registry::Kind::Internal => Kind::Internal,
            },
            Self::Admit(error) => match **error {
                registry::AdmitError::Refused(_) => Kind::Permission,
                registry::AdmitError::Look { .. } => Kind::Internal,
            },
            Self::NotPulled { cause, .. } => cause.kind(),
            Self::Cni(error) => of_plugins(error).0,
            Self::Remember { cause, .. } if cause.kind() == store::Kind::Full => Kind::Full,
            Self::Remember { .. } => Kind::Internal,
            Self::State { .. } | Self::ExecHasRun { .. } => Kind::Conflict,
            Self::NoSuchExec { .. } | Self::NoPlugin { .. } | Self::NoFile { .. } => Kind::NotFound,
            Self::Checkpoint(refusal) => refusal.kind(),
            Self::HostMount { cause, .. } if cause.is_busy() => Kind::Conflict,
            Self::Cgroup { cause, .. } if cause.is_bad_value() => Kind::Invalid,
            Self::Start { .. }
            | Self::Exec { .. }
            | Self::Spawn { .. }
            | Self::Hold { .. }
            | Self::Network { .. }
            | Self::HostMount { .. }
            | Self::NoMonitor { .. }
            | Self::File { .. }
            | Self::Cgroup { .. }
            | Self::Freeze { .. }
            | Self::Places { .. }
            | Self::Local(_)
            | Self::Layout(_)
            | Self::Record { .. }
            | Self::AppArmor(_)
            | Self::SelinuxModule(_)
            | Self::Template { .. } => Kind::Internal,
        }
    }

    /// The exit code that Docker's `run` and `exec` give for it: 127 for a missing program, 126 for one that cannot be executed.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only a start and an exec have codes of their own"
    )]
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Start { code, .. } | Self::Exec { code, .. } => *code,
            _ => 125,
        }
    }

    /// Whether a container that was named is missing, or its state does not allow what was asked.
    #[must_use]
    pub fn concerns_existing(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::NotFound { what: "container", .. })
                | Self::State { action: "exec in", .. }
                | Self::NoMonitor { .. }
        )
    }

    /// Of two errors one: that an image is not here, and why it could not be pulled.
    #[must_use]
    pub fn not_pulled(self, name: &str, cause: Self) -> Self {
        let Self::Store(StoreError::NotFound { closest, .. }) = self else { return self };
        Self::NotPulled { name: name.to_owned(), closest, cause: Box::new(cause) }
    }

    /// A value that cannot be used.
    pub fn value(what: &'static str, value: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Value { what, value: value.into(), why: why.into() }
    }

    pub(crate) fn network(
        action: &'static str,
        object: &str,
    ) -> impl FnOnce(network::NetworkError) -> Self + use<> {
        let object = object.to_owned();
        move |cause| Self::Network { action, object, cause: Box::new(cause) }
    }

    pub(crate) fn file(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::File { action, path: path.display().to_string(), cause }
    }
}
