//! Room on the disk: which images and containers a prune takes. What they take, and how they go, is the store's.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use spec::ImageId;
use store::{Candidate, Checked, Finding, Pruned, UPLOADS_KEPT, Usage};

use crate::engine::Engine;
use crate::error::{EngineError, Kind};
use crate::image_filter::{Labels, created_ns_of};
use crate::state::State;
use crate::times::time_ns;
use crate::volumes::SNAPSHOT_OF;

/// Handle on the room.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    pub(crate) engine: &'a Engine,
}

/// What a prune may take: made before a moment, and with labels or without.
#[derive(Clone, Debug, Default)]
pub struct PruneFilter {
    until_ns: Option<i128>,
    labels: Labels,
}

/// Which images a prune takes beside what its filter says; every rule that is given must be met.
#[derive(Clone, Debug, Default)]
pub struct ImagePrune {
    /// Also images that have names.
    pub all: bool,
    /// Of each repository so many stay, those that were used last.
    pub keep: Option<usize>,
    /// Only images that were not used since, nanoseconds since 1970.
    pub unused_since_ns: Option<i64>,
    /// The filter.
    pub filter: PruneFilter,
}

impl PruneFilter {
    /// Adds a condition: `until=TIME` (as [`crate::times::time_ns`] reads it), `label=NAME[=VALUE]`, or `label!=NAME[=VALUE]`.
    ///
    /// # Errors
    /// For another kind, or a time that is none.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: &str| EngineError::value("filter", text, why);
        let (kind, value) =
            text.split_once('=').ok_or_else(|| wrong("it is not of the form KIND=VALUE"))?;
        match kind {
            "until" => {
                let time = time_ns(value)
                    .map(i128::from)
                    .ok_or_else(|| wrong("it is no time and no duration"))?;
                // The earliest one is met by what all of them are met by.
                self.until_ns = Some(self.until_ns.map_or(time, |until| until.min(time)));
            }
            "label" => self.labels.add(value, true),
            "label!" => self.labels.add(value, false),
            _ => return Err(wrong("the kind is not one of until, label, label!")),
        }
        Ok(())
    }

    /// Whether only what was made before some moment is taken.
    #[must_use]
    pub const fn has_until(&self) -> bool {
        self.until_ns.is_some()
    }

    fn allows_time(&self, created_ns: i128) -> bool {
        self.until_ns.is_none_or(|until| created_ns < until)
    }

    /// The moment before which things go that have no labels; nothing where labels are asked for, which they have not.
    fn unlabelled_before_ns(&self) -> Option<i64> {
        let until = self.until_ns.unwrap_or_else(|| i128::from(monitor::now_ns()));
        self.labels.is_empty().then(|| i64::try_from(until).unwrap_or(i64::MAX))
    }
}

impl<'a> Room<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// What takes how much.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn usage(&self) -> Result<Usage, EngineError> {
        Ok(self.engine.store.room().usage()?)
    }

    /// Looks at everything; at the contents of layers where `deep` says so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check(&self, deep: bool) -> Result<Checked, EngineError> {
        let mut checked = self.engine.store.room().check(deep)?;
        checked.findings.extend(self.engine.stored_secrets().check()?);
        checked.findings.extend(self.look_at_mounts()?);
        Ok(checked)
    }

    /// Mends what can be mended; gives that, and what is left.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn repair(&self, deep: bool) -> Result<(Vec<Finding>, Checked), EngineError> {
        let ownerless = self.look_at_mounts()?;
        self.prune_mounts()?;
        let (mut mended, mut left) = self.engine.store.room().repair(deep)?;
        mended.extend(ownerless);
        left.findings.extend(self.engine.stored_secrets().check()?);
        left.findings.extend(self.look_at_mounts()?);
        Ok((mended, left))
    }

    /// Removes images that no container is made of: those without a name, or those that the rules say.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn prune_images(&self, rules: &ImagePrune) -> Result<Pruned, EngineError> {
        let room = self.engine.store.room();
        let candidates = room.candidates()?;
        let labelled = if rules.filter.labels.is_empty() {
            None
        } else {
            Some(self.engine.images().labelled(&rules.filter.labels)?)
        };
        let mut chosen = choose(candidates, rules);
        if let Some(labelled) = labelled {
            chosen.retain(|image| labelled.contains(&image.summary.id));
        }
        let pruned = room.prune_images(&chosen)?;
        for image in &chosen {
            let id = image.summary.id.to_string();
            if pruned.deleted.contains(&id) {
                self.engine.tell_image("delete", &id, &id, None);
            }
        }
        self.engine.tell_pruned("image", &pruned);
        Ok(pruned)
    }

    /// Removes containers that do not run.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn prune_containers(&self, filter: &PruneFilter) -> Result<Pruned, EngineError> {
        let mut pruned = Pruned::default();
        for container in self.engine.containers().all()? {
            let stands = matches!(container.state, State::Created { .. } | State::Exited(_));
            let labels = &container.config.labels;
            if !stands
                || !filter.allows_time(container.record.created_ns.into())
                || !filter.labels.are_met_by(Some(labels))
            {
                continue;
            }
            let id = &container.record.id;
            let bytes = self.engine.store.room().container_bytes(id)?;
            match self.engine.containers().remove(id.as_str(), false, false) {
                Ok(()) => {
                    pruned.deleted.push(id.as_str().to_owned());
                    pruned.freed_bytes += bytes;
                }
                // It was started meanwhile, or another command was sooner.
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.engine.tell_pruned("container", &pruned);
        Ok(pruned)
    }

    /// Removes volumes that no container uses: anonymous ones, or all but snapshots, which only a filter of their label takes.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn prune_volumes(&self, all: bool, filter: &PruneFilter) -> Result<Pruned, EngineError> {
        let asks_for_snapshots = filter.labels.mentions(SNAPSHOT_OF);
        let pruned = self.engine.store.room().prune_volumes(|volume| {
            (all || volume.anonymous)
                && (asks_for_snapshots || !volume.labels.contains_key(SNAPSHOT_OF))
                && filter.allows_time(volume.created_ns.into())
                && filter.labels.are_met_by(Some(&volume.labels))
        })?;
        self.prune_mounts()?;
        self.engine.tell_pruned("volume", &pruned);
        Ok(pruned)
    }

    /// Removes networks that somebody has made and no container is in.
    ///
    /// # Errors
    /// When the store or the kernel refuses.
    pub fn prune_networks(&self, filter: &PruneFilter) -> Result<Pruned, EngineError> {
        let mut pruned = Pruned::default();
        let networks = self.engine.networks();
        for network in networks.list(&crate::networks::NetworkFilter::default())? {
            let fits = network.is_custom()
                && filter.allows_time(network.created_ns.into())
                && filter.labels.are_met_by(Some(&network.config.labels));
            if !fits {
                continue;
            }
            match networks.remove(&network.id) {
                Ok(network) => pruned.deleted.push(network.name),
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.engine.tell_pruned("network", &pruned);
        Ok(pruned)
    }

    /// Removes layers that interrupted pulls have left. Nothing where the filter asks for labels.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn prune_layers(&self, filter: &PruneFilter) -> Result<Pruned, EngineError> {
        let Some(before) = filter.unlabelled_before_ns() else { return Ok(Pruned::default()) };
        Ok(self.engine.store.room().prune_layers(before)?)
    }

    /// Removes partial blobs that nobody fills. Nothing where the filter asks for labels.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn prune_transfers(&self, filter: &PruneFilter) -> Result<Pruned, EngineError> {
        let Some(before) = filter.unlabelled_before_ns() else { return Ok(Pruned::default()) };
        Ok(self.engine.store.room().prune_transfers(time_of(before))?)
    }

    /// Forgets uploads that have not got on for [`UPLOADS_KEPT`]. Nothing where the filter asks for labels.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn prune_uploads(&self, filter: &PruneFilter) -> Result<Pruned, EngineError> {
        let Some(before) = filter.unlabelled_before_ns() else { return Ok(Pruned::default()) };
        let kept_since = SystemTime::now() - UPLOADS_KEPT;
        Ok(self.engine.store.room().prune_uploads(time_of(before).min(kept_since))?)
    }
}

fn time_of(ns: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}

/// The images that every rule lets go.
fn choose(candidates: Vec<Candidate>, rules: &ImagePrune) -> Vec<Candidate> {
    let kept = rules.keep.map(|count| most_recent(&candidates, count)).unwrap_or_default();
    // Rules about use are about images with names: nobody gives them to have only the nameless ones removed.
    let all = rules.all || rules.keep.is_some() || rules.unused_since_ns.is_some();
    let goes = |image: &Candidate| {
        !image.has_containers
            && !image.is_other_member
            && (all || image.summary.names.is_empty())
            && !kept.contains(&image.summary.id)
            && rules.unused_since_ns.is_none_or(|since| image.used_ns < since)
            && rules.filter.allows_time(created_ns_of(&image.summary.created))
    };
    candidates.into_iter().filter(goes).collect()
}

/// The images of each repository that were used last.
fn most_recent(candidates: &[Candidate], count: usize) -> HashSet<ImageId> {
    let mut by_repository: BTreeMap<&str, Vec<&Candidate>> = BTreeMap::new();
    for image in candidates {
        for repository in &image.repositories {
            by_repository.entry(repository).or_default().push(image);
        }
    }
    let mut kept = HashSet::new();
    for images in by_repository.values_mut() {
        images.sort_by_key(|image| std::cmp::Reverse((image.used_ns, image.summary.loaded_ns)));
        kept.extend(images.iter().take(count).map(|image| image.summary.id.clone()));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: u8, repository: &str, used_ns: i64) -> Candidate {
        let id = spec::Digest::sha256([number; 32]);
        let names = vec![format!("{repository}:{number}").parse().unwrap()];
        let created = "2026-01-01T00:00:00Z".to_owned();
        Candidate {
            summary: store::ImageSummary { id, names, created, size_bytes: 0, loaded_ns: 0 },
            used_ns,
            repositories: vec![repository.to_owned()],
            has_containers: false,
            is_other_member: false,
        }
    }

    fn chosen(rules: &ImagePrune) -> Vec<i64> {
        let mut nameless = image(6, "a", 6);
        nameless.summary.names.clear();
        nameless.repositories.clear();
        let mut held = image(7, "b", 0);
        held.has_containers = true;
        let mut other = image(8, "b", 0);
        other.summary.names.clear();
        other.is_other_member = true;
        let all = [image(1, "a", 1), image(2, "a", 2), image(3, "a", 3), image(4, "b", 4)];
        let chosen = choose([&all[..], &[nameless, held, other]].concat(), rules);
        chosen.iter().map(|image| image.used_ns).collect()
    }

    #[test]
    fn every_rule_must_be_met() {
        let rules = ImagePrune::default();
        assert_eq!(chosen(&rules), [6]);
        assert_eq!(chosen(&ImagePrune { all: true, ..rules.clone() }), [1, 2, 3, 4, 6]);
        assert_eq!(chosen(&ImagePrune { keep: Some(1), ..rules.clone() }), [1, 2, 6]);
        assert_eq!(chosen(&ImagePrune { keep: Some(0), ..rules.clone() }), [1, 2, 3, 4, 6]);
        assert_eq!(chosen(&ImagePrune { unused_since_ns: Some(3), ..rules.clone() }), [1, 2]);
        let both = ImagePrune { unused_since_ns: Some(3), keep: Some(2), ..rules };
        assert_eq!(chosen(&both), [1]);
    }

    #[test]
    fn filters_are_dockers() {
        let mut filter = PruneFilter::default();
        for text in
            ["until=2026-01-02T00:00:00Z", "until=2026-01-01T00:00:00Z", "label=a", "label!=b=c"]
        {
            filter.add(text).unwrap();
        }
        assert!(!filter.allows_time(created_ns_of("2026-01-01T00:00:00Z")));
        assert!(filter.allows_time(created_ns_of("2025-12-31T00:00:00Z")));
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert!(filter.labels.are_met_by(Some(&labels(&[("a", "1"), ("b", "d")]))));
        assert!(!filter.labels.are_met_by(Some(&labels(&[("a", "1"), ("b", "c")]))));
        assert!(!filter.labels.are_met_by(None));
        for wrong in ["until", "until=yesterday", "dangling=true"] {
            assert!(filter.add(wrong).is_err(), "{wrong}");
        }
    }
}
