//! What builds have made, and what those that run hold: steps by their keys, each with its layer, and leases.
//!
//! Start at [`Builds::begin`]: the lease is a directory below `tmp`, locked as long as the build lives; rows of a build whose directory is gone
//! are swept by the next. A layer goes with the last step, image or lease that has it. Nothing here knows what a key or an input means.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OptionalExtension, Row, params};
use spec::Digest;

use crate::images::collect;
use crate::scratch::{self, Scratch};
use crate::{Pruned, Store, StoreError};

mod usage;

pub use usage::StepUsage;

/// Digests of contents that are kept: each is some hundred bytes.
const MOST_CONTENTS: u32 = 20_000;

/// Handle on what builds have made.
#[derive(Clone, Copy, Debug)]
pub struct Builds<'a> {
    store: &'a Store,
}

/// A build that runs. Dropped, it holds nothing any more, and its directory is gone.
#[derive(Debug)]
pub struct BuildLease {
    scratch: Scratch,
    name: String,
    made: AtomicU64,
}

/// A step that was done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltStep {
    /// Digest of everything that it read.
    pub key: Digest,
    /// The layer that it made.
    pub diff_id: Digest,
    /// What it read, as the builder wrote it down.
    pub inputs: String,
    /// When it was done, RFC 3339.
    pub created: String,
}

/// A step that was just done.
#[derive(Clone, Copy, Debug)]
pub struct NewStep<'a> {
    /// Digest of everything that it read.
    pub key: &'a Digest,
    /// The layer that it made.
    pub diff_id: &'a Digest,
    /// By what its like is found when the key is another one.
    pub place: &'a str,
    /// The instruction, for people.
    pub step: &'a str,
    /// What it read.
    pub inputs: &'a str,
    /// When it was done, RFC 3339.
    pub created: &'a str,
    /// Whether it takes the place of one that was done before.
    pub replaces: bool,
}

impl BuildLease {
    /// A directory of the build's own, on the file system of the layers.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// A path in it that nothing has yet.
    #[must_use]
    pub fn free_path(&self, stem: &str) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.directory().join(format!("{stem}-{number}"))
    }

    /// What the build is called in the records.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<'a> Builds<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Begins a build, and forgets what killed ones held; gives their names.
    ///
    /// # Errors
    /// When the disk or the database refuses.
    pub fn begin(&self) -> Result<(BuildLease, Vec<String>), StoreError> {
        let scratch = Scratch::new(&self.store.paths)?;
        let name = scratch.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let killed = self.forget_killed()?;
        Ok((BuildLease { scratch, name, made: AtomicU64::new(0) }, killed))
    }

    /// Ends a build: what no step and no image has goes.
    ///
    /// # Errors
    /// When the disk or the database refuses.
    pub fn end(&self, lease: BuildLease) -> Result<(), StoreError> {
        let mut unused: Vec<String> = Vec::new();
        let dismantling = scratch::dismantling(&self.store.paths)?;
        let transaction = self.store.write()?;
        let given_back = "DELETE FROM build_leases WHERE build = ? RETURNING diff_id";
        let held: Vec<String> = transaction
            .prepare(given_back)
            .and_then(|mut rows| rows.query_map([&lease.name], |row| row.get(0))?.collect())
            .map_err(StoreError::write)?;
        for diff_id in held {
            let delete = "DELETE FROM layers WHERE diff_id = ?1 AND ?1 NOT IN (SELECT diff_id FROM held_layers)";
            if transaction.execute(delete, [&diff_id]).map_err(StoreError::write)? > 0 {
                unused.push(diff_id);
            }
        }
        transaction.commit().map_err(StoreError::write)?;
        let unused: Vec<Digest> = unused.iter().filter_map(|text| text.parse().ok()).collect();
        collect(self.store, &unused)?;
        drop(dismantling);
        lease.scratch.remove()
    }

    fn forget_killed(&self) -> Result<Vec<String>, StoreError> {
        let mut killed = Vec::new();
        let names: Vec<String> = self
            .store
            .connection
            .prepare("SELECT DISTINCT build FROM build_leases")
            .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
            .map_err(StoreError::read)?;
        for name in names {
            let directory = self.store.paths.tmp().join(&name);
            let _nobody_makes = scratch::lock_tmp(&self.store.paths)?;
            if !scratch::is_owned(&directory) {
                let delete = "DELETE FROM build_leases WHERE build = ?";
                self.store.change(delete, [&name]).map_err(StoreError::write)?;
                killed.push(name);
            }
        }
        Ok(killed)
    }

    /// Holds layers for a build; gives those that are not here.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn hold(&self, lease: &BuildLease, diff_ids: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let transaction = self.store.write()?;
        let mut missing = Vec::new();
        for diff_id in diff_ids {
            if self.store.images().has_layer(diff_id)? {
                hold(&transaction, lease, diff_id)?;
            } else {
                missing.push(diff_id.clone());
            }
        }
        transaction.commit().map_err(StoreError::write)?;
        Ok(missing)
    }

    /// The step of a key, whose layer the build holds from then on.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn find(
        &self,
        lease: &BuildLease,
        key: &Digest,
        now_ns: i64,
    ) -> Result<Option<BuiltStep>, StoreError> {
        // Most of what is asked for in a build that is not the first is there: one transaction for all of it.
        let transaction = self.store.write()?;
        let select = "SELECT key, diff_id, inputs, created FROM build_steps WHERE key = ?";
        let Some(found) = one(&transaction, select, &key.to_string())? else { return Ok(None) };
        if !self.store.images().has_layer(&found.diff_id)? {
            return Ok(None);
        }
        hold(&transaction, lease, &found.diff_id)?;
        let update = "UPDATE build_steps SET used_ns = ?, uses = uses + 1 WHERE key = ?";
        transaction.execute(update, params![now_ns, key.to_string()]).map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)?;
        Ok(Some(found))
    }

    /// The last step that was done at a place, whatever its key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_at(&self, place: &str) -> Result<Option<BuiltStep>, StoreError> {
        let select = "SELECT key, diff_id, inputs, created FROM build_steps WHERE place = ? ORDER BY made_ns DESC LIMIT 1";
        one(&self.store.connection, select, place)
    }

    /// Writes down what was done. Where another build has done the same meanwhile, that one counts, and is given.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remember(
        &self,
        lease: &BuildLease,
        step: &NewStep<'_>,
        now_ns: i64,
    ) -> Result<BuiltStep, StoreError> {
        let transaction = self.store.write()?;
        let insert = "INSERT INTO build_steps (key, diff_id, place, step, inputs, created, made_ns, used_ns) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (key) DO UPDATE SET used_ns = ?7";
        let NewStep { key, diff_id, place, step, inputs, created, replaces } = step;
        let key = key.to_string();
        if *replaces {
            let delete = "DELETE FROM build_steps WHERE key = ?";
            transaction.execute(delete, [&key]).map_err(StoreError::write)?;
        }
        let values = params![key, diff_id.to_string(), place, step, inputs, created, now_ns];
        transaction.execute(insert, values).map_err(StoreError::write)?;
        let select = "SELECT key, diff_id, inputs, created FROM build_steps WHERE key = ?";
        let kept = one(&transaction, select, &key)?;
        if let Some(kept) = &kept {
            hold(&transaction, lease, &kept.diff_id)?;
        }
        transaction.commit().map_err(StoreError::write)?;
        kept.ok_or_else(|| StoreError::NotFound {
            what: "build step",
            name: key,
            closest: Vec::new(),
        })
    }

    /// The digest of files in layers that was found once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn contents(&self, key: &Digest) -> Result<Option<Digest>, StoreError> {
        let select = "SELECT digest FROM build_contents WHERE key = ?";
        let found: Option<String> = self
            .store
            .connection
            .query_row(select, [key.to_string()], |row| row.get(0))
            .optional()
            .map_err(StoreError::read)?;
        Ok(found.and_then(|text| text.parse().ok()))
    }

    /// Writes it down; the oldest are forgotten.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remember_contents(
        &self,
        key: &Digest,
        digest: &Digest,
        now_ns: i64,
    ) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        let insert = "INSERT INTO build_contents (key, digest, used_ns) VALUES (?1, ?2, ?3) \
            ON CONFLICT (key) DO UPDATE SET digest = ?2, used_ns = ?3";
        let values = params![key.to_string(), digest.to_string(), now_ns];
        transaction.execute(insert, values).map_err(StoreError::write)?;
        let count: u32 = transaction
            .query_row("SELECT count(*) FROM build_contents", [], |row| row.get(0))
            .map_err(StoreError::read)?;
        if count > MOST_CONTENTS {
            let delete = "DELETE FROM build_contents WHERE key IN \
                (SELECT key FROM build_contents ORDER BY used_ns LIMIT ?)";
            transaction.execute(delete, [MOST_CONTENTS / 10]).map_err(StoreError::write)?;
        }
        transaction.commit().map_err(StoreError::write)
    }

    /// Forgets steps that `goes` chooses, and removes the layers that nothing else has. What a running build holds stays.
    ///
    /// # Errors
    /// When the database or the disk refuses.
    pub fn prune(&self, goes: impl Fn(&StepUsage) -> bool) -> Result<Pruned, StoreError> {
        self.forget_killed()?;
        let chosen: Vec<StepUsage> = self.list()?.into_iter().filter(goes).collect();
        let mut pruned = Pruned::default();
        let mut layers = Vec::new();
        let dismantling = scratch::dismantling(&self.store.paths)?;
        self.store.durably(|connection| {
            for step in &chosen {
                let delete = "DELETE FROM build_steps WHERE key = ? AND diff_id NOT IN (SELECT diff_id FROM build_leases)";
                let gone = connection.execute(delete, [step.key.to_string()]);
                if gone.map_err(StoreError::write)? == 0 {
                    continue;
                }
                pruned.deleted.push(step.key.to_string());
                let delete = "DELETE FROM layers WHERE diff_id = ?1 AND ?1 NOT IN (SELECT diff_id FROM held_layers)";
                let gone = connection.execute(delete, [step.diff_id.to_string()]);
                if gone.map_err(StoreError::write)? > 0 {
                    pruned.freed_bytes += step.size_bytes;
                    layers.push(step.diff_id.clone());
                }
            }
            Ok(())
        })?;
        collect(self.store, &layers)?;
        drop(dismantling);
        Ok(pruned)
    }
}

fn hold(connection: &Connection, lease: &BuildLease, diff_id: &Digest) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO build_leases (build, diff_id) VALUES (?, ?)";
    let values = params![lease.name, diff_id.to_string()];
    connection.execute(insert, values).map(drop).map_err(StoreError::write)
}

fn one(
    connection: &Connection,
    select: &str,
    value: &str,
) -> Result<Option<BuiltStep>, StoreError> {
    let read = |row: &Row<'_>| -> rusqlite::Result<[String; 4]> {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    };
    let row = connection.query_row(select, [value], read).optional().map_err(StoreError::read)?;
    Ok(row.and_then(|[key, diff_id, inputs, created]| {
        Some(BuiltStep { key: key.parse().ok()?, diff_id: diff_id.parse().ok()?, inputs, created })
    }))
}
