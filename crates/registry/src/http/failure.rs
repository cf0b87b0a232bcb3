//! What can go wrong on the way to an answer, and which of it may pass.
//!
//! Never decides to try again. Start at [`NetworkError`].

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::RegistryError;
use crate::http::Trust;

/// Why no answer came, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The name has no address.
    #[error("find host {host}")]
    NoHost {
        /// Which.
        host: String,
        /// The resolver's answer.
        #[source]
        cause: Option<Told>,
    },
    /// The kernel says so while it connects, writes or reads.
    #[error("{stage} {host}")]
    Io {
        /// What was being done.
        stage: Stage,
        /// With whom.
        host: String,
        /// The kernel's answer.
        #[source]
        cause: sys::Errno,
    },
    /// No connection within the time allowed.
    #[error("connect to {host}: nobody answers for {}", seconds(*.after))]
    NoConnection {
        /// Whom.
        host: String,
        /// The time allowed.
        after: Duration,
    },
    /// Silence for too long.
    #[error("no byte from {host} for {}", seconds(*.after))]
    Stall {
        /// Whose.
        host: String,
        /// The time allowed.
        after: Duration,
    },
    /// The other side closed the connection before the end.
    #[error("{host} ends the connection early")]
    Cut {
        /// Who.
        host: String,
    },
    /// A certificate that proves nothing.
    #[error("verify the certificate of {host}: {why}")]
    Certificate {
        /// Whose.
        host: String,
        /// What about it.
        why: String,
        /// Where an authority's certificate would be believed: a directory of `certs.d`.
        directory: Option<PathBuf>,
    },
    /// TLS was expected, and something else came.
    #[error("{host} does not answer with TLS")]
    NotTls {
        /// Who.
        host: String,
    },
    /// Another failure of TLS.
    #[error("speak TLS with {host}")]
    Tls {
        /// With whom.
        host: String,
        /// What about it.
        #[source]
        cause: rustls::Error,
    },
    /// The proxy does not let us through.
    #[error("connect to {host} by the proxy: {why}")]
    Proxy {
        /// Whom.
        host: String,
        /// Its words.
        why: String,
    },
    /// No HTTP.
    #[error("understand the answer of {host}: {why}")]
    Protocol {
        /// Whose.
        host: String,
        /// What about it.
        why: String,
    },
}

/// What was being done when it broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before an answer.
    Reach,
    /// Within its body.
    Read,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reach => "reach",
            Self::Read => "read from",
        })
    }
}

/// Words of a library, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Told(pub(crate) String);

/// Why a try failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// On the way.
    Network(NetworkError),
    /// The server has no time: `status`, its words, and how long it wants us to wait.
    Busy { registry: String, status: u16, words: String, wait: Option<Duration> },
    /// The server refuses.
    Status { registry: String, status: u16, words: String },
    /// An answer that cannot be true.
    Dishonest(String),
    /// A request that makes no sense.
    Invalid(String),
    /// Decided already.
    Final(RegistryError),
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self::Network(error)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    /// Whether a later try may succeed.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Network(error) => error.may_pass(),
            Self::Busy { .. } => true,
            Self::Status { .. } | Self::Dishonest(_) | Self::Invalid(_) | Self::Final(_) => false,
        }
    }

    pub(crate) fn into_error(self, what: &str) -> RegistryError {
        let what = what.to_owned();
        match self {
            Self::Network(cause) => RegistryError::Connection { what, cause: Box::new(cause) },
            Self::Busy { registry, status, words, .. }
            | Self::Status { registry, status, words } => {
                RegistryError::Status { what, registry, status, words }
            }
            Self::Dishonest(why) => RegistryError::Dishonest { what, why },
            Self::Invalid(why) => RegistryError::Invalid(format!("{what}: {why}")),
            Self::Final(error) => error,
        }
    }
}

impl NetworkError {
    /// Whether a later try may succeed: not where a certificate or the protocol is wrong.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io { .. } | Self::NoConnection { .. } | Self::Stall { .. } | Self::Cut { .. } => {
                true
            }
            // It may be out of order for a moment.
            Self::Proxy { .. } => true,
            // Who is offline, or has mistyped a name, wants to hear it now.
            Self::NoHost { .. } => false,
            Self::Certificate { .. } | Self::NotTls { .. } | Self::Tls { .. } => false,
            Self::Protocol { .. } => false,
        }
    }

    /// Whether what failed was to find somebody who speaks TLS.
    pub(crate) fn is_for_want_of_tls(&self) -> bool {
        match self {
            Self::NotTls { .. }
            | Self::Io { .. }
            | Self::NoConnection { .. }
            | Self::Cut { .. } => true,
            Self::NoHost { .. } | Self::Stall { .. } | Self::Certificate { .. } => false,
            Self::Tls { .. } | Self::Proxy { .. } | Self::Protocol { .. } => false,
        }
    }

    /// A failure within a body.
    pub(crate) fn of_read(error: std::io::Error, host: &str, idle: Duration) -> Self {
        let limits = Limits { connect: idle, idle };
        let told = if error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>()) {
            ureq::Error::from(error)
        } else {
            ureq::Error::Io(error)
        };
        match error_of(told, host, &Silence { limits, stage: Stage::Read }, None) {
            Failure::Network(error) => error,
            Failure::Dishonest(why) | Failure::Invalid(why) => {
                Self::Protocol { host: host.to_owned(), why }
            }
            Failure::Busy { .. } | Failure::Status { .. } | Failure::Final(_) => {
                Self::Cut { host: host.to_owned() }
            }
        }
    }

    /// For those who read a body through `std::io::Read`.
    pub(crate) fn into_io(self) -> std::io::Error {
        let kind = match &self {
            Self::Stall { .. } | Self::NoConnection { .. } => std::io::ErrorKind::TimedOut,
            Self::Cut { .. } => std::io::ErrorKind::UnexpectedEof,
            Self::Io { .. } => std::io::ErrorKind::ConnectionReset,
            Self::Protocol { .. } => std::io::ErrorKind::InvalidData,
            Self::NoHost { .. } | Self::Certificate { .. } | Self::NotTls { .. } => {
                std::io::ErrorKind::Other
            }
            Self::Tls { .. } | Self::Proxy { .. } => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, self)
    }
}

/// How long was waited, for words.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) idle: Duration,
}

/// What was being done, and for how long it may be silent.
#[derive(Clone, Copy)]
pub(crate) struct Silence {
    pub(crate) limits: Limits,
    pub(crate) stage: Stage,
}

/// ureq's error as one of ours.
pub(crate) fn error_of(
    error: ureq::Error,
    host: &str,
    silence: &Silence,
    trust: Option<&Trust>,
) -> Failure {
    use ureq::{Error, Timeout};
    let host = host.to_owned();
    let Limits { connect, idle } = silence.limits;
    if let Error::LargeResponseHeader(..) = error {
        let most = super::MOST_HEADER_BYTES;
        return Failure::Dishonest(format!(
            "{host} answers with a header of more than {most} bytes"
        ));
    }
    if let Error::Http(_) | Error::BadUri(_) | Error::InvalidProxyUrl = error {
        return Failure::Invalid(error.to_string());
    }
    Failure::Network(if let Error::Timeout(Timeout::PerRead | Timeout::PerWrite) = error {
        NetworkError::Stall { host, after: idle }
    } else if let Error::Timeout(_) = error {
        NetworkError::NoConnection { host, after: connect }
    } else if let Error::HostNotFound = error {
        NetworkError::NoHost { host, cause: None }
    } else if let Error::ConnectProxyFailed(why) = error {
        NetworkError::Proxy { host, why: crate::words::clean(&why) }
    } else if let Error::Rustls(cause) = error {
        of_tls(cause, host, trust)
    } else if let Error::Io(cause) = error {
        of_io(cause, host, silence.stage, trust)
    } else if let Error::Protocol(cause) = error {
        NetworkError::Protocol { host, why: crate::words::clean(&cause.to_string()) }
    } else {
        NetworkError::Protocol { host, why: crate::words::clean(&error.to_string()) }
    })
}

fn of_io(cause: std::io::Error, host: String, stage: Stage, trust: Option<&Trust>) -> NetworkError {
    if let Some(number) = cause.raw_os_error() {
        return NetworkError::Io { stage, host, cause: sys::Errno::from_raw(number) };
    }
    if cause.kind() == std::io::ErrorKind::UnexpectedEof {
        return NetworkError::Cut { host };
    }
    let words = cause.to_string();
    match cause.into_inner().map(|inner| inner.downcast::<rustls::Error>()) {
        Some(Ok(inner)) => of_tls(*inner, host, trust),
        _ if words.starts_with("failed to lookup address") => {
            let why = words.split_once(": ").map_or(words.as_str(), |(_, why)| why);
            NetworkError::NoHost { host, cause: Some(Told(crate::words::clean(why))) }
        }
        _ => NetworkError::Protocol { host, why: crate::words::clean(&words) },
    }
}

fn of_tls(cause: rustls::Error, host: String, trust: Option<&Trust>) -> NetworkError {
    if let rustls::Error::InvalidMessage(_) = cause {
        return NetworkError::NotTls { host };
    }
    if let rustls::Error::InvalidCertificate(inner) = &cause {
        let why = reason_of(inner);
        let directory = trust.and_then(Trust::directory).map(std::path::Path::to_owned);
        return NetworkError::Certificate { host, why, directory };
    }
    NetworkError::Tls { host, cause }
}

fn reason_of(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Bad;
    let known = if let Bad::UnknownIssuer = error {
        "nobody trusted has signed it"
    } else if let Bad::Expired | Bad::ExpiredContext { .. } = error {
        "it has expired"
    } else if let Bad::NotValidForName | Bad::NotValidForNameContext { .. } = error {
        "it is for another host"
    } else {
        return crate::words::clean(&error.to_string());
    };
    known.to_owned()
}

fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
