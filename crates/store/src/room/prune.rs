//! Gives room back: images that the caller chose, layers that interrupted pulls have left, partial blobs.
//!
//! What is chosen is looked at again under the write lock: an image that was used, named or given a container meanwhile stays.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension};
use rustix::fs::{FlockOperation, flock};
use spec::{Digest, ImageId, Reference};

use super::Room;
use super::disk::{Disk, own_bytes};
use super::usage::entries;
use crate::images::{collect, delete_others, delete_rows, strays};
use crate::transfers::is_at;
use crate::{ImageSummary, StoreError, Volume, scratch};

/// An image with what decides whether it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The image.
    pub summary: ImageSummary,
    /// When it was last used, nanoseconds since 1970; when it came here where that is not known.
    pub used_ns: i64,
    /// Repositories that it has a name in, or came from.
    pub repositories: Vec<String>,
    /// Whether containers are made of it.
    pub has_containers: bool,
    /// Whether it has no name and is there for the sake of an image that has one.
    pub is_other_member: bool,
}

/// What a prune took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Names of images.
    pub untagged: Vec<String>,
    /// Images and layers, or what else was asked for.
    pub deleted: Vec<String>,
    /// Blocks that are free again, in bytes.
    pub freed_bytes: u64,
}

impl Pruned {
    /// Adds what another prune took away.
    pub fn add(&mut self, other: Self) {
        self.untagged.extend(other.untagged);
        self.deleted.extend(other.deleted);
        self.freed_bytes += other.freed_bytes;
    }
}

impl Room<'_> {
    /// Every image, the one that came last first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        let images = self.store.images();
        let uses = images.last_uses()?;
        let mut sources: HashMap<ImageId, Vec<String>> = HashMap::new();
        for (image, repository, _digest) in images.digests()? {
            sources.entry(image).or_default().push(repository);
        }
        let select = "SELECT DISTINCT image FROM image_holders";
        let used: std::collections::HashSet<String> = self
            .store
            .connection
            .prepare(select)
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(StoreError::read)?;
        let others = images.other_members()?;
        let candidate = |summary: ImageSummary| {
            let mut repositories = sources.remove(&summary.id).unwrap_or_default();
            repositories.extend(summary.names.iter().map(repository));
            repositories.sort();
            repositories.dedup();
            Candidate {
                used_ns: uses.get(&summary.id).copied().unwrap_or(summary.loaded_ns),
                is_other_member: others.contains(&summary.id),
                has_containers: used.contains(&summary.id.to_string()),
                repositories,
                summary,
            }
        };
        Ok(images.summaries()?.into_iter().map(candidate).collect())
    }

    /// Removes images with all their names, and the layers that no other image has; those that are not any more what they were
    /// when they were chosen stay.
    ///
    /// # Errors
    /// When the database cannot be written, or a file cannot be removed: what is not gone then is swept later.
    pub fn prune_images(&self, chosen: &[Candidate]) -> Result<Pruned, StoreError> {
        if chosen.is_empty() {
            return self.prune_strays(&[]);
        }
        let sizes = self.layer_sizes()?;
        let dismantling = scratch::dismantling(&self.store.paths)?;
        let (mut pruned, mut layers) = (Pruned::default(), Vec::new());
        self.store.durably(|connection| {
            let now: HashMap<ImageId, Candidate> = self
                .candidates()?
                .into_iter()
                .map(|candidate| (candidate.summary.id.clone(), candidate))
                .collect();
            for image in chosen {
                let id = &image.summary.id;
                if image.has_containers || image.is_other_member || now.get(id) != Some(image) {
                    continue;
                }
                // It may have gone already, with the image that it was built with.
                if pruned.deleted.contains(&id.to_string()) {
                    continue;
                }
                pruned.untagged.extend(image.summary.names.iter().map(Reference::familiar));
                pruned.deleted.push(id.to_string());
                let (others, theirs) = delete_others(connection, id)?;
                pruned.deleted.extend(others.iter().map(ToString::to_string));
                layers.extend(theirs);
                // Names go with their image, by the schema.
                layers.extend(delete_rows(connection, id)?);
            }
            Ok(())
        })?;
        self.take_away(&layers, &sizes, &mut pruned)?;
        drop(dismantling);
        Ok(pruned)
    }

    /// Removes layers that no image has and that came before a moment: interrupted pulls have left them. None while any command
    /// has something on its way in, which may need them.
    ///
    /// # Errors
    /// As [`Room::prune_images`].
    pub fn prune_layers(&self, before_ns: i64) -> Result<Pruned, StoreError> {
        if scratch::anybody_works(&self.store.paths)? {
            return Ok(Pruned::default());
        }
        let sizes = self.layer_sizes()?;
        let dismantling = scratch::dismantling(&self.store.paths)?;
        let mut layers: Vec<Digest> = Vec::new();
        self.store.durably(|connection| {
            let delete = "DELETE FROM layers WHERE made_ns < ? \
                AND diff_id NOT IN (SELECT diff_id FROM held_layers) RETURNING diff_id";
            let texts: Vec<String> = connection
                .prepare(delete)
                .and_then(|mut statement| {
                    statement.query_map([before_ns], |row| row.get(0))?.collect()
                })
                .map_err(StoreError::write)?;
            layers = texts.iter().filter_map(|text| text.parse().ok()).collect();
            Ok(())
        })?;
        let mut pruned = Pruned::default();
        self.take_away(&layers, &sizes, &mut pruned)?;
        drop(dismantling);
        Ok(pruned)
    }

    /// Removes what removals that were killed have left: files of layers without a row, but of those that the caller removes.
    fn prune_strays(&self, ours: &[Digest]) -> Result<Pruned, StoreError> {
        let mut pruned =
            Pruned { freed_bytes: crate::shifted::prune(self.store)?, ..Pruned::default() };
        pruned.freed_bytes += self.store.frozen().collect(true)?;
        let mut strays = strays(self.store)?;
        strays.retain(|diff_id| !ours.contains(diff_id));
        if strays.is_empty() {
            scratch::sweep(&self.store.paths);
            return Ok(pruned);
        }
        for diff_id in &strays {
            let layer = Disk::default().tree(&self.store.paths.layer(diff_id))?.allocated_bytes;
            pruned.freed_bytes += layer + own_bytes(&self.store.paths.recipe(diff_id));
            pruned.deleted.push(diff_id.to_string());
        }
        collect(self.store, &strays)?;
        Ok(pruned)
    }

    fn take_away(
        &self,
        layers: &[Digest],
        sizes: &BTreeMap<String, u64>,
        pruned: &mut Pruned,
    ) -> Result<(), StoreError> {
        pruned.add(self.prune_strays(layers)?);
        if layers.is_empty() {
            return Ok(());
        }
        for diff_id in layers {
            let text = diff_id.to_string();
            pruned.freed_bytes += sizes.get(&text).copied().unwrap_or(0);
            pruned.deleted.push(text);
        }
        collect(self.store, layers)
    }

    /// Removes partial blobs that have not grown since a moment, and that nobody fills.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn prune_transfers(&self, before: SystemTime) -> Result<Pruned, StoreError> {
        let directory = self.store.paths.transfers();
        let mut pruned = Pruned::default();
        for (name, path) in entries(&directory) {
            if name.ends_with(".map") {
                continue;
            }
            let map = path.with_extension("map");
            let changed = |path| fs::metadata(path).and_then(|about| about.modified());
            let Ok(grown) = changed(&path) else { continue };
            let grown = changed(&map).map_or(grown, |map| map.max(grown));
            let Ok(file) = fs::File::open(&path) else { continue };
            // Locked, it may be nobody's any more: who had it has removed it, and another command has begun it anew.
            let is_ours = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
                && is_at(&file, &path);
            if grown >= before || !is_ours {
                continue;
            }
            let bytes = own_bytes(&path) + own_bytes(&map);
            // The data last, as whoever fills one does it.
            for path in [map, path] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::file("remove", path)(error));
                    }
                    _ => {}
                }
            }
            pruned.freed_bytes += bytes;
            pruned.deleted.push(name);
        }
        Ok(pruned)
    }

    /// Forgets uploads that have not got on since a moment, and that nobody goes on with.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn prune_uploads(&self, before: SystemTime) -> Result<Pruned, StoreError> {
        let uploads = self.store.uploads();
        let mut pruned = Pruned::default();
        for upload in uploads.list()? {
            let path = self.store.paths.uploads().join(&upload.key);
            let journal = path.with_extension("json");
            let Ok(grown) = fs::metadata(&journal).and_then(|about| about.modified()) else {
                continue;
            };
            let bytes = own_bytes(&path) + own_bytes(&journal);
            if grown < before && uploads.remove(&upload)? {
                pruned.freed_bytes += bytes;
                pruned.deleted.push(format!("{} to {}", upload.diff_id, upload.repository));
            }
        }
        Ok(pruned)
    }

    /// Removes volumes that no container uses and that `chosen` allows.
    ///
    /// # Errors
    /// As [`Room::prune_images`].
    pub fn prune_volumes(&self, chosen: impl Fn(&Volume) -> bool) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        for volume in self.store.volumes().list()? {
            if !chosen(&volume) || has_user(&self.store.connection, &volume.name)? {
                continue;
            }
            let path = self.store.paths.volume(&volume.name);
            let bytes = Disk::default().tree(&path)?.allocated_bytes;
            match self.store.volumes().remove(&volume.name) {
                Ok(()) => {
                    pruned.freed_bytes += bytes;
                    pruned.deleted.push(volume.name);
                }
                // A container has come, or another command was sooner.
                Err(StoreError::InUse { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pruned)
    }

    /// Blocks of a container's directory, in bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn container_bytes(&self, id: &spec::ContainerId) -> Result<u64, StoreError> {
        let path = self.store.paths.container(id);
        Ok(Disk::default().tree(&path)?.allocated_bytes)
    }
}

fn has_user(connection: &Connection, volume: &str) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM container_volumes WHERE volume = ? LIMIT 1";
    let found = connection.query_row(select, [volume], |_row| Ok(())).optional();
    found.map(|found| found.is_some()).map_err(StoreError::read)
}

/// The name without tag and digest, with its registry: as the records have it.
fn repository(name: &Reference) -> String {
    format!("{}/{}", name.domain(), name.path())
}
