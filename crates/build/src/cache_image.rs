//! The cache outside of the store: an image whose layers are those of steps, and whose label says which step each is of. It goes where images
//! go: to a registry, into a file, or it is the built image itself.
//!
//! Start at [`bring`] for `--cache-from` and at [`give`] for `--cache-to`. What cannot be brought is told and keeps nobody from building.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use engine::{Engine, Image, NewLayer, NewStep, VolumeRequest, now_ns};
use serde::{Deserialize, Serialize};
use spec::image::{ImageConfig, Platform, RootFs, RunConfig};
use spec::{Digest, ImageId, Reference};
use store::{CopyRules, TreeCopy};

use crate::builder::Shared;
use crate::error::{BuildError, StepError};
use crate::event::Event;
use crate::request::CachePlace;
use crate::slots::Finished;

/// The label's name.
const LABEL: &str = "corten.build.cache";
/// The file in the directory of a local cache.
const FILE: &str = "cache.tar";

/// What the label says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    steps: Vec<KeptStep>,
    /// Caches of steps: volumes by their names, with their ids and layers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    mounts: BTreeMap<String, (String, Digest)>,
}

/// A step of the build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptStep {
    pub(crate) key: Digest,
    pub(crate) diff_id: Digest,
    pub(crate) place: String,
    pub(crate) step: String,
    pub(crate) inputs: String,
    pub(crate) created: String,
}

/// Refuses places that are none, before anything is built.
pub(crate) fn check(from: &[CachePlace], to: &[CachePlace]) -> Result<(), BuildError> {
    for place in from {
        known(place, &["registry", "local"], "src")?;
    }
    for place in to {
        known(place, &["registry", "local", "inline"], "dest")?;
    }
    Ok(())
}

fn known(place: &CachePlace, kinds: &[&str], directory: &str) -> Result<(), BuildError> {
    let refused = |why: String| Err(BuildError::Request(format!("cache {}: {why}", place.kind)));
    if !kinds.contains(&place.kind.as_str()) {
        return refused(format!("it is not one of {}", kinds.join(", ")));
    }
    let needed = match place.kind.as_str() {
        "registry" => "ref",
        "local" => directory,
        _ => return Ok(()),
    };
    if place.options.get(needed).is_none_or(String::is_empty) {
        return refused(format!("{needed} is missing"));
    }
    if let Some(mode) =
        place.options.get("mode").filter(|mode| !matches!(mode.as_str(), "min" | "max"))
    {
        return refused(format!("mode {mode:?} is neither min nor max"));
    }
    Ok(())
}

/// Brings what `--cache-from` names.
pub(crate) fn bring(shared: &Shared<'_>, engine: &Engine) -> Result<(), BuildError> {
    for place in &shared.request.caching.from {
        if let Err(error) = bring_one(shared, engine, place) {
            let words = format!("cache {}: {}\n", place.kind, engine::chain(&error));
            let (step, is_error, bytes) = (0, true, words.as_bytes());
            shared.surroundings.progress.tell(&Event::Output { step, is_error, bytes });
        }
        if shared.is_over() {
            return Err(BuildError::Cancelled);
        }
    }
    Ok(())
}

fn bring_one(shared: &Shared<'_>, engine: &Engine, place: &CachePlace) -> Result<(), StepError> {
    let before = names(engine)?;
    let image = if place.kind == "local" {
        let directory = place.options.get("src").map(PathBuf::from).unwrap_or_default();
        let path = directory.join(FILE);
        let file = File::open(&path).map_err(|cause| StepError::Path {
            action: "open",
            path: path.clone(),
            cause,
        })?;
        let loaded = engine.images().load(file, None)?;
        let id = loaded.first().map(|loaded| loaded.id.to_string()).unwrap_or_default();
        engine.images().resolve(&id)?
    } else {
        let name = place.options.get("ref").cloned().unwrap_or_default();
        let progress = shared.surroundings.progress;
        let heard =
            |what: &str, bytes, of| progress.tell(&Event::Transfer { step: 0, what, bytes, of });
        let brought = shared.surroundings.outside.image(engine, &name, None, true, &heard);
        brought.map_err(|cause| StepError::Outside { what: format!("pull {name}"), cause })?
    };
    let taken = take(shared, engine, &image);
    give_names_back(engine, &image, &before)?;
    taken
}

/// What every name stands for.
fn names(engine: &Engine) -> Result<BTreeMap<Reference, ImageId>, StepError> {
    let all = engine.images().summaries()?.into_iter();
    Ok(all
        .flat_map(|image| image.names.into_iter().map(move |name| (name, image.id.clone())))
        .collect())
}

/// Names are what they were before a cache had them: it is no image of anybody's.
fn give_names_back(
    engine: &Engine,
    image: &Image,
    before: &BTreeMap<Reference, ImageId>,
) -> Result<(), StepError> {
    let names = engine.images().resolve(&image.id.to_string())?.names;
    for name in names {
        match before.get(&name) {
            Some(id) if *id != image.id => {
                engine.images().tag(&id.to_string(), &name.to_string())?;
            }
            Some(_) => {}
            None => drop(engine.images().remove(&name.to_string(), false)?),
        }
    }
    Ok(())
}

/// Writes down the steps that an image knows of.
fn take(shared: &Shared<'_>, engine: &Engine, image: &Image) -> Result<(), StepError> {
    let labels = image.config.config.labels.as_ref();
    let Some(text) = labels.and_then(|labels| labels.get(LABEL)) else { return Ok(()) };
    let value = |error: serde_json::Error| StepError::Value {
        what: "cache label of image",
        value: image.id.to_string(),
        why: error.to_string(),
    };
    let kept: Kept = serde_json::from_str(text).map_err(value)?;
    let layers = &image.config.rootfs.diff_ids;
    let steps = engine.building().steps();
    steps.hold(shared.lease, layers)?;
    for step in kept.steps.iter().filter(|step| layers.contains(&step.diff_id)) {
        let new = NewStep {
            key: &step.key,
            diff_id: &step.diff_id,
            place: &step.place,
            step: &step.step,
            inputs: &step.inputs,
            created: &step.created,
            replaces: false,
        };
        steps.remember(shared.lease, &new, now_ns())?;
    }
    for (name, (id, layer)) in kept.mounts.iter().filter(|(_, (_, layer))| layers.contains(layer)) {
        fill(engine, name, id, layer)?;
    }
    Ok(())
}

/// A cache of steps that is not here begins with what was brought.
fn fill(engine: &Engine, name: &str, id: &str, layer: &Digest) -> Result<(), StepError> {
    if !name.starts_with(crate::mounts::CACHE_PREFIX) || engine.volumes().get(name).is_ok() {
        return Ok(());
    }
    let labels = BTreeMap::from([(engine::CACHE_MOUNT_LABEL.to_owned(), id.to_owned())]);
    let request = VolumeRequest { name: Some(name.to_owned()), labels, ..VolumeRequest::default() };
    let volume = engine.volumes().create(request)?;
    let open = |path: &Path| {
        File::open(path).map_err(|cause| StepError::Path {
            action: "open",
            path: path.to_owned(),
            cause,
        })
    };
    let into = open(&volume.path)?;
    for directory in engine.building().directories(std::slice::from_ref(layer)) {
        let from = open(&directory)?;
        TreeCopy::new(into.as_fd(), CopyRules::exact()).contents(from.as_fd()).map_err(
            |cause| StepError::Outside {
                what: format!("fill volume {name}"),
                cause: Box::new(cause),
            },
        )?;
    }
    Ok(())
}

/// Puts the cache where `--cache-to` says; the inline one is in the image already.
pub(crate) fn give(
    shared: &Shared<'_>,
    engine: &Engine,
    finished: &[&Finished],
) -> Result<(), BuildError> {
    for place in &shared.request.caching.to {
        if place.kind != "inline" {
            give_one(shared, engine, finished, place).map_err(|cause| {
                let what = format!("put the cache at its place ({})", place.kind);
                BuildError::Context { what, cause: Box::new(cause) }
            })?;
        }
    }
    Ok(())
}

fn give_one(
    shared: &Shared<'_>,
    engine: &Engine,
    finished: &[&Finished],
    place: &CachePlace,
) -> Result<(), StepError> {
    let is_on = |name: &str| place.options.get(name).is_some_and(|value| value != "false");
    let all = place.options.get("mode").is_some_and(|mode| mode == "max");
    let mut kept = Kept { steps: steps_of(shared, finished, all), ..Kept::default() };
    if is_on("mounts") {
        kept.mounts = mounts(shared, engine)?;
    }
    let name = match place.options.get("ref").filter(|_| place.kind == "registry") {
        Some(name) => name.clone(),
        None => format!("localhost/build-cache:{}", shared.lease.name()),
    };
    let reference: Reference =
        name.parse().map_err(|error: <Reference as std::str::FromStr>::Err| StepError::Value {
            what: "cache ref",
            value: name.clone(),
            why: error.to_string(),
        })?;
    let reference = reference.pinned();
    let before = names(engine)?;
    let image = engine.building().image(&configuration(&kept), std::slice::from_ref(&reference))?;
    let given = if place.kind == "registry" {
        let outside = shared.surroundings.outside;
        outside
            .push(engine, &reference)
            .map_err(|cause| StepError::Outside { what: format!("push {name}"), cause })
    } else {
        let directory = place.options.get("dest").map(PathBuf::from).unwrap_or_default();
        save(engine, &reference, &directory)
    };
    let back = give_names_back(engine, &image, &before);
    given.and(back)
}

fn save(engine: &Engine, reference: &Reference, directory: &Path) -> Result<(), StepError> {
    let failed = |cause| StepError::Path { action: "write", path: directory.join(FILE), cause };
    fs::create_dir_all(directory).map_err(failed)?;
    // Whole or not at all: whoever reads it at this moment has the one before.
    let part = directory.join(format!(".{FILE}.{}", std::process::id()));
    let file = File::create(&part).map_err(failed)?;
    let saved = engine.images().save(&[reference.to_string()], None, &file);
    if let Err(error) = saved {
        let _gone = fs::remove_file(&part);
        return Err(error.into());
    }
    fs::rename(&part, directory.join(FILE)).map_err(failed)
}

fn steps_of(shared: &Shared<'_>, finished: &[&Finished], all: bool) -> Vec<KeptStep> {
    let mut steps = shared.done();
    let is_of =
        |step: &KeptStep| finished.iter().any(|finished| finished.layers().contains(&step.diff_id));
    steps.retain(|step| all || is_of(step));
    steps
}

fn mounts(
    shared: &Shared<'_>,
    engine: &Engine,
) -> Result<BTreeMap<String, (String, Digest)>, StepError> {
    let mut mounts = BTreeMap::new();
    for (name, id) in shared.caches() {
        let Ok(volume) = engine.volumes().get(&name) else { continue };
        let layer = NewLayer { upper: &volume.path, lower: &[], targets: &[], latest_s: None };
        let added = engine.building().add_layer(shared.lease, &layer)?;
        mounts.insert(name, (id, added.diff_id));
    }
    Ok(mounts)
}

/// The label of an image that is its own cache.
pub(crate) fn inline(shared: &Shared<'_>, finished: &Finished) -> Option<(String, String)> {
    let caching = &shared.request.caching;
    let is_asked = caching.to.iter().any(|place| place.kind == "inline")
        || shared.request.arguments.get("BUILDKIT_INLINE_CACHE").is_some_and(|value| value == "1");
    let kept = Kept { steps: steps_of(shared, &[finished], false), ..Kept::default() };
    is_asked.then(|| (LABEL.to_owned(), serde_json::to_string(&kept).unwrap_or_default()))
}

/// An image that is a cache and nothing else: without a history, it cannot be taken for one that runs.
fn configuration(kept: &Kept) -> ImageConfig {
    let mut diff_ids: Vec<Digest> = kept.steps.iter().map(|step| step.diff_id.clone()).collect();
    diff_ids.extend(kept.mounts.values().map(|(_, layer)| layer.clone()));
    let mut seen = std::collections::BTreeSet::new();
    diff_ids.retain(|diff_id| seen.insert(diff_id.clone()));
    let label = serde_json::to_string(kept).unwrap_or_default();
    let labels = Some(BTreeMap::from([(LABEL.to_owned(), label)]));
    let Platform { architecture, os, .. } = Platform::native();
    ImageConfig {
        architecture,
        os,
        config: RunConfig { labels, ..RunConfig::default() },
        rootfs: RootFs { diff_ids, ..RootFs::default() },
        ..ImageConfig::default()
    }
}
