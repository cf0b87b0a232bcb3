//! Clients with short patience, and digests.

use std::sync::Arc;
use std::time::Duration;

use registry::{
    Client, Credentials, CredentialsError, HostRules, Login, NoCredentials, Progress, Repository,
    Settings, TransferLimits,
};
use sha2::Digest as _;
use spec::Digest;
use spec::image::{Descriptor, media_type};

/// The same login for whoever asks, and who asked.
#[derive(Debug)]
pub(crate) struct Always(pub(crate) Login);

impl Credentials for Always {
    fn login(&self, _registry: &str) -> Result<Option<Login>, CredentialsError> {
        Ok(Some(self.0.clone()))
    }
}

pub(crate) fn user() -> Login {
    Login::Basic { user: "user".into(), password: "password".into() }
}

pub(crate) fn settings() -> Settings {
    Settings {
        rules: HostRules::default(),
        credentials: Arc::new(NoCredentials),
        http_proxy: String::new(),
        https_proxy: String::new(),
        no_proxy: String::new(),
        ca_files: Vec::new(),
        limits: TransferLimits {
            // Long enough for a loaded machine; the tests of silence have their own.
            connect: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            tries: 3,
            first_wait: Duration::from_millis(2),
            most_wait: Duration::from_millis(20),
        },
        progress: Arc::new(Progress::default()),
    }
}

pub(crate) fn as_user() -> Settings {
    Settings { credentials: Arc::new(Always(user())), ..settings() }
}

pub(crate) fn repository(settings: Settings, host: &str) -> Repository {
    Client::new(settings).repository(&format!("{host}/a/b").parse().unwrap())
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

pub(crate) fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::new(media_type::OCI_LAYER, digest(bytes), bytes.len() as u64)
}

/// An error with its causes, as people see it.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        cause = inner.source();
    }
    assert!(!line.contains('\n'), "{line}");
    line
}

/// Bytes that no two places have in common.
pub(crate) fn bytes(length: u32) -> Vec<u8> {
    (0..length)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length as usize)
        .collect()
}
