//! What steps of builds take on the disk, for lists and prunes.

use rusqlite::Row;
use spec::Digest;

use super::Builds;
use crate::StoreError;

/// A step that was done once, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUsage {
    /// Its key.
    pub key: Digest,
    /// Its layer.
    pub diff_id: Digest,
    /// The instruction.
    pub step: String,
    /// Bytes of the layer's files.
    pub size_bytes: u64,
    /// When it was done, nanoseconds since 1970.
    pub made_ns: i64,
    /// When a build last had it.
    pub used_ns: i64,
    /// How often builds have had it from the cache.
    pub uses: u64,
    /// Whether an image has the layer too: then forgetting the step frees nothing.
    pub is_shared: bool,
    /// Whether a build that runs holds it.
    pub is_in_use: bool,
}

impl Builds<'_> {
    /// Every step, the one that was used last first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<StepUsage>, StoreError> {
        let select = "SELECT key, diff_id, step, size_bytes, build_steps.made_ns, used_ns, uses, \
            EXISTS (SELECT 1 FROM image_layers WHERE image_layers.diff_id = build_steps.diff_id), \
            EXISTS (SELECT 1 FROM build_leases WHERE build_leases.diff_id = build_steps.diff_id) \
            FROM build_steps JOIN layers USING (diff_id) ORDER BY used_ns DESC, build_steps.made_ns DESC";
        let rows: Vec<(String, String, StepUsage)> = self
            .store
            .connection
            .prepare(select)
            .and_then(|mut found| found.query_map([], read)?.collect())
            .map_err(StoreError::read)?;
        Ok(rows
            .into_iter()
            .filter_map(|(key, diff_id, usage)| {
                Some(StepUsage { key: key.parse().ok()?, diff_id: diff_id.parse().ok()?, ..usage })
            })
            .collect())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<(String, String, StepUsage)> {
    let unknown = || Digest::sha256([0; 32]);
    let usage = StepUsage {
        key: unknown(),
        diff_id: unknown(),
        step: row.get(2)?,
        size_bytes: row.get(3)?,
        made_ns: row.get(4)?,
        used_ns: row.get(5)?,
        uses: row.get(6)?,
        is_shared: row.get(7)?,
        is_in_use: row.get(8)?,
    };
    Ok((row.get(0)?, row.get(1)?, usage))
}
