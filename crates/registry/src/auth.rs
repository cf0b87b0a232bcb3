//! Who asks, as each host wants to see it: logins asked for once for a repository, tokens kept until they expire and shared between threads.
//!
//! Never sends a secret to anybody but the host that it is for, or the token server which that host names over TLS. Start at
//! [`Auth::authorization`]. Sources: distribution's token specification, RFC 7617, RFC 6750.

mod challenge;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use ureq::http::{HeaderMap, HeaderValue, header};

use crate::address::{Address, Scheme};
use crate::http::{Failure, Http, Trust};
use crate::{Credentials, Login};
use challenge::Challenge;
use token::Token;

/// What a field `WWW-Authenticate` holds, as fuzz/ sees it.
#[cfg(fuzzing)]
pub(crate) fn challenges(field: &str) -> Option<Vec<crate::fuzzing::Challenge>> {
    Some(challenge::parse(field)?.into_iter().map(Challenge::parts).collect())
}

/// Who wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party<'a> {
    pub(crate) http: &'a Http,
    /// Host, port and name in one: what a token is kept under.
    pub(crate) key: &'a str,
    /// By which name credentials are kept.
    pub(crate) registry: &'a str,
    /// Path of the repository that it is about: some logins are for a part of a registry.
    pub(crate) repository: &'a str,
    pub(crate) trust: &'a Trust,
    /// Whether the settings let the host go without TLS; its token server may then, too.
    pub(crate) may_be_plain: bool,
}

/// What a token has to allow: `repository:library/busybox:pull`.
pub(crate) type Scope = String;

/// How a host wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Basic,
    Bearer { realm: Address, service: Option<String>, scope: Option<String> },
}

type Slot = Arc<Mutex<Option<Token>>>;

/// Logins and tokens of one client.
#[derive(Debug)]
pub(crate) struct Auth {
    credentials: Arc<dyn Credentials>,
    logins: Mutex<HashMap<(String, String), Option<Login>>>,
    ways: Mutex<HashMap<String, Way>>,
    tokens: Mutex<HashMap<(String, String), Slot>>,
}

impl Auth {
    pub(crate) fn new(credentials: Arc<dyn Credentials>) -> Self {
        let (logins, ways, tokens) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { credentials, logins, ways, tokens }
    }

    /// The field `Authorization` for a request; nothing as long as the host has not asked for one.
    pub(crate) fn authorization(
        &self,
        party: Party<'_>,
        scopes: &[Scope],
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(way) = lock(&self.ways).get(party.key).cloned() else { return Ok(None) };
        self.prove(party, &way, scopes, None)
    }

    /// After status 401: learns what the host wants, and gives another proof than `refused`; nothing where there is none.
    pub(crate) fn challenged(
        &self,
        party: Party<'_>,
        headers: &HeaderMap,
        scopes: &[Scope],
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(way) = choose(party, &read_challenges(party, headers)?)? else { return Ok(None) };
        lock(&self.ways).insert(party.key.to_owned(), way.clone());
        let proof = self.prove(party, &way, scopes, refused)?;
        Ok(proof.filter(|proof| refused != Some(proof)))
    }

    fn prove(
        &self,
        party: Party<'_>,
        way: &Way,
        scopes: &[Scope],
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Failure> {
        let login = self.login(party.registry, party.repository)?;
        match (way, login) {
            (_, Some(Login::Bearer(token))) => token::header(&token).map(Some),
            (Way::Basic, Some(Login::Basic { user, password })) => {
                basic(&user, &password).map(Some)
            }
            (Way::Basic, Some(Login::Refresh(_)) | None) => Ok(None),
            (Way::Bearer { realm, service, scope }, login) => {
                let mut scopes = scopes.to_vec();
                if scopes.is_empty() {
                    scopes.extend(scope.clone());
                }
                let wish = token::Wish {
                    realm,
                    service: service.as_deref(),
                    scopes: &scopes,
                    login: login.as_ref(),
                };
                self.token(party, &wish, refused).map(Some)
            }
        }
    }

    /// A token that is fresh and not the refused one. Threads that want the same one wait for the first to get it.
    fn token(
        &self,
        party: Party<'_>,
        wish: &token::Wish<'_>,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, Failure> {
        let key = (party.key.to_owned(), wish.scopes.join(" "));
        let slot = Arc::clone(lock(&self.tokens).entry(key).or_default());
        let mut slot = lock(&slot);
        if let Some(token) = slot.as_ref().filter(|token| token.is_fresh())
            && refused != Some(&token.header)
        {
            return Ok(token.header.clone());
        }
        *slot = None;
        let token = token::fetch(party, wish)?;
        let header = token.header.clone();
        *slot = Some(token);
        Ok(header)
    }

    fn login(&self, registry: &str, repository: &str) -> Result<Option<Login>, Failure> {
        let key = (registry.to_owned(), repository.to_owned());
        // Held while a helper program runs: it asks the user, and once is enough.
        let mut logins = lock(&self.logins);
        if let Some(login) = logins.get(&key) {
            return Ok(login.clone());
        }
        let login = self
            .credentials
            .login_for(registry, repository)
            .map_err(|error| Failure::Final(crate::RegistryError::Credentials(error)))?;
        logins.insert(key, login.clone());
        Ok(login)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_challenges(party: Party<'_>, headers: &HeaderMap) -> Result<Vec<Challenge>, Failure> {
    let mut found = Vec::new();
    for field in headers.get_all(header::WWW_AUTHENTICATE) {
        let challenges = field.to_str().ok().and_then(challenge::parse);
        let bad = || {
            Failure::Dishonest(format!(
                "{} asks for a login in a way nobody can read",
                party.registry
            ))
        };
        found.extend(challenges.ok_or_else(bad)?);
    }
    Ok(found)
}

/// Tokens are preferred: the password is shown to the token server alone.
fn choose(party: Party<'_>, challenges: &[Challenge]) -> Result<Option<Way>, Failure> {
    let bearer = challenges.iter().find(|challenge| challenge.scheme == "bearer");
    if let Some((challenge, realm)) = bearer.and_then(|one| Some((one, one.parameter("realm")?))) {
        let parameter = |name| challenge.parameter(name).map(str::to_owned);
        let (service, scope) = (parameter("service"), parameter("scope"));
        return Ok(Some(Way::Bearer { realm: check_realm(party, realm)?, service, scope }));
    }
    Ok(challenges.iter().any(|challenge| challenge.scheme == "basic").then_some(Way::Basic))
}

/// A registry with TLS cannot send our password through the network in the clear.
fn check_realm(party: Party<'_>, realm: &str) -> Result<Address, Failure> {
    let registry = party.registry;
    let address = Address::parse(realm).map_err(|bad| {
        Failure::Dishonest(format!("the token server that {registry} names {bad}"))
    })?;
    if address.origin.scheme == Scheme::Http && !party.may_be_plain {
        let why = format!("{registry} names a token server without TLS ({address})");
        return Err(Failure::Dishonest(why));
    }
    Ok(address)
}

/// Name and password as a field that logs do not show.
pub(crate) fn basic(user: &str, password: &str) -> Result<HeaderValue, Failure> {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    token::secret(&format!("Basic {pair}"))
}
