//! Who the caller is at a registry.
//!
//! Start at [`DockerConfig`], the file that Docker, Podman and everybody else share; its text is the caller's to read, but what
//! is stored is written from here. A secret is never part of an error, of a Debug output, or of a program's arguments. Sources:
//! docker-login(1), docker-credential-helpers' README ("Development"), containers-auth.json(5).

use std::path::PathBuf;

mod config;
mod helper;
mod json;
mod place;

pub use config::{DockerConfig, Kept};

/// What proves it.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Name and password (RFC 7617).
    Basic {
        /// Name.
        user: String,
        /// Password or access token.
        password: String,
    },
    /// A refresh token, exchanged for access tokens. distribution's OAuth 2 specification.
    Refresh(String),
    /// An access token, sent as it is.
    Bearer(String),
}

impl std::fmt::Debug for Login {
    /// Never shows a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// Knows logins.
pub trait Credentials: std::fmt::Debug + Send + Sync {
    /// The login for a registry (`docker.io`, `localhost:5000`); nothing where the caller is nobody in particular.
    ///
    /// # Errors
    /// When a helper program fails, or what is written of the login makes no sense.
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError>;

    /// The login for one repository of it (`library/busybox`), where there are logins for a part of a registry.
    ///
    /// # Errors
    /// As [`Credentials::login`].
    fn login_for(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Login>, CredentialsError> {
        let _ = repository;
        self.login(registry)
    }
}

/// Knows none.
#[derive(Clone, Copy, Debug)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn login(&self, _registry: &str) -> Result<Option<Login>, CredentialsError> {
        Ok(None)
    }
}

/// Several files: the first one that knows a login counts.
impl Credentials for Vec<DockerConfig> {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        self.login_for(registry, "")
    }

    fn login_for(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Login>, CredentialsError> {
        for config in self {
            if let Some(login) = config.login_for(registry, repository)? {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }
}

/// Why a login cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A helper program.
    #[error("credential helper {helper}: {why}")]
    Helper {
        /// Its file name.
        helper: String,
        /// What happened, in one line.
        why: String,
    },
    /// What the file says.
    #[error("{}: {why}", file.display())]
    Config {
        /// Which.
        file: PathBuf,
        /// Where in it, and what is wrong, without its words.
        why: String,
    },
    /// The file cannot be written.
    #[error("{action} {}", file.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        file: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: sys::Errno,
    },
}
