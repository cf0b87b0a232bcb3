//! Copies of layers in which every owner is another id, for containers whose ids the kernel cannot map: where their layers are on a file
//! system that knows no id-mapped mounts, and for users who are not root, whom the kernel lets map ids of none.
//!
//! A copy is made once for each layer and map of ids, below `tmp`, and takes its place with its row, under the write lock. It goes with
//! its layer, or by a prune once no container has its map. What is in its place without a row was left by a crash: the next one there
//! moves it away. Until it is flushed a copy counts in the boot that its row names ([`crate::settle`]).
//!
//! Start at [`ShiftedLayers::make`]. Sources: mount_setattr(2), "ID-mapped mounts"; overlayfs.rst.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, params};
use rustix::fs::{FlockOperation, flock};
use spec::{ContainerId, Digest};

use crate::paths::make_private;
use crate::room::allocated_bytes;
use crate::scratch::Scratch;
use crate::settle::boot_id;
use crate::{CopyRules, IdShift, Store, StoreError, TreeCopy};

/// Handle on the copies with one map of ids.
#[derive(Debug)]
pub struct ShiftedLayers<'a> {
    store: &'a Store,
    ids: &'a IdShift,
    key: String,
}

impl Store {
    /// The copies in which owners are what these ids make of them.
    #[must_use]
    pub fn shifted<'a>(&'a self, ids: &'a IdShift) -> ShiftedLayers<'a> {
        ShiftedLayers { store: self, ids, key: ids.key() }
    }

    /// Gives `work` an empty directory on the disk of the layers, which is gone afterwards.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_scratch<T>(&self, work: impl FnOnce(&Path) -> T) -> Result<T, StoreError> {
        let scratch = Scratch::make(&self.paths)?;
        let done = work(scratch.path());
        scratch.remove().map(|()| done)
    }
}

impl ShiftedLayers<'_> {
    /// Where the copy of a layer's directory is, or would be, or of what is in it; a path elsewhere stays as it is.
    #[must_use]
    pub fn place(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix(self.store.paths.layers());
        inside.map_or_else(|_elsewhere| path.to_owned(), |inside| self.home().join(inside))
    }

    /// Makes the copies that are missing of these layers, and writes down that the container needs them. Whoever wants the same copies
    /// meanwhile waits. Gives whether any was made: it is then to be flushed by [`Store::settle`].
    ///
    /// # Errors
    /// What the disk refuses; what is not whole is gone then.
    pub fn make(&self, container: &ContainerId, layers: &[PathBuf]) -> Result<bool, StoreError> {
        self.hold(container)?;
        let wanted = self.missing(layers)?;
        if wanted.is_empty() {
            return Ok(false);
        }
        make_private(&self.store.paths.shifted())?;
        let _others_wait = self.lock()?;
        let wanted = self.missing(layers)?;
        let scratch = Scratch::new(&self.store.paths)?;
        let copies = wanted
            .iter()
            .map(|diff_id| (self.store.paths.layer(diff_id), scratch.path().join(diff_id.hex())));
        copy_all(copies.collect(), self.ids)?;
        wanted.iter().try_for_each(|diff_id| self.publish(diff_id, &scratch))?;
        scratch.remove()?;
        Ok(!wanted.is_empty())
    }

    /// Its map's copies stay as long as the container is there.
    fn hold(&self, container: &ContainerId) -> Result<(), StoreError> {
        let insert = "INSERT OR IGNORE INTO container_maps (container, map) VALUES (?, ?)";
        let values = params![container.as_str(), self.key];
        self.store.change(insert, values).map(drop).map_err(StoreError::write)
    }

    fn home(&self) -> PathBuf {
        self.store.paths.shifted().join(&self.key)
    }

    /// Locks the directory of the copies, which a prune removes where it is empty.
    fn lock(&self) -> Result<fs::File, StoreError> {
        let home = self.home();
        loop {
            make_private(&home)?;
            let Ok(directory) = fs::File::open(&home) else { continue };
            flock(&directory, FlockOperation::LockExclusive)
                .map_err(StoreError::file("lock", &home))?;
            let number = |about: std::io::Result<fs::Metadata>| about.map(|about| about.ino()).ok();
            if number(directory.metadata()) == number(fs::metadata(&home)) {
                return Ok(directory);
            }
        }
    }

    /// Those of the layers that have no copy.
    fn missing(&self, layers: &[PathBuf]) -> Result<BTreeSet<Digest>, StoreError> {
        let mut missing = BTreeSet::new();
        for layer in layers.iter().filter(|layer| self.place(layer) != **layer) {
            let hex = layer.file_name().unwrap_or_default().to_string_lossy();
            let Some(diff_id) = digest_of(&self.store.connection, &hex)? else { continue };
            if !has_row(&self.store.connection, &diff_id, &self.key)? {
                missing.insert(diff_id);
            }
        }
        Ok(missing)
    }

    /// Moves a copy to its place, with its row; a layer that was removed meanwhile has none.
    fn publish(&self, diff_id: &Digest, scratch: &Scratch) -> Result<(), StoreError> {
        let boot = boot_id()?;
        let place = self.home().join(diff_id.hex());
        let transaction = self.store.write()?;
        if digest_of(&transaction, diff_id.hex())?.is_none() {
            return Ok(());
        }
        if place.exists() {
            let aside = scratch.path().join(format!("old-{}", diff_id.hex()));
            fs::rename(&place, aside).map_err(StoreError::file("move away", &place))?;
        }
        fs::rename(scratch.path().join(diff_id.hex()), &place)
            .map_err(StoreError::file("make", &place))?;
        let insert = "INSERT INTO shifted_layers (diff_id, map, boot) VALUES (?, ?, ?)";
        transaction
            .execute(insert, params![diff_id.to_string(), self.key, boot])
            .map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)
    }
}

/// Several at once, each from a directory into one that is made.
fn copy_all(copies: Vec<(PathBuf, PathBuf)>, ids: &IdShift) -> Result<(), StoreError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(copies.len());
    let queue = Mutex::new(copies.into_iter());
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let copy_some = || {
        while let Some((from, into)) = next() {
            copy(&from, &into, ids)?;
        }
        Ok::<_, StoreError>(())
    };
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(copy_some)).collect();
        let own = copy_some();
        // A thread that panicked has copied nothing more: the caller finds that it is missing.
        let done = helpers.into_iter().map(|helper| helper.join().unwrap_or(Ok(())));
        done.fold(own, Result::and)
    })
}

fn copy(layer: &Path, copy: &Path, ids: &IdShift) -> Result<(), StoreError> {
    fs::create_dir(copy).map_err(StoreError::file("make", copy))?;
    let open = |path: &Path| fs::File::open(path).map_err(StoreError::file("open", path));
    let (from, into) = (open(layer)?, open(copy)?);
    let copied =
        TreeCopy::new(into.as_fd(), CopyRules::exact()).with_ids(Some(ids)).contents(from.as_fd());
    copied.map(drop).map_err(|cause| StoreError::Unpack {
        what: format!("copy {} for a container with other ids", layer.display()),
        cause: Box::new(cause),
    })
}

/// The layer with these digits.
fn digest_of(connection: &Connection, hex: &str) -> Result<Option<Digest>, StoreError> {
    let select = "SELECT diff_id FROM layers WHERE diff_id IN ('sha256:' || ?1, 'sha512:' || ?1)";
    let found: Option<String> = connection
        .query_row(select, [hex], |row| row.get(0))
        .optional()
        .map_err(StoreError::read)?;
    Ok(found.and_then(|text| text.parse().ok()))
}

fn has_row(connection: &Connection, diff_id: &Digest, key: &str) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM shifted_layers WHERE diff_id = ? AND map = ?";
    let found = connection.query_row(select, [diff_id.to_string().as_str(), key], |_row| Ok(()));
    found.optional().map(|found| found.is_some()).map_err(StoreError::read)
}

/// Removes copies whose map no container has, and what crashes have left; gives how much room that was.
pub(crate) fn prune(store: &Store) -> Result<u64, StoreError> {
    if !store.paths.shifted().exists() {
        return Ok(0);
    }
    let scratch = Scratch::new(&store.paths)?;
    let transaction = store.write()?;
    let unused = "DELETE FROM shifted_layers WHERE map NOT IN (SELECT map FROM container_maps)";
    transaction.execute(unused, []).map_err(StoreError::write)?;
    take_away(store, &transaction, scratch.path())?;
    transaction.commit().map_err(StoreError::write)?;
    let freed = allocated_bytes(scratch.path())?;
    scratch.remove().map(|()| freed)
}

/// Moves copies without a row into a directory that is removed afterwards. The caller has the write lock.
pub(crate) fn take_away(
    store: &Store,
    connection: &Connection,
    into: &Path,
) -> Result<(), StoreError> {
    for home in entries(&store.paths.shifted()) {
        let key = home.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for place in entries(&home) {
            let hex = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let known = match digest_of(connection, &hex)? {
                Some(diff_id) => has_row(connection, &diff_id, &key)?,
                None => false,
            };
            if !known {
                let aside = into.join(format!("{key}-{hex}"));
                fs::rename(&place, aside).map_err(StoreError::file("remove", place))?;
            }
        }
        // Somebody who is about to fill it makes it again.
        let _not_empty = fs::remove_dir(home);
    }
    Ok(())
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Copies of this boot that would not outlive a power cut, by the layer's text and the map.
pub(crate) fn unflushed(store: &Store, boot: &str) -> Result<Vec<(String, String)>, StoreError> {
    store
        .connection
        .prepare("SELECT diff_id, map FROM shifted_layers WHERE boot = ?")
        .and_then(|mut rows| {
            rows.query_map([boot], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .map_err(StoreError::read)
}

/// Writes down that they would.
pub(crate) fn flushed(
    connection: &Connection,
    boot: &str,
    copies: &[(String, String)],
) -> Result<(), StoreError> {
    for (diff_id, map) in copies {
        let update =
            "UPDATE shifted_layers SET boot = '' WHERE diff_id = ? AND map = ? AND boot = ?";
        connection.execute(update, params![diff_id, map, boot]).map_err(StoreError::write)?;
    }
    Ok(())
}

/// Forgets copies that an earlier boot has not flushed: they are made again.
pub(crate) fn forget_unflushed(store: &Store, boot: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM shifted_layers WHERE boot NOT IN ('', ?)";
    if store.change(delete, [boot]).map_err(StoreError::write)? == 0 {
        return Ok(());
    }
    let scratch = Scratch::new(&store.paths)?;
    let transaction = store.write()?;
    take_away(store, &transaction, scratch.path())?;
    transaction.commit().map_err(StoreError::write)?;
    scratch.remove()
}
