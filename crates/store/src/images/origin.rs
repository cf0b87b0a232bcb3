//! What registries know of the images and layers that are here: by which digests, with which documents, as which archives.
//!
//! Nothing depends on it but comfort and speed: a pull that finds its image here, a push that need not compress again.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use spec::image::{Descriptor, ImageConfig, Platform};
use spec::{Digest, ImageId};

use super::incoming::NewImage;
use super::stage::stored;
use super::{Image, Images};
use crate::{Store, StoreError};

/// An archive that a layer is known as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerBlob {
    /// A repository that had it, with its registry.
    pub repository: String,
    /// Media type, digest, length.
    pub descriptor: Descriptor,
}

impl Images<'_> {
    /// The image that a repository knows by this digest, of a manifest or of an index, and that is for this platform.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn by_digest(
        &self,
        repository: &str,
        digest: &Digest,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        let condition =
            "id IN (SELECT image FROM image_digests WHERE repository = ? AND digest = ?)";
        let found = self.query(condition, &[&repository, &digest.to_string()])?;
        let fit =
            |image: &Image| Some((platform.fit(&Platform::of(&image.config))?, image.clone()));
        let best = found.iter().filter_map(fit).max_by_key(|(fit, _)| *fit);
        Ok(best.map(|(_, image)| image))
    }

    /// Whether every layer of an image is here. One that containers are made from stays when a power cut has taken layers away that
    /// were not flushed: see [`Store::settle`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_whole(&self, image: &Image) -> Result<bool, StoreError> {
        for diff_id in &image.config.rootfs.diff_ids {
            if stored(self.store, diff_id)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether anything here came from the repository.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn knows_repository(&self, repository: &str) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM image_digests WHERE repository = ?)";
        let read = |row: &Row<'_>| row.get(0);
        self.store.connection.query_row(select, [repository], read).map_err(StoreError::read)
    }

    /// The documents that an image is known with, an index before the manifests, byte for byte.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn documents(&self, image: &ImageId) -> Result<Vec<(Descriptor, Vec<u8>)>, StoreError> {
        let select = "SELECT digest, media_type, content FROM documents JOIN image_documents USING (digest) \
            WHERE image = ? ORDER BY media_type LIKE '%index%' OR media_type LIKE '%list%' DESC, digest";
        let read = |row: &Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
        };
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let rows = statement.query_map([image.to_string()], read).map_err(StoreError::read)?;
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(StoreError::read)?;
        let parsed = rows.into_iter().filter_map(|(digest, media_type, content)| {
            let descriptor =
                Descriptor::new(&media_type, digest.parse().ok()?, content.len() as u64);
            Some((descriptor, content))
        });
        Ok(parsed.collect())
    }

    /// The archives that a layer is known as.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn layer_blobs(&self, diff_id: &Digest) -> Result<Vec<LayerBlob>, StoreError> {
        let select = "SELECT repository, digest, media_type, size_bytes FROM layer_blobs WHERE diff_id = ? ORDER BY repository, digest";
        let read = |row: &Row<'_>| {
            let digest: String = row.get(1)?;
            Ok((row.get(0)?, digest, row.get::<_, String>(2)?, row.get(3)?))
        };
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let rows = statement.query_map([diff_id.to_string()], read).map_err(StoreError::read)?;
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(StoreError::read)?;
        let parsed = rows.into_iter().filter_map(|(repository, digest, media_type, size)| {
            let descriptor = Descriptor::new(&media_type, digest.parse().ok()?, size);
            Some(LayerBlob { repository, descriptor })
        });
        Ok(parsed.collect())
    }

    /// The configuration of an image, byte for byte.
    ///
    /// # Errors
    /// When the database cannot be read, or has no such image.
    pub fn config_bytes(&self, id: &ImageId) -> Result<Vec<u8>, StoreError> {
        let select = "SELECT config FROM images WHERE id = ?";
        let read = |row: &Row<'_>| row.get::<_, String>(0);
        let found = self.store.connection.query_row(select, [id.to_string()], read).optional();
        let text = found.map_err(StoreError::read)?.ok_or_else(|| StoreError::NotFound {
            what: "image",
            name: id.short().to_owned(),
            closest: Vec::new(),
        })?;
        Ok(text.into_bytes())
    }

    /// An image that this manifest describes, wherever it came from.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn by_manifest(&self, digest: &Digest) -> Result<Option<Image>, StoreError> {
        let condition =
            "id IN (SELECT image FROM image_documents WHERE digest = ?) ORDER BY id LIMIT 1";
        Ok(self.query(condition, &[&digest.to_string()])?.pop())
    }

    /// Remembers that a repository has a layer as this blob: whatever becomes of the rest of a push, it need not go again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn record_layer_blob(
        &self,
        diff_id: &Digest,
        repository: &str,
        blob: &Descriptor,
    ) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        record_blob(&transaction, diff_id, repository, blob)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// Remembers what a repository has: after a pull, and after a push.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn record_origin(
        &self,
        id: &ImageId,
        config: &ImageConfig,
        image: &NewImage<'_>,
    ) -> Result<(), StoreError> {
        record_origin(self.store, id, image, config)
    }
}

/// It is not flushed: nothing is lost with it that another pull would not find again.
pub(super) fn record_origin(
    store: &Store,
    id: &ImageId,
    image: &NewImage<'_>,
    config: &ImageConfig,
) -> Result<(), StoreError> {
    let transaction = store.write()?;
    let key = id.to_string();
    for (descriptor, bytes) in image.documents {
        record_document(&transaction, &key, image.repository, descriptor, bytes)?;
    }
    for (diff_id, layer) in config.rootfs.diff_ids.iter().zip(image.layers) {
        record_blob(&transaction, diff_id, image.repository, layer)?;
    }
    transaction.commit().map_err(StoreError::write)
}

fn record_blob(
    connection: &Connection,
    diff_id: &Digest,
    repository: &str,
    blob: &Descriptor,
) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO layer_blobs (diff_id, repository, digest, media_type, size_bytes) VALUES (?, ?, ?, ?, ?)";
    let digest = blob.digest.to_string();
    let values = params![diff_id.to_string(), repository, digest, blob.media_type, blob.size];
    connection.execute(insert, values).map(drop).map_err(StoreError::write)
}

fn record_document(
    connection: &Connection,
    image: &str,
    repository: &str,
    descriptor: &Descriptor,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let digest = descriptor.digest.to_string();
    let execute = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.execute(sql, values).map(drop).map_err(StoreError::write)
    };
    execute(
        "INSERT OR IGNORE INTO documents (digest, media_type, content) VALUES (?, ?, ?)",
        params![digest, descriptor.media_type, bytes],
    )?;
    execute(
        "INSERT OR IGNORE INTO image_documents (image, digest) VALUES (?, ?)",
        params![image, digest],
    )?;
    execute(
        "INSERT OR IGNORE INTO image_digests (repository, digest, image) VALUES (?, ?, ?)",
        params![repository, digest, image],
    )
}
