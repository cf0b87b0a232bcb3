//! What containers had written and now share: layers that nothing changes any more, between a container's image and its own
//! writable layer. A clone and its original have the same ones, a snapshot holds some, and each goes with its last holder.
//!
//! A container's writable layer becomes one without a byte being copied: [`Frozen::freeze`] makes an empty directory in the layer's
//! place, writes down durably that the container has that layer, and lets the two change places by one call (renameat2(2),
//! RENAME_EXCHANGE). Killed before the call, the container has one empty layer more and all of its files above it; killed behind it,
//! the same files one layer lower: what it sees is the same at every moment. Nobody else has the layer until both are on the disk.
//!
//! What is in the directory of these layers without a row was left by a crash: whoever collects next moves it away. Start at
//! [`Frozen::freeze`]. Sources: overlayfs.rst, "Multiple lower layers", "Sharing and copying layers"; rename(2).

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rusqlite::{Connection, params};
use rustix::fs::{CWD, Mode, RenameFlags, XattrFlags, chmod, fsetxattr, renameat_with};
use serde::{Deserialize, Serialize};
use spec::ContainerId;

use crate::room::allocated_bytes;
use crate::scratch::{self, Scratch};
use crate::{CopyRules, IdShift, Store, StoreError, TreeCopy, paths, quota};

mod snapshots;

pub use snapshots::{NewSnapshot, Snapshot};

/// What overlayfs says to itself in attributes: that holds for the one place that it was written in.
const OVERLAY_ATTRIBUTES: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// A frozen layer's id: 16 random bytes, shown as 32 lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrozenId(String);

/// Text that is no id of a frozen layer.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no id of a frozen layer")]
pub struct BadFrozenId(String);

impl FrozenId {
    /// One that nothing has yet.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn random() -> Result<Self, StoreError> {
        let mut random = [0_u8; 16];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
            .map_err(StoreError::file("get random bytes for", "a frozen layer"))?;
        Ok(Self(spec::digest::hex(&random)))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FrozenId {
    type Err = BadFrozenId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id =
            text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_id { Ok(Self(text.to_owned())) } else { Err(BadFrozenId(text.to_owned())) }
    }
}

impl TryFrom<String> for FrozenId {
    type Error = BadFrozenId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FrozenId> for String {
    fn from(id: FrozenId) -> Self {
        id.0
    }
}

/// What a new container has of others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inherited<'a> {
    /// Its frozen layers.
    pub layers: &'a [FrozenId],
    /// One more, which nobody has yet.
    pub copy: Option<&'a FrozenCopy>,
    /// The directory whose owner, mode and attributes the new root has; its own otherwise.
    pub root: Option<&'a Path>,
}

/// A copy of what a container has written that takes its place with the record of whoever is to have it; until then it goes when
/// it is dropped.
#[derive(Debug)]
pub struct FrozenCopy {
    id: FrozenId,
    scratch: Scratch,
}

impl FrozenCopy {
    /// The id that it will have.
    #[must_use]
    pub const fn id(&self) -> &FrozenId {
        &self.id
    }

    fn files(&self) -> PathBuf {
        self.scratch.path().join("files")
    }
}

/// Handle on the frozen layers, and on the snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Frozen<'a> {
    store: &'a Store,
}

impl Store {
    /// The frozen layers, and the snapshots.
    #[must_use]
    pub const fn frozen(&self) -> Frozen<'_> {
        Frozen { store: self }
    }
}

impl Frozen<'_> {
    /// Where a layer's files are.
    #[must_use]
    pub fn place(&self, id: &FrozenId) -> PathBuf {
        self.store.paths.frozen().join(id.as_str())
    }

    /// Makes what a container has written a frozen layer of it, and its writable layer an empty one with the same owner, mode and
    /// bound. The configuration, the engine's JSON, is what the container has from then on. The caller holds the container's lock,
    /// and it does not run.
    ///
    /// # Errors
    /// When the disk or the database refuses; the container has all of its files then.
    pub fn freeze(
        &self,
        container: &ContainerId,
        layer: &FrozenId,
        config: &str,
    ) -> Result<(), StoreError> {
        let dirs = self.store.containers().dirs(container);
        let scratch = Scratch::make(&self.store.paths)?;
        let fresh = scratch.path().join("upper");
        make_like(&dirs.upper, &fresh)?;
        quota::share(&dirs.upper, &fresh)?;
        let home = self.store.paths.frozen();
        paths::make_private(&home)?;
        let place = self.place(layer);
        self.store.durably(|connection| {
            fs::rename(&fresh, &place).map_err(StoreError::file("make", &place))?;
            sync(&home)?;
            insert(connection, layer)?;
            hold(connection, container, layer)?;
            set_config(connection, container, config)
        })?;
        scratch.remove()?;
        self.exchange(container, layer)
    }

    /// Goes on with what a kill cut short: the topmost layer of a container is empty, and nobody else has it. Gives whether it was so.
    ///
    /// # Errors
    /// As [`Frozen::freeze`].
    pub fn complete(
        &self,
        container: &ContainerId,
        topmost: &FrozenId,
    ) -> Result<bool, StoreError> {
        let select = "SELECT count(*) FROM held_frozen WHERE layer = ?";
        let holders: i64 = self
            .store
            .connection
            .query_row(select, [topmost.as_str()], |row| row.get(0))
            .map_err(StoreError::read)?;
        if holders != 1 || !is_empty(&self.place(topmost))? {
            return Ok(false);
        }
        self.exchange(container, topmost).map(|()| true)
    }

    /// Lets a container's writable layer and one of its frozen ones change places, and waits until that outlives a power cut.
    fn exchange(&self, container: &ContainerId, layer: &FrozenId) -> Result<(), StoreError> {
        let dirs = self.store.containers().dirs(container);
        // What overlayfs has of its own there is about the writable layer that goes, and empty while nothing is mounted.
        for name in ["work", "index"] {
            scratch::remove(&dirs.work.join(name))?;
        }
        let place = self.place(layer);
        renameat_with(CWD, &dirs.upper, CWD, &place, RenameFlags::EXCHANGE)
            .map_err(StoreError::file("make", &place))?;
        sync(&self.store.paths.frozen())
    }

    /// A copy of what is in a directory, as a layer that nobody has yet; contents are shared where the file system can (FICLONE).
    /// It is flushed.
    ///
    /// # Errors
    /// What the disk refuses; nothing is left then.
    pub fn copy(&self, from: &Path, ids: Option<&IdShift>) -> Result<FrozenCopy, StoreError> {
        let scratch = Scratch::new(&self.store.paths)?;
        let copy = FrozenCopy { id: FrozenId::random()?, scratch };
        let files = copy.files();
        fs::create_dir(&files).map_err(StoreError::file("make", &files))?;
        let open = |path: &Path| fs::File::open(path).map_err(StoreError::file("open", path));
        let (source, into) = (open(from)?, open(&files)?);
        let tree = TreeCopy::new(into.as_fd(), CopyRules::exact()).with_ids(ids);
        tree.contents(source.as_fd()).map_err(|cause| StoreError::Unpack {
            what: format!("copy {}", from.display()),
            cause: Box::new(cause),
        })?;
        rustix::fs::syncfs(&into).map_err(StoreError::file("flush", &files))?;
        Ok(copy)
    }

    /// Whether a container has written nothing since its last frozen layer.
    ///
    /// # Errors
    /// When its writable layer cannot be read.
    pub fn is_unwritten(&self, container: &ContainerId) -> Result<bool, StoreError> {
        is_empty(&self.store.containers().dirs(container).upper)
    }

    /// Gives an empty writable layer the owner, mode and attributes of another directory.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn dress_root(&self, container: &ContainerId, like: &Path) -> Result<(), StoreError> {
        dress(like, &self.store.containers().dirs(container).upper)
    }

    /// Removes the layers that nobody has, and what crashes have left; gives how much room that was where `measures` says so.
    ///
    /// # Errors
    /// When the database cannot be written, or a file cannot be removed: what is not gone then is swept later.
    pub fn collect(&self, measures: bool) -> Result<u64, StoreError> {
        let home = self.store.paths.frozen();
        if !home.exists() {
            return Ok(0);
        }
        let dismantling = scratch::dismantling(&self.store.paths)?;
        let scratch = Scratch::make(&self.store.paths)?;
        let transaction = self.store.write()?;
        let unused = "DELETE FROM frozen_layers WHERE id NOT IN (SELECT layer FROM held_frozen)";
        transaction.execute(unused, []).map_err(StoreError::write)?;
        let known = texts(&transaction, "SELECT id FROM frozen_layers")?;
        for entry in fs::read_dir(&home).map_err(StoreError::file("read", &home))?.flatten() {
            let name = entry.file_name();
            if !known.iter().any(|id| name.to_str() == Some(id)) {
                fs::rename(entry.path(), scratch.path().join(&name))
                    .map_err(StoreError::file("remove", entry.path()))?;
            }
        }
        transaction.commit().map_err(StoreError::write)?;
        drop(dismantling);
        let freed = if measures { allocated_bytes(scratch.path())? } else { 0 };
        scratch.remove().map(|()| freed)
    }

    /// Whether a container has frozen layers or snapshots, whose end may be that of layers.
    pub(crate) fn are_had_by(&self, container: &ContainerId) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM container_frozen WHERE container = ?1) \
            OR EXISTS (SELECT 1 FROM snapshots WHERE container = ?1)";
        self.store
            .connection
            .prepare_cached(select)
            .and_then(|mut statement| statement.query_row([container.as_str()], |row| row.get(0)))
            .map_err(StoreError::read)
    }

    /// Ids of the layers that somebody has.
    pub(crate) fn held(&self) -> Result<Vec<String>, StoreError> {
        texts(&self.store.connection, "SELECT DISTINCT layer FROM held_frozen")
    }
}

/// Writes down what a new container has of others, and puts the copy in its place.
pub(crate) fn inherit(
    connection: &Connection,
    store: &Store,
    (container, inherited): (&ContainerId, Inherited<'_>),
) -> Result<(), StoreError> {
    if let Some(copy) = inherited.copy {
        place_copy(connection, store, copy)?;
        hold(connection, container, &copy.id)?;
    }
    inherited.layers.iter().try_for_each(|layer| hold(connection, container, layer))
}

fn place_copy(connection: &Connection, store: &Store, copy: &FrozenCopy) -> Result<(), StoreError> {
    let home = store.paths.frozen();
    paths::make_private(&home)?;
    let place = store.frozen().place(&copy.id);
    fs::rename(copy.files(), &place).map_err(StoreError::file("make", &place))?;
    sync(&home)?;
    insert(connection, &copy.id)
}

fn insert(connection: &Connection, layer: &FrozenId) -> Result<(), StoreError> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    let insert = "INSERT INTO frozen_layers (id, made_ns) VALUES (?, ?)";
    let inserted = connection.execute(insert, params![layer.as_str(), now]);
    inserted.map(drop).map_err(StoreError::write)
}

fn hold(
    connection: &Connection,
    container: &ContainerId,
    layer: &FrozenId,
) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO container_frozen (container, layer) VALUES (?, ?)";
    let held = connection.execute(insert, params![container.as_str(), layer.as_str()]);
    held.map(drop).map_err(StoreError::write)
}

fn set_config(
    connection: &Connection,
    container: &ContainerId,
    config: &str,
) -> Result<(), StoreError> {
    let update = "UPDATE containers SET config = ? WHERE id = ?";
    let updated = connection.execute(update, [config, container.as_str()]);
    updated.map(drop).map_err(StoreError::write)
}

fn texts(connection: &Connection, select: &str) -> Result<Vec<String>, StoreError> {
    connection
        .prepare_cached(select)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(StoreError::read)
}

/// Makes an empty directory with the owner, mode and attributes of another one.
fn make_like(like: &Path, path: &Path) -> Result<(), StoreError> {
    fs::create_dir(path).map_err(StoreError::file("make", path))?;
    dress(like, path)
}

pub(crate) fn dress(like: &Path, path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let about = fs::metadata(like).map_err(StoreError::file("look at", like))?;
    std::os::unix::fs::chown(path, Some(about.uid()), Some(about.gid()))
        .map_err(StoreError::file("make", path))?;
    chmod(path, Mode::from_raw_mode(about.mode() & 0o7777))
        .map_err(StoreError::file("make", path))?;
    let source = fs::File::open(like).map_err(StoreError::file("open", like))?;
    let directory = fs::File::open(path).map_err(StoreError::file("open", path))?;
    let attributes = crate::attributes(source.as_fd())
        .map_err(StoreError::file("read the attributes of", like))?;
    for (name, value) in attributes {
        if OVERLAY_ATTRIBUTES.iter().all(|own| !name.starts_with(own)) {
            fsetxattr(&directory, &name[..], &value, XattrFlags::empty())
                .map_err(StoreError::file("make", path))?;
        }
    }
    Ok(())
}

fn is_empty(directory: &Path) -> Result<bool, StoreError> {
    let mut entries = fs::read_dir(directory).map_err(StoreError::file("read", directory))?;
    Ok(entries.next().is_none())
}

fn sync(directory: &Path) -> Result<(), StoreError> {
    fs::File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::file("flush", directory))
}
