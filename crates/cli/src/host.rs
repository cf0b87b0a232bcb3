//! Where a command's containers are: here, or at a server. Start at [`choose`].
//!
//! Who rules: `--host`; `--context`; then `--root` or `--state`, which name a store of this machine; `CORTEN_HOST`; `CORTEN_CONTEXT`; the
//! context that `context use` has set; this machine. `DOCKER_HOST` and `DOCKER_CONTEXT` are not heard: people set them so that Docker's tools
//! drive Corten by its server, and a `corten` that heard them would go that way round, too, and lose what only this machine can do; or it
//! would go to another engine that nobody meant. What the environment says for docker can be kept as a context.
//!
//! A command of this machine pays for this one look whether there is a file.

use std::path::{Path, PathBuf};

use client_docker::{ApiVersion, Host, Pem, TlsMaterial};

use crate::arguments::Matches;
use crate::config::lookup;
use crate::contexts::{Contexts, DEFAULT};
use crate::failure::Failure;

/// A server that is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) host: Host,
    pub(crate) tls: Option<TlsMaterial>,
    /// The context that names it.
    pub(crate) context: Option<String>,
}

impl Chosen {
    /// For messages.
    pub(crate) fn shown(&self) -> String {
        match &self.context {
            Some(name) => format!("{} (context {name})", self.host),
            None => self.host.to_string(),
        }
    }
}

/// The names of the files in a directory of certificates, as Docker has them.
pub(crate) const FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];
const FLAGS: [&str; 3] = ["tlscacert", "tlscert", "tlskey"];

/// What a flag of the line says of a server, before anything is looked up.
pub(crate) fn by_flag(matches: &Matches) -> Option<&str> {
    matches.value("host").or_else(|| matches.value("context")).filter(|name| *name != DEFAULT)
}

/// The server that flags, environment and files choose; nothing where it is this machine.
pub(crate) fn choose(matches: &Matches) -> Result<Option<Chosen>, Failure> {
    let words = |text: String| Failure::Words(text);
    let (host, context) = (matches.value("host"), matches.value("context"));
    let store = ["root", "state"].into_iter().find(|flag| matches.is_given(flag));
    if let Some(flag) = ["host", "context"].into_iter().find(|flag| matches.value(flag) == Some(""))
    {
        return Err(words(format!("--{flag} is empty")));
    }
    match (host, context, store) {
        (Some(_), Some(_), _) => {
            return Err(words("--host and --context exclude each other".to_owned()));
        }
        (Some(_), _, Some(store)) => {
            return Err(words(format!("--host and --{store} exclude each other")));
        }
        (Some(text), None, None) => return by_address(text, matches).map(Some),
        (None, Some(name), store) => {
            if let Some(store) = store.filter(|_| name != DEFAULT) {
                return Err(words(format!("--context and --{store} exclude each other")));
            }
            return by_name(name);
        }
        (None, None, Some(_)) => return Ok(None),
        (None, None, None) => {}
    }
    let set = |name| lookup(name).filter(|value| !value.is_empty());
    if let Some(text) = set("CORTEN_HOST") {
        return by_address(&text, matches).map(Some);
    }
    if let Some(name) = set("CORTEN_CONTEXT") {
        return by_name(&name);
    }
    match Contexts::of_user().map(|contexts| contexts.current()).transpose()?.flatten() {
        Some(name) => by_name(&name),
        None => Ok(None),
    }
}

/// The newest version of the API that is spoken; `CORTEN_API_VERSION` holds it down, as `DOCKER_API_VERSION` does for docker.
pub(crate) fn newest() -> Result<ApiVersion, Failure> {
    let Some(text) = lookup("CORTEN_API_VERSION").filter(|text| !text.is_empty()) else {
        return Ok(ApiVersion::NEWEST);
    };
    let version = text.parse::<ApiVersion>().ok();
    version
        .filter(|version| (ApiVersion::OLDEST..=ApiVersion::NEWEST).contains(version))
        .ok_or_else(|| {
            let (oldest, newest) = (ApiVersion::OLDEST, ApiVersion::NEWEST);
            Failure::Words(format!(
                "CORTEN_API_VERSION is {text:?}: it is not within {oldest} to {newest}"
            ))
        })
}

fn by_address(text: &str, matches: &Matches) -> Result<Chosen, Failure> {
    let host: Host =
        text.parse().map_err(|bad: client_docker::BadHost| Failure::Words(bad.to_string()))?;
    let tls = match host {
        Host::Tcp { .. } => material(matches)?,
        Host::Unix(_) | Host::Ssh { .. } => None,
    };
    Ok(Chosen { host, tls, context: None })
}

/// The certificates of flags, or of the directory that `CORTEN_CERT_PATH` names.
fn material(matches: &Matches) -> Result<Option<TlsMaterial>, Failure> {
    let directory = lookup("CORTEN_CERT_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let place = |number: usize| {
        let given = FLAGS.get(number).and_then(|flag| matches.text(flag)).map(PathBuf::from);
        let own = FILES.get(number).zip(directory.as_ref());
        given.or_else(|| own.map(|(name, directory)| directory.join(name)))
    };
    let places = [place(0), place(1), place(2)];
    if places.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [Some(authority), Some(certificate), Some(key)] = places else {
        let words = "--tlscacert, --tlscert and --tlskey belong together: one of them is missing";
        return Err(Failure::Words(words.to_owned()));
    };
    read_material([&authority, &certificate, &key]).map(Some)
}

/// Files of an authority, a certificate and a key.
pub(crate) fn read_material(files: [&Path; 3]) -> Result<TlsMaterial, Failure> {
    let pem = |file: &Path| -> Result<Pem, Failure> {
        let text = std::fs::read(file).map_err(Failure::file("read", file.display()))?;
        Ok(Pem { from: file.to_owned(), text })
    };
    let [authority, certificate, key] = files;
    Ok(TlsMaterial { authority: pem(authority)?, certificate: pem(certificate)?, key: pem(key)? })
}

fn by_name(name: &str) -> Result<Option<Chosen>, Failure> {
    if name == DEFAULT {
        return Ok(None);
    }
    let context = Contexts::demand()?.get(name)?;
    let tls = context.tls;
    Ok(Some(Chosen { host: context.host, tls, context: Some(name.to_owned()) }))
}
