//! One agent per host: its certificates, its proxy, its connections, which threads share.
//!
//! Never reads the environment: ureq's own look at proxies there is switched off. Start at [`Http::new`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue};

use super::failure::{Limits, Silence};
use super::{Answer, Failure, MOST_HEADER_BYTES, NetworkError, Request, Stage, Trust, error_of};
use crate::address::{Address, Origin, Scheme};
use crate::client::{Settings, TransferLimits};
use crate::proxy::proxy_for;

/// How much longer a server may be silent that has much to do: a large blob is moved or hashed before the upload ends.
const SLOW_FACTOR: u32 = 20;
/// Kinds of proxies. With `socks5` names are resolved here, with `socks5h` by the proxy, as in curl(1).
const PROXIES: [&str; 4] = ["http", "https", "socks5", "socks5h"];
/// Connections of one host that are kept for the next request.
const MOST_IDLE_CONNECTIONS: usize = 16;

/// Connections to hosts.
pub(crate) struct Http {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
    ca_files: Vec<PathBuf>,
    certs_d: Vec<PathBuf>,
    limits: TransferLimits,
    agents: Mutex<Agents>,
}

#[derive(Default)]
struct Agents {
    known: HashMap<(Origin, Trust), Agent>,
    is_stopped: bool,
}

impl std::fmt::Debug for Http {
    /// A proxy's address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            http_proxy: settings.http_proxy.clone(),
            https_proxy: settings.https_proxy.clone(),
            no_proxy: settings.no_proxy.clone(),
            ca_files: settings.ca_files.clone(),
            certs_d: settings.rules.certs_d.clone(),
            limits: settings.limits,
            agents: Mutex::default(),
        }
    }

    /// Ends every connection, at once and whatever it is at, and makes no other one.
    pub(crate) fn stop(&self) {
        let known = {
            let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
            agents.is_stopped = true;
            std::mem::take(&mut agents.known)
        };
        known.into_values().for_each(Agent::shutdown);
    }

    /// Sends one request to one address.
    pub(super) fn send(
        &self,
        request: &Request<'_>,
        address: &Address,
        secrets: &[(HeaderName, HeaderValue)],
        trust: &Trust,
    ) -> Result<Answer, Failure> {
        let agent = self.agent(&address.origin, trust)?;
        let mut builder =
            ureq::http::Request::builder().method(request.method.clone()).uri(address.full());
        for (name, value) in request.headers.iter().chain(secrets) {
            builder = builder.header(name, value);
        }
        let invalid = |error: ureq::http::Error| Failure::Invalid(error.to_string());
        let slow = request.is_slow.then(|| self.limits.idle * SLOW_FACTOR);
        let sent = if sends_body(request) {
            run(&agent, builder.body(request.body).map_err(invalid)?, slow)
        } else {
            run(&agent, builder.body(()).map_err(invalid)?, slow)
        };
        let limits =
            Limits { connect: self.limits.connect, idle: slow.unwrap_or(self.limits.idle) };
        let silence = Silence { limits, stage: Stage::Reach };
        let response = sent
            .map_err(|error| error_of(error, &address.origin.authority(), &silence, Some(trust)))?;
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        Ok(Answer { status, headers, address: address.clone(), body, idle: self.limits.idle })
    }

    fn agent(&self, origin: &Origin, trust: &Trust) -> Result<Agent, Failure> {
        let key = (origin.clone(), trust.clone());
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if agents.is_stopped {
            return Err(NetworkError::Cut { host: origin.authority() }.into());
        }
        if let Some(agent) = agents.known.get(&key) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(origin, trust)?;
        agents.known.insert(key, agent.clone());
        Ok(agent)
    }

    fn new_agent(&self, origin: &Origin, trust: &Trust) -> Result<Agent, Failure> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("corten/", env!("CARGO_PKG_VERSION")))
            // Content is named by the digest of its bytes: nobody on the way shall compress it.
            .accept_encoding("identity")
            .max_response_header_size(MOST_HEADER_BYTES)
            .max_idle_connections(MOST_IDLE_CONNECTIONS)
            .max_idle_connections_per_host(MOST_IDLE_CONNECTIONS)
            .timeout_resolve(Some(self.limits.connect))
            .timeout_connect(Some(self.limits.connect))
            // ureq counts each read and write of the connection by itself: this limits silence, not the transfer.
            .timeout_per_read(Some(self.limits.idle))
            .timeout_per_write(Some(self.limits.idle))
            .proxy(self.proxy(origin)?);
        if origin.scheme == Scheme::Https {
            let mut trust = trust.clone();
            let (authority, name) = (origin.authority(), origin.host.as_str());
            trust.add_directories(&self.certs_d, &[&authority, name]);
            config = config.tls_config(trust.tls(&self.ca_files).map_err(Failure::Invalid)?);
        }
        Ok(config.build().new_agent())
    }

    fn proxy(&self, origin: &Origin) -> Result<Option<ureq::Proxy>, Failure> {
        let found = proxy_for(origin, &self.http_proxy, &self.https_proxy, &self.no_proxy);
        let Some(address) = found else { return Ok(None) };
        // The address may hold a password, so the words do not show it.
        let scheme = address.split("://").next().unwrap_or_default().to_ascii_lowercase();
        if !PROXIES.contains(&scheme.as_str()) {
            return Err(Failure::Invalid(format!("a proxy of kind {scheme:?} is not supported")));
        }
        let proxy = ureq::Proxy::new(&address);
        proxy.map(Some).map_err(|_bad| Failure::Invalid("the proxy's address is none".to_owned()))
    }
}

fn sends_body(request: &Request<'_>) -> bool {
    use ureq::http::Method;
    matches!(request.method, Method::POST | Method::PUT | Method::PATCH)
}

/// Runs a request, with another limit of silence where it is slow.
fn run<S: ureq::AsSendBody>(
    agent: &Agent,
    request: ureq::http::Request<S>,
    slow: Option<Duration>,
) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    if slow.is_none() {
        return agent.run(request);
    }
    agent.run(agent.configure_request(request).timeout_per_read(slow).build())
}
