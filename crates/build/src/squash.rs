//! Layers that become one: those of the build, or all of the image's. The cache keeps the steps as they were made, and the layer in their place
//! as a step of its own. Start at [`squash`]; [`check`] refuses what goes with it no more.

use engine::{Engine, NewStep, now_ns};
use spec::image::{History, ImageConfig};
use spec::{Digest, ImageId};

use crate::builder::Shared;
use crate::error::BuildError;
use crate::event::Event;
use crate::key::{Inputs, chain};
use crate::request::{BuildRequest, Squash};
use crate::slots::Finished;

/// Refuses what has no meaning then.
pub(crate) fn check(request: &BuildRequest) -> Result<(), BuildError> {
    let is_inline = request.caching.to.iter().any(|place| place.kind == "inline");
    if request.squash != Squash::No && is_inline {
        let words = "a cache of type inline needs the layers of the steps, which squash makes one";
        return Err(BuildError::Request(words.to_owned()));
    }
    Ok(())
}

/// Makes one layer of several, where the request wants it and there are several.
pub(crate) fn squash(
    shared: &Shared<'_>,
    engine: &Engine,
    finished: &Finished,
    config: &mut ImageConfig,
) -> Result<(), BuildError> {
    let base = finished.base.as_ref();
    let (base, foreign_steps, foreign_layers) = match (shared.request.squash, base) {
        (Squash::No, _) => return Ok(()),
        (Squash::New, Some((base, layers))) => (Some(base), finished.foreign_steps, *layers),
        (Squash::New, None) | (Squash::All, _) => (None, 0, 0),
    };
    let all = config.rootfs.diff_ids.clone();
    let (below, layers) = all.split_at(foreign_layers.min(all.len()));
    if layers.len() < 2 {
        return Ok(());
    }
    let step = shared.definition.output_step();
    let words = format!("merging {} layers\n", layers.len());
    shared.surroundings.progress.tell(&Event::Output {
        step,
        is_error: false,
        bytes: words.as_bytes(),
    });
    // With the image itself: what is merged was made by then.
    let created = config.created.clone().unwrap_or_else(|| shared.now());
    let layer = merged(shared, engine, (layers, below), &created)?;
    let comment = comment(config, base);
    config.rootfs.diff_ids = [below, &[layer]].concat();
    for step in config.history.iter_mut().skip(foreign_steps) {
        step.empty_layer = true;
    }
    config.history.push(History {
        created: Some(created),
        created_by: None,
        author: None,
        comment: Some(comment),
        empty_layer: false,
    });
    Ok(())
}

/// The layer: out of the cache where these layers were made one before.
fn merged(
    shared: &Shared<'_>,
    engine: &Engine,
    (layers, below): (&[Digest], &[Digest]),
    created: &str,
) -> Result<Digest, BuildError> {
    let failed = engine::EngineError::from;
    let mut inputs = Inputs::of("squash");
    inputs.add("layers below", chain(below).to_string());
    inputs.add("layers", chain(layers).to_string());
    let key = inputs.key();
    let (steps, caching) = (engine.building().steps(), &shared.request.caching);
    if !caching.none
        && let Some(step) = steps.find(shared.lease, &key, now_ns()).map_err(failed)?
    {
        return Ok(step.diff_id);
    }
    let added = engine.building().squash(shared.lease, (layers, below))?;
    let new = NewStep {
        key: &key,
        diff_id: &added.diff_id,
        place: "",
        step: "squash",
        inputs: "[]",
        created,
        replaces: caching.none,
    };
    let kept = steps.remember(shared.lease, &new, now_ns()).map_err(failed)?;
    Ok(kept.diff_id)
}

/// Docker's words in the history: of which image, had it not been squashed, and what it was merged to.
fn comment(config: &ImageConfig, base: Option<&ImageId>) -> String {
    use sha2::Digest as _;
    let bytes = serde_json::to_vec(config).unwrap_or_default();
    let id = Digest::sha256(sha2::Sha256::digest(bytes).into());
    match base {
        Some(base) => format!("merge {id} to {base}"),
        None => format!("create new from {id}"),
    }
}
