//! Images in short: what a list shows. Configurations, which are long, are neither read nor parsed.

use std::collections::HashMap;

use rusqlite::Row;
use spec::{Digest, ImageId, Reference};

use super::Images;
use crate::StoreError;

/// What a list shows of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// Digest of its configuration.
    pub id: ImageId,
    /// Its names in order, none for one that lost its last.
    pub names: Vec<Reference>,
    /// When it was made, as its configuration says it (RFC 3339); empty where it does not.
    pub created: String,
    /// Bytes of its unpacked layers; what it shares with others counts in each.
    pub size_bytes: u64,
    /// When it came here, nanoseconds since 1970.
    pub loaded_ns: i64,
}

impl Images<'_> {
    /// Every image in short, the one that came last first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn summaries(&self) -> Result<Vec<ImageSummary>, StoreError> {
        let mut names = self.names_by_image()?;
        let select = "SELECT id, created, size_bytes, loaded_ns FROM images INDEXED BY images_in_short ORDER BY loaded_ns DESC, id DESC";
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let mut rows = statement.query([]).map_err(StoreError::read)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(StoreError::read)? {
            let text: String = row.get(0).map_err(StoreError::read)?;
            let names = names.remove(&text).unwrap_or_default();
            let id = text.parse().map_err(|error| StoreError::Damaged {
                what: "image",
                id: text,
                cause: serde::de::Error::custom(error),
            })?;
            let rest = || Ok((row.get(1)?, row.get(2)?, row.get(3)?));
            let (created, size_bytes, loaded_ns) = rest().map_err(StoreError::read)?;
            found.push(ImageSummary { id, names, created, size_bytes, loaded_ns });
        }
        Ok(found)
    }

    /// What images are called by digest: image, repository and digest, that of an index before that of a manifest in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn digests(&self) -> Result<Vec<(ImageId, String, Digest)>, StoreError> {
        let select = "SELECT image, repository, digest FROM image_digests LEFT JOIN documents USING (digest) \
            ORDER BY repository, coalesce(media_type LIKE '%index%' OR media_type LIKE '%list%', 0) DESC, digest";
        let read =
            |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, String>(2)?));
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let rows = statement.query_map([], read).map_err(StoreError::read)?;
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(StoreError::read)?;
        let parsed = rows.into_iter().filter_map(|(image, repository, digest)| {
            Some((image.parse().ok()?, repository, digest.parse().ok()?))
        });
        Ok(parsed.collect())
    }

    fn names_by_image(&self) -> Result<HashMap<String, Vec<Reference>>, StoreError> {
        let select = "SELECT image, reference FROM image_names ORDER BY reference";
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let mut rows = statement.query([]).map_err(StoreError::read)?;
        let mut names: HashMap<String, Vec<Reference>> = HashMap::new();
        while let Some(row) = rows.next().map_err(StoreError::read)? {
            let read = || Ok((row.get(0)?, row.get::<_, String>(1)?));
            let (image, reference) = read().map_err(StoreError::read)?;
            if let Ok(reference) = reference.parse() {
                names.entry(image).or_default().push(reference);
            }
        }
        names.values_mut().for_each(|names| names.sort());
        Ok(names)
    }
}
