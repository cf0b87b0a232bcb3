//! The database: opened in a fraction of a millisecond, shared by any number of commands at once.
//!
//! The write-ahead log stays when the last command closes, and is not folded back at that moment: both would cost each command
//! more than its own work. Sources: sqlite.org/wal.html, sqlite.org/c3ref/c_dbconfig_defensive.html.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Params, Transaction, TransactionBehavior, ffi};

use crate::{
    Builds, Containers, Images, ManifestLists, Networks, Paths, Room, Scratch, Secrets,
    SqliteAnswer, StoreError, Transfers, Uploads, Volumes,
};

/// Each migration brings the database from its place in the list to the next version.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
    include_str!("schema/10.sql"),
    include_str!("schema/11.sql"),
    include_str!("schema/12.sql"),
    include_str!("schema/13.sql"),
    include_str!("schema/14.sql"),
    include_str!("schema/15.sql"),
];

/// How long a command waits for others that write.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pages in the log before they are folded into the database. Whoever opens it while no other command does reads the whole log,
/// 1 µs a page: SQLite's own 1000 would cost more than everything else that opening takes.
const MOST_LOG_PAGES: u32 = 256;

/// A record is small, and each page that it touches is written to the log whole, and read and summed by the next command.
const PAGE_BYTES: u32 = 1024;

/// What a list maps of the database at most: some hundred thousand records.
const MOST_MAPPED_BYTES: i64 = 256 << 20;

/// An open store.
#[derive(Debug)]
pub struct Store {
    pub(crate) paths: Paths,
    pub(crate) connection: Connection,
    /// Whether the disk had no room for what a connection that writes needs.
    is_for_reading: bool,
}

impl Store {
    /// Opens a store, and makes it when it is not there.
    ///
    /// # Errors
    /// When a directory cannot be made, the database cannot be opened, or a newer release has changed it.
    pub fn open(paths: Paths) -> Result<Self, StoreError> {
        paths.make()?;
        let (connection, is_for_reading) = connect(&paths)?;
        let mut store = Self { paths, connection, is_for_reading };
        store.migrate()?;
        if store.paths.is_first_since_boot() {
            // Before anybody else is let in.
            store.forget_unsettled()?;
            store.paths.make_state()?;
        }
        store.shorten_log();
        Ok(store)
    }

    /// Folds a log back that commands have made long one after the other. What each of them folds by itself is not known any more
    /// to the next one that finds nobody else here: the log would be read from its beginning by every command, and go on for ever.
    fn shorten_log(&self) {
        let log = self.paths.database().with_extension("db-wal");
        let longest = u64::from(4 * MOST_LOG_PAGES * PAGE_BYTES);
        if std::fs::metadata(log).is_ok_and(|about| about.len() > longest) {
            // Best effort, without waiting: whoever reads it at this moment needs it.
            let _impatient = self.connection.busy_timeout(Duration::ZERO);
            let _busy =
                self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_outcome| Ok(()));
            let _patient = self.connection.busy_timeout(PATIENCE);
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        let version = version(&self.connection)?;
        if version == known {
            return Ok(());
        }
        if version > known {
            return Err(StoreError::Future { path: self.paths.database(), version, known });
        }
        // Another command may do the same at this moment: looked at again under the lock.
        let transaction = self.write()?;
        let version = self::version(&transaction)?;
        for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
            transaction.execute_batch(migration).map_err(StoreError::write)?;
        }
        transaction.pragma_update(None, "user_version", known).map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// A transaction that writes: it has the lock from its begin, so that it never has to be tried again half-way.
    pub(crate) fn write(&self) -> Result<Transaction<'_>, StoreError> {
        // SQLite would say so at the first statement, and not where.
        if !self.is_for_reading && self.connection.is_readonly(MAIN_DB).unwrap_or(false) {
            let refused = StoreError::file("write", self.paths.database());
            return Err(refused(rustix::io::Errno::ROFS));
        }
        self.demand_room()
            .and_then(|()| {
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            })
            .map_err(StoreError::write)
    }

    /// Runs `work`, which reads alone, on one state of the database: what other commands write meanwhile it does not see.
    ///
    /// # Errors
    /// When the database cannot be read; what `work` says.
    pub fn at_once<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred);
        let _reading = begun.map_err(StoreError::read)?;
        work()
    }

    /// One statement that writes, in a transaction of its own; how many rows it changed.
    pub(crate) fn change(&self, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
        self.demand_room()?;
        self.connection.execute(sql, values)
    }

    /// Has what is not in the log read from memory that the file is mapped to: a list reads nearly every page of it, and each would
    /// be a system call. For lists alone, since other commands read a few. Source: sqlite.org/mmap.html.
    pub(crate) fn map_for_list(&self) -> Result<(), StoreError> {
        self.connection
            .pragma_update(None, "mmap_size", MOST_MAPPED_BYTES)
            .map_err(StoreError::read)
    }

    /// SQLite's own answer would be that the database is only for reading, which is not why.
    fn demand_room(&self) -> rusqlite::Result<()> {
        if self.is_for_reading {
            let words = Some("database or disk is full".to_owned());
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), words));
        }
        Ok(())
    }

    /// Runs `work` in a transaction that has outlived a power cut once this returns; one that fails leaves nothing. What is
    /// ordered with files takes this; everything else is only consistent, which costs no flush.
    pub(crate) fn durably<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let synchronous = |level| {
            self.connection.pragma_update(None, "synchronous", level).map_err(StoreError::write)
        };
        synchronous("FULL")?;
        let done = self.write().and_then(|transaction| {
            let done = work(&transaction)?;
            transaction.commit().map_err(StoreError::write)?;
            Ok(done)
        });
        synchronous("NORMAL")?;
        done
    }

    /// Where things are.
    #[must_use]
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The images.
    #[must_use]
    pub const fn images(&self) -> Images<'_> {
        Images::new(self)
    }

    /// What takes room, what gives it back, and whether all is well.
    #[must_use]
    pub const fn room(&self) -> Room<'_> {
        Room::new(self)
    }

    /// The lists of manifests that are being made.
    #[must_use]
    pub const fn manifest_lists(&self) -> ManifestLists<'_> {
        ManifestLists::new(self)
    }

    /// The partial blobs.
    #[must_use]
    pub fn transfers(&self) -> Transfers {
        Transfers::new(&self.paths)
    }

    /// The journals of what is sent to registries.
    #[must_use]
    pub fn uploads(&self) -> Uploads {
        Uploads::new(&self.paths)
    }

    /// A directory for files that are not whole yet: of a command that was killed it goes with the next one that writes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        Scratch::new(&self.paths)
    }

    /// What builds have made.
    #[must_use]
    pub const fn builds(&self) -> Builds<'_> {
        Builds::new(self)
    }

    /// The containers' records.
    #[must_use]
    pub const fn containers(&self) -> Containers<'_> {
        Containers::new(self)
    }

    /// The networks.
    #[must_use]
    pub const fn networks(&self) -> Networks<'_> {
        Networks::new(self)
    }

    /// The volumes.
    #[must_use]
    pub const fn volumes(&self) -> Volumes<'_> {
        Volumes::new(self)
    }

    /// The secrets and configs, sealed with the key of this file or else with the store's own.
    #[must_use]
    pub const fn secrets<'a>(&'a self, key_file: Option<&'a std::path::Path>) -> Secrets<'a> {
        Secrets::new(self, key_file)
    }
}

/// A connection, and whether it is for reading alone.
///
/// Whoever finds nobody else here makes the index of the log anew, 32 KiB beside the database, and what that file gives back others
/// may take at once. Where the disk has no room for it the index is made in memory, which who only reads may do: containers can be
/// seen, entered and ended on a full disk. Source: sqlite.org/wal.html, "Read-Only Databases".
fn connect(paths: &Paths) -> Result<(Connection, bool), StoreError> {
    let opened = match connect_to_write(paths) {
        Err(error) if has_no_room(&error) => connect_to_read(paths).map(|opened| (opened, true)),
        opened => opened.map(|opened| (opened, false)),
    };
    opened.map_err(|cause| StoreError::Database { action: "open", cause: SqliteAnswer(cause) })
}

fn has_no_room(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_FULL))
}

fn connect_to_read(paths: &Paths) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // What has a meaning of its own in a URI: sqlite.org/uri.html.
    let path = paths.database().display().to_string();
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let connection = Connection::open_with_flags(format!("file:{path}?readonly_shm=1"), flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn connect_to_write(paths: &Paths) -> rusqlite::Result<Connection> {
    // One thread uses a connection at a time: no mutex.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(paths.database(), flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // The journal mode is a property of the file and set when it is made; the others belong to the connection.
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = {MOST_LOG_PAGES}"
        ))
?;
    Ok(connection)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    let version = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(StoreError::read)?;
    if version == 0 {
        // Outside a transaction, as SQLite demands; a file that has them already keeps both.
        let _size = connection.pragma_update(None, "page_size", PAGE_BYTES);
        let _mode: Result<String, _> =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(directory: &std::path::Path) -> Paths {
        Paths { root: directory.join("root"), state: directory.join("state") }
    }

    #[test]
    fn a_store_is_made_private_and_opened_again() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        drop(Store::open(paths(directory.path())).unwrap());
        let store = Store::open(paths(directory.path())).unwrap();
        let mode: String =
            store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        let permissions = std::fs::metadata(&store.paths.root).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o700);
    }

    /// Each as a command of its own, as it is mostly.
    #[test]
    fn a_log_does_not_grow_from_command_to_command() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("root/corten.db-wal");
        let mut longest = 0;
        for number in 0..60 {
            let store = Store::open(paths(directory.path())).unwrap();
            let insert = "INSERT INTO documents VALUES (?, 'x', zeroblob(65536))";
            store.connection.execute(insert, [number]).unwrap();
            longest = longest.max(std::fs::metadata(&log).unwrap().len());
        }
        assert!(longest < 2_000_000, "{longest}");
    }

    #[test]
    fn a_future_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(paths(directory.path())).unwrap();
        store.connection.pragma_update(None, "user_version", 999).unwrap();
        drop(store);
        assert!(matches!(
            Store::open(paths(directory.path())),
            Err(StoreError::Future { version: 999, .. })
        ));
    }
}
