//! Secrets and configs as people have them: made, listed, shown, removed; and how their contents reach a container.
//!
//! A content goes from the store into a sealed file of no file system, and with it to the monitor: it is in no configuration, no
//! plan, no hand-off and no event. Start at [`SecretsHandle::create`] and [`Containers::contents`].

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use libcontainer::{Gift, GivenFile, seal_contents};
use monitor::events::Actor;
use store::{NewSecret, Outcome, Secret, SecretKind, Secrets, WhenTaken};

use crate::config::{ContainerConfig, SecretConfig, SecretPlace};
use crate::containers::Containers;
use crate::documents::{self, Document};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::exec::ExecRequest;
use crate::image_filter::Labels;

/// Where secrets are, in one mount.
pub(crate) const DIRECTORY: &str = "/run/secrets";
/// A variable is `NAME=VALUE` with a NUL behind, in at most this many bytes: execve(2), MAX_ARG_STRLEN.
const MOST_OF_VARIABLE: usize = 128 * 1024;

/// A secret or config that is wanted.
#[derive(Clone, Debug, Default)]
pub struct SecretRequest {
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// What happens when there is one of that name.
    pub when_taken: WhenTaken,
}

/// Which ones are listed; every kind that is given must be met, by one of its values.
#[derive(Clone, Debug, Default)]
pub struct SecretFilter {
    ids: Vec<String>,
    names: Vec<String>,
    labels: Labels,
}

impl SecretFilter {
    /// Adds a condition: `id=BEGINNING`, `name=BEGINNING`, `label=NAME[=VALUE]`.
    ///
    /// # Errors
    /// For another kind.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("filter", text, why);
        match text.split_once('=') {
            Some(("id", value)) => self.ids.push(value.to_owned()),
            Some(("name", value)) => self.names.push(value.to_owned()),
            Some(("label", value)) => self.labels.add(value, true),
            Some(_) => return Err(wrong("the kind is not one of id, label, name")),
            None => return Err(wrong("it is not of the form KIND=VALUE")),
        }
        Ok(())
    }

    fn allows(&self, secret: &Secret) -> bool {
        let any = |list: &[String], of: &str| {
            list.is_empty() || list.iter().any(|beginning| of.starts_with(beginning.as_str()))
        };
        any(&self.ids, &secret.id)
            && any(&self.names, &secret.name)
            && self.labels.are_met_by(Some(&secret.labels))
    }
}

/// Handle on the secrets, or on the configs.
#[derive(Clone, Copy, Debug)]
pub struct SecretsHandle<'a> {
    engine: &'a Engine,
    kind: SecretKind,
}

impl<'a> SecretsHandle<'a> {
    pub(crate) const fn new(engine: &'a Engine, kind: SecretKind) -> Self {
        Self { engine, kind }
    }

    fn store(&self) -> Secrets<'a> {
        self.engine.stored_secrets()
    }

    /// Which of the two.
    #[must_use]
    pub const fn kind(&self) -> SecretKind {
        self.kind
    }

    /// Seals a content under a name.
    ///
    /// # Errors
    /// For a name or a size that none can have, one that is taken, a key file that is not used, or what the disk refuses.
    pub fn create(&self, request: &SecretRequest, content: &[u8]) -> Result<Secret, EngineError> {
        let SecretRequest { name, labels, when_taken } = request;
        let new = NewSecret { kind: self.kind, name, now_ns: monitor::now_ns(), labels, content };
        let (secret, outcome) = self.store().create(&new, *when_taken)?;
        match outcome {
            Outcome::Made => self.tell(&secret, "create"),
            Outcome::Replaced => self.tell(&secret, "update"),
            Outcome::Kept => {}
        }
        Ok(secret)
    }

    /// Those that meet the filter, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self, filter: &SecretFilter) -> Result<Vec<Secret>, EngineError> {
        let mut secrets = self.store().list(self.kind)?;
        secrets.retain(|secret| filter.allows(secret));
        Ok(secrets)
    }

    /// The one of that id, name, or beginning of an id.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, text: &str) -> Result<Secret, EngineError> {
        Ok(self.store().get(self.kind, text)?)
    }

    /// Its document; a config's has its content, a secret's where it is `shown`.
    ///
    /// # Errors
    /// When there is none, or its content is shown and does not open.
    pub fn inspect(&self, text: &str, shown: bool) -> Result<Document, EngineError> {
        let secret = self.get(text)?;
        let content = if shown || self.kind == SecretKind::Config {
            Some(self.store().open(&secret)?)
        } else {
            None
        };
        Ok(documents::secret(&secret, content.as_deref()))
    }

    /// Its content.
    ///
    /// # Errors
    /// When it does not open.
    pub fn content(&self, secret: &Secret) -> Result<Vec<u8>, EngineError> {
        Ok(self.store().open(secret)?)
    }

    /// Removes one that no container was given, or with `force` any.
    ///
    /// # Errors
    /// When there is none, or a container was given it.
    pub fn remove(&self, text: &str, force: bool) -> Result<(), EngineError> {
        let secret = self.store().remove(self.kind, text, force)?;
        self.tell(&secret, "remove");
        Ok(())
    }

    fn tell(&self, secret: &Secret, action: &str) {
        let attributes = BTreeMap::from([("name".to_owned(), secret.name.clone())]);
        let actor = Actor { id: secret.id.clone(), attributes };
        self.engine.tell(self.kind.word(), action, actor);
    }
}

impl Engine {
    pub(crate) fn stored_secrets(&self) -> Secrets<'_> {
        self.store.secrets(self.secret_key.as_deref())
    }
}

/// What the plan of a container mounts of its secrets and configs: content number N is that of the N-th of them.
pub(crate) fn gifts(given: &[SecretConfig]) -> Vec<Gift> {
    let mut gifts: Vec<Gift> = Vec::new();
    for (number, secret) in given.iter().enumerate() {
        let SecretPlace::File { target, uid, gid, mode } = &secret.place else { continue };
        let (content, uid, gid, mode) = (u32::try_from(number).unwrap_or(0), *uid, *gid, *mode);
        let file = |path: &Path| GivenFile { path: path.to_owned(), content, uid, gid, mode };
        let Ok(below) = target.strip_prefix(DIRECTORY) else {
            gifts.push(Gift { target: target.clone(), files: vec![file(Path::new(""))] });
            continue;
        };
        match gifts.iter_mut().find(|gift| gift.target == Path::new(DIRECTORY)) {
            Some(directory) => directory.files.push(file(below)),
            None => gifts.push(Gift { target: DIRECTORY.into(), files: vec![file(below)] }),
        }
    }
    gifts
}

/// The variables among them, each with the number of its content.
pub(crate) fn variables(given: &[SecretConfig]) -> Vec<(String, u32)> {
    let numbered = given.iter().zip(0_u32..);
    numbered
        .filter_map(|(secret, number)| match &secret.place {
            SecretPlace::Variable { name } => Some((name.clone(), number)),
            SecretPlace::File { .. } => None,
        })
        .collect()
}

/// What their files are mounted on.
pub(crate) fn targets(given: &[SecretConfig]) -> impl Iterator<Item = PathBuf> {
    gifts(given).into_iter().map(|gift| gift.target)
}

/// Those that a container's record names.
pub(crate) fn names(given: &[SecretConfig]) -> Vec<(SecretKind, String)> {
    let of_store = given.iter().filter(|secret| secret.content.is_none());
    of_store.map(|secret| (secret.kind, secret.name.clone())).collect()
}

impl Containers<'_> {
    /// All must be there, and none in the place of another, nor of a mount.
    pub(crate) fn check_secrets(&self, config: &ContainerConfig) -> Result<(), EngineError> {
        let mut places = BTreeSet::new();
        for secret in &config.secrets {
            if secret.content.is_none() {
                self.engine.stored_secrets().named(secret.kind, &secret.name)?;
            }
            let twice = |place: &str| {
                let why = format!("another one is {place} already");
                EngineError::value(secret.kind.word(), secret.name.clone(), why)
            };
            let place = match &secret.place {
                SecretPlace::File { target, .. } => target.display().to_string(),
                SecretPlace::Variable { name } => format!("${name}"),
            };
            if !places.insert(place.clone()) {
                return Err(twice(&place));
            }
        }
        for target in targets(&config.secrets) {
            let hidden = config.mounts.iter().find(|mount| mount.target.starts_with(&target));
            if let Some(mount) = hidden {
                let why = format!("{} is where secrets are", target.display());
                return Err(EngineError::value("mount", mount.target.display().to_string(), why));
            }
        }
        Ok(())
    }

    /// The contents of what a container is given, as they are now; nothing where it is given nothing.
    pub(crate) fn contents(&self, given: &[SecretConfig]) -> Result<Option<OwnedFd>, EngineError> {
        if given.is_empty() {
            return Ok(None);
        }
        let contents = given.iter().map(|secret| self.content(secret));
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        let failed = EngineError::file("keep in memory", Path::new("the secrets"));
        seal_contents(&contents).map(Some).map_err(|errno| failed(errno.into()))
    }

    /// One content, which fits its place.
    fn content(&self, given: &SecretConfig) -> Result<Vec<u8>, EngineError> {
        let store = self.engine.stored_secrets();
        let content = match &given.content {
            Some(content) => content.0.clone(),
            None => store.open(&store.named(given.kind, &given.name)?)?,
        };
        let SecretPlace::Variable { name } = &given.place else { return Ok(content) };
        let wrong = |why: &str| {
            let why = format!("as the variable {name} {why}");
            Err(EngineError::value(given.kind.word(), given.name.clone(), why))
        };
        if content.contains(&0) {
            return wrong("it would end at its first NUL");
        }
        if content.len() + name.len() + 2 > MOST_OF_VARIABLE {
            return wrong("it is too long: 128 KiB are allowed");
        }
        if std::str::from_utf8(&content).is_err() {
            return wrong("it must be UTF-8");
        }
        Ok(content)
    }

    /// The variables for a further process, as they are now, unless its caller says something else.
    pub(crate) fn add_variables(
        &self,
        given: &[SecretConfig],
        request: &ExecRequest,
        env: &mut Vec<String>,
    ) -> Result<(), EngineError> {
        for secret in given {
            let SecretPlace::Variable { name } = &secret.place else { continue };
            if request.env.iter().any(|said| said.split('=').next() == Some(name)) {
                continue;
            }
            let content = self.content(secret)?;
            env.retain(|known| known.split('=').next() != Some(name));
            env.push(format!("{name}={}", String::from_utf8_lossy(&content)));
        }
        Ok(())
    }
}
