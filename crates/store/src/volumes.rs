//! Volumes: directories that outlive containers.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row, params};

use crate::{Store, StoreError, scratch};

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
        if let Some(volume) = self.find(name)? {
            return Ok((volume, false));
        }
        let path = self.contents(name);
        // Two commands at once make it once.
        std::fs::create_dir_all(&path).map_err(StoreError::file("make", &path))?;
        let insert = "INSERT OR IGNORE INTO volumes (name, created_ns, anonymous) VALUES (?, ?, ?)";
        self.store
            .connection
            .execute(insert, params![name, created_ns, anonymous])
            .map_err(StoreError::write)?;
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
        if self.find(name)?.is_none() {
            return Err(StoreError::NotFound {
                what: "volume",
                name: name.to_owned(),
                closest: Vec::new(),
            });
        }
        let transaction = self.store.write()?;
        let holders: Vec<String> = transaction
            .prepare("SELECT containers.name FROM container_volumes JOIN containers ON id = container WHERE volume = ?")
            .and_then(|mut statement| statement.query_map([name], |row| row.get(0))?.collect())
            .map_err(StoreError::read)?;
        if !holders.is_empty() {
            return Err(StoreError::InUse { what: "volume", name: name.to_owned(), holders });
        }
        transaction
            .execute("DELETE FROM volumes WHERE name = ?", [name])
            .map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)?;
        scratch::remove(&self.store.paths.volume(name))
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
