//! `config.json` of Docker, and `auth.json` of the containers tools, which has logins for parts of a registry as well.
//!
//! Asked for a login, the helper of the registry comes first (`credHelpers`), then the one for all (`credsStore`), then what the
//! file itself has (`auths`): what was stored before there was a helper still counts. Sources: docker-login(1),
//! containers-auth.json(5).

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};

use super::helper::Helper;
use super::json::{Json, Object};
use super::place::Place;
use super::{Credentials, CredentialsError, Login};
use crate::hosts::DOCKER_HUB;

/// Docker's key for docker.io.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// Fields of an entry that hold a login.
const SECRETS: [&str; 5] = ["auth", "identitytoken", "registrytoken", "username", "password"];
/// Long enough for somebody who is asked for the password of his keys.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file of logins.
#[derive(Clone)]
pub struct DockerConfig {
    path: PathBuf,
    document: Object,
    patience: Duration,
}

/// Where a login is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// By this helper program.
    Helper(String),
    /// In this file, readable for its owner: base64 is no encryption.
    File(PathBuf),
}

impl std::fmt::Debug for DockerConfig {
    /// Never shows a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerConfig").field("path", &self.path).finish_non_exhaustive()
    }
}

impl DockerConfig {
    /// Reads the text of a file, which may be empty, as that of a file that is not there yet.
    ///
    /// # Errors
    /// When it is no JSON object; the words of the file are not part of it.
    pub fn parse(text: &str, path: PathBuf) -> Result<Self, CredentialsError> {
        match Object::parse(text) {
            Ok(document) => Ok(Self { path, document, patience: PATIENCE }),
            Err(why) => Err(CredentialsError::Config { file: path, why }),
        }
    }

    /// The same with another time that helpers are given for an answer; a minute otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Which file it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a login: with the registry's helper where there is one, in the file otherwise. The file as it is now is changed,
    /// not as it was read; everything else in it stays as it is written.
    ///
    /// # Errors
    /// When the helper refuses, or the file cannot be written.
    pub fn store(&mut self, registry: &str, login: &Login) -> Result<Kept, CredentialsError> {
        let place = self.lock()?;
        let helper = self.helper(&[registry])?;
        let fields = match helper {
            Some(_) => Vec::new(),
            None => self.fields(login)?,
        };
        if let Some((helper, server)) = &helper {
            helper.store(server, login)?;
        }
        let key = key_of(registry);
        let mut entry = match self.auths()?.and_then(|auths| auths.get(key)) {
            Some(Json::Object(entry)) => entry.clone(),
            _ => Object::default(),
        };
        entry.retain(|field| !SECRETS.contains(&field));
        for (field, text) in fields {
            entry.set(field, Json::Text(text));
        }
        let mut auths = self.auths()?.cloned().unwrap_or_default();
        // With a helper too, as Docker does: the keys say where somebody is logged in.
        auths.set(key, Json::Object(entry));
        self.document.set("auths", Json::Object(auths));
        self.write(&place)?;
        Ok(match helper {
            Some((helper, _)) => Kept::Helper(helper.program().to_owned()),
            None => Kept::File(self.path.clone()),
        })
    }

    /// Forgets the login for a registry, in the file and with its helper. Whether there was one.
    ///
    /// # Errors
    /// As [`DockerConfig::store`].
    pub fn erase(&mut self, registry: &str) -> Result<bool, CredentialsError> {
        let place = self.lock()?;
        let mut found = false;
        if let Some((helper, server)) = self.helper(&[registry])?
            && helper.get(&server)?.is_some()
        {
            helper.erase(&server)?;
            found = true;
        }
        let mut auths = self.auths()?.cloned().unwrap_or_default();
        if auths.retain(|key| normal(key) != registry) {
            found = true;
            self.document.set("auths", Json::Object(auths));
            self.write(&place)?;
        }
        Ok(found)
    }

    /// Every registry, or part of one, that there may be a login for.
    ///
    /// # Errors
    /// When the helper fails.
    pub fn registries(&self) -> Result<Vec<String>, CredentialsError> {
        let mut names = Vec::new();
        for table in [self.auths()?, self.object("credHelpers")?].into_iter().flatten() {
            names.extend(table.entries().map(|(key, _)| normal(key)));
        }
        if let Some(helper) = self.named(self.text("credsStore")?)? {
            // Such a store can hold other things than logins: what has a path is none of ours.
            let listed = helper.list()?.into_iter().map(|server| normal(&server));
            names.extend(listed.filter(|name| !name.contains('/')));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The file's place, with what is in it now.
    fn lock(&mut self) -> Result<Place, CredentialsError> {
        let place = Place::lock(&self.path)?;
        let now = place.read()?;
        *self = Self::parse(&now, self.path.clone())?.with_patience(self.patience);
        Ok(place)
    }

    fn write(&self, place: &Place) -> Result<(), CredentialsError> {
        let text = self
            .document
            .to_text()
            .map_err(|_no_json| self.wrong("it cannot be written as JSON"))?;
        place.write(&text)
    }

    fn wrong(&self, why: impl Into<String>) -> CredentialsError {
        CredentialsError::Config { file: self.path.clone(), why: why.into() }
    }

    fn text(&self, key: &str) -> Result<&str, CredentialsError> {
        self.document.text(key).map_err(|why| self.wrong(why))
    }

    fn object(&self, key: &str) -> Result<Option<&Object>, CredentialsError> {
        self.document.object(key).map_err(|why| self.wrong(why))
    }

    fn auths(&self) -> Result<Option<&Object>, CredentialsError> {
        self.object("auths")
    }

    fn named(&self, name: &str) -> Result<Option<Helper>, CredentialsError> {
        // An empty name takes a registry away from the helper for all.
        if name.is_empty() { Ok(None) } else { Helper::named(name, self.patience).map(Some) }
    }

    /// The helper for the most specific of some names, and what it calls the server.
    fn helper(&self, names: &[&str]) -> Result<Option<(Helper, String)>, CredentialsError> {
        if let Some(table) = self.object("credHelpers")? {
            for name in names {
                if let Some((key, _)) = entry_of(table, name) {
                    let helper =
                        table.text(key).map_err(|why| self.wrong(format!("credHelpers: {why}")))?;
                    return Ok(self.named(helper)?.map(|helper| (helper, key.to_owned())));
                }
            }
        }
        let server = key_of(names.last().copied().unwrap_or_default()).to_owned();
        Ok(self.named(self.text("credsStore")?)?.map(|helper| (helper, server)))
    }

    /// What an entry of the file says.
    fn login_of(&self, key: &str, entry: &Object) -> Result<Option<Login>, CredentialsError> {
        let wrong = |why: &str| self.wrong(format!("auths: {key}: {why}"));
        let [auth, refresh, access, user, password] = SECRETS.map(|field| entry.text(field));
        let text =
            |field: Result<&str, String>| field.map(str::to_owned).map_err(|why| wrong(&why));
        let (refresh, access) = (text(refresh)?, text(access)?);
        if !access.is_empty() {
            return Ok(Some(Login::Bearer(access)));
        }
        if !refresh.is_empty() {
            return Ok(Some(Login::Refresh(refresh)));
        }
        let (auth, user, password) = (text(auth)?, text(user)?, text(password)?);
        if auth.is_empty() {
            let is_login = !user.is_empty() && !password.is_empty();
            return Ok(is_login.then_some(Login::Basic { user, password }));
        }
        let decoded = STANDARD_PAD_INDIFFERENT.decode(auth.trim());
        let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or_else(|| wrong("auth: it is no text in base64"))?;
        let (user, password) = decoded
            .split_once(':')
            .ok_or_else(|| wrong("auth: it has no colon between name and password"))?;
        // Old Dockers filled it up with zeros.
        let password = password.trim_matches('\0');
        Ok(Some(Login::Basic { user: user.to_owned(), password: password.to_owned() }))
    }

    /// What an entry of the file is to say.
    fn fields(&self, login: &Login) -> Result<Vec<(&'static str, String)>, CredentialsError> {
        Ok(match login {
            Login::Basic { user, .. } if user.contains(':') => {
                // RFC 7617, section 2.
                return Err(self.wrong("a user's name may hold no colon"));
            }
            Login::Basic { user, password } => {
                vec![("auth", STANDARD.encode(format!("{user}:{password}")))]
            }
            Login::Refresh(token) => vec![("identitytoken", token.clone())],
            Login::Bearer(token) => vec![("registrytoken", token.clone())],
        })
    }
}

impl Credentials for DockerConfig {
    fn login(&self, registry: &str) -> Result<Option<Login>, CredentialsError> {
        self.login_for(registry, "")
    }

    fn login_for(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Login>, CredentialsError> {
        let whole = format!("{registry}/{repository}");
        let whole = whole.trim_end_matches('/');
        let names: Vec<&str> = std::iter::successors(Some(whole), |name| {
            name.rsplit_once('/').map(|(shorter, _)| shorter)
        })
        .collect();
        if let Some((helper, server)) = self.helper(&names)?
            && let Some(login) = helper.get(&server)?
        {
            return Ok(Some(login));
        }
        let Some(auths) = self.auths()? else { return Ok(None) };
        for name in names {
            if let Some((key, Json::Object(entry))) = entry_of(auths, name)
                && let Some(login) = self.login_of(key, entry)?
            {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }
}

/// The entry for a name: under Docker's own key for it, else under any spelling of it.
fn entry_of<'a>(table: &'a Object, name: &str) -> Option<(&'a str, &'a Json)> {
    let exactly = table.entries().filter(|(key, _)| *key == key_of(name)).last();
    exactly.or_else(|| table.entries().find(|(key, _)| normal(key) == name))
}

/// Under which key Docker keeps the login for a registry.
fn key_of(registry: &str) -> &str {
    if registry == DOCKER_HUB { HUB_KEY } else { registry }
}

/// The registry that a key is for, with the path of a part of it: without scheme and version of the API, and docker.io under
/// this name.
fn normal(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let has_scheme = bare.is_some();
    let bare = bare.unwrap_or(key);
    let name = bare.trim_end_matches('/');
    let is_versioned = has_scheme || bare.ends_with('/');
    let versionless = ["/v1", "/v2"].iter().find_map(|version| name.strip_suffix(version));
    let name = versionless.filter(|_| is_versioned).unwrap_or(name);
    let (host, path) = name.split_at(name.find('/').unwrap_or(name.len()));
    match host {
        "index.docker.io" | "registry-1.docker.io" => format!("{DOCKER_HUB}{path}"),
        host => format!("{host}{path}"),
    }
}

#[cfg(test)]
mod tests;
