//! What the store refuses, and why.

use std::path::PathBuf;

use sys::Errno;

/// What sort of refusal it is; callers map it to exit codes and statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request makes no sense.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// It exists, or something else needs it.
    Conflict,
    /// The disk is full.
    Full,
    /// The caller has no right.
    Permission,
    /// This machine cannot do it.
    Unsupported,
    /// Everything else.
    Internal,
}

/// An operation of the store that was refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing has that name.
    #[error("no such {what}: {name}")]
    NotFound {
        /// `image`, `container` or `volume`.
        what: &'static str,
        /// As it was asked for.
        name: String,
        /// Names that are nearly the same.
        closest: Vec<String>,
    },
    /// A prefix of several ids.
    #[error("{what} id {prefix:?} is the beginning of several ids")]
    Ambiguous {
        /// `image` or `container`.
        what: &'static str,
        /// As it was asked for.
        prefix: String,
    },
    /// Another container has the name.
    #[error("the name {name:?} is taken by container {holder}")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        holder: String,
    },
    /// Another container has the SELinux level.
    #[error("the SELinux level {level} is taken")]
    LevelTaken {
        /// As in a label.
        level: String,
    },
    /// It is there already.
    #[error("the {what} {name} exists already")]
    Exists {
        /// `manifest list`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Containers have all ids that there are for user namespaces.
    #[error(
        "no {size} ids are left for a user namespace: of {pool} in /etc/subuid and /etc/subgid {holders} containers have theirs"
    )]
    NoIds {
        /// How many were wanted.
        size: u32,
        /// How many there are in all.
        pool: u64,
        /// How many containers have some.
        holders: u32,
    },
    /// Something still needs it.
    #[error("{what} {name} is used by container {}", holders.join(", "))]
    InUse {
        /// `image` or `volume`.
        what: &'static str,
        /// Its name.
        name: String,
        /// Names of the containers.
        holders: Vec<String>,
    },
    /// An image with several names cannot be removed by its id.
    #[error("image {id} has several names: {}", names.join(", "))]
    SeveralNames {
        /// The short id.
        id: String,
        /// Its names.
        names: Vec<String>,
    },
    /// A name that is none.
    #[error(transparent)]
    Reference(#[from] spec::reference::BadReference),
    /// A file or directory.
    #[error("{action} {}", path.display())]
    File {
        /// `make`, `read`, `write` …
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// The database.
    #[error("{action} the database")]
    Database {
        /// `open`, `read` or `write`.
        action: &'static str,
        /// SQLite's answer.
        #[source]
        cause: SqliteAnswer,
    },
    /// A newer release made it.
    #[error("the database {} has version {version}, and this program knows {known}", path.display())]
    Future {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// A row that cannot be read.
    #[error("the record of {what} {id} is damaged")]
    Damaged {
        /// `image` or `container`.
        what: &'static str,
        /// Which.
        id: String,
        /// What is wrong.
        #[source]
        cause: serde_json::Error,
    },
    /// An archive that is none, or not whole, or not honest.
    #[error("{0}")]
    Archive(String),
    /// A stream of an archive.
    #[error("{what}")]
    Unpack {
        /// Which part of the archive.
        what: String,
        /// What happened.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bound on a file system that has none.
    #[error("bound sizes in {}: {file_system} at {} has no project quotas{}", what.display(), mount.display(), if *asleep { " that hold" } else { "" })]
    NoQuotas {
        /// The store, or the directory.
        what: PathBuf,
        /// As in `/proc/filesystems`.
        file_system: String,
        /// Where it is mounted.
        mount: PathBuf,
        /// Whether it counts already, and only its mount option is missing.
        asleep: bool,
    },
    /// A volume that is bound when it has contents already.
    #[error("bound volume {0}: it has contents, which no project counts")]
    Unbounded(String),
    /// A name that no volume can have.
    #[error(
        "invalid volume name {0:?}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at most 255 characters"
    )]
    VolumeName(String),
    /// A secret or config.
    #[error(transparent)]
    Secret(Box<crate::SecretError>),
}

impl From<crate::SecretError> for StoreError {
    fn from(error: crate::SecretError) -> Self {
        Self::Secret(Box::new(error))
    }
}

/// What SQLite says. Its own source says the same once more, and is left out.
#[derive(Debug)]
pub struct SqliteAnswer(pub(crate) rusqlite::Error);

impl std::fmt::Display for SqliteAnswer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for SqliteAnswer {}

impl StoreError {
    /// What sort of refusal it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotFound { .. } => Kind::NotFound,
            Self::Ambiguous { .. }
            | Self::Reference(_)
            | Self::Archive(_)
            | Self::VolumeName(_) => Kind::Invalid,
            Self::NameTaken { .. }
            | Self::LevelTaken { .. }
            | Self::Exists { .. }
            | Self::InUse { .. }
            | Self::NoIds { .. }
            | Self::Unbounded(_)
            | Self::SeveralNames { .. } => Kind::Conflict,
            Self::NoQuotas { .. } => Kind::Unsupported,
            Self::File { errno, .. } => kind_of_errno(*errno),
            Self::Unpack { cause, .. } => kind_of_chain(cause.as_ref()).unwrap_or(Kind::Invalid),
            Self::Database { cause, .. } => kind_of_database(&cause.0),
            Self::Secret(error) => error.kind(),
            Self::Future { .. } | Self::Damaged { .. } => Kind::Internal,
        }
    }

    /// Whether it says that there is no such `image`, `container` or `volume`.
    #[must_use]
    pub fn is_missing(&self, kind: &str) -> bool {
        matches!(self, Self::NotFound { what, .. } if *what == kind)
    }

    pub(crate) fn file<E: Into<Errno>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |errno| Self::File { action, path, errno: errno.into() }
    }

    pub(crate) fn read(cause: rusqlite::Error) -> Self {
        Self::Database { action: "read", cause: SqliteAnswer(cause) }
    }

    pub(crate) fn write(cause: rusqlite::Error) -> Self {
        Self::Database { action: "write", cause: SqliteAnswer(cause) }
    }
}

fn kind_of_errno(errno: Errno) -> Kind {
    match errno.name() {
        Some("ENOSPC" | "EDQUOT") => Kind::Full,
        Some("EACCES" | "EPERM" | "EROFS") => Kind::Permission,
        _ => Kind::Internal,
    }
}

/// The disk's own refusals on the way to what looks like a damaged archive.
fn kind_of_chain(error: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    let errno = error.downcast_ref::<Errno>().copied().or_else(|| {
        let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        number.map(Errno::from_raw)
    });
    errno.map(kind_of_errno).or_else(|| error.source().and_then(kind_of_chain))
}

fn kind_of_database(error: &rusqlite::Error) -> Kind {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Kind::Full,
        Some(
            rusqlite::ErrorCode::ReadOnly
            | rusqlite::ErrorCode::PermissionDenied
            | rusqlite::ErrorCode::CannotOpen,
        ) => Kind::Permission,
        _ => Kind::Internal,
    }
}

/// The extended code of a check that failed.
pub(crate) fn violated(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|failure| failure.extended_code)
}
