//! Snapshots: what a container was at a moment, by its configuration and the frozen layers that it had. They go with the container.

use rusqlite::{Connection, OptionalExtension, ffi, params};
use spec::ContainerId;

use super::{Frozen, FrozenCopy, FrozenId, place_copy, set_config};
use crate::StoreError;
use crate::error::violated;

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name, which no other one of the same container has.
    pub name: String,
    /// When it was made, nanoseconds since 1970.
    pub made_ns: i64,
    /// Words of whoever made it; may be empty.
    pub comment: String,
    /// The engine's JSON.
    pub config: String,
}

/// A snapshot to be.
#[derive(Clone, Copy, Debug)]
pub struct NewSnapshot<'a> {
    /// Whose.
    pub container: &'a ContainerId,
    /// Its name.
    pub name: &'a str,
    /// Nanoseconds since 1970.
    pub made_ns: i64,
    /// Words about it.
    pub comment: &'a str,
    /// The engine's JSON.
    pub config: &'a str,
    /// The frozen layers that it holds.
    pub layers: &'a [FrozenId],
    /// One more, which nobody has yet.
    pub copy: Option<&'a FrozenCopy>,
}

const COLUMNS: &str = "name, made_ns, comment, config";

impl Frozen<'_> {
    /// Writes a snapshot down; it outlives a power cut then.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for a name that is taken, or what the disk refuses. Nothing is left then.
    pub fn add_snapshot(&self, new: &NewSnapshot<'_>) -> Result<(), StoreError> {
        let exists = || StoreError::Exists { what: "snapshot", name: new.name.to_owned() };
        self.store.durably(|connection| {
            let insert = "INSERT INTO snapshots (container, name, made_ns, comment, config) VALUES (?, ?, ?, ?, ?)";
            let values =
                params![new.container.as_str(), new.name, new.made_ns, new.comment, new.config];
            connection.execute(insert, values).map_err(|error| match violated(&error) {
                Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE) => exists(),
                _ => StoreError::write(error),
            })?;
            if let Some(copy) = new.copy {
                place_copy(connection, self.store, copy)?;
            }
            let layers = new.layers.iter().chain(new.copy.map(FrozenCopy::id));
            layers.into_iter().try_for_each(|layer| hold(connection, (new.container, new.name), layer))
        })
    }

    /// The snapshots of a container, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn snapshots(&self, container: &ContainerId) -> Result<Vec<Snapshot>, StoreError> {
        let select =
            format!("SELECT {COLUMNS} FROM snapshots WHERE container = ? ORDER BY made_ns, name");
        self.store
            .connection
            .prepare_cached(&select)
            .and_then(|mut statement| {
                statement.query_map([container.as_str()], snapshot)?.collect()
            })
            .map_err(StoreError::read)
    }

    /// The snapshot of that name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn snapshot(&self, container: &ContainerId, name: &str) -> Result<Snapshot, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM snapshots WHERE container = ? AND name = ?");
        let found = self
            .store
            .connection
            .query_row(&select, [container.as_str(), name], snapshot)
            .optional()
            .map_err(StoreError::read)?;
        match found {
            Some(snapshot) => Ok(snapshot),
            None => {
                let names = self.snapshots(container)?.into_iter().map(|snapshot| snapshot.name);
                let closest = spec::suggest::closest(name, names);
                Err(StoreError::NotFound { what: "snapshot", name: name.to_owned(), closest })
            }
        }
    }

    /// Removes a snapshot, and the layers that nobody else has.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or what the disk refuses.
    pub fn remove_snapshot(&self, container: &ContainerId, name: &str) -> Result<(), StoreError> {
        self.snapshot(container, name)?;
        let delete = "DELETE FROM snapshots WHERE container = ? AND name = ?";
        let removed = self.store.change(delete, [container.as_str(), name]);
        removed.map_err(StoreError::write)?;
        self.collect(false).map(drop)
    }

    /// Gives a container the configuration of a snapshot and its layers in the place of its own, by one transaction: the former ones
    /// go where nobody else has them. The writable layer must be empty.
    ///
    /// # Errors
    /// What the disk refuses: the container is what it was then, or what the snapshot says.
    pub fn restore(
        &self,
        container: &ContainerId,
        config: &str,
        layers: &[FrozenId],
    ) -> Result<(), StoreError> {
        self.store.durably(|connection| {
            let delete = "DELETE FROM container_frozen WHERE container = ?";
            connection.execute(delete, [container.as_str()]).map_err(StoreError::write)?;
            layers.iter().try_for_each(|layer| super::hold(connection, container, layer))?;
            set_config(connection, container, config)
        })?;
        self.collect(false).map(drop)
    }
}

fn hold(
    connection: &Connection,
    (container, name): (&ContainerId, &str),
    layer: &FrozenId,
) -> Result<(), StoreError> {
    let insert =
        "INSERT OR IGNORE INTO snapshot_frozen (container, snapshot, layer) VALUES (?, ?, ?)";
    let held = connection.execute(insert, [container.as_str(), name, layer.as_str()]);
    held.map(drop).map_err(StoreError::write)
}

fn snapshot(row: &rusqlite::Row<'_>) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        name: row.get(0)?,
        made_ns: row.get(1)?,
        comment: row.get(2)?,
        config: row.get(3)?,
    })
}
