//! A token server as registries name one: checks a login, signs what it allows.
//!
//! Known are user `user` with password `password`, who may do everything, and nobody in particular, who may pull. Start at
//! [`TokenServer::start`]. Sources: distribution's token specification and its JWT implementation notes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::{Certificates, Request, Response, ScriptedServer};

/// The service that tokens are for.
pub(crate) const SERVICE: &str = "test registry";
/// Who signs.
pub(crate) const ISSUER: &str = "test issuer";
/// A refresh token that is worth as much as the password.
pub const REFRESH_TOKEN: &str = "refresh me";
/// How long tokens hold by what the answer says, where nothing else is set.
const DEFAULT_LIFE: u64 = 300;

/// A token server on 127.0.0.1, ended when dropped.
#[derive(Debug)]
pub struct TokenServer {
    server: ScriptedServer,
    certificates: Certificates,
    life: Arc<AtomicU64>,
}

struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// The certificate in base64.
    certificate: String,
}

impl TokenServer {
    /// A server without TLS.
    ///
    /// # Panics
    /// When its key cannot be made.
    #[must_use]
    pub fn start() -> Self {
        crate::host::enter();
        let certificates = Certificates::new();
        let signer = Signer::new(&certificates);
        let life = Arc::new(AtomicU64::new(DEFAULT_LIFE));
        let server = ScriptedServer::start({
            let life = Arc::clone(&life);
            move |request| answer(&signer, request, life.load(Ordering::SeqCst))
        });
        Self { server, certificates, life }
    }

    /// The address that a challenge names.
    #[must_use]
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.server.host())
    }

    /// The certificate that its tokens are checked with.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.certificates.ca()
    }

    /// Sets for how many seconds its answers say that a token holds; the signature holds longer.
    pub fn set_life(&self, seconds: u64) {
        self.life.store(seconds, Ordering::SeqCst);
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }
}

impl Signer {
    fn new(certificates: &Certificates) -> Self {
        let authority = certificates.ca();
        let key = match PrivatePkcs8KeyDer::from_pem_file(authority.with_extension("key")) {
            Ok(key) => key,
            Err(error) => panic!("read the key: {error}"),
        };
        let certificate = match CertificateDer::from_pem_file(&authority) {
            Ok(certificate) => STANDARD.encode(certificate),
            Err(error) => panic!("read the certificate: {error}"),
        };
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        match EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der(), &random) {
            Ok(key) => Self { key, random, certificate },
            Err(error) => panic!("use the key: {error}"),
        }
    }

    /// A signed token (RFC 7519) for what is allowed.
    fn token(&self, subject: &str, access: &[serde_json::Value]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let head = serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let claims = serde_json::json!({
            "iss": ISSUER, "sub": subject, "aud": SERVICE, "jti": format!("{now}"),
            "nbf": now - 60, "iat": now, "exp": now + 600, "access": access,
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&head), encode(&claims));
        match self.key.sign(&self.random, signed.as_bytes()) {
            Ok(signature) => format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)),
            Err(error) => panic!("sign a token: {error}"),
        }
    }
}

fn answer(signer: &Signer, request: &Request, life: u64) -> Response {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let form = String::from_utf8_lossy(&request.body);
    let is_post = request.method == "POST";
    let fields = parse(if is_post { &form } else { query });
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let user = if is_post {
        match field("grant_type").map(String::as_str) {
            Some("refresh_token")
                if field("refresh_token").is_some_and(|token| token == REFRESH_TOKEN) =>
            {
                "user"
            }
            Some("password") if field("password").is_some_and(|word| word == "password") => "user",
            _ => return refusal(),
        }
    } else {
        match request.header("authorization") {
            None => "",
            Some(field) if field == format!("Basic {}", STANDARD.encode("user:password")) => "user",
            Some(_) => return refusal(),
        }
    };
    let scopes =
        fields.iter().filter(|(name, _)| name == "scope").flat_map(|(_, value)| value.split(' '));
    let access: Vec<serde_json::Value> = scopes.filter_map(|scope| allowed(scope, user)).collect();
    let token = signer.token(user, &access);
    let name = if is_post { "access_token" } else { "token" };
    let body = serde_json::json!({name: token, "expires_in": life});
    Response::new(200).header("Content-Type", "application/json").body(body.to_string())
}

fn refusal() -> Response {
    Response::new(401).body(r#"{"details":"incorrect username or password"}"#)
}

fn allowed(scope: &str, user: &str) -> Option<serde_json::Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> =
        actions.split(',').filter(|action| !user.is_empty() || *action == "pull").collect();
    Some(serde_json::json!({"type": kind, "name": name, "actions": actions}))
}

/// Fields of a query or a form.
fn parse(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
