//! What all repositories of a command share: settings, connections, tokens.
//!
//! Never reads the environment or a configuration file. Start at [`Client::new`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use spec::Reference;
use ureq::http::Method;

use crate::endpoint::plan;
use crate::host::{Ask, Host, Shared, Target, failure_of};
use crate::search::search;
use crate::{
    Credentials, CredentialsError, HostRules, Login, Progress, RegistryError, Repository,
    SearchFilter, SearchResult,
};

/// What a client is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Mirrors, certificates, insecure registries.
    pub rules: HostRules,
    /// Who the caller is at each registry.
    pub credentials: Arc<dyn Credentials>,
    /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` as the environment says them; empty where it does not.
    pub http_proxy: String,
    /// For `https://`.
    pub https_proxy: String,
    /// Hosts, domains, networks that are reached without a proxy, separated by commas; `*` is all.
    pub no_proxy: String,
    /// Files of trusted certificates (PEM); the first that exists counts.
    pub ca_files: Vec<PathBuf>,
    /// Limits of patience.
    pub limits: TransferLimits,
    /// Where waits and retries are told.
    pub progress: Arc<Progress>,
}

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct TransferLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// Tries of one request, or of one transfer without progress.
    pub tries: u32,
    /// Before the second try; doubled with each, with a random part.
    pub first_wait: Duration,
    /// The longest wait, whatever `Retry-After` says.
    pub most_wait: Duration,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(30),
            tries: 6,
            first_wait: Duration::from_millis(500),
            most_wait: Duration::from_secs(60),
        }
    }
}

/// A client of registries. Clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

/// Knows one login, whoever asks.
#[derive(Debug)]
struct One(Login);

impl Credentials for One {
    fn login(&self, _registry: &str) -> Result<Option<Login>, CredentialsError> {
        Ok(Some(self.0.clone()))
    }
}

impl Client {
    /// A client that has not connected to anything yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { shared: Arc::new(Shared::new(settings)) }
    }

    /// The repository of a reference, its tag and digest aside. What the settings refuse, its calls refuse.
    #[must_use]
    pub fn repository(&self, reference: &Reference) -> Repository {
        Repository::new(&self.shared, reference)
    }

    /// Whether a registry answers, and takes the login that the settings have for it.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn ping(&self, registry: &str) -> Result<(), RegistryError> {
        ping(&self.shared, registry, &format!("reach {registry}"))
    }

    /// Asks a registry whether it knows this login.
    ///
    /// # Errors
    /// `Kind::Unauthorized` when it does not.
    pub fn check_login(&self, registry: &str, login: &Login) -> Result<(), RegistryError> {
        // A client of its own: tokens of this login are nobody else's.
        let credentials = Arc::new(One(login.clone()));
        let settings = Settings { credentials, ..self.shared.settings.clone() };
        ping(&Arc::new(Shared::new(settings)), registry, &format!("log in to {registry}"))
    }

    /// Looks for images by words on Docker Hub, or on the registry that stands before the words (`quay.io/busybox`).
    ///
    /// # Errors
    /// [`RegistryError`]
    pub fn search(
        &self,
        term: &str,
        limit: u32,
        filter: &SearchFilter,
    ) -> Result<Vec<SearchResult>, RegistryError> {
        search(&self.shared, term, limit, filter)
    }

    pub(crate) fn http(&self) -> &crate::http::Http {
        &self.shared.http
    }

    /// Ends every wait for a next try and every connection, now and in future: each call fails, with what it was waiting for to
    /// pass where it waited.
    pub fn stop(&self) {
        self.shared.stop();
    }
}

fn ping(shared: &Arc<Shared>, registry: &str, what: &str) -> Result<(), RegistryError> {
    let plan = plan(&shared.settings.rules, registry, "")
        .map_err(|why| RegistryError::Invalid(format!("{what}: {why}")))?;
    let host = Host::new(plan.origin, Arc::clone(shared));
    let mut ask = Ask::new(what, Method::GET, Target::Api("/".to_owned()));
    ask.tries = shared.settings.limits.tries;
    host.ask(&ask, |answer| match answer.status {
        200 => Ok(()),
        _ => Err(failure_of(answer, host.name())),
    })
}
