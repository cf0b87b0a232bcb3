//! The records by themselves: what SQLite says of them, digests, and rows that must agree with each other.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row};
use spec::digest::Algorithm;
use spec::image::ImageConfig;
use spec::{Digest, Reference};

use super::{Checked, Finding, Problem};
use crate::StoreError;
use crate::images::digest_of;
use crate::room::Room;
use crate::settle::boot_id;

/// More complaints of SQLite than this say nothing new.
const MOST_COMPLAINTS: u32 = 20;

/// The size of each layer by its diff id.
type Sizes = HashMap<String, u64>;

impl Room<'_> {
    /// What SQLite says of its own file.
    pub(super) fn look_at_database(&self) -> Result<Vec<Finding>, StoreError> {
        let pragma = format!("PRAGMA integrity_check({MOST_COMPLAINTS})");
        let said: Result<Vec<String>, _> = self
            .store
            .connection
            .prepare(&pragma)
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect());
        let complaints = match said {
            Ok(complaints) => complaints,
            // It cannot even be walked.
            Err(error) if is_corrupt(&error) => vec![error.to_string()],
            Err(error) => return Err(StoreError::read(error)),
        };
        let real = complaints.into_iter().filter(|complaint| complaint != "ok");
        Ok(real
            .map(|complaint| Finding::new(Problem::Database, "the database", complaint))
            .collect())
    }

    pub(super) fn look_at_records(
        &self,
        checked: &mut Checked,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut found = self.dangling()?;
        self.look_at_names(&mut found)?;
        self.look_at_documents(&mut found)?;
        self.look_at_images(checked, &mut found)?;
        Ok(found)
    }

    /// Rows whose parent is gone, counted by table and parent.
    fn dangling(&self) -> Result<Vec<Finding>, StoreError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?));
        let rows: Vec<(String, String)> = self
            .store
            .connection
            .prepare("PRAGMA foreign_key_check")
            .and_then(|mut statement| statement.query_map([], read)?.collect())
            .map_err(StoreError::read)?;
        let mut counts: std::collections::BTreeMap<(String, String), u64> =
            std::collections::BTreeMap::new();
        for key in rows {
            *counts.entry(key).or_default() += 1;
        }
        let finding = |((table, parent), count): ((String, String), u64)| {
            let detail = format!("point to rows of {parent} that are not there: {count}");
            Finding::new(Problem::Dangling, format!("rows of {table}"), detail)
        };
        Ok(counts.into_iter().map(finding).collect())
    }

    fn look_at_names(&self, found: &mut Vec<Finding>) -> Result<(), StoreError> {
        for name in self.texts("SELECT reference FROM image_names")? {
            if name.parse::<Reference>().is_err() {
                found.push(Finding::new(Problem::Name, format!("name {name:?}"), "is no name"));
            }
        }
        Ok(())
    }

    fn look_at_documents(&self, found: &mut Vec<Finding>) -> Result<(), StoreError> {
        let mut statement = self
            .store
            .connection
            .prepare("SELECT digest, content FROM documents")
            .map_err(StoreError::read)?;
        let mut rows = statement.query([]).map_err(StoreError::read)?;
        while let Some(row) = rows.next().map_err(StoreError::read)? {
            let read = || Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?));
            let (digest, content) = read().map_err(StoreError::read)?;
            if !is_of(&digest, &content) {
                let subject = format!("document {digest}");
                found.push(Finding::new(Problem::Document, subject, "has another digest"));
            }
        }
        Ok(())
    }

    fn look_at_images(
        &self,
        checked: &mut Checked,
        found: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let sizes = self.recorded_sizes()?;
        let mut statement = self
            .store
            .connection
            .prepare("SELECT id, config, size_bytes FROM images ORDER BY id")
            .map_err(StoreError::read)?;
        let mut rows = statement.query([]).map_err(StoreError::read)?;
        checked.images = 0;
        while let Some(row) = rows.next().map_err(StoreError::read)? {
            let read = || Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?));
            let (id, config, size_bytes): (_, _, u64) = read().map_err(StoreError::read)?;
            checked.images += 1;
            found.extend(self.look_at_image(&id, &config, size_bytes, &sizes)?);
        }
        Ok(())
    }

    fn look_at_image(
        &self,
        id: &str,
        config: &str,
        size_bytes: u64,
        sizes: &Sizes,
    ) -> Result<Option<Finding>, StoreError> {
        let is =
            |problem, detail: String| Some(Finding::new(problem, format!("image {id}"), detail));
        if digest_of(config.as_bytes()).to_string() != id {
            return Ok(is(
                Problem::Image,
                "is damaged: its configuration has another digest".into(),
            ));
        }
        let Ok(config) = serde_json::from_str::<ImageConfig>(config) else {
            return Ok(is(Problem::Image, "is damaged: its configuration is none".into()));
        };
        let wanted: Vec<String> = config.rootfs.diff_ids.iter().map(ToString::to_string).collect();
        for diff_id in &wanted {
            let path = diff_id.parse().map(|digest| self.store.paths.layer(&digest));
            if !sizes.contains_key(diff_id) || !path.is_ok_and(|path| path.is_dir()) {
                return Ok(is(Problem::Image, format!("is damaged: it lacks the layer {diff_id}")));
            }
        }
        let select = "SELECT diff_id FROM image_layers WHERE image = ? ORDER BY position";
        let has: Vec<String> = self
            .store
            .connection
            .prepare_cached(select)
            .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
            .map_err(StoreError::read)?;
        if has != wanted {
            return Ok(is(
                Problem::ImageRecord,
                "is recorded with other layers than it has".into(),
            ));
        }
        let sum: u64 = wanted.iter().filter_map(|diff_id| sizes.get(diff_id)).sum();
        if sum != size_bytes {
            let detail = format!("is recorded with {size_bytes} bytes, and has {sum}");
            return Ok(is(Problem::ImageRecord, detail));
        }
        Ok(None)
    }

    /// Layers that count: those that a power cut has taken the ground from do not.
    pub(super) fn recorded_sizes(&self) -> Result<Sizes, StoreError> {
        let select = "SELECT diff_id, size_bytes FROM layers WHERE boot IN ('', ?)";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.store
            .connection
            .prepare(select)
            .and_then(|mut statement| statement.query_map([boot_id_text()?], read)?.collect())
            .map_err(StoreError::read)
    }

    /// Layers that have a record and a directory.
    pub(super) fn whole_layers(&self) -> Result<Vec<Digest>, StoreError> {
        let sizes = self.recorded_sizes()?;
        let mut layers: Vec<Digest> = sizes.keys().filter_map(|text| text.parse().ok()).collect();
        layers.retain(|diff_id| self.store.paths.layer(diff_id).is_dir());
        layers.sort();
        Ok(layers)
    }

    pub(super) fn texts(&self, select: &str) -> Result<Vec<String>, StoreError> {
        self.store
            .connection
            .prepare(select)
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(StoreError::read)
    }

    /// Whether containers are made of an image.
    pub(super) fn has_containers(&self, image: &str) -> Result<bool, StoreError> {
        let select = "SELECT 1 FROM image_holders WHERE image = ? LIMIT 1";
        let found = self.store.connection.query_row(select, [image], |_row| Ok(())).optional();
        found.map(|found| found.is_some()).map_err(StoreError::read)
    }
}

/// No boot where it cannot be known: then only what has outlived one counts.
fn boot_id_text() -> rusqlite::Result<String> {
    Ok(boot_id().unwrap_or_default())
}

/// Whether bytes are what a digest's text says.
fn is_of(digest: &str, bytes: &[u8]) -> bool {
    use sha2::Digest as _;
    digest.parse::<Digest>().is_ok_and(|digest| match digest.algorithm() {
        Algorithm::Sha256 => digest == digest_of(bytes),
        Algorithm::Sha512 => digest == Digest::sha512(sha2::Sha512::digest(bytes).into()),
    })
}

pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}
