//! Volumes: directories that outlive containers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, params};

use crate::scratch::Scratch;
use crate::{Store, StoreError, suggest};

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Where its contents are.
    pub path: PathBuf,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// Whether it was made for one container without a name.
    pub anonymous: bool,
}

/// Handle on the volumes.
#[derive(Clone, Copy, Debug)]
pub struct Volumes<'a> {
    store: &'a Store,
}

impl<'a> Volumes<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The volume of that name, made when it is missing; and whether it was made.
    ///
    /// # Errors
    /// What the disk or the database refused.
    pub fn ensure(
        &self,
        name: &str,
        created_ns: i64,
        anonymous: bool,
    ) -> Result<(Volume, bool), StoreError> {
        if !is_name(name) {
            return Err(StoreError::VolumeName(name.to_owned()));
        }
        let path = self.contents(name);
        // A power cut may have kept the row and lost the directory.
        if let Some(volume) = self.find(name)?.filter(|_| path.is_dir()) {
            return Ok((volume, false));
        }
        // Under the lock two commands at once make it once, and none makes it while another removes it.
        let transaction = self.store.write()?;
        let found = self.find(name)?;
        if !path.is_dir() {
            make(&path).map_err(StoreError::file("make", &path))?;
        }
        if let Some(volume) = found {
            return Ok((volume, false));
        }
        let insert = "INSERT INTO volumes (name, created_ns, anonymous) VALUES (?, ?, ?)";
        transaction
            .execute(insert, params![name, created_ns, anonymous])
            .map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)?;
        Ok((Volume { name: name.to_owned(), path, created_ns, anonymous }, true))
    }

    /// The volume of that name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Volume>, StoreError> {
        let select = "SELECT name, created_ns, anonymous FROM volumes WHERE name = ?";
        self.store
            .connection
            .query_row(select, [name], |row| self.volume(row))
            .optional()
            .map_err(StoreError::read)
    }

    /// Every volume by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<Volume>, StoreError> {
        let select = "SELECT name, created_ns, anonymous FROM volumes ORDER BY name";
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let volumes = statement.query_map([], |row| self.volume(row)).map_err(StoreError::read)?;
        volumes.collect::<Result<_, _>>().map_err(StoreError::read)
    }

    /// Removes a volume with its contents.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`].
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let taken = self.store.durably(|connection| {
            if self.find(name)?.is_none() {
                let names = self.list()?.into_iter().map(|volume| volume.name);
                return Err(StoreError::NotFound {
                    what: "volume",
                    name: name.to_owned(),
                    closest: suggest::closest(name, names),
                });
            }
            let holders: Vec<String> = connection
                .prepare("SELECT containers.name FROM container_volumes JOIN containers ON id = container WHERE volume = ?")
                .and_then(|mut statement| statement.query_map([name], |row| row.get(0))?.collect())
                .map_err(StoreError::read)?;
            if !holders.is_empty() {
                return Err(StoreError::InUse { what: "volume", name: name.to_owned(), holders });
            }
            let taken = Scratch::take(&self.store.paths, &self.store.paths.volume(name))?;
            connection
                .execute("DELETE FROM volumes WHERE name = ?", [name])
                .map_err(StoreError::write)?;
            Ok(taken)
        })?;
        taken.map_or(Ok(()), Scratch::remove)
    }

    fn contents(&self, name: &str) -> PathBuf {
        self.store.paths.volume(name).join("_data")
    }

    fn volume(&self, row: &Row<'_>) -> rusqlite::Result<Volume> {
        let name: String = row.get(0)?;
        Ok(Volume {
            path: self.contents(&name),
            name,
            created_ns: row.get(1)?,
            anonymous: row.get(2)?,
        })
    }
}

/// The volume's directory is its image's or its user's to fill: everybody may enter, whatever umask(2) says.
pub(crate) fn make(contents: &Path) -> std::io::Result<()> {
    fs::create_dir_all(contents)?;
    fs::set_permissions(contents, fs::Permissions::from_mode(0o755))
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, as Docker's: a name is a directory's name.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        && name.len() <= 255
}
