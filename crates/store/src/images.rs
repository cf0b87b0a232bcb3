//! Images: what they are called, what they are made of, and when they go.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row, params};
use spec::image::{ImageConfig, Platform};
use spec::{Digest, ImageId, Reference, suggest};

use crate::{Store, StoreError, scratch};

mod archive;
mod arrival;
mod beside;
mod built;
mod collect;
mod commit;
mod import;
mod incoming;
mod layer_archive;
mod load;
mod members;
mod origin;
mod packed;
mod passing;
mod save;
mod stage;
mod summary;
mod uses;

pub(crate) use beside::delete_others;
pub use beside::{Beside, BesideMember, Composed, IndexWords, MemberWords};
pub use built::{AddedLayer, NewLayer};
pub(crate) use collect::{collect, strays};
pub use commit::Commit;
pub use import::Import;
pub use incoming::{ExpectedLayer, Incoming, LayerPlace, NewImage, UnpackedLayer};
pub use layer_archive::LayerArchive;
pub use load::Loaded;
pub use members::Member;
pub use origin::LayerBlob;
pub use passing::ArchiveMembers;
pub use save::Saved;
pub use summary::ImageSummary;
pub(crate) use uses::mark_used;

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Digest of its configuration.
    pub id: ImageId,
    /// Its names, none for one that lost its last.
    pub names: Vec<Reference>,
    /// Its configuration.
    pub config: ImageConfig,
    /// Bytes of its unpacked layers; what it shares with others counts in each.
    pub size_bytes: u64,
    /// When it came here, nanoseconds since 1970.
    pub loaded_ns: i64,
}

/// What a removal did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that were taken away.
    pub untagged: Vec<String>,
    /// The image and the layers that went with it.
    pub deleted: Vec<Digest>,
}

/// Handle on the images.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    store: &'a Store,
}

const SELECT: &str = "SELECT id, config, size_bytes, loaded_ns, (SELECT group_concat(reference, ' ') FROM image_names WHERE image = id) FROM images";

impl<'a> Images<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The image of that name, id, or beginning of an id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] with the closest names, [`StoreError::Ambiguous`], or a name that is none.
    pub fn resolve(&self, text: &str) -> Result<Image, StoreError> {
        let reference = text.parse::<Reference>();
        if let Ok(reference) = &reference
            && let Some(image) = self.one(
                "id = (SELECT image FROM image_names WHERE reference = ?)",
                &reference.pinned().to_string(),
            )?
        {
            return Ok(image);
        }
        if let Ok(reference) = &reference
            && let Some(digest) = reference.digest()
            && let Some(image) =
                self.by_digest(&reference.repository(), digest, &Platform::native())?
        {
            return Ok(image);
        }
        if let Some(image) = self.by_id(text)? {
            return Ok(image);
        }
        let reference = reference?;
        let names = self.all_names()?.into_iter();
        Err(StoreError::NotFound {
            what: "image",
            name: reference.familiar(),
            closest: suggest::closest(&reference.familiar(), names),
        })
    }

    fn by_id(&self, text: &str) -> Result<Option<Image>, StoreError> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hex = !hex.is_empty()
            && hex.len() <= 64
            && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex {
            return Ok(None);
        }
        // A range, so that the key's order finds it; `g` comes after every digit.
        let (from, to) = (format!("sha256:{hex}"), format!("sha256:{hex}g"));
        let mut found = self.query("id >= ? AND id < ? LIMIT 2", &[&from, &to])?;
        match (found.pop(), found.is_empty()) {
            (Some(_), false) => {
                Err(StoreError::Ambiguous { what: "image", prefix: hex.to_owned() })
            }
            (image, _) => Ok(image),
        }
    }

    /// Every image, the one that came last first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<Image>, StoreError> {
        self.query("1 ORDER BY loaded_ns DESC", &[])
    }

    /// Gives an image a name, which is taken from another that had it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn tag(&self, id: &ImageId, reference: &Reference, now_ns: i64) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        set_name(&transaction, id, reference)?;
        mark_used(&transaction, id, now_ns)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// Removes a name; with its last name the image, and the layers that no other image has. By its id an image goes with all
    /// its names if `force` says so. An image that containers are made from keeps what they need: `force` takes its names only,
    /// and its id does not remove it while one of them may be running.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when a container runs from it, [`StoreError::SeveralNames`], [`StoreError::NotFound`].
    pub fn remove(&self, text: &str, force: bool) -> Result<Removed, StoreError> {
        let image = self.resolve(text)?;
        let name =
            text.parse::<Reference>().ok().filter(|reference| image.names.contains(reference));
        let mut removed = Removed::default();
        let mut layers = Vec::new();
        let dismantling = scratch::dismantling(&self.store.paths)?;
        self.store.durably(|connection| {
            // Looked at again under the lock.
            let image = self.resolve(&image.id.to_string())?;
            let going = match &name {
                Some(name) => vec![name.clone()],
                None => image.names.clone(),
            };
            if going.len() > 1 && !force {
                let names = image.names.iter().map(Reference::familiar).collect();
                return Err(StoreError::SeveralNames { id: image.id.short().to_owned(), names });
            }
            let last = going.len() == image.names.len();
            let used = last && self.refuse_used(&image, name.is_some(), force)?;
            for name in &going {
                let delete = "DELETE FROM image_names WHERE reference = ?";
                connection.execute(delete, [name.to_string()]).map_err(StoreError::write)?;
            }
            removed.untagged = going.iter().map(Reference::familiar).collect();
            if last && !used {
                let (others, theirs) = delete_others(connection, &image.id)?;
                layers = [theirs, delete_rows(connection, &image.id)?].concat();
                removed.deleted.push(image.id);
                removed.deleted.extend(others);
            }
            Ok(())
        })?;
        if !removed.deleted.is_empty() {
            // With what a removal that was killed has left.
            collect(self.store, &[strays(self.store)?, layers.clone()].concat())?;
        }
        drop(dismantling);
        removed.deleted.extend(layers);
        Ok(removed)
    }

    /// Whether containers use the image; an error where that forbids its removal.
    fn refuse_used(&self, image: &Image, by_name: bool, force: bool) -> Result<bool, StoreError> {
        let select =
            "SELECT name, status = 'active' FROM image_holders WHERE image = ? ORDER BY name";
        let holders: Vec<(String, bool)> = self
            .store
            .connection
            .prepare(select)
            .and_then(|mut statement| {
                statement
                    .query_map([image.id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map_err(StoreError::read)?;
        let active = holders.iter().any(|(_, active)| *active);
        if holders.is_empty() {
            return Ok(false);
        }
        if force && (by_name || !active) {
            return Ok(true);
        }
        let short = || image.id.short().to_owned();
        let name = image.names.first().map_or_else(short, Reference::familiar);
        let holders = holders.into_iter().map(|(name, _)| name).collect();
        Err(StoreError::InUse { what: "image", name, holders })
    }

    /// Directories of the image's layers, the top one first.
    #[must_use]
    pub fn layer_paths(&self, image: &Image) -> Vec<PathBuf> {
        self.directories_of(&image.config.rootfs.diff_ids)
    }

    /// Size in bytes of each layer, the lowest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn layer_sizes(&self, image: &Image) -> Result<Vec<u64>, StoreError> {
        let select = "SELECT size_bytes FROM image_layers JOIN layers USING (diff_id) WHERE image = ? ORDER BY position";
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let sizes = statement
            .query_map([image.id.to_string()], |row| row.get(0))
            .map_err(StoreError::read)?;
        sizes.collect::<Result<_, _>>().map_err(StoreError::read)
    }

    fn all_names(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .store
            .connection
            .prepare("SELECT reference FROM image_names")
            .map_err(StoreError::read)?;
        let names =
            statement.query_map([], |row| row.get::<_, String>(0)).map_err(StoreError::read)?;
        let names = names.collect::<Result<Vec<_>, _>>().map_err(StoreError::read)?;
        Ok(names
            .iter()
            .filter_map(|name| name.parse::<Reference>().ok())
            .map(|name| name.familiar())
            .collect())
    }

    fn one(&self, condition: &str, value: &str) -> Result<Option<Image>, StoreError> {
        let mut statement = self
            .store
            .connection
            .prepare_cached(&format!("{SELECT} WHERE {condition}"))
            .map_err(StoreError::read)?;
        let row =
            statement.query_row([value], RawImage::read).optional().map_err(StoreError::read)?;
        row.map(RawImage::parse).transpose()
    }

    fn query(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Image>, StoreError> {
        let mut statement = self
            .store
            .connection
            .prepare_cached(&format!("{SELECT} WHERE {condition}"))
            .map_err(StoreError::read)?;
        let rows = statement.query_map(values, RawImage::read).map_err(StoreError::read)?;
        rows.map(|row| row.map_err(StoreError::read).and_then(RawImage::parse)).collect()
    }
}

/// Takes the image out of the database; gives its layers that nobody has any more. Layers that no image had before stay: a pull
/// that was ended goes on with them.
pub(crate) fn delete_rows(
    connection: &Connection,
    id: &ImageId,
) -> Result<Vec<Digest>, StoreError> {
    let only_here = "SELECT DISTINCT diff_id FROM image_layers AS here WHERE image = ?1 AND NOT EXISTS \
        (SELECT 1 FROM image_layers WHERE diff_id = here.diff_id AND image <> ?1) \
        AND diff_id NOT IN (SELECT diff_id FROM build_steps) AND diff_id NOT IN (SELECT diff_id FROM build_leases)";
    let texts: Vec<String> = connection
        .prepare(only_here)
        .and_then(|mut statement| {
            statement.query_map([id.to_string()], |row| row.get(0))?.collect()
        })
        .map_err(StoreError::read)?;
    let delete = "DELETE FROM images WHERE id = ?";
    connection.execute(delete, [id.to_string()]).map_err(StoreError::write)?;
    let unused = "DELETE FROM documents WHERE digest NOT IN (SELECT digest FROM image_documents)";
    connection.execute(unused, []).map_err(StoreError::write)?;
    for diff_id in &texts {
        let delete = "DELETE FROM layers WHERE diff_id = ?";
        connection.execute(delete, [diff_id]).map_err(StoreError::write)?;
    }
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn set_name(
    connection: &Connection,
    id: &ImageId,
    reference: &Reference,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO image_names (reference, image) VALUES (?1, ?2) ON CONFLICT (reference) DO UPDATE SET image = ?2";
    connection
        .execute(insert, params![reference.to_string(), id.to_string()])
        .map(drop)
        .map_err(StoreError::write)
}

pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

/// A row as it is.
struct RawImage {
    id: String,
    config: String,
    size_bytes: u64,
    loaded_ns: i64,
    names: Option<String>,
}

impl RawImage {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            config: row.get(1)?,
            size_bytes: row.get(2)?,
            loaded_ns: row.get(3)?,
            names: row.get(4)?,
        })
    }

    fn parse(self) -> Result<Image, StoreError> {
        let damaged = |cause| StoreError::Damaged { what: "image", id: self.id.clone(), cause };
        let id = self.id.parse().map_err(|error| damaged(serde::de::Error::custom(error)))?;
        let config = serde_json::from_str(&self.config).map_err(damaged)?;
        let mut names: Vec<Reference> = self
            .names
            .iter()
            .flat_map(|names| names.split(' '))
            .filter_map(|name| name.parse().ok())
            .collect();
        names.sort();
        Ok(Image { id, names, config, size_bytes: self.size_bytes, loaded_ns: self.loaded_ns })
    }
}
