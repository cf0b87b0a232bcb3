//! Directories and files, held against the records that say what is there.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use spec::ContainerId;

use super::{Checked, Finding, Problem};
use crate::room::Room;
use crate::room::usage::{entries, hex_of};
use crate::transfers::map::Map;
use crate::{FrozenId, StoreError, scratch};

/// What a root directory has. Journals of uploads are read by whoever goes on with one, and say themselves if they fit.
const ROOT: &[&str] = &[
    "build-history",
    "build-sums",
    "containers",
    "corten.db",
    "corten.db-shm",
    "corten.db-wal",
    "frozen",
    "layers",
    "recipes",
    "shifted",
    crate::secrets::key::OWN,
    "tmp",
    "transfers",
    "uploads",
    "volumes",
];

impl Room<'_> {
    pub(super) fn look_at_files(&self, checked: &mut Checked) -> Result<Vec<Finding>, StoreError> {
        let mut found = Vec::new();
        let paths = &self.store.paths;
        for (name, path) in entries(&paths.root) {
            if !ROOT.contains(&name.as_str()) && path != paths.state {
                found.push(unknown(&path));
            }
        }
        checked.layers = self.look_at_layers(&mut found)?;
        self.look_at_frozen(&mut found)?;
        checked.containers = self.look_at_containers(&mut found)?;
        checked.volumes = self.look_at_volumes(&mut found)?;
        self.look_at_recipes(&mut found)?;
        look_at_transfers(&paths.transfers(), &mut found);
        // One that is gone by now had an owner, who held it until then.
        let is_left = |path: &Path| !scratch::is_owned(path) && path.exists();
        for (_, path) in entries(&paths.tmp()).filter(|(_, path)| is_left(path)) {
            found.push(at(Problem::Garbage, &path, "was left by a command that was killed"));
        }
        Ok(found)
    }

    fn look_at_layers(&self, found: &mut Vec<Finding>) -> Result<usize, StoreError> {
        let directory = self.store.paths.layers();
        let texts = self.texts("SELECT diff_id FROM layers")?;
        let known: HashSet<&str> = texts.iter().map(|text| hex_of(text)).collect();
        for (name, path) in entries(&directory) {
            if !is_hex(&name) || !path.is_dir() {
                found.push(unknown(&path));
            } else if !known.contains(name.as_str()) {
                found.push(at(Problem::LayerUnknown, &path, "is no layer that is recorded"));
            }
        }
        let counting = self.recorded_sizes()?;
        for diff_id in counting.keys().filter(|text| !directory.join(hex_of(text)).is_dir()) {
            let subject = format!("layer {diff_id}");
            found.push(Finding::new(Problem::LayerMissing, subject, "has no directory"));
        }
        Ok(counting.len())
    }

    /// Layers that containers share. One that nobody has goes with the next that does.
    fn look_at_frozen(&self, found: &mut Vec<Finding>) -> Result<(), StoreError> {
        let directory = self.store.paths.frozen();
        let known: HashSet<String> =
            self.texts("SELECT id FROM frozen_layers")?.into_iter().collect();
        for (name, path) in entries(&directory).filter(|(name, _)| !known.contains(name)) {
            let problem = match name.parse::<FrozenId>() {
                Ok(_) => at(Problem::LayerUnknown, &path, "is no layer that is recorded"),
                Err(_) => unknown(&path),
            };
            found.push(problem);
        }
        for id in self.store.frozen().held()?.iter().filter(|id| !directory.join(id).is_dir()) {
            let subject = format!("frozen layer {id}");
            found.push(Finding::new(Problem::FrozenMissing, subject, "has no directory"));
        }
        Ok(())
    }

    fn look_at_containers(&self, found: &mut Vec<Finding>) -> Result<usize, StoreError> {
        let paths = &self.store.paths;
        let ids: HashSet<String> = self.texts("SELECT id FROM containers")?.into_iter().collect();
        let known = |name: &str| ids.contains(name);
        for (name, path) in entries(&paths.root.join("containers")) {
            if name.parse::<ContainerId>().is_err() || !path.is_dir() {
                found.push(unknown(&path));
            } else if !known(&name) {
                found.push(at(
                    Problem::ContainerUnknown,
                    &path,
                    "is no container that is recorded",
                ));
            }
        }
        for (_, path) in entries(&paths.state.join("containers")).filter(|(name, _)| !known(name)) {
            found.push(at(Problem::StateUnknown, &path, "is no container that is recorded"));
        }
        for id in &ids {
            let directory = id.parse().map(|id| paths.container(&id));
            if !directory.is_ok_and(|directory| directory.is_dir()) {
                let subject = format!("container {id}");
                found.push(Finding::new(Problem::ContainerMissing, subject, "has no directory"));
            }
        }
        Ok(ids.len())
    }

    fn look_at_volumes(&self, found: &mut Vec<Finding>) -> Result<usize, StoreError> {
        let directory = self.store.paths.root.join("volumes");
        let names: HashSet<String> = self.texts("SELECT name FROM volumes")?.into_iter().collect();
        for (name, path) in entries(&directory).filter(|(name, _)| !names.contains(name)) {
            if path.is_dir() && crate::volumes::is_name(&name) {
                found.push(at(Problem::VolumeUnknown, &path, "is no volume that is recorded"));
            } else {
                found.push(unknown(&path));
            }
        }
        for name in names.iter().filter(|name| !directory.join(name).join("_data").is_dir()) {
            let subject = format!("volume {name}");
            found.push(Finding::new(Problem::VolumeMissing, subject, "has no directory"));
        }
        Ok(names.len())
    }

    /// Recipes without a layer. A layer without a recipe is one of a former release.
    fn look_at_recipes(&self, found: &mut Vec<Finding>) -> Result<(), StoreError> {
        let texts = self.texts("SELECT diff_id FROM layers")?;
        let known: HashSet<&str> = texts.iter().map(|text| hex_of(text)).collect();
        for (name, path) in entries(&self.store.paths.root.join("recipes")) {
            if !is_hex(&name) {
                found.push(unknown(&path));
            } else if !known.contains(name.as_str()) {
                found.push(at(Problem::RecipeUnknown, &path, "is the recipe of no layer"));
            }
        }
        Ok(())
    }
}

fn look_at_transfers(directory: &Path, found: &mut Vec<Finding>) {
    for (name, path) in entries(directory) {
        let hex = name.trim_end_matches(".map");
        if !is_hex(hex) {
            found.push(unknown(&path));
            continue;
        }
        let data = directory.join(hex);
        if name.ends_with(".map") {
            // Data is made before its map and removed after it: a map without data is nobody's.
            if !data.exists() && path.exists() && !data.exists() {
                found.push(at(Problem::Transfer, &path, "is a map without data"));
            }
        } else if let Some(why) = contradiction(&data) {
            found.push(at(Problem::Transfer, &path, why));
        }
    }
}

/// Why a partial blob that nobody fills cannot be gone on with.
pub(super) fn contradiction(data: &Path) -> Option<&'static str> {
    let file = fs::File::open(data).ok()?;
    flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
    if !crate::transfers::is_at(&file, data) {
        return None;
    }
    let length = file.metadata().ok()?.len();
    match fs::read(data.with_extension("map")) {
        Ok(map) => Map::contradiction(&map, length),
        // Just made, by a command that comes to its lock next or never: there is nothing in it, and whoever comes goes on with it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && length == 0 => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("is data without a map"),
        Err(_unreadable) => Some("has a map that cannot be read"),
    }
}

fn is_hex(name: &str) -> bool {
    matches!(name.len(), 64 | 128)
        && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn at(problem: Problem, path: &Path, detail: &str) -> Finding {
    Finding::new(problem, path.display().to_string(), detail)
}

fn unknown(path: &Path) -> Finding {
    at(Problem::Unknown, path, "is not the store's")
}
