//! Tokens: asked of the server that a registry names, with a login or as nobody in particular.
//!
//! Never keeps one: see `auth`. Start at [`fetch`]. Sources: distribution's documentation, "Token Authentication Specification" and
//! "Oauth2 Token Authentication"; RFC 6749 section 6.

use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::{HeaderValue, Method, header};

use super::{Party, Scope, basic};
use crate::Login;
use crate::address::{Address, percent_encode};
use crate::http::{Answer, Failure, Request};

/// Where the answer does not say how long it holds. Token specification, "Token Response Fields".
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// No token is used in its last seconds: the request takes time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(10);
/// Bytes of a token server's answer.
const MOST_BYTES: u64 = 256 << 10;
/// By which name token servers know us.
const CLIENT: &str = "corten";

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) realm: &'a Address,
    pub(crate) service: Option<&'a str>,
    pub(crate) scopes: &'a [Scope],
    pub(crate) login: Option<&'a Login>,
}

/// A token, as the field that carries it.
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    until: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Token {
    pub(crate) fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }
}

/// Asks for a token.
pub(crate) fn fetch(party: Party<'_>, wish: &Wish<'_>) -> Result<Token, Failure> {
    let asked = Instant::now();
    let answer = match wish.login {
        Some(Login::Refresh(token)) => {
            post(party, wish, &[("grant_type", "refresh_token"), ("refresh_token", token)])
        }
        Some(Login::Basic { user, password }) => {
            let answer = get(party, wish, Some((user, password)))?;
            // Servers of OAuth 2 alone know no GET.
            if matches!(answer.status, 404 | 405) {
                let form = [("grant_type", "password"), ("username", user), ("password", password)];
                post(party, wish, &form)
            } else {
                Ok(answer)
            }
        }
        Some(Login::Bearer(_)) | None => get(party, wish, None),
    }?;
    let answer = accepted(party, wish, answer)?;
    let server = &wish.realm.origin.host;
    let parsed: TokenAnswer = serde_json::from_slice(&answer.read(MOST_BYTES)?)
        .map_err(|bad| Failure::Dishonest(format!("{server} answers with no token: {bad}")))?;
    let token = parsed.token.filter(|token| !token.is_empty()).or(parsed.access_token);
    let token =
        token.ok_or_else(|| Failure::Dishonest(format!("{server} answers without a token")))?;
    let life = parsed.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
    let until = asked.checked_add(life.saturating_sub(MARGIN.min(life / 4))).unwrap_or(asked);
    Ok(Token { header: header(&token)?, until })
}

fn get(party: Party<'_>, wish: &Wish<'_>, login: Option<(&str, &str)>) -> Result<Answer, Failure> {
    let mut address = wish.realm.clone();
    if let Some(service) = wish.service {
        address = address.with_parameter("service", service);
    }
    for scope in wish.scopes {
        address = address.with_parameter("scope", scope);
    }
    let mut secrets = Vec::new();
    if let Some((user, password)) = login {
        address = address.with_parameter("account", user);
        secrets.push((header::AUTHORIZATION, basic(user, password)?));
    }
    let (headers, body) = (Vec::new(), &[][..]);
    let request = Request { method: Method::GET, address, headers, secrets, body, is_slow: false };
    party.http.exchange(&request, &party.trust.for_others())
}

fn post(party: Party<'_>, wish: &Wish<'_>, grant: &[(&str, &str)]) -> Result<Answer, Failure> {
    let scopes = wish.scopes.join(" ");
    let mut fields = vec![("client_id", CLIENT), ("scope", &scopes)];
    fields.extend(wish.service.map(|service| ("service", service)));
    fields.extend(grant);
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", percent_encode(value)));
    let form = pairs.collect::<Vec<_>>().join("&");
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    let request = Request {
        method: Method::POST,
        address: wish.realm.clone(),
        headers: vec![(header::CONTENT_TYPE, kind)],
        secrets: Vec::new(),
        body: form.as_bytes(),
        is_slow: false,
    };
    party.http.exchange(&request, &party.trust.for_others())
}

/// Turns a refusal into an error that names the token server.
fn accepted(party: Party<'_>, wish: &Wish<'_>, answer: Answer) -> Result<Answer, Failure> {
    if answer.status == 200 {
        return Ok(answer);
    }
    let server = wish.realm.origin.authority();
    let failure = crate::host::failure_of(answer, &server);
    let Failure::Status { status, words, .. } = failure else { return Err(failure) };
    let words = if words.is_empty() { format!("status {status}") } else { words };
    let words = format!("token server {server}: {words}");
    // A server that calls a wrong password a bad request means the same.
    let status = if status == 400 { 401 } else { status };
    // People log in to the registry, not to its token server.
    Err(Failure::Status { registry: party.registry.to_owned(), status, words })
}

/// The field for a token.
pub(crate) fn header(token: &str) -> Result<HeaderValue, Failure> {
    secret(&format!("Bearer {token}"))
}

/// A field that logs do not show.
pub(crate) fn secret(value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value).map_err(|_bad| {
        Failure::Invalid("a login or a token holds what no header field can".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}
