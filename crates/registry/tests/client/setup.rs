//! Clients with short patience, and digests.

use std::sync::Arc;

use registry::{Client, Credentials, CredentialsError, Login, Repository, Settings};
use sha2::Digest as _;
use spec::Digest;
use spec::image::{Descriptor, media_type};

use crate::shared::settings;

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

/// Bytes that no two places have in common.
pub(crate) fn bytes(length: u32) -> Vec<u8> {
    (0..length)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length as usize)
        .collect()
}
