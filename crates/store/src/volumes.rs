//! Volumes: directories that outlive containers.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use spec::suggest;

use crate::quota;
use crate::scratch::Scratch;
use crate::{Store, StoreError};

mod copies;

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
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// What is mounted in its place, as mount(8) says it: `type`, `device` and `o`; or `size`, how much it may hold.
    pub options: BTreeMap<String, String>,
}

/// Name of the option that bounds a volume.
pub(crate) const SIZE: &str = "size";

impl Volume {
    /// Whether it is a directory of the store, and not something that is mounted in its place.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        is_directory(&self.options)
    }

    /// Bytes that it may hold; nothing is without end.
    #[must_use]
    pub fn bound_bytes(&self) -> Option<u64> {
        bound_bytes(&self.options)
    }
}

fn is_directory(options: &BTreeMap<String, String>) -> bool {
    options.keys().all(|name| name == SIZE)
}

fn bound_bytes(options: &BTreeMap<String, String>) -> Option<u64> {
    let size = options.get(SIZE).filter(|_| is_directory(options))?;
    spec::bytes::parse(size).ok().filter(|bytes| *bytes > 0)
}

/// A volume to be.
#[derive(Clone, Debug, Default)]
pub struct NewVolume {
    /// Its name.
    pub name: String,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// Whether it is made for one container without a name.
    pub anonymous: bool,
    /// What people say of it.
    pub labels: BTreeMap<String, String>,
    /// What is mounted in its place.
    pub options: BTreeMap<String, String>,
}

/// Handle on the volumes.
#[derive(Clone, Copy, Debug)]
pub struct Volumes<'a> {
    store: &'a Store,
}

const COLUMNS: &str = "name, created_ns, anonymous, labels, options";

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
        let name = name.to_owned();
        self.create(NewVolume { name, created_ns, anonymous, ..NewVolume::default() })
    }

    /// The same with labels and options, which one that is there already keeps as they are.
    ///
    /// # Errors
    /// As [`Volumes::ensure`].
    pub fn create(&self, new: NewVolume) -> Result<(Volume, bool), StoreError> {
        check_name(&new.name)?;
        let path = self.contents(&new.name);
        // A power cut may have kept the row and lost the directory.
        if let Some(volume) = self.find(&new.name)?.filter(|_| path.is_dir()) {
            return Ok((volume, false));
        }
        // Under the lock two commands at once make it once, and none makes it while another removes it.
        let transaction = self.store.write()?;
        let found = self.find(&new.name)?;
        if !path.is_dir() {
            make(&path).map_err(StoreError::file("make", &path))?;
        }
        let options = found.as_ref().map_or(&new.options, |volume| &volume.options);
        if let Err(error) = self.bound(&transaction, &path, options) {
            // Only what is empty goes.
            let _kept = fs::remove_dir(&path);
            let _kept = path.parent().map(fs::remove_dir);
            return Err(error);
        }
        if let Some(volume) = found {
            return Ok((volume, false));
        }
        insert(&transaction, &new)?;
        transaction.commit().map_err(StoreError::write)?;
        Ok((self.made(new), true))
    }

    /// The volume of that name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Volume>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM volumes WHERE name = ?");
        let mut statement =
            self.store.connection.prepare_cached(&select).map_err(StoreError::read)?;
        statement.query_row([name], |row| self.volume(row)).optional().map_err(StoreError::read)
    }

    /// The same for one that must be there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn get(&self, name: &str) -> Result<Volume, StoreError> {
        match self.find(name)? {
            Some(volume) => Ok(volume),
            None => Err(StoreError::NotFound {
                what: "volume",
                name: name.to_owned(),
                closest: suggest::closest(name, self.list()?.into_iter().map(|volume| volume.name)),
            }),
        }
    }

    /// Every volume by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<Volume>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM volumes ORDER BY name");
        let mut statement = self.store.connection.prepare(&select).map_err(StoreError::read)?;
        let volumes = statement.query_map([], |row| self.volume(row)).map_err(StoreError::read)?;
        volumes.collect::<Result<_, _>>().map_err(StoreError::read)
    }

    /// Names of the containers that have it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn holders(&self, name: &str) -> Result<Vec<String>, StoreError> {
        self.store
            .connection
            .prepare("SELECT containers.name FROM container_volumes JOIN containers ON id = container WHERE volume = ?")
            .and_then(|mut statement| statement.query_map([name], |row| row.get(0))?.collect())
            .map_err(StoreError::read)
    }

    /// Names of the volumes that some container has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn held(&self) -> Result<std::collections::HashSet<String>, StoreError> {
        self.store
            .connection
            .prepare("SELECT DISTINCT volume FROM container_volumes")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(StoreError::read)
    }

    /// Removes a volume with its contents.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`].
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let taken = self.store.durably(|connection| {
            self.get(name)?;
            self.refuse_held(name)?;
            let taken = Scratch::take(&self.store.paths, &self.store.paths.volume(name))?;
            connection
                .execute("DELETE FROM volumes WHERE name = ?", [name])
                .map_err(StoreError::write)?;
            Ok(taken)
        })?;
        taken.map_or(Ok(()), Scratch::remove)
    }

    /// Gives a volume that no container has another name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`], [`StoreError::Exists`].
    pub fn rename(&self, name: &str, to: &str) -> Result<(), StoreError> {
        check_name(to)?;
        self.store.durably(|connection| {
            self.get(name)?;
            self.refuse_held(name)?;
            self.refuse_taken(to)?;
            let (from, place) = (self.store.paths.volume(name), self.store.paths.volume(to));
            // It is somebody's now: whatever it was made for.
            let update = "UPDATE volumes SET name = ?, anonymous = 0 WHERE name = ?";
            connection.execute(update, [to, name]).map_err(StoreError::write)?;
            fs::rename(from, &place).map_err(StoreError::file("rename to", place))
        })
    }

    /// Changes what people say of it: nothing takes a label away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or when the database cannot be written.
    pub fn label(
        &self,
        name: &str,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<Volume, StoreError> {
        let transaction = self.store.write()?;
        let mut volume = self.get(name)?;
        for (label, value) in changes {
            match value {
                Some(value) => volume.labels.insert(label.clone(), value.clone()),
                None => volume.labels.remove(label),
            };
        }
        let update = "UPDATE volumes SET labels = ? WHERE name = ?";
        transaction
            .execute(update, params![json(&volume.labels), name])
            .map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)?;
        Ok(volume)
    }

    /// Bounds a volume's directory as its options say; one that a crash has left has its project already.
    pub(crate) fn bound(
        &self,
        transaction: &Transaction<'_>,
        contents: &Path,
        options: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let Some(bytes) = bound_bytes(options) else { return Ok(()) };
        if quota::rebound(contents, bytes)?.is_some() {
            return Ok(());
        }
        quota::bound(transaction, &self.store.paths, &[contents], bytes)
    }

    /// Changes how much a volume may hold, also while containers have it; `0` is without end.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Unbounded`] for one that had no bound and has contents;
    /// [`StoreError::NoQuotas`].
    pub fn resize(&self, name: &str, size: &str) -> Result<Volume, StoreError> {
        let transaction = self.store.write()?;
        let mut volume = self.get(name)?;
        volume.options.insert(SIZE.to_owned(), size.to_owned());
        match volume.bound_bytes() {
            Some(bytes) => {
                if quota::rebound(&volume.path, bytes)?.is_none() {
                    self.bound_empty(&transaction, &volume, bytes)?;
                }
            }
            None => {
                volume.options.remove(SIZE);
                quota::rebound(&volume.path, 0)?;
            }
        }
        let update = "UPDATE volumes SET options = ? WHERE name = ?";
        transaction
            .execute(update, params![json(&volume.options), name])
            .map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)?;
        Ok(volume)
    }

    fn bound_empty(
        &self,
        transaction: &Transaction<'_>,
        volume: &Volume,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let is_empty = || {
            let entries = fs::read_dir(&volume.path);
            entries.map(|mut entries| entries.next().is_none())
        };
        let read = |error| StoreError::file("read", &volume.path)(error);
        let refused = || StoreError::Unbounded(volume.name.clone());
        if !is_empty().map_err(read)? {
            return Err(refused());
        }
        quota::bound(transaction, &self.store.paths, &[&volume.path], bytes)?;
        // A container may have written something meanwhile.
        if is_empty().map_err(read)? {
            return Ok(());
        }
        quota::rebound(&volume.path, 0)?;
        Err(refused())
    }

    fn refuse_held(&self, name: &str) -> Result<(), StoreError> {
        let holders = self.holders(name)?;
        if holders.is_empty() {
            return Ok(());
        }
        Err(StoreError::InUse { what: "volume", name: name.to_owned(), holders })
    }

    fn refuse_taken(&self, name: &str) -> Result<(), StoreError> {
        match self.find(name)? {
            None => Ok(()),
            Some(_) => Err(StoreError::Exists { what: "volume", name: name.to_owned() }),
        }
    }

    fn contents(&self, name: &str) -> PathBuf {
        self.store.paths.volume(name).join("_data")
    }

    fn made(&self, new: NewVolume) -> Volume {
        let NewVolume { name, created_ns, anonymous, labels, options } = new;
        Volume { path: self.contents(&name), name, created_ns, anonymous, labels, options }
    }

    fn volume(&self, row: &Row<'_>) -> rusqlite::Result<Volume> {
        // Only this program writes them; what is damaged says nothing.
        let map = |text: String| serde_json::from_str(&text).unwrap_or_default();
        Ok(self.made(NewVolume {
            name: row.get(0)?,
            created_ns: row.get(1)?,
            anonymous: row.get(2)?,
            labels: map(row.get(3)?),
            options: map(row.get(4)?),
        }))
    }
}

fn insert(connection: &Connection, new: &NewVolume) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO volumes (name, created_ns, anonymous, labels, options) VALUES (?, ?, ?, ?, ?)";
    let NewVolume { name, created_ns, anonymous, labels, options } = new;
    connection
        .execute(insert, params![name, created_ns, anonymous, json(labels), json(options)])
        .map(drop)
        .map_err(StoreError::write)
}

fn json(map: &BTreeMap<String, String>) -> String {
    // Strings by strings: nothing in it can be refused.
    serde_json::to_string(map).unwrap_or_default()
}

/// The volume's directory is its image's or its user's to fill: everybody may enter, whatever umask(2) says.
pub(crate) fn make(contents: &Path) -> std::io::Result<()> {
    fs::create_dir_all(contents)?;
    fs::set_permissions(contents, fs::Permissions::from_mode(0o755))
}

fn check_name(name: &str) -> Result<(), StoreError> {
    if is_name(name) { Ok(()) } else { Err(StoreError::VolumeName(name.to_owned())) }
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, as Docker's: a name is a directory's name.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        && name.len() <= 255
}
