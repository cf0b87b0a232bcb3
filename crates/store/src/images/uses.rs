//! When an image was last used: made a container of, named, or brought here once more. What is unused for long is pruned first.

use std::collections::HashMap;

use rusqlite::{Connection, Row, params};
use spec::ImageId;

use super::Images;
use crate::StoreError;

/// Writes a use down, inside the transaction of what uses it. It is not worth a flush of its own.
pub(crate) fn mark_used(
    connection: &Connection,
    image: &ImageId,
    now_ns: i64,
) -> Result<(), StoreError> {
    let upsert = "INSERT INTO image_uses (image, used_ns) VALUES (?1, ?2) \
        ON CONFLICT (image) DO UPDATE SET used_ns = ?2";
    connection
        .prepare_cached(upsert)
        .and_then(|mut statement| statement.execute(params![image.to_string(), now_ns]))
        .map(drop)
        .map_err(StoreError::write)
}

impl Images<'_> {
    /// Remembers that the image was of use, for example to a pull that found it here.
    ///
    /// # Errors
    /// When the database cannot be written, or there is no such image any more.
    pub fn mark_used(&self, image: &ImageId, now_ns: i64) -> Result<(), StoreError> {
        mark_used(&self.store.connection, image, now_ns)
    }

    /// When each image was last used, nanoseconds since 1970; those of former releases that were never used since are not there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_uses(&self) -> Result<HashMap<ImageId, i64>, StoreError> {
        let select = "SELECT image, used_ns FROM image_uses";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
        let mut statement = self.store.connection.prepare(select).map_err(StoreError::read)?;
        let rows = statement.query_map([], read).map_err(StoreError::read)?;
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(StoreError::read)?;
        Ok(rows.into_iter().filter_map(|(id, used)| Some((id.parse().ok()?, used))).collect())
    }
}
