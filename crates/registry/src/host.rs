//! One host of a registry, asked until it answers: with or without TLS, with the proof it wants, again after a while.
//!
//! Never follows a redirect (`http` does) and knows no call of the API (`repository` does). Start at [`Host::ask`]. Sources: RFC 9110
//! section 15, distribution-spec.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::{HeaderName, HeaderValue, Method, header};

use crate::address::{Address, Origin, Scheme};
use crate::auth::{Auth, Party, Scope};
use crate::client::Settings;
use crate::endpoint::{Endpoint, Reach};
use crate::http::{Answer, Failure, Http, NetworkError, Request};
use crate::patience::{Patience, in_words, retry_after, wait_after};
use crate::{RegistryError, words};

/// Bytes of an error's body that are read.
const MOST_ERROR_BYTES: u64 = 64 << 10;

/// What all hosts of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) http: Http,
    pub(crate) auth: Auth,
    pub(crate) patience: Patience,
    /// What those who may go without TLS turned out to speak.
    schemes: Mutex<HashMap<(String, Option<u16>), Scheme>>,
    /// Mirrors that are not asked any more.
    passed_over: Mutex<HashSet<String>>,
}

/// A host, and what it is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) shared: Arc<Shared>,
    key: String,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Below the API's root: `/library/busybox/tags/list`.
    Api(String),
    /// Where the host said.
    At(Address),
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    /// For errors: `get manifest docker.io/library/busybox:latest`.
    pub(crate) what: &'a str,
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: &'a [u8],
    pub(crate) scopes: Vec<Scope>,
    pub(crate) tries: u32,
    /// Whether the server has much to do before it answers.
    pub(crate) is_slow: bool,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            http: Http::new(&settings),
            auth: Auth::new(Arc::clone(&settings.credentials)),
            patience: Patience::default(),
            schemes: Mutex::default(),
            passed_over: Mutex::default(),
            settings,
        }
    }

    /// Ends every wait for a next try, and every connection, now and in future.
    pub(crate) fn stop(&self) {
        self.patience.stop();
        self.http.stop();
    }

    /// Asks this mirror no more.
    pub(crate) fn pass_over(&self, registry: &str) {
        let mut passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
        passed_over.insert(registry.to_owned());
    }

    pub(crate) fn is_passed_over(&self, registry: &str) -> bool {
        self.passed_over.lock().unwrap_or_else(PoisonError::into_inner).contains(registry)
    }
}

impl<'a> Ask<'a> {
    pub(crate) fn new(what: &'a str, method: Method, target: Target) -> Self {
        let (headers, scopes) = (Vec::new(), Vec::new());
        Self { what, method, target, headers, body: &[], scopes, tries: 1, is_slow: false }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Host {
    pub(crate) fn new(endpoint: Endpoint, shared: Arc<Shared>) -> Self {
        let port = endpoint.port.map(|port| format!(":{port}")).unwrap_or_default();
        let key = format!("{}{port} {}", endpoint.host, endpoint.registry);
        Self { endpoint: Arc::new(endpoint), shared, key }
    }

    /// By which name people know it.
    pub(crate) fn name(&self) -> &str {
        &self.endpoint.registry
    }

    /// Asks, and tries again where that may help. `read` looks at the answer, whatever its status, and says what came of it; a
    /// connection that breaks meanwhile is one more try.
    pub(crate) fn ask<T>(
        &self,
        ask: &Ask<'_>,
        mut read: impl FnMut(Answer) -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let failure = match self.try_once(ask).and_then(&mut read) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if tried >= ask.tries || !failure.may_pass() || !self.pause(&failure, tried) {
                return Err(failure.into_error(ask.what));
            }
        }
    }

    /// Waits before the next try; whether it makes sense to go on. Who was stopped is told nothing.
    pub(crate) fn pause(&self, failure: &Failure, tried: u32) -> bool {
        if self.shared.patience.is_over() {
            return false;
        }
        let wish = match failure {
            Failure::Busy { wait, .. } => *wait,
            Failure::Network(_) | Failure::Status { .. } | Failure::Dishonest(_) => None,
            Failure::Invalid(_) | Failure::Final(_) => None,
        };
        let wait = wait_after(tried, wish, &self.shared.settings.limits);
        let reason = match failure {
            Failure::Busy { registry, status, .. } => {
                format!("{registry} answers {status}{}", name_of(*status))
            }
            Failure::Network(error) => chain(error),
            Failure::Dishonest(why) | Failure::Invalid(why) => why.clone(),
            Failure::Status { registry, status, .. } => format!("{registry} answers {status}"),
            Failure::Final(error) => chain(error),
        };
        let notice = format!("{reason}: next try in {}", in_words(wait));
        self.shared.settings.progress.notice(notice);
        self.shared.patience.wait(wait)
    }

    /// One try, of which proving who asks is a part: two requests where the first proof has expired.
    pub(crate) fn try_once(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let auth = &self.shared.auth;
        let mut proof = match &ask.target {
            Target::At(address) if !self.is_own(address) => None,
            Target::At(_) | Target::Api(_) => auth.authorization(self.party(), &ask.scopes)?,
        };
        let mut answer = self.send(ask, proof.as_ref())?;
        if answer.status == 401 && self.is_own(&answer.address) {
            let party = self.party();
            let next = auth.challenged(party, &answer.headers, &ask.scopes, proof.as_ref())?;
            if next.is_some() {
                proof = next;
                answer = self.send(ask, proof.as_ref())?;
            }
        }
        if is_busy(answer.status) {
            return Err(failure_of(answer, self.name()));
        }
        Ok(answer)
    }

    fn party(&self) -> Party<'_> {
        Party {
            http: &self.shared.http,
            key: &self.key,
            registry: &self.endpoint.registry,
            repository: &self.endpoint.path,
            trust: &self.endpoint.trust,
            may_be_plain: self.endpoint.reach != Reach::Https,
        }
    }

    /// Whether an address is the host's own, so that it may see our proof.
    fn is_own(&self, address: &Address) -> bool {
        let Origin { scheme, host, port } = &address.origin;
        let fits = match self.endpoint.reach {
            Reach::Https => *scheme == Scheme::Https,
            Reach::Http => *scheme == Scheme::Http,
            // A registry of which TLS is known keeps it.
            Reach::HttpsFirst => self.scheme().is_none_or(|known| known == *scheme),
        };
        fits && *host == self.endpoint.host
            && *port == self.endpoint.port.unwrap_or(scheme.default_port())
    }

    fn send(&self, ask: &Ask<'_>, proof: Option<&HeaderValue>) -> Result<Answer, Failure> {
        let path = match &ask.target {
            Target::At(address) => return self.send_to(ask, address.clone(), proof),
            Target::Api(path) => path,
        };
        let to = |scheme| self.send_to(ask, self.address(scheme, path), proof);
        match (self.endpoint.reach, self.scheme()) {
            (Reach::Https, _) => to(Scheme::Https),
            (Reach::Http, _) => to(Scheme::Http),
            (Reach::HttpsFirst, Some(known)) => to(known),
            (Reach::HttpsFirst, None) => match to(Scheme::Https) {
                Ok(answer) => {
                    self.remember(Scheme::Https);
                    Ok(answer)
                }
                Err(Failure::Network(error)) if error.is_for_want_of_tls() => {
                    self.send_plain(&to, error)
                }
                Err(failure) => Err(failure),
            },
        }
    }

    /// The second way, after `first` failed; what is told is the failure that says more.
    fn send_plain(
        &self,
        to: &dyn Fn(Scheme) -> Result<Answer, Failure>,
        first: NetworkError,
    ) -> Result<Answer, Failure> {
        match to(Scheme::Http) {
            Ok(answer) => {
                self.remember(Scheme::Http);
                Ok(answer)
            }
            Err(Failure::Network(NetworkError::Io { .. } | NetworkError::NoConnection { .. }))
                if !matches!(first, NetworkError::NotTls { .. }) =>
            {
                Err(Failure::Network(first))
            }
            Err(failure) => Err(failure),
        }
    }

    fn address(&self, scheme: Scheme, path: &str) -> Address {
        let port = self.endpoint.port.unwrap_or(scheme.default_port());
        let origin = Origin { scheme, host: self.endpoint.host.clone(), port };
        let address = Address::new(origin, format!("{}{path}", self.endpoint.root));
        match &self.endpoint.namespace {
            Some(namespace) => address.with_parameter("ns", namespace),
            None => address,
        }
    }

    fn send_to(
        &self,
        ask: &Ask<'_>,
        address: Address,
        proof: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        let mut secrets = Vec::new();
        let trust = if self.is_own(&address) {
            secrets.extend(proof.map(|proof| (header::AUTHORIZATION, proof.clone())));
            for (name, value) in &self.endpoint.headers {
                secrets.push(own_field(name, value)?);
            }
            self.endpoint.trust.clone()
        } else {
            self.endpoint.trust.for_others()
        };
        let (method, headers) = (ask.method.clone(), ask.headers.clone());
        let Ask { body, is_slow, .. } = *ask;
        let request = Request { method, address, headers, secrets, body, is_slow };
        self.shared.http.exchange(&request, &trust)
    }

    fn scheme(&self) -> Option<Scheme> {
        let schemes = self.shared.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        schemes.get(&(self.endpoint.host.clone(), self.endpoint.port)).copied()
    }

    fn remember(&self, scheme: Scheme) {
        let mut schemes = self.shared.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        schemes.insert((self.endpoint.host.clone(), self.endpoint.port), scheme);
    }
}

fn own_field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let name: Option<HeaderName> = name.parse().ok();
    let value: Option<HeaderValue> = value.parse().ok();
    let pair = name.clone().zip(value);
    pair.ok_or_else(|| Failure::Invalid(format!("header field {name:?} of the settings is none")))
}

/// Whether a status may pass by itself. RFC 9110 section 15, RFC 6585 section 4; 499 is what distribution and nginx answer when they
/// take it that we hung up.
pub(crate) const fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 429 | 499 | 500 | 502 | 503 | 504)
}

const fn name_of(status: u16) -> &'static str {
    match status {
        408 => " (request time-out)",
        429 => " (too many requests)",
        499 => " (connection lost)",
        500 => " (internal error)",
        502 => " (bad gateway)",
        503 => " (unavailable)",
        504 => " (gateway time-out)",
        _ => "",
    }
}

/// What a status means that nobody expected.
pub(crate) fn failure_of(answer: Answer, registry: &str) -> Failure {
    let registry = registry.to_owned();
    let status = answer.status;
    let wait =
        answer.field("retry-after").and_then(|value| retry_after(value, jiff::Timestamp::now()));
    let words = words::of_body(&answer.read_some(MOST_ERROR_BYTES));
    if is_busy(status) {
        Failure::Busy { registry, status, words, wait }
    } else {
        Failure::Status { registry, status, words }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
