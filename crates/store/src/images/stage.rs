//! Images on their way in: layers from archives into directories, each in one pass, several at once; then, all at one moment,
//! the directories in their place and the rows that name them.
//!
//! The order is what makes a crash harmless: layers are unpacked below `tmp` and flushed; under the database's write lock they
//! are renamed into place and their directory is flushed; then the rows become durable. A layer's directory counts only with
//! its row, and whoever removes rows takes the directories away under the same lock ([`super::collect`]), so that no command can see a
//! half of either. Start at [`Stage::unpack`], end with [`Stage::commit`].
//!
//! The archive that a layer came in is not kept: it would double the disk that an image takes. What `push` and `save` need of it
//! is its recipe (see `recipe`), which is written beside the layer, goes to its place before it, and leaves after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, params};
use spec::image::ImageConfig;
use spec::{Digest, ImageId, Reference};

use super::members::Arrived;
use super::{digest_of, mark_used, set_name};
use crate::paths::make_private;
use crate::scratch::{self, Scratch};
use crate::settle::boot_id;
use crate::unpack::{Rules, unpack_recorded};
use crate::{Store, StoreError};

/// A layer to unpack.
pub(super) struct Source<R> {
    /// How errors call it.
    pub(super) what: String,
    /// The archive, compressed or not.
    pub(super) reader: R,
    /// What its plain archive must hash to; nothing where nobody has said.
    pub(super) diff_id: Option<Digest>,
    /// What the archive as it is must hash to.
    pub(super) blob: Option<Digest>,
    /// How to unpack it.
    pub(super) rules: Rules,
}

/// An image that is to be recorded; every layer of its configuration is in the store or in the stage.
pub(super) struct Staged<'a> {
    /// The configuration, byte for byte.
    pub(super) bytes: &'a [u8],
    /// The same, parsed.
    pub(super) config: &'a ImageConfig,
    /// Its names.
    pub(super) names: &'a [Reference],
}

/// Layers that are unpacked and not visible yet. Dropping it removes them.
pub(super) struct Stage<'a> {
    store: &'a Store,
    scratch: Scratch,
    fresh: BTreeMap<Digest, WholeLayer>,
    made: usize,
}

impl<'a> Stage<'a> {
    pub(super) fn new(store: &'a Store) -> Result<Self, StoreError> {
        let scratch = Scratch::new(&store.paths)?;
        // Stores of former releases have none.
        make_private(&store.paths.recipes())?;
        Ok(Self { store, scratch, fresh: BTreeMap::new(), made: 0 })
    }

    /// Removes everything that is not visible yet.
    pub(super) fn discard(&mut self) -> Result<(), StoreError> {
        self.fresh.clear();
        let path = self.scratch.path();
        for entry in fs::read_dir(path).map_err(StoreError::file("read", path))? {
            scratch::remove(&entry.map_err(StoreError::file("read", path))?.path())?;
        }
        Ok(())
    }

    /// Where more can be put that is gone with the stage.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Whether a layer needs no unpacking any more.
    pub(super) fn has(&self, diff_id: &Digest) -> Result<bool, StoreError> {
        Ok(self.fresh.contains_key(diff_id) || stored(self.store, diff_id)?.is_some())
    }

    /// Whether all these layers are in the stage itself, where no other command can remove them.
    pub(super) fn holds(&self, diff_ids: &[Digest]) -> bool {
        diff_ids.iter().all(|diff_id| self.fresh.contains_key(diff_id))
    }

    /// Unpacks layers, each checked against what it must hash to; gives their diff ids in order.
    pub(super) fn unpack<R: Read + Send>(
        &mut self,
        sources: Vec<Source<R>>,
    ) -> Result<Vec<Digest>, StoreError> {
        let threads =
            std::thread::available_parallelism().map_or(1, usize::from).min(sources.len());
        let paths: Vec<PathBuf> =
            sources.iter().zip(self.made..).map(|(_, number)| self.directory(number)).collect();
        self.made += sources.len();
        let mut outcomes: Vec<_> = sources.iter().map(|_| None).collect();
        let jobs = sources.into_iter().zip(paths).zip(outcomes.iter_mut());
        let queue = Mutex::new(jobs);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        // A thread that panicked leaves a queue that is still whole.
                        let next =
                            queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
                        let Some(((source, path), outcome)) = next else { return };
                        *outcome = Some(unpack_at(source, path));
                    }
                });
            }
        });
        let layers: Vec<WholeLayer> =
            outcomes.into_iter().flatten().collect::<Result<_, StoreError>>()?;
        let diff_ids = layers.iter().map(|layer| layer.arrived.diff_id.clone()).collect();
        layers.into_iter().for_each(|layer| self.take(layer));
        Ok(diff_ids)
    }

    /// Unpacks one layer, whatever it turns out to be; gives the length of its plain archive with it.
    pub(super) fn unpack_arriving<R: Read + Send>(
        &mut self,
        source: Source<R>,
    ) -> Result<(Arrived, u64), StoreError> {
        let path = self.directory(self.made);
        self.made += 1;
        match unpack_at(source, path.clone()) {
            Ok(layer) => {
                let arrived = (layer.arrived.clone(), layer.archive_bytes);
                self.take(layer);
                Ok(arrived)
            }
            Err(error) => {
                scratch::remove(&path)?;
                scratch::remove(&recipe_beside(&path))?;
                Err(error)
            }
        }
    }

    fn directory(&self, number: usize) -> PathBuf {
        self.scratch.path().join(format!("layer-{number}"))
    }

    /// Makes all the images visible at once, or none: then it gives the layers that another command has removed since
    /// [`Stage::has`] saw them, to be unpacked as well.
    pub(super) fn commit(
        &mut self,
        images: &[Staged<'_>],
        now_ns: i64,
    ) -> Result<Result<Vec<ImageId>, Vec<Digest>>, StoreError> {
        let store = self.store;
        let wanted: BTreeSet<&Digest> =
            images.iter().flat_map(|image| &image.config.rootfs.diff_ids).collect();
        let unflushed = unflushed(store, &wanted)?;
        if !self.fresh.is_empty() || !unflushed.is_empty() {
            // Once for all layers, before the first counts after a power cut.
            self.flush()?;
        }
        store.durably(|connection| {
            let mut sizes: BTreeMap<&Digest, u64> = BTreeMap::new();
            let mut missing = Vec::new();
            for diff_id in &wanted {
                let fresh = self.fresh.get(*diff_id).map(|fresh| fresh.size);
                match stored(store, diff_id)?.or(fresh) {
                    Some(size) => {
                        sizes.insert(diff_id, size);
                    }
                    None => missing.push((*diff_id).clone()),
                }
            }
            if !missing.is_empty() {
                return Ok(Err(missing));
            }
            // Another command may have finished one in between.
            if self::unflushed(store, &wanted)?.iter().any(|layer| !unflushed.contains(layer)) {
                self.flush()?;
            }
            for diff_id in sizes.keys() {
                if stored(store, diff_id)?.is_none()
                    && let Some(fresh) = self.fresh.get(*diff_id)
                {
                    self.publish(fresh, diff_id)?;
                    insert_layer(connection, fresh, "", now_ns)?;
                }
                let flushed = "UPDATE layers SET boot = '' WHERE diff_id = ? AND boot <> ''";
                connection.execute(flushed, [diff_id.to_string()]).map_err(StoreError::write)?;
            }
            for directory in [store.paths.recipes(), store.paths.layers()] {
                let flushed = fs::File::open(&directory).and_then(|opened| opened.sync_all());
                flushed.map_err(StoreError::file("flush", directory))?;
            }
            let ids = images.iter().map(|image| insert(connection, image, &sizes, now_ns));
            ids.collect::<Result<Vec<ImageId>, _>>().map(Ok)
        })
    }

    /// Makes an image visible whose layers were all made visible ahead; it counts beyond a power cut once they are flushed, see
    /// [`Store::settle`]. Where one of them was removed by another command, all that are missing are given back.
    pub(super) fn commit_ahead(
        &self,
        image: &Staged<'_>,
        now_ns: i64,
    ) -> Result<Result<ImageId, Vec<Digest>>, StoreError> {
        commit_ahead(self.store, image, now_ns)
    }

    /// Makes one layer of the stage visible before any image has it: in this boot it counts as whole, whatever becomes of this
    /// command; beyond a power cut once it is flushed, see [`Store::settle`].
    pub(super) fn publish_ahead(
        &mut self,
        diff_id: &Digest,
        now_ns: i64,
    ) -> Result<(), StoreError> {
        self.publish_with(diff_id, now_ns, |_connection| Ok(()))
    }

    /// The same, with what `also` writes, all at one moment.
    pub(super) fn publish_with(
        &mut self,
        diff_id: &Digest,
        now_ns: i64,
        also: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(fresh) = self.fresh.remove(diff_id) else { return Ok(()) };
        let boot = boot_id()?;
        let transaction = self.store.write()?;
        if stored(self.store, diff_id)?.is_none() {
            self.publish(&fresh, diff_id)?;
            insert_layer(&transaction, &fresh, &boot, now_ns)?;
        }
        also(&transaction)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// Takes over a layer that was unpacked in a place of this stage.
    pub(super) fn take(&mut self, whole: WholeLayer) {
        self.fresh.insert(whole.arrived.diff_id.clone(), whole);
    }

    /// Where one more layer can be unpacked, on any thread.
    pub(super) fn place(&mut self) -> PathBuf {
        self.made += 1;
        self.directory(self.made - 1)
    }

    fn flush(&self) -> Result<(), StoreError> {
        rustix::fs::syncfs(self.scratch.descriptor())
            .map_err(StoreError::file("flush", self.scratch.path()))
    }

    /// Moves a layer to its place, its recipe first. What stands there has no row: a crash left it, and nobody knows how much
    /// of it.
    fn publish(&self, fresh: &WholeLayer, diff_id: &Digest) -> Result<(), StoreError> {
        let paths = &self.store.paths;
        for (from, to, aside) in [
            (recipe_beside(&fresh.path), paths.recipe(diff_id), "old-recipe"),
            (fresh.path.clone(), paths.layer(diff_id), "old"),
        ] {
            if to.exists() {
                let aside = self.scratch.path().join(format!("{aside}-{}", diff_id.hex()));
                fs::rename(&to, aside).map_err(StoreError::file("move away", &to))?;
            }
            fs::rename(&from, &to).map_err(StoreError::file("make", to))?;
        }
        Ok(())
    }
}

/// As [`Stage::commit_ahead`].
pub(super) fn commit_ahead(
    store: &Store,
    image: &Staged<'_>,
    now_ns: i64,
) -> Result<Result<ImageId, Vec<Digest>>, StoreError> {
    let transaction = store.write()?;
    let (mut sizes, mut missing) = (BTreeMap::new(), Vec::new());
    for diff_id in &image.config.rootfs.diff_ids {
        match stored(store, diff_id)? {
            Some(size) => drop(sizes.insert(diff_id, size)),
            None => missing.push(diff_id.clone()),
        }
    }
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    let id = insert(&transaction, image, &sizes, now_ns)?;
    transaction.commit().map_err(StoreError::write)?;
    Ok(Ok(id))
}

/// A layer that was unpacked and is what it was said to be.
#[derive(Debug)]
pub(super) struct WholeLayer {
    path: PathBuf,
    pub(super) arrived: Arrived,
    size: u64,
    /// Length of its plain archive.
    archive_bytes: u64,
}

/// Unpacks a layer into a place that [`Stage::place`] gave.
pub(super) fn unpack_at<R: Read + Send>(
    source: Source<R>,
    path: PathBuf,
) -> Result<WholeLayer, StoreError> {
    let make = |path: &Path| {
        fs::create_dir(path).map_err(StoreError::file("make", path))?;
        fs::File::open(path).map_err(StoreError::file("open", path))
    };
    let (into, recipe) = (make(&path)?, make(&recipe_beside(&path))?);
    // The directory is the root of whatever has this layer; umask(2) must not decide its mode.
    rustix::fs::fchmod(&into, rustix::fs::Mode::from_raw_mode(0o755))
        .map_err(StoreError::file("make", &path))?;
    let Source { what, reader, diff_id, blob, rules } = source;
    let streamed = unpack_recorded(reader, into.as_fd(), &rules, recipe.as_fd());
    let streamed = streamed.map_err(|cause| StoreError::Unpack {
        what: format!("unpack {what}"),
        cause: Box::new(cause),
    })?;
    for (name, wanted, found) in [
        ("digest", &blob, &streamed.stored.digest),
        ("diff id", &diff_id, &streamed.archive.digest),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
            return Err(StoreError::Archive(format!(
                "{what} has the {name} {found}, not {wanted}"
            )));
        }
    }
    let arrived = Arrived { blob: streamed.stored.digest, diff_id: streamed.archive.digest };
    let (size, archive_bytes) = (streamed.unpacked.bytes, streamed.archive.bytes);
    Ok(WholeLayer { path, arrived, size, archive_bytes })
}

/// Where the recipe of a layer is that is being unpacked at `path`.
pub(super) fn recipe_beside(path: &Path) -> PathBuf {
    path.with_extension("recipe")
}

/// Size of a layer that is whole and in its place.
pub(super) fn stored(store: &Store, diff_id: &Digest) -> Result<Option<u64>, StoreError> {
    Ok(layer_row(store, diff_id)?.map(|(size, _flushed)| size))
}

/// Which of these layers a power cut would still take away.
fn unflushed(store: &Store, diff_ids: &BTreeSet<&Digest>) -> Result<Vec<Digest>, StoreError> {
    let mut found = Vec::new();
    for diff_id in diff_ids {
        if let Some((_size, false)) = layer_row(store, diff_id)? {
            found.push((*diff_id).clone());
        }
    }
    Ok(found)
}

/// Size of a layer that counts, and whether it has outlived a power cut.
fn layer_row(store: &Store, diff_id: &Digest) -> Result<Option<(u64, bool)>, StoreError> {
    let select = "SELECT size_bytes, boot FROM layers WHERE diff_id = ?";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
    let row: Option<(u64, String)> = store
        .connection
        .prepare_cached(select)
        .and_then(|mut found| found.query_row([diff_id.to_string()], read).optional())
        .map_err(StoreError::read)?;
    let Some((size, boot)) = row else { return Ok(None) };
    let counts = boot.is_empty() || boot == boot_id()?;
    Ok((counts && store.paths.layer(diff_id).is_dir()).then_some((size, boot.is_empty())))
}

fn insert_layer(
    connection: &Connection,
    layer: &WholeLayer,
    boot: &str,
    now_ns: i64,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO layers (diff_id, size_bytes, boot, made_ns, archive_bytes) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (diff_id) DO UPDATE SET size_bytes = ?2, boot = ?3, made_ns = ?4, archive_bytes = ?5";
    let diff_id = layer.arrived.diff_id.to_string();
    let values = params![diff_id, layer.size, boot, now_ns, layer.archive_bytes];
    connection.execute(insert, values).map(drop).map_err(StoreError::write)
}

fn insert(
    connection: &Connection,
    image: &Staged<'_>,
    sizes: &BTreeMap<&Digest, u64>,
    now_ns: i64,
) -> Result<ImageId, StoreError> {
    let id = digest_of(image.bytes);
    let text = std::str::from_utf8(image.bytes).map_err(|_not_text| {
        StoreError::Archive("the image's configuration is no UTF-8".to_owned())
    })?;
    let diff_ids = &image.config.rootfs.diff_ids;
    let size: u64 = diff_ids.iter().filter_map(|diff_id| sizes.get(diff_id)).sum();
    let execute = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.execute(sql, values).map_err(StoreError::write)
    };
    let key = id.to_string();
    execute(
        // One that a check has found damaged is mended by coming again.
        "INSERT INTO images (id, config, size_bytes, loaded_ns, created) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET config = excluded.config WHERE config <> excluded.config",
        params![key, text, size, now_ns, image.config.created.as_deref().unwrap_or_default()],
    )?;
    for (position, diff_id) in diff_ids.iter().enumerate() {
        execute(
            "INSERT OR IGNORE INTO image_layers (image, position, diff_id) VALUES (?, ?, ?)",
            params![key, position, diff_id.to_string()],
        )?;
    }
    for name in image.names {
        set_name(connection, &id, name)?;
    }
    mark_used(connection, &id, now_ns)?;
    Ok(id)
}
