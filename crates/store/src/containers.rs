//! Records and directories of containers. What a record means is the engine's to know.

use std::fs;

use rusqlite::{OptionalExtension, ffi, params};
use spec::{ContainerId, ContainerName, ImageId};

use crate::error::violated;
use crate::quota;
use crate::scratch::{self, Scratch};
use crate::{Inherited, SecretKind, Store, StoreError, WantedIds, frozen, secrets};

mod directories;
mod levels;
mod row;

pub use directories::ContainerDirs;
use directories::make;
pub(crate) use directories::make_state;
pub use levels::Level;
use row::record;

/// A container to be.
#[derive(Clone, Debug)]
pub struct NewContainer<'a> {
    /// Its id.
    pub id: &'a ContainerId,
    /// Its name.
    pub name: &'a ContainerName,
    /// The image it runs from.
    pub image: Option<&'a ImageId>,
    /// The image as it was asked for.
    pub image_name: &'a str,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// The engine's JSON.
    pub config: &'a str,
    /// Named and anonymous volumes it uses.
    pub volumes: &'a [String],
    /// Images that are mounted in it.
    pub images: &'a [ImageId],
    /// Names of the secrets and configs that it is given.
    pub secrets: &'a [(SecretKind, String)],
    /// Its places in networks: ids of these, and what it wants of each, the engine's JSON.
    pub places: &'a [(String, String)],
    /// Bytes that it may write on its own layer; nothing is without end.
    pub bound_bytes: Option<u64>,
    /// Ids of the machine that are its own.
    pub ids: Option<WantedIds<'a>>,
    /// The level of its SELinux label.
    pub level: Option<Level<'a>>,
    /// What it has of others.
    pub inherited: Inherited<'a>,
    /// Whether it is started at once: its state is then in its monitor's files.
    pub active: bool,
}

/// A container's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The image it runs from.
    pub image: Option<ImageId>,
    /// The image as it was asked for.
    pub image_name: String,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// The engine's JSON.
    pub config: String,
    /// Where it is in its life.
    pub status: Status,
    /// Whether a command stopped it since it was last started.
    pub held: bool,
}

/// Where a container is in its life, as far as the record knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Never started, or its start failed.
    Created {
        /// Exit code of the start that failed, or 0.
        code: i32,
        /// Why it failed; empty when it was never tried.
        error: String,
    },
    /// It was given to a monitor, whose files tell the rest.
    Active,
    /// It has ended.
    Exited(Ended),
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    /// What went wrong beside the program itself.
    pub error: String,
    /// Whether memory ran out.
    pub oom_killed: bool,
    /// How often it was started again before.
    pub restarts: u32,
}

/// Handle on the records.
#[derive(Clone, Copy, Debug)]
pub struct Containers<'a> {
    pub(crate) store: &'a Store,
}

const COLUMNS: &str = "id, name, image, image_name, created_ns, config, status, exit_code, started_at, finished_at, error, oom_killed, restarts, held";

impl<'a> Containers<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Makes a container's directories and its record. What comes with it is the lock on the container's directory (flock(2)),
    /// held since before anybody could see either.
    ///
    /// A crash leaves garbage in `tmp`, which the next command sweeps, or a record that can be removed: the directory is made
    /// there, and takes its place after its record was written, see [`Containers::has_directory`].
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or what the disk refused. Nothing is left then.
    pub fn insert(&self, new: &NewContainer<'_>) -> Result<(ContainerDirs, fs::File), StoreError> {
        let dirs = self.dirs(new.id);
        let scratch = Scratch::make(&self.store.paths)?;
        let below = dirs.below(scratch.path());
        make(&below)?;
        if let Some(root) = new.inherited.root {
            frozen::dress(root, &below.upper)?;
        }
        let transaction = self.store.write()?;
        if let Some(bytes) = new.bound_bytes {
            // One project for both: overlayfs moves what it has made from the one to the other. The log is not in it.
            let both = [below.upper.as_path(), below.work.as_path()];
            quota::bound(&transaction, &self.store.paths, &both, bytes)?;
        }
        self.insert_row(&transaction, new)?;
        frozen::inherit(&transaction, self.store, (new.id, new.inherited))?;
        let placing = scratch::lock_tmp(&self.store.paths)?;
        transaction.commit().map_err(StoreError::write)?;
        let placed = scratch.place(&dirs.container);
        drop(placing);
        match placed.and_then(|lock| make_state(&dirs).map(|()| lock)) {
            Ok(lock) => Ok((dirs, lock)),
            Err(error) => {
                // What was refused tells more than what stands in the way of its removal.
                let _kept = self.remove(new.id);
                Err(error)
            }
        }
    }

    /// Whether a container of which there is a record has its directory; one that is about to get it is waited for. Without it
    /// a crash came between record and directory, and nothing of it ever ran.
    ///
    /// # Errors
    /// When `tmp` cannot be locked, or nobody can say: a disk that does not answer is no reason to take a record away.
    pub fn has_directory(&self, id: &ContainerId) -> Result<bool, StoreError> {
        let directory = self.store.paths.container(id);
        let is_there = || directory.try_exists().map_err(StoreError::file("look for", &directory));
        if is_there()? {
            return Ok(true);
        }
        let _nobody_places = scratch::lock_tmp(&self.store.paths)?;
        is_there()
    }

    /// Ids of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn ids(&self) -> Result<Vec<ContainerId>, StoreError> {
        let mut statement = self
            .store
            .connection
            .prepare_cached("SELECT id FROM containers")
            .map_err(StoreError::read)?;
        let ids = statement.query_map([], |row| row::id(row, 0)).map_err(StoreError::read)?;
        ids.collect::<Result<_, _>>().map_err(StoreError::read)
    }

    fn insert_row(
        &self,
        transaction: &rusqlite::Transaction<'_>,
        new: &NewContainer<'_>,
    ) -> Result<(), StoreError> {
        let status = if new.active { "active" } else { "created" };
        let inserted = transaction
            .prepare_cached("INSERT INTO containers (id, name, image, image_name, created_ns, config, status) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .and_then(|mut statement| {
                let image = new.image.map(ToString::to_string);
                statement.execute(params![new.id.as_str(), new.name.as_str(), image, new.image_name, new.created_ns, new.config, status])
            });
        // Two checks of this table can fail: the name is taken, or another command has removed the image.
        let gone = |what, name: &str| StoreError::NotFound {
            what,
            name: name.to_owned(),
            closest: Vec::new(),
        };
        inserted.map_err(|error| match violated(&error) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => self.name_taken(new.name, error),
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => gone("image", new.image_name),
            _ => StoreError::write(error),
        })?;
        if let Some(level) = new.level {
            levels::hold(transaction, new.id, level)?;
        }
        if let Some(image) = new.image {
            crate::images::mark_used(transaction, image, new.created_ns)?;
        }
        for image in new.images {
            let insert = "INSERT OR IGNORE INTO container_images (container, image) VALUES (?, ?)";
            let inserted = transaction.execute(insert, params![new.id.as_str(), image.to_string()]);
            inserted.map_err(|error| match violated(&error) {
                Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => gone("image", &image.to_string()),
                _ => StoreError::write(error),
            })?;
        }
        for (network, wanted) in new.places {
            crate::networks::add_place(transaction, new.id, (network, wanted))?;
        }
        for volume in new.volumes {
            let insert =
                "INSERT OR IGNORE INTO container_volumes (container, volume) VALUES (?, ?)";
            let inserted = transaction.execute(insert, params![new.id.as_str(), volume]);
            inserted.map_err(|error| match violated(&error) {
                Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => gone("volume", volume),
                _ => StoreError::write(error),
            })?;
        }
        if let Some(wanted) = new.ids {
            crate::id_leases::lease(transaction, new.id, wanted)?;
        }
        secrets::hold(transaction, new.id.as_str(), new.secrets)
    }

    fn name_taken(&self, name: &ContainerName, cause: rusqlite::Error) -> StoreError {
        let holder = self.query_one("name = ?", name.as_str());
        match holder {
            Ok(Some(holder)) => StoreError::NameTaken {
                name: name.as_str().to_owned(),
                holder: holder.id.short().to_owned(),
            },
            _ => StoreError::write(cause),
        }
    }

    /// Where a container lives on disk.
    #[must_use]
    pub fn dirs(&self, id: &ContainerId) -> ContainerDirs {
        let container = self.store.paths.container(id);
        let state = self.store.paths.container_state(id);
        ContainerDirs {
            upper: container.join("upper"),
            work: container.join("work"),
            container,
            state,
        }
    }

    /// The container of that id, name, or beginning of an id, in this order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Ambiguous`] for a beginning of several ids.
    pub fn get(&self, text: &str) -> Result<ContainerRecord, StoreError> {
        let name = text.strip_prefix('/').unwrap_or(text);
        for column in ["id", "name"] {
            if let Some(record) = self.query_one(&format!("{column} = ?"), name)? {
                return Ok(record);
            }
        }
        let is_prefix =
            !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut matches = if is_prefix {
            // A range, so that the key's order finds it; `g` comes after every digit.
            self.query("id >= ? AND id < ? LIMIT 2", &[&text, &format!("{text}g")])?
        } else {
            Vec::new()
        };
        match (matches.pop(), matches.is_empty()) {
            (Some(record), true) => Ok(record),
            (Some(_), false) => {
                Err(StoreError::Ambiguous { what: "container", prefix: text.to_owned() })
            }
            (None, _) => {
                let names = self.list()?.into_iter().map(|record| record.name);
                Err(StoreError::NotFound {
                    what: "container",
                    name: text.to_owned(),
                    closest: spec::suggest::closest(name, names),
                })
            }
        }
    }

    /// Every container, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<ContainerRecord>, StoreError> {
        self.list_where("1")
    }

    /// Those that have a monitor, as far as is known: all that run are among them. The newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list_active(&self) -> Result<Vec<ContainerRecord>, StoreError> {
        self.list_where("status = 'active'")
    }

    /// The newest first. Sorted here: SQLite would copy every record once more for that.
    fn list_where(&self, condition: &str) -> Result<Vec<ContainerRecord>, StoreError> {
        self.store.map_for_list()?;
        let mut records = self.query(condition, &[])?;
        records.sort_by_key(|record| std::cmp::Reverse(record.created_ns));
        Ok(records)
    }

    /// Says that a monitor has it now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_active(&self, id: &ContainerId) -> Result<(), StoreError> {
        let update = "UPDATE containers SET status = 'active', exit_code = 0, started_at = '', finished_at = '', error = '', oom_killed = 0, restarts = 0, held = 0 WHERE id = ?";
        let updated = self.store.change(update, [id.as_str()]);
        updated.map(drop).map_err(StoreError::write)
    }

    /// Says that somebody wants it to stay down until it is started.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_held(&self, id: &ContainerId) -> Result<(), StoreError> {
        let update = "UPDATE containers SET held = 1 WHERE id = ?";
        let updated = self.store.change(update, [id.as_str()]);
        updated.map(drop).map_err(StoreError::write)
    }

    /// Gives it another name.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or when the database cannot be written.
    pub fn rename(&self, id: &ContainerId, name: &ContainerName) -> Result<(), StoreError> {
        let update = "UPDATE containers SET name = ? WHERE id = ?";
        let updated = self.store.change(update, [name.as_str(), id.as_str()]);
        updated.map(drop).map_err(|error| match violated(&error) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => self.name_taken(name, error),
            _ => StoreError::write(error),
        })
    }

    /// Gives it another configuration, the engine's JSON.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_config(&self, id: &ContainerId, config: &str) -> Result<(), StoreError> {
        let update = "UPDATE containers SET config = ? WHERE id = ?";
        let updated = self.store.change(update, [config, id.as_str()]);
        updated.map(drop).map_err(StoreError::write)
    }

    /// Says that it has not started, and why.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_created(&self, id: &ContainerId, code: i32, error: &str) -> Result<(), StoreError> {
        self.update(id, "created", &Ended { code, error: error.to_owned(), ..Ended::default() })
    }

    /// Says how it ended.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_exited(&self, id: &ContainerId, ended: &Ended) -> Result<(), StoreError> {
        self.update(id, "exited", ended)
    }

    fn update(&self, id: &ContainerId, status: &str, ended: &Ended) -> Result<(), StoreError> {
        let Ended { code, started_at, finished_at, error, oom_killed, restarts } = ended;
        let update = "UPDATE containers SET status = ?, exit_code = ?, started_at = ?, finished_at = ?, error = ?, oom_killed = ?, restarts = ? WHERE id = ?";
        let id = id.as_str();
        let values =
            params![status, code, started_at, finished_at, error, oom_killed, restarts, id];
        self.store.change(update, values).map(drop).map_err(StoreError::write)
    }

    /// Removes a container's directories and its record. The directories are taken out of their place first: a crash leaves
    /// either a record, which can be removed again, or garbage in `tmp`, which the next command sweeps.
    ///
    /// # Errors
    /// When the database cannot be written or a file cannot be removed, for example an immutable one.
    pub fn remove(&self, id: &ContainerId) -> Result<(), StoreError> {
        let dirs = self.dirs(id);
        let dismantling = scratch::dismantling(&self.store.paths)?;
        let frozen = self.store.frozen();
        let had_some = frozen.are_had_by(id)?;
        let taken = Scratch::take(&self.store.paths, &dirs.container)?;
        scratch::remove(&dirs.state)?;
        let delete = self.store.connection.prepare_cached("DELETE FROM containers WHERE id = ?");
        delete
            .and_then(|mut statement| statement.execute([id.as_str()]))
            .map_err(StoreError::write)?;
        drop(dismantling);
        taken.map_or(Ok(()), Scratch::remove)?;
        if had_some { frozen.collect(false).map(drop) } else { Ok(()) }
    }

    /// Anonymous volumes of a container.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn anonymous_volumes(&self, id: &ContainerId) -> Result<Vec<String>, StoreError> {
        let select = "SELECT name FROM container_volumes JOIN volumes ON name = volume WHERE container = ? AND anonymous = 1";
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let names =
            statement.query_map([id.as_str()], |row| row.get(0)).map_err(StoreError::read)?;
        names.collect::<Result<_, _>>().map_err(StoreError::read)
    }

    fn query_one(
        &self,
        condition: &str,
        value: &str,
    ) -> Result<Option<ContainerRecord>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM containers WHERE {condition}");
        let mut statement =
            self.store.connection.prepare_cached(&select).map_err(StoreError::read)?;
        statement.query_row([value], record).optional().map_err(StoreError::read)
    }

    fn query(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<ContainerRecord>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM containers WHERE {condition}");
        let mut statement =
            self.store.connection.prepare_cached(&select).map_err(StoreError::read)?;
        let records = statement.query_map(values, record).map_err(StoreError::read)?;
        records.collect::<Result<_, _>>().map_err(StoreError::read)
    }
}
