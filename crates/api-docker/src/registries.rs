//! What a server is told of registries, and who asks: a login comes with its request, and is used for that request alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use engine::Kind;
use hyper::HeaderMap;
use registry::{
    Client, Credentials, CredentialsError, HostRules, Login, NoCredentials, Policy, Progress,
    Settings,
};
use serde::Deserialize;

use crate::failure::Failure;

/// The header that has a login.
const HEADER: &str = "x-registry-auth";
/// The header that has those of a build.
const LOGINS: &str = "x-registry-config";
/// Clients write it with padding and without.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where a server learns what the machine's files say on registries. They are read for each request, so that a change counts at once.
#[derive(Clone, Copy, Debug)]
pub struct Registries {
    /// Mirrors, certificates, proxies, insecure registries.
    pub settings: fn(Arc<Progress>) -> Result<Settings, String>,
    /// What has to be true of an image before it is fetched.
    pub policy: fn() -> Policy,
}

impl Registries {
    /// What the machine's files say.
    pub(crate) fn rules(self) -> Result<HostRules, Failure> {
        let settings = (self.settings)(Arc::new(Progress::default()));
        settings.map(|settings| settings.rules).map_err(Failure::internal)
    }

    /// A client that is whoever the request says, at one registry.
    pub(crate) fn client(
        self,
        registry: &str,
        login: Option<Login>,
        progress: &Arc<Progress>,
    ) -> Result<(Settings, Client), Failure> {
        let mut settings = (self.settings)(Arc::clone(progress)).map_err(Failure::internal)?;
        settings.credentials = match login {
            Some(login) => Arc::new(One { registry: registry.to_owned(), login }),
            None => Arc::new(NoCredentials),
        };
        let client = Client::new(settings.clone());
        Ok((settings, client))
    }
}

/// A login at one registry; mirrors of it are not shown it.
#[derive(Debug)]
struct One {
    registry: String,
    login: Login,
}

impl Credentials for One {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        Ok((registry == self.registry).then(|| self.login.clone()))
    }
}

/// Who a client is, as it writes it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
pub(crate) struct Who {
    username: Option<String>,
    password: Option<String>,
    /// Name and password in one, as configuration files have them.
    auth: Option<String>,
    /// At which registry.
    pub(crate) serveraddress: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Who {
    /// What proves it, if anything does.
    pub(crate) fn login(self) -> Option<Login> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = filled(self.registrytoken) {
            return Some(Login::Bearer(token));
        }
        if let Some(token) = filled(self.identitytoken) {
            return Some(Login::Refresh(token));
        }
        if let (Some(user), Some(password)) = (filled(self.username), filled(self.password)) {
            return Some(Login::Basic { user, password });
        }
        let pair = STANDARD.decode(filled(self.auth)?).ok()?;
        let (user, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        let password = password.trim_end_matches('\0').to_owned();
        Some(Login::Basic { user: user.to_owned(), password })
    }
}

/// The login of a request. One that is none is none, as Docker has it.
pub(crate) fn login_of(headers: &HeaderMap) -> Option<Login> {
    let bytes = headers.get(HEADER)?.as_bytes();
    let text = URL_SAFE.decode(bytes).or_else(|_other| STANDARD.decode(bytes)).ok()?;
    serde_json::from_slice::<Who>(&text).ok()?.login()
}

/// Logins at several registries, by their names.
#[derive(Debug, Default)]
pub(crate) struct Logins(BTreeMap<String, Login>);

impl Credentials for Logins {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        Ok(self.0.get(registry).cloned())
    }
}

/// The logins of a build, each for its registry alone. What is none is nobody, as Docker has it.
pub(crate) fn logins_of(headers: &HeaderMap) -> Logins {
    let read = || {
        let bytes = headers.get(LOGINS)?.as_bytes();
        let text = URL_SAFE.decode(bytes).or_else(|_other| STANDARD.decode(bytes)).ok()?;
        serde_json::from_slice::<BTreeMap<String, Who>>(&text).ok()
    };
    let all = read().unwrap_or_default().into_iter();
    Logins(all.filter_map(|(place, who)| Some((registry_of(&place), who.login()?))).collect())
}

/// The registry's name in `https://index.docker.io/v1/`, as configuration files call Docker Hub, or in `r.io:5000`.
fn registry_of(place: &str) -> String {
    let rest = place.split_once("://").map_or(place, |(_, rest)| rest);
    match rest.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        name => name.to_owned(),
    }
}

/// Why an image cannot be had from a registry, in the words for which clients look.
pub(crate) fn refused(name: &str, error: engine::EngineError) -> Failure {
    use hyper::StatusCode;
    let words = engine::chain(&error);
    let is_answer = matches!(&error, engine::EngineError::Registry(_));
    match error.kind() {
        Kind::NotFound if is_answer => Failure {
            status: StatusCode::NOT_FOUND,
            message: format!("manifest for {name} not found: manifest unknown: {words}"),
        },
        Kind::Permission if is_answer => Failure {
            status: StatusCode::NOT_FOUND,
            message: format!(
                "pull access denied for {name}, repository does not exist or may require 'docker login': denied: {words}"
            ),
        },
        Kind::NotFound
        | Kind::Permission
        | Kind::Invalid
        | Kind::Conflict
        | Kind::Unchanged
        | Kind::Unsupported
        | Kind::Full
        | Kind::Internal => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, URL_SAFE.encode(text).parse().unwrap());
        headers
    }

    #[test]
    fn logins_are_read_in_every_form() {
        let basic = |user: &str| {
            Some(Login::Basic { user: user.to_owned(), password: "pä?ss>".to_owned() })
        };
        let text = r#"{"username":"u","password":"pä?ss>","email":"","serveraddress":"r.io"}"#;
        assert!(login_of(&header(text)) == basic("u"));
        let padded = URL_SAFE.encode(text);
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, padded.trim_end_matches('=').parse().unwrap());
        assert!(login_of(&headers) == basic("u"));
        headers.insert(HEADER, STANDARD.encode(text).parse().unwrap());
        assert!(login_of(&headers) == basic("u"));
        let pair = format!(r#"{{"auth":"{}"}}"#, STANDARD.encode("u:pä?ss>"));
        assert!(login_of(&header(&pair)) == basic("u"));
        let token = login_of(&header(r#"{"username":"u","identitytoken":"t"}"#));
        assert!(token == Some(Login::Refresh("t".to_owned())));
    }

    #[test]
    fn what_is_no_login_is_nobody() {
        for text in ["{}", "null", "x", "", r#"{"username":"u"}"#, r#"{"username":1}"#] {
            assert!(login_of(&header(text)).is_none(), "{text}");
        }
        assert!(login_of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_build_has_many_logins() {
        let text = r#"{"https://index.docker.io/v1/":{"username":"u","password":"p"},"r.io:5000":{"identitytoken":"t"},"x.io":{}}"#;
        let mut headers = HeaderMap::new();
        headers.insert(LOGINS, URL_SAFE.encode(text).parse().unwrap());
        let logins = logins_of(&headers);
        let basic = Login::Basic { user: "u".to_owned(), password: "p".to_owned() };
        assert!(logins.login("docker.io").unwrap() == Some(basic));
        assert!(logins.login("r.io:5000").unwrap() == Some(Login::Refresh("t".to_owned())));
        assert!(logins.login("x.io").unwrap().is_none());
        assert!(logins_of(&HeaderMap::new()).0.is_empty());
    }

    #[test]
    fn a_login_is_for_its_registry_alone() {
        let login = Login::Refresh("t".to_owned());
        let one = One { registry: "r.io".to_owned(), login };
        assert!(one.login("r.io").unwrap().is_some());
        assert!(one.login("mirror.io").unwrap().is_none());
    }
}
