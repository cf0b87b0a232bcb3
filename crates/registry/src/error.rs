//! What a registry refuses, or what goes wrong on the way to it.
//!
//! Start at [`RegistryError`].

use crate::NetworkError;

/// What sort of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request, or a setting, makes no sense.
    Invalid,
    /// There is no such repository, tag or blob.
    NotFound,
    /// The registry does not know who asks.
    Unauthorized,
    /// The registry knows who asks, and refuses.
    Denied,
    /// It cannot be reached, or is out of order: a later try may succeed.
    Unavailable,
    /// It asks for fewer requests.
    TooMany,
    /// What it answered is not what it should be: a digest, a length, a document.
    Dishonest,
    /// The disk is full.
    Full,
    /// Something here.
    Internal,
}

/// Why an operation with a registry failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry's answer.
    #[error("{what}: {registry} answers {status}{}", if words.is_empty() { String::new() } else { format!(": {words}") })]
    Status {
        /// What was asked: `get manifest library/busybox:latest`.
        what: String,
        /// Whose answer.
        registry: String,
        /// HTTP status.
        status: u16,
        /// The registry's own words, in one line, cut.
        words: String,
    },
    /// No answer.
    #[error("{what}")]
    Connection {
        /// What was asked.
        what: String,
        /// What happened.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer that cannot be true.
    #[error("{what}: {why}")]
    Dishonest {
        /// What was asked.
        what: String,
        /// What about it.
        why: String,
    },
    /// A document that cannot be used.
    #[error("{what}")]
    Document {
        /// Which.
        what: String,
        /// What is wrong with it.
        #[source]
        cause: spec::image::BadDocument,
    },
    /// An index without an image for this machine.
    #[error("{reference} has no image for {wanted}; there {}", match offered.as_slice() { [] => "is none at all".to_owned(), some => format!("are {}", some.join(", ")) })]
    Platform {
        /// What was asked for.
        reference: String,
        /// For which machine.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The policy refuses it, or nobody can say whether it does.
    #[error(transparent)]
    Refused(Box<crate::AdmitError>),
    /// The disk cannot take it.
    #[error("{what}: the disk is full: {needed} bytes to come, {free} free at {place}")]
    Full {
        /// What was to be done.
        what: String,
        /// Bytes of the missing layers as they come; they grow when they are unpacked.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Where.
        place: String,
    },
    /// A transfer that broke more often than anybody is patient.
    #[error("{what}: {why}")]
    Broken {
        /// What was to be done.
        what: String,
        /// What happened last.
        why: String,
    },
    /// A file of ours.
    #[error("{what}")]
    Disk {
        /// What was to be done.
        what: String,
        /// The kernel's answer.
        #[source]
        cause: std::io::Error,
    },
    /// Who the caller is.
    #[error(transparent)]
    Credentials(#[from] crate::CredentialsError),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// In so many words.
    #[error("{0}")]
    Invalid(String),
}

impl RegistryError {
    /// What broke a body that was read through `std::io::Read`, as an error that says what was being done.
    #[must_use]
    pub fn interrupted(what: &str, error: std::io::Error) -> Self {
        let what = what.to_owned();
        if error.kind() == std::io::ErrorKind::InvalidData {
            return Self::Dishonest { what, why: error.to_string() };
        }
        match error.downcast::<NetworkError>() {
            Ok(cause) => Self::Connection { what, cause: Box::new(cause) },
            Err(error) => Self::Connection { what, cause: Box::new(sys::Errno::from(error)) },
        }
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Status { status, .. } => match status {
                401 => Kind::Unauthorized,
                403 => Kind::Denied,
                404 => Kind::NotFound,
                429 => Kind::TooMany,
                408 | 499..=599 => Kind::Unavailable,
                _ => Kind::Invalid,
            },
            Self::Connection { cause, .. } => match cause.downcast_ref::<NetworkError>() {
                // Nothing passes here by itself: a setting is missing.
                Some(NetworkError::Certificate { .. } | NetworkError::NotTls { .. }) => {
                    Kind::Invalid
                }
                _ => Kind::Unavailable,
            },
            Self::Dishonest { .. } | Self::Document { .. } => Kind::Dishonest,
            Self::Invalid(_) => Kind::Invalid,
            Self::Platform { .. } => Kind::NotFound,
            Self::Refused(_) => Kind::Denied,
            Self::Broken { .. } => Kind::Unavailable,
            Self::Full { .. } => Kind::Full,
            Self::Disk { cause, .. } => {
                use std::io::ErrorKind::{QuotaExceeded, StorageFull};
                let is_full = matches!(cause.kind(), StorageFull | QuotaExceeded);
                if is_full { Kind::Full } else { Kind::Internal }
            }
            Self::Credentials(_) => Kind::Internal,
            Self::Store(error) => match error.kind() {
                store::Kind::NotFound => Kind::NotFound,
                store::Kind::Invalid => Kind::Invalid,
                store::Kind::Full => Kind::Full,
                store::Kind::Conflict
                | store::Kind::Permission
                | store::Kind::Unsupported
                | store::Kind::Internal => Kind::Internal,
            },
        }
    }

    /// Whether the same call may succeed later: somebody was out of reach or out of order, and nothing is wrong here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connection { cause, .. } => {
                cause.downcast_ref::<NetworkError>().is_none_or(NetworkError::may_pass)
            }
            Self::Status { .. } => matches!(self.kind(), Kind::Unavailable | Kind::TooMany),
            Self::Broken { .. } => true,
            Self::Dishonest { .. } | Self::Document { .. } | Self::Invalid(_) => false,
            Self::Platform { .. } | Self::Full { .. } | Self::Disk { .. } => false,
            Self::Refused(_) => false,
            Self::Credentials(_) | Self::Store(_) => false,
        }
    }

    /// What a person can do about it, in one line; nothing where there is no better advice than the error itself.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Status { registry, status: 401, .. } => Some(format!(
                "if the repository exists, it is not for everybody: corten login {registry}"
            )),
            Self::Status { registry, status: 403, .. } => {
                Some(format!("log in as somebody who may: corten login {registry}"))
            }
            Self::Status { registry, status: 429, .. } => {
                Some(format!("{registry} lets those who log in do more: corten login {registry}"))
            }
            Self::Connection { cause, .. } => {
                cause.downcast_ref::<NetworkError>().and_then(hint_of_network)
            }
            Self::Platform { .. } => Some("another platform is had by --platform".to_owned()),
            Self::Broken { .. } => {
                Some("what has come is kept: a new pull goes on there".to_owned())
            }
            Self::Full { .. } => {
                Some("everything was given back; corten system df shows what takes room".to_owned())
            }
            Self::Status { .. } | Self::Dishonest { .. } | Self::Invalid(_) => None,
            Self::Refused(_) => None,
            Self::Credentials(_) | Self::Store(_) | Self::Document { .. } | Self::Disk { .. } => {
                None
            }
        }
    }
}

fn hint_of_network(error: &NetworkError) -> Option<String> {
    match error {
        NetworkError::Certificate { directory: Some(directory), .. } => {
            let path = directory.join("ca.crt");
            Some(format!("put the certificate of its authority into {}", path.display()))
        }
        NetworkError::NotTls { host } => Some(format!(
            "if you trust the network on the way to it, name {host} among the insecure registries"
        )),
        NetworkError::Certificate { directory: None, .. }
        | NetworkError::NoHost { .. }
        | NetworkError::Io { .. }
        | NetworkError::NoConnection { .. }
        | NetworkError::Stall { .. } => None,
        NetworkError::Cut { .. }
        | NetworkError::Tls { .. }
        | NetworkError::Proxy { .. }
        | NetworkError::Protocol { .. } => None,
    }
}
