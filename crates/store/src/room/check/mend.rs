//! Mends what a look under the locks finds. Rows first, files after, as everywhere; what has no row is moved away at once.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, Row, Transaction, params};
use rustix::fs::{FlockOperation, flock};
use spec::Digest;
use spec::image::ImageConfig;

use super::{Checked, Finding, Problem, content, layer_changed};
use crate::images::collect;
use crate::room::Room;
use crate::scratch::{self, Scratch};
use crate::{StoreError, quota, volumes};

impl Room<'_> {
    /// Writes the database anew where SQLite complains: indexes first, then everything.
    pub(super) fn rebuild(&self) -> Result<Vec<Finding>, StoreError> {
        let found = self.look_at_database()?;
        for statement in ["REINDEX", "VACUUM"] {
            if self.look_at_database()?.is_empty() {
                break;
            }
            // Pages that cannot be read refuse this; the check afterwards tells what is left.
            let _refused = self.store.connection.execute_batch(statement);
        }
        Ok(found)
    }

    /// Mends everything but the database itself; gives what was wrong.
    pub(super) fn mend(&self, changed: &[Digest]) -> Result<Vec<Finding>, StoreError> {
        // Without a sweep: what would be swept is told first.
        let scratch = Scratch::make(&self.store.paths)?;
        let mut layers = Vec::new();
        let synchronous = |level| {
            let connection = &self.store.connection;
            connection.pragma_update(None, "synchronous", level).map_err(StoreError::write)
        };
        // Cannot be changed inside the transaction, which has to be on the disk before layers go.
        synchronous("FULL")?;
        let found = self.mend_held(changed, &scratch, &mut layers);
        synchronous("NORMAL")?;
        let found = found?;
        scratch.remove()?;
        if !layers.is_empty() {
            collect(self.store, &layers)?;
        }
        scratch::sweep(&self.store.paths);
        Ok(found)
    }

    fn mend_held(
        &self,
        changed: &[Digest],
        scratch: &Scratch,
        layers: &mut Vec<Digest>,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut away = Away { scratch, moved: 0 };
        let held = self.hold()?;
        let mut found = self.look(&mut Checked::default())?;
        if found.iter().any(|finding| finding.problem == Problem::Database) {
            // Nothing that stands in it can be relied upon.
            return Ok(Vec::new());
        }
        for diff_id in changed {
            if content::is_changed(self.store, diff_id)? {
                found.push(layer_changed(diff_id));
            }
        }
        // Images go before the layers that they lack.
        found.sort_by_key(|finding| finding.problem);
        for finding in &found {
            self.mend_one(finding, (&held.transaction, &mut away), layers)?;
        }
        held.transaction.commit().map_err(StoreError::write)?;
        Ok(found)
    }

    fn mend_one(
        &self,
        finding: &Finding,
        (transaction, away): (&Transaction<'_>, &mut Away<'_>),
        layers: &mut Vec<Digest>,
    ) -> Result<(), StoreError> {
        let subject = finding.subject.rsplit(' ').next().unwrap_or_default();
        let path = Path::new(&finding.subject);
        match finding.problem {
            Problem::Dangling => self.mend_dangling(subject),
            Problem::Name => self.forget_bad_names(),
            Problem::Document => {
                self.execute("DELETE FROM image_documents WHERE digest = ?", subject)?;
                self.execute("DELETE FROM documents WHERE digest = ?", subject)
            }
            Problem::Image => self.forget_image(subject),
            Problem::ImageRecord => self.record_image(subject),
            Problem::LayerMissing | Problem::LayerChanged => {
                for image in self.images_with(subject)? {
                    self.forget_image(&image)?;
                }
                // Images that containers are made of keep the row until a pull fills it.
                if self.images_with(subject)?.is_empty() {
                    self.execute("DELETE FROM layers WHERE diff_id = ?", subject)?;
                    layers.extend(subject.parse::<Digest>());
                }
                Ok(())
            }
            Problem::ContainerMissing => {
                self.execute("DELETE FROM containers WHERE id = ?", subject)?;
                scratch::remove(&self.store.paths.state.join("containers").join(subject))
            }
            // Where it is, which may be another file system.
            Problem::StateUnknown => scratch::remove(path),
            Problem::VolumeMissing => {
                let contents = self.store.paths.volume(subject).join("_data");
                volumes::make(&contents).map_err(StoreError::file("make", &contents))?;
                let volume = self.store.volumes().get(subject)?;
                self.store.volumes().bound(transaction, &contents, &volume.options)
            }
            Problem::VolumeUnknown => self.record_volume(&name_of(path)),
            Problem::LayerUnknown | Problem::RecipeUnknown => away.take(path),
            Problem::ContainerUnknown => {
                // Whoever holds it is at work on it, whatever the records say.
                let held = fs::File::open(path).is_ok_and(|directory| {
                    flock(&directory, FlockOperation::NonBlockingLockExclusive).is_err()
                });
                if held { Ok(()) } else { away.take(path) }
            }
            Problem::Transfer => {
                let data = path.with_extension("");
                let is_filled = fs::File::open(&data).is_ok_and(|file| {
                    flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
                });
                if is_filled {
                    return Ok(());
                }
                away.take(&data.with_extension("map"))?;
                away.take(&data)
            }
            // Garbage is swept when the locks are free again; mounts are the engine's to look at.
            Problem::Garbage
            | Problem::MountUnknown
            | Problem::Sealed
            | Problem::FrozenMissing
            | Problem::Unknown
            | Problem::Database => Ok(()),
        }
    }

    fn execute(&self, sql: &str, value: &str) -> Result<(), StoreError> {
        self.store.connection.execute(sql, [value]).map(drop).map_err(StoreError::write)
    }

    /// Rows that point to nothing go. But a container keeps its record, and a volume that one uses gets its own again.
    fn mend_dangling(&self, table: &str) -> Result<(), StoreError> {
        let connection = &self.store.connection;
        if table == "container_volumes" {
            let lost = "SELECT DISTINCT volume FROM container_volumes \
                WHERE volume NOT IN (SELECT name FROM volumes) AND container IN (SELECT id FROM containers)";
            for name in self.texts(lost)? {
                self.record_volume(&name)?;
            }
        }
        type Key = (String, String, String);
        let read = |row: &Row<'_>| Ok((row.get(2)?, row.get(3)?, row.get(4)?));
        let keys: Vec<Key> = connection
            .prepare(&format!("PRAGMA foreign_key_list({table})"))
            .and_then(|mut statement| statement.query_map([], read)?.collect())
            .map_err(StoreError::read)?;
        for (parent, from, to) in keys.iter().filter(|_| table != "containers") {
            let delete =
                format!("DELETE FROM {table} WHERE {from} NOT IN (SELECT {to} FROM {parent})");
            connection.execute(&delete, []).map_err(StoreError::write)?;
        }
        Ok(())
    }

    fn forget_bad_names(&self) -> Result<(), StoreError> {
        for name in self.texts("SELECT reference FROM image_names")? {
            if name.parse::<spec::Reference>().is_err() {
                self.execute("DELETE FROM image_names WHERE reference = ?", &name)?;
            }
        }
        Ok(())
    }

    /// Nobody shall run it any more: its names go, and it too where no container is made of it. Its good layers stay for the
    /// pull that brings it again.
    fn forget_image(&self, id: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM image_names WHERE image = ?", id)?;
        if self.has_containers(id)? {
            return Ok(());
        }
        self.execute("DELETE FROM images WHERE id = ?", id)?;
        self.store
            .connection
            .execute(
                "DELETE FROM documents WHERE digest NOT IN (SELECT digest FROM image_documents)",
                [],
            )
            .map(drop)
            .map_err(StoreError::write)
    }

    fn images_with(&self, diff_id: &str) -> Result<Vec<String>, StoreError> {
        let select = "SELECT DISTINCT image FROM image_layers WHERE diff_id = ?";
        self.store
            .connection
            .prepare_cached(select)
            .and_then(|mut statement| statement.query_map([diff_id], |row| row.get(0))?.collect())
            .map_err(StoreError::read)
    }

    /// Writes down again which layers an image has, and their size.
    fn record_image(&self, id: &str) -> Result<(), StoreError> {
        let connection = &self.store.connection;
        let select = "SELECT config FROM images WHERE id = ?";
        let config: String =
            connection.query_row(select, [id], |row| row.get(0)).map_err(StoreError::read)?;
        let Ok(config) = serde_json::from_str::<ImageConfig>(&config) else { return Ok(()) };
        self.execute("DELETE FROM image_layers WHERE image = ?", id)?;
        insert_layers(connection, id, &config).map_err(StoreError::write)
    }

    /// A volume that nobody gave a name has 64 digits for one.
    fn record_volume(&self, name: &str) -> Result<(), StoreError> {
        let anonymous = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let contents = self.store.paths.volume(name).join("_data");
        if !contents.is_dir() {
            volumes::make(&contents).map_err(StoreError::file("make", &contents))?;
        }
        // What bounds it is told by the file system.
        let options = quota::limit_of(&contents)
            .map_or_else(|| "{}".to_owned(), |bytes| format!("{{\"size\":\"{bytes}\"}}"));
        let insert = "INSERT OR IGNORE INTO volumes (name, created_ns, anonymous, options) VALUES (?, ?, ?, ?)";
        let inserted = self.store.connection.execute(insert, params![name, 0, anonymous, options]);
        inserted.map(drop).map_err(StoreError::write)
    }
}

fn insert_layers(connection: &Connection, id: &str, config: &ImageConfig) -> rusqlite::Result<()> {
    let insert = "INSERT INTO image_layers (image, position, diff_id) VALUES (?, ?, ?)";
    for (position, diff_id) in config.rootfs.diff_ids.iter().enumerate() {
        connection.execute(insert, params![id, position, diff_id.to_string()])?;
    }
    let update = "UPDATE images SET size_bytes = \
        (SELECT coalesce(sum(size_bytes), 0) FROM image_layers JOIN layers USING (diff_id) WHERE image = ?1) WHERE id = ?1";
    connection.execute(update, [id]).map(drop)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where things are moved that go once the locks are free.
struct Away<'a> {
    scratch: &'a Scratch,
    moved: usize,
}

impl Away<'_> {
    fn take(&mut self, path: &Path) -> Result<(), StoreError> {
        self.moved += 1;
        quota::release(path);
        match fs::rename(path, self.scratch.path().join(self.moved.to_string())) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::file("move away", path)(error))
            }
            _ => Ok(()),
        }
    }
}
