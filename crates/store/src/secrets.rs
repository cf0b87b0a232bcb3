//! Secrets and configs: contents that are given to containers, sealed in the database with a key that is not in it.
//!
//! A row is there whole or not at all, and after the key that opens it. Nothing here logs or prints a content. Start at
//! [`Secrets::create`]; the key is in [`key`], the seal in [`seal`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use spec::suggest;

use crate::{Store, StoreError};

mod error;
pub(crate) mod key;
mod seal;

pub use error::SecretError;
use key::{Key, Place};

/// Docker's.
pub(crate) const MOST_NAME: usize = 64;
/// Digits of 128 bits to the base of 36.
const ID_DIGITS: usize = 25;

/// Which of the two.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SecretKind {
    /// What nobody shall see.
    #[default]
    Secret,
    /// What is given in the same way, and may be seen.
    Config,
}

impl SecretKind {
    /// `secret` or `config`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Config => "config",
        }
    }

    /// How long a content may be: Docker's 500 and 1000 KiB.
    #[must_use]
    pub const fn most_bytes(self) -> usize {
        match self {
            Self::Secret => 500 * 1024,
            Self::Config => 1000 * 1024,
        }
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What is known of a secret or config without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// 25 digits and small letters.
    pub id: String,
    /// Which of the two.
    pub kind: SecretKind,
    /// Its name, one of its kind.
    pub name: String,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// When it got its present content.
    pub updated_ns: i64,
    /// Counts its contents, from 1 on.
    pub version: i64,
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// Which key it is sealed with.
    pub key_id: String,
}

/// A secret or config to be.
#[derive(Clone, Copy)]
pub struct NewSecret<'a> {
    /// Which of the two.
    pub kind: SecretKind,
    /// Its name.
    pub name: &'a str,
    /// Nanoseconds since 1970.
    pub now_ns: i64,
    /// What people say of it.
    pub labels: &'a BTreeMap<String, String>,
    /// What is sealed.
    pub content: &'a [u8],
}

impl fmt::Debug for NewSecret<'_> {
    /// Without the content.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("NewSecret");
        shown.field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What happens when there is one of that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenTaken {
    /// It is an error.
    #[default]
    Refuse,
    /// It gets the new content and the new labels, and keeps its id.
    Replace,
    /// It stays as it is.
    Keep,
}

/// What a creation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Made,
    /// It has a new content.
    Replaced,
    /// It was there, and is as it was.
    Kept,
}

/// Handle on the secrets and configs.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'a> {
    store: &'a Store,
    key_file: Option<&'a Path>,
}

const COLUMNS: &str = "id, kind, name, created_ns, updated_ns, version, labels, key_id";

impl<'a> Secrets<'a> {
    pub(crate) const fn new(store: &'a Store, key_file: Option<&'a Path>) -> Self {
        Self { store, key_file }
    }

    fn place(&self) -> Place<'a> {
        match self.key_file {
            Some(path) => Place::Given(path),
            None => Place::Own(&self.store.paths),
        }
    }

    /// Seals a content under a name. It has outlived a power cut once this returns.
    ///
    /// # Errors
    /// For a name or a size that none can have, a name that is taken, a key file that is not used, or what the disk refuses.
    pub fn create(
        &self,
        new: &NewSecret<'_>,
        when_taken: WhenTaken,
    ) -> Result<(Secret, Outcome), StoreError> {
        let NewSecret { kind, name, content, .. } = *new;
        check_name(kind, name)?;
        if content.is_empty() || content.len() > kind.most_bytes() {
            let (name, bytes) = (name.to_owned(), content.len());
            return Err(SecretError::Size { kind, name, bytes }.into());
        }
        // In this order: a key is there before anything is sealed with it.
        let anything = self.is_anything_sealed()?;
        let key = match self.place().read()? {
            Some(key) => key,
            None if anything => return Err(self.key_lost()),
            None => self.place().read_or_make()?,
        };
        self.store.durably(|connection| {
            let before = self.find(kind, name)?;
            match (&before, when_taken) {
                (Some(_), WhenTaken::Refuse) => {
                    Err(StoreError::Exists { what: kind.word(), name: name.to_owned() })
                }
                (Some(kept), WhenTaken::Keep) => Ok((kept.clone(), Outcome::Kept)),
                (Some(_), WhenTaken::Replace) | (None, _) => {
                    let outcome = if before.is_some() { Outcome::Replaced } else { Outcome::Made };
                    let secret = next(new, before, &key)?;
                    let sealed = seal::seal(&key, &secret, content)?;
                    write(connection, &secret, &sealed)?;
                    Ok((secret, outcome))
                }
            }
        })
    }

    fn is_anything_sealed(&self) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM secrets)";
        self.store.connection.query_row(select, [], |row| row.get(0)).map_err(StoreError::read)
    }

    fn key_lost(&self) -> StoreError {
        SecretError::KeyLost { path: self.place().path() }.into()
    }

    /// Opens a content.
    ///
    /// # Errors
    /// When the key file is lost, holds another key, or is not used; when the row is not what was sealed.
    pub fn open(&self, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        let key = self.place().read()?.ok_or_else(|| self.key_lost())?;
        self.open_with(&key, secret)
    }

    fn open_with(&self, key: &Key, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        if key.id != secret.key_id {
            return Err(SecretError::OtherKey {
                kind: secret.kind,
                name: secret.name.clone(),
                key: secret.key_id.clone(),
                path: key.path.clone(),
                held: key.id.clone(),
            }
            .into());
        }
        let sealed: Vec<u8> = self
            .store
            .connection
            .query_row("SELECT sealed FROM secrets WHERE id = ?", [&secret.id], |row| row.get(0))
            .map_err(StoreError::read)?;
        seal::open(key, secret, sealed).ok_or_else(|| damaged(secret).into())
    }

    /// The one of that id, name, or beginning of an id, in this order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Ambiguous`] for a beginning of several ids.
    pub fn get(&self, kind: SecretKind, text: &str) -> Result<Secret, StoreError> {
        let mut secrets = self.list(kind)?;
        let is = |part: fn(&Secret) -> &str| secrets.iter().position(|one| part(one) == text);
        if let Some(place) = is(|one| &one.id).or_else(|| is(|one| &one.name)) {
            return Ok(secrets.swap_remove(place));
        }
        let is_beginning = |one: &&Secret| !text.is_empty() && one.id.starts_with(text);
        let found: Vec<&Secret> = secrets.iter().filter(is_beginning).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(missing(kind, text, secrets.iter().map(|one| one.name.clone()))),
            _ => Err(StoreError::Ambiguous { what: kind.word(), prefix: text.to_owned() }),
        }
    }

    /// The one of that name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&self, kind: SecretKind, name: &str) -> Result<Option<Secret>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM secrets WHERE kind = ? AND name = ?");
        let row = self.store.connection.query_row(&select, [kind.word(), name], secret);
        row.optional().map_err(StoreError::read)
    }

    /// The same for one that must be there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn named(&self, kind: SecretKind, name: &str) -> Result<Secret, StoreError> {
        match self.find(kind, name)? {
            Some(secret) => Ok(secret),
            None => {
                Err(missing(kind, name, self.list(kind)?.into_iter().map(|secret| secret.name)))
            }
        }
    }

    /// Every one of a kind by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self, kind: SecretKind) -> Result<Vec<Secret>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM secrets WHERE kind = ? ORDER BY name");
        self.store
            .connection
            .prepare(&select)
            .and_then(|mut statement| statement.query_map([kind.word()], secret)?.collect())
            .map_err(StoreError::read)
    }

    /// Removes one; with `force` also one that containers were given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`].
    pub fn remove(&self, kind: SecretKind, text: &str, force: bool) -> Result<Secret, StoreError> {
        self.store.durably(|connection| {
            let secret = self.get(kind, text)?;
            let holders = self.holders(&secret)?;
            if !holders.is_empty() && !force {
                let name = secret.name;
                return Err(StoreError::InUse { what: kind.word(), name, holders });
            }
            connection
                .execute("DELETE FROM secrets WHERE id = ?", [&secret.id])
                .map_err(StoreError::write)?;
            Ok(secret)
        })
    }

    /// Names of the containers that were given it, whether they run or not.
    fn holders(&self, secret: &Secret) -> Result<Vec<String>, StoreError> {
        let select = "SELECT containers.name FROM container_secrets JOIN containers ON id = container WHERE kind = ? AND container_secrets.name = ? ORDER BY containers.name";
        let values = [secret.kind.word(), &secret.name];
        self.store
            .connection
            .prepare(select)
            .and_then(|mut statement| statement.query_map(values, |row| row.get(0))?.collect())
            .map_err(StoreError::read)
    }
}

/// The row that a creation writes.
fn next(new: &NewSecret<'_>, before: Option<Secret>, key: &Key) -> Result<Secret, StoreError> {
    let (id, created_ns, version) = match before {
        Some(before) => (before.id, before.created_ns, before.version + 1),
        None => (random_id()?, new.now_ns, 1),
    };
    Ok(Secret {
        id,
        kind: new.kind,
        name: new.name.to_owned(),
        created_ns,
        updated_ns: new.now_ns,
        version,
        labels: new.labels.clone(),
        key_id: key.id.clone(),
    })
}

fn write(connection: &Connection, secret: &Secret, sealed: &[u8]) -> Result<(), StoreError> {
    let insert = format!(
        "INSERT OR REPLACE INTO secrets ({COLUMNS}, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let Secret { id, kind, name, created_ns, updated_ns, version, labels, key_id } = secret;
    // Strings by strings: nothing in it can be refused.
    let labels = serde_json::to_string(labels).unwrap_or_default();
    let values =
        params![id, kind.word(), name, created_ns, updated_ns, version, labels, key_id, sealed];
    connection.execute(&insert, values).map(drop).map_err(StoreError::write)
}

/// Says of a container to be which ones it is given; each must be there.
pub(crate) fn hold(
    connection: &Connection,
    container: &str,
    wanted: &[(SecretKind, String)],
) -> Result<(), StoreError> {
    for (kind, name) in wanted {
        // In the transaction: nobody removes it between the look and the row.
        let insert = "INSERT OR REPLACE INTO container_secrets (container, kind, name) SELECT ?, kind, name FROM secrets WHERE kind = ? AND name = ?";
        let written = connection
            .prepare_cached(insert)
            .and_then(|mut statement| statement.execute([container, kind.word(), name]))
            .map_err(StoreError::write)?;
        if written == 0 {
            return Err(missing(*kind, name, std::iter::empty()));
        }
    }
    Ok(())
}

fn secret(row: &Row<'_>) -> rusqlite::Result<Secret> {
    let (kind, labels): (String, String) = (row.get(1)?, row.get(6)?);
    let kind = if kind == "config" { SecretKind::Config } else { SecretKind::Secret };
    Ok(Secret {
        id: row.get(0)?,
        kind,
        name: row.get(2)?,
        created_ns: row.get(3)?,
        updated_ns: row.get(4)?,
        version: row.get(5)?,
        // Only this program writes them; what is damaged says nothing.
        labels: serde_json::from_str(&labels).unwrap_or_default(),
        key_id: row.get(7)?,
    })
}

fn missing(kind: SecretKind, name: &str, known: impl Iterator<Item = String>) -> StoreError {
    let closest = suggest::closest(name, known);
    StoreError::NotFound { what: kind.word(), name: name.to_owned(), closest }
}

fn damaged(of: &Secret) -> SecretError {
    let (name, key) = (of.name.clone(), of.key_id.clone());
    SecretError::Damaged { kind: of.kind, name, key }
}

fn check_name(kind: SecretKind, name: &str) -> Result<(), StoreError> {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().all(fits);
    if is_name && bytes.len() <= MOST_NAME {
        return Ok(());
    }
    Err(SecretError::Name { kind, name: name.to_owned() }.into())
}

/// 128 random bits to the base of 36, as Docker's ids of secrets look.
fn random_id() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(StoreError::file("get random bytes for", "an id"))?;
    let mut number = u128::from_ne_bytes(bytes);
    let mut digits = [b'0'; ID_DIGITS];
    for digit in digits.iter_mut().rev() {
        let value = u8::try_from(number % 36).unwrap_or(0);
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        number /= 36;
    }
    Ok(String::from_utf8_lossy(&digits).into_owned())
}

#[cfg(test)]
mod tests;
