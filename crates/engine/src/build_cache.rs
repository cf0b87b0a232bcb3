//! What builds keep to be faster the next time: layers of steps, and directories of `RUN --mount=type=cache`; and how it goes. Start at
//! [`Building::cache`] and [`Building::prune_cache`].
//!
//! What a running build holds stays: the store knows its layers, the lock of a directory is its step's. Which records go is decided before
//! anything does ([`CachePrune`], pure). Source of the budgets' meaning: "docker buildx prune".

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{FlockOperation, flock, statvfs};
use store::Pruned;

use crate::building::Building;
use crate::error::{EngineError, Kind};
use crate::pattern::Pattern;
use crate::times::time_ns;
use crate::volumes::VolumeFilter;

/// The label of a volume that is such a directory: its id in the Dockerfile.
pub const CACHE_MOUNT_LABEL: &str = "corten.build.cache";
/// In the state directory: a file for each such directory, locked by steps that have it, changed when one takes it.
pub const CACHE_MOUNT_LOCKS: &str = "build-caches";

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheKind {
    /// A step and its layer.
    Step,
    /// The directory of a `RUN --mount=type=cache`.
    Mount,
}

impl CacheKind {
    /// As BuildKit calls it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Step => "regular",
            Self::Mount => "exec.cachemount",
        }
    }
}

/// One thing that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRecord {
    /// By what people know it: the hexadecimal digits of a step's key, or a volume's name.
    pub id: String,
    /// What it is.
    pub kind: CacheKind,
    /// The instruction, or the directory's id in the Dockerfile.
    pub description: String,
    /// Bytes that it takes.
    pub size_bytes: u64,
    /// When it was made, nanoseconds since 1970.
    pub created_ns: i64,
    /// When a build last had it.
    pub used_ns: i64,
    /// How often builds had it from the cache.
    pub uses: u64,
    /// Whether an image has the layer too: then its going frees nothing.
    pub is_shared: bool,
    /// Whether a build that runs has it.
    pub is_in_use: bool,
}

/// What goes.
#[derive(Clone, Debug, Default)]
pub struct CachePrune {
    /// Also what images have, which frees nothing.
    pub all: bool,
    /// Bytes that may stay whatever else is asked for.
    pub reserved_bytes: u64,
    /// Bytes that may stay at most.
    pub most_bytes: u64,
    /// Bytes that are to be free on the disk.
    pub free_bytes: u64,
    /// Only what has all of this.
    pub filter: CacheFilter,
}

/// Which records are meant; every kind of condition must be met.
#[derive(Clone, Debug, Default)]
pub struct CacheFilter {
    until_ns: Option<i64>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Condition {
    kind: String,
    value: Value,
    wanted: bool,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Pattern(Pattern),
    Truth(bool),
}

impl CacheFilter {
    /// Adds a condition: `until=TIME` or `unused-for=TIME` (as [`crate::times::time_ns`] reads it), `id=ID`, `type=KIND`, `description=TEXT`,
    /// `inuse`, `shared`, `private`, `mutable` or `immutable` with or without a truth. `!=` says the opposite, `~=` a regular expression.
    /// Of several ids or kinds one is enough.
    ///
    /// # Errors
    /// For another kind, or a value that it cannot have.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("filter", text, why);
        let (kind, value) = text.split_once('=').unwrap_or((text, "true"));
        let (kind, wanted, is_pattern) = match (kind.strip_suffix('!'), kind.strip_suffix('~')) {
            (Some(kind), _) => (kind, false, false),
            (None, Some(kind)) => (kind, true, true),
            (None, None) => (kind, true, false),
        };
        let value = match kind {
            "until" | "unused-for" if wanted && !is_pattern => {
                let time = time_ns(value).ok_or_else(|| wrong("it is no time and no duration"))?;
                self.until_ns = Some(self.until_ns.map_or(time, |until| until.min(time)));
                return Ok(());
            }
            "id" | "type" | "description" if is_pattern => {
                Pattern::parse(value).map(Value::Pattern).map_err(|bad| wrong(&bad.to_string()))?
            }
            "id" | "type" | "description" => Value::Text(value.to_owned()),
            "inuse" | "shared" | "private" | "mutable" | "immutable" if !is_pattern => {
                Value::Truth(match value {
                    "1" | "t" | "true" => true,
                    "0" | "f" | "false" => false,
                    _ => return Err(wrong("it is not true or false")),
                })
            }
            _ => {
                let why = "the kind is not one of until, unused-for, id, type, description, inuse, shared, private, mutable, immutable";
                return Err(wrong(why));
            }
        };
        self.conditions.push(Condition { kind: kind.to_owned(), value, wanted });
        Ok(())
    }

    /// Whether it allows a record.
    #[must_use]
    pub fn allows(&self, record: &CacheRecord) -> bool {
        self.until_ns.is_none_or(|until| record.used_ns <= until)
            && self.conditions.iter().all(|condition| {
                let mut alike = self.conditions.iter().filter(|other| {
                    condition.wanted && other.wanted && other.kind == condition.kind
                });
                // Of several that say what is wanted one is enough.
                condition.is_met_by(record) || alike.any(|other| other.is_met_by(record))
            })
    }
}

impl Condition {
    fn is_met_by(&self, record: &CacheRecord) -> bool {
        let is = |text: &str, is_part: bool| match &self.value {
            Value::Text(wanted) if is_part => text.contains(wanted.as_str()),
            Value::Text(wanted) => text == wanted,
            Value::Pattern(pattern) => pattern.is_in(text),
            Value::Truth(_) => false,
        };
        let has = |truth: bool| matches!(self.value, Value::Truth(wanted) if wanted == truth);
        let is_met = match self.kind.as_str() {
            "id" => is(&record.id, true),
            "type" => is(record.kind.word(), false),
            "description" => is(&record.description, true),
            "inuse" => has(record.is_in_use),
            "shared" => has(record.is_shared),
            "private" => has(!record.is_shared),
            "mutable" => has(record.kind == CacheKind::Mount),
            _ => has(record.kind == CacheKind::Step),
        };
        is_met == self.wanted
    }
}

impl CachePrune {
    /// Records that go, of all that there are with the one that was used last first; `free_bytes` are free on the disk.
    fn chosen<'r>(&self, records: &'r [CacheRecord], free_bytes: u64) -> Vec<&'r CacheRecord> {
        let own = |record: &CacheRecord| if record.is_shared { 0 } else { record.size_bytes };
        let mut total: u64 = records.iter().map(own).sum();
        let budget = self.budget(total, free_bytes);
        let mut chosen = Vec::new();
        for record in records.iter().rev() {
            if budget.is_some_and(|budget| total <= budget) {
                break;
            }
            let is_meant = (self.all || !record.is_shared) && self.filter.allows(record);
            if is_meant && !record.is_in_use {
                total = total.saturating_sub(own(record));
                chosen.push(record);
            }
        }
        chosen
    }

    /// Bytes that may stay; nothing where no budget is given.
    fn budget(&self, total: u64, free_bytes: u64) -> Option<u64> {
        if (self.reserved_bytes, self.most_bytes, self.free_bytes) == (0, 0, 0) {
            return None;
        }
        let missing = self.free_bytes.saturating_sub(free_bytes);
        let by_disk = (self.free_bytes > 0).then(|| total.saturating_sub(missing));
        let most = (self.most_bytes > 0).then_some(self.most_bytes);
        let stays = by_disk.into_iter().chain(most).min().unwrap_or(0);
        Some(stays.max(self.reserved_bytes))
    }
}

impl Building<'_> {
    /// What builds keep, what was used last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cache(&self) -> Result<Vec<CacheRecord>, EngineError> {
        let steps = self.steps().list()?.into_iter().map(|step| CacheRecord {
            id: step.key.hex().to_owned(),
            kind: CacheKind::Step,
            description: step.step,
            size_bytes: step.size_bytes,
            created_ns: step.made_ns,
            used_ns: step.used_ns,
            uses: step.uses,
            is_shared: step.is_shared,
            is_in_use: step.is_in_use,
        });
        let mut records: Vec<CacheRecord> = steps.collect();
        records.extend(self.cache_mounts()?);
        records.sort_by_key(|record| std::cmp::Reverse(record.used_ns));
        Ok(records)
    }

    fn cache_mounts(&self) -> Result<Vec<CacheRecord>, EngineError> {
        let mut filter = VolumeFilter::default();
        filter.add(&format!("label={CACHE_MOUNT_LABEL}"))?;
        let volumes = self.engine.volumes().list(&filter)?;
        if volumes.is_empty() {
            return Ok(Vec::new());
        }
        let usage = self.engine.room().usage()?.volumes;
        let held = self.engine.store.volumes().held()?;
        let record = |volume: store::Volume| {
            let bytes = usage.iter().find(|own| own.volume.name == volume.name);
            let lock = self.lock_of(&volume.name);
            CacheRecord {
                kind: CacheKind::Mount,
                description: volume.labels.get(CACHE_MOUNT_LABEL).cloned().unwrap_or_default(),
                size_bytes: bytes.map_or(0, |own| own.bytes),
                created_ns: volume.created_ns,
                used_ns: changed_ns(&lock).unwrap_or_default().max(volume.created_ns),
                uses: 0,
                is_shared: false,
                is_in_use: held.contains(&volume.name) || free_lock(&lock).is_none(),
                id: volume.name,
            }
        };
        Ok(volumes.into_iter().map(record).collect())
    }

    fn lock_of(&self, volume: &str) -> PathBuf {
        self.engine.paths().state.join(CACHE_MOUNT_LOCKS).join(volume)
    }

    /// Forgets what the rules choose; gives what has gone, and the bytes that are free again.
    ///
    /// # Errors
    /// When the database or the disk refuses.
    pub fn prune_cache(&self, rules: &CachePrune) -> Result<(Vec<CacheRecord>, u64), EngineError> {
        let records = self.cache()?;
        let disk = statvfs(&self.engine.paths().root);
        let free_bytes = disk.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let mut chosen = rules.chosen(&records, free_bytes);
        let pruned = self.steps().prune(|step| {
            let is_it = |record: &&CacheRecord| {
                record.kind == CacheKind::Step && record.id == step.key.hex()
            };
            chosen.iter().any(is_it)
        })?;
        let Pruned { deleted, mut freed_bytes, .. } = pruned;
        let mut gone: Vec<String> =
            deleted.iter().map(|key| key.trim_start_matches("sha256:").to_owned()).collect();
        for mount in chosen.iter().filter(|record| record.kind == CacheKind::Mount) {
            if self.remove_mount(&mount.id)? {
                freed_bytes += mount.size_bytes;
                gone.push(mount.id.clone());
            }
        }
        chosen.retain(|record| gone.contains(&record.id));
        let told = Pruned { freed_bytes, ..Pruned::default() };
        self.engine.tell_pruned("builder", &told);
        Ok((chosen.into_iter().cloned().collect(), freed_bytes))
    }

    /// Whether the directory is gone; a step may have taken it meanwhile.
    fn remove_mount(&self, name: &str) -> Result<bool, EngineError> {
        // A step that comes now waits for the lock, and makes the volume anew.
        let Some(_lock) = free_lock(&self.lock_of(name)) else { return Ok(false) };
        match self.engine.volumes().remove(name, false) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The lock of a directory, where no step has it.
fn free_lock(path: &Path) -> Option<File> {
    if let Some(parent) = path.parent() {
        // Where no step ran since the machine began there is none.
        let _there = std::fs::create_dir_all(parent);
    }
    let file = File::options().create(true).append(true).open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}

fn changed_ns(path: &Path) -> Option<i64> {
    let changed = std::fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(changed.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, size_bytes: u64, is_shared: bool) -> CacheRecord {
        CacheRecord {
            id: format!("{number:02}").repeat(32),
            kind: CacheKind::Step,
            description: "RUN make".to_owned(),
            size_bytes,
            created_ns: 0,
            used_ns: 100 - i64::from(number),
            uses: 0,
            is_shared,
            is_in_use: false,
        }
    }

    fn records() -> Vec<CacheRecord> {
        let mount = CacheRecord { kind: CacheKind::Mount, ..record(5, 50, false) };
        vec![
            record(1, 10, false),
            record(2, 20, true),
            record(3, 30, false),
            record(4, 40, false),
            mount,
        ]
    }

    #[track_caller]
    fn goes(rules: &CachePrune, free_bytes: u64) -> Vec<usize> {
        let records = records();
        let chosen = rules.chosen(&records, free_bytes);
        let place =
            |wanted: &&CacheRecord| records.iter().position(|own| own == *wanted).unwrap() + 1;
        let mut places: Vec<usize> = chosen.iter().map(place).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn budgets_take_what_was_used_longest_ago() {
        let rules = |reserved_bytes, most_bytes, free_bytes| CachePrune {
            reserved_bytes,
            most_bytes,
            free_bytes,
            ..CachePrune::default()
        };
        assert_eq!(goes(&rules(0, 0, 0), 0), [1, 3, 4, 5]);
        assert_eq!(goes(&CachePrune { all: true, ..CachePrune::default() }, 0), [1, 2, 3, 4, 5]);
        // There are 130 bytes.
        assert!(goes(&rules(0, 200, 0), 0).is_empty());
        assert_eq!(goes(&rules(0, 80, 0), 0), [5]);
        assert_eq!(goes(&rules(40, 0, 0), 0), [4, 5]);
        assert_eq!(goes(&rules(80, 10, 0), 0), [5]);
        assert!(goes(&rules(0, 0, 1000), 1000).is_empty());
        assert_eq!(goes(&rules(0, 0, 1000), 990), [5]);
        assert_eq!(goes(&rules(0, 100, 1000), 940), [4, 5]);
    }

    #[test]
    fn filters_choose() {
        let rules = |texts: &[&str]| {
            let mut rules = CachePrune { all: true, ..CachePrune::default() };
            texts.iter().for_each(|text| rules.filter.add(text).unwrap());
            rules
        };
        for (texts, expected) in [
            (&["type=regular"][..], &[1, 2, 3, 4][..]),
            (&["type!=regular"], &[5]),
            (&["type=exec.cachemount", "shared"], &[]),
            (&["shared"], &[2]),
            (&["private=true", "immutable"], &[1, 3, 4]),
            (&["id=0101", "id=0303"], &[1, 3]),
            (&["id!=0101", "id!=0303"], &[2, 4, 5]),
            (&["description~=^RUN m", "inuse=0"], &[1, 2, 3, 4, 5]),
            (&["until=0.000000097"], &[3, 4, 5]),
        ] {
            assert_eq!(goes(&rules(texts), 0), expected, "{texts:?}");
        }
        for wrong in ["x=y", "shared=maybe", "until=long", "until!=1h", "id~=(", ""] {
            assert!(CacheFilter::default().add(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_build_has_stays() {
        let mut records = records();
        records[4].is_in_use = true;
        assert_eq!(CachePrune::default().chosen(&records, 0).len(), 3);
    }
}
