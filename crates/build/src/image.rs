//! The image in the end: the configuration of the wanted stage, with what the request says over it.

use std::time::Instant;

use engine::{Engine, Image, NewStep, now_ns};
use spec::Digest;
use spec::image::ImageConfig;

use crate::builder::Shared;
use crate::error::BuildError;
use crate::event::Event;
use crate::key::{Inputs, chain};
use crate::slots::Finished;

/// Makes it. One of several has no name yet, since only all of them together get it.
pub(crate) fn make(
    shared: &Shared<'_>,
    engine: &Engine,
    finished: &Finished,
    names: Option<&[spec::Reference]>,
) -> Result<Image, BuildError> {
    let (progress, step) = (shared.surroundings.progress, shared.definition.output_step());
    progress.tell(&Event::Started { step });
    let begun = Instant::now();
    let mut config = finished.config.clone();
    if !shared.request.labels.is_empty() {
        config.config.labels.get_or_insert_default().extend(shared.request.labels.clone());
    }
    if let Some((name, value)) = crate::cache_image::inline(shared, finished) {
        config.config.labels.get_or_insert_default().insert(name, value);
    }
    date(shared, engine, &mut config, finished.foreign_steps)?;
    crate::squash::squash(shared, engine, finished, &mut config)?;
    let image = engine.building().image(&config, names.unwrap_or_default())?;
    match names {
        Some(names) => {
            let names: Vec<String> = names.iter().map(spec::Reference::familiar).collect();
            progress.tell(&Event::Image { id: &image.id, names: &names });
        }
        None => {
            let words = format!("writing image {}\n", image.id);
            progress.tell(&Event::Output { step, is_error: false, bytes: words.as_bytes() });
        }
    }
    progress.tell(&Event::Done { step, layer: None, took: begun.elapsed() });
    Ok(image)
}

/// Gives a time to what has none yet: that of the image's last step, so that the same steps out of the cache are the same image.
fn date(
    shared: &Shared<'_>,
    engine: &Engine,
    config: &mut ImageConfig,
    foreign_steps: usize,
) -> Result<(), BuildError> {
    let own = config.history.get(foreign_steps..).unwrap_or_default();
    let has_layers = own.iter().any(|step| step.created.is_some());
    let created = match (shared.epoch_s, &config.created) {
        (Some(_), _) => shared.now(),
        (None, Some(created)) if has_layers => created.clone(),
        (None, _) => first_made(shared, engine, config)?,
    };
    let own = config.history.get_mut(foreign_steps..).unwrap_or_default();
    for step in own.iter_mut().filter(|step| step.created.is_none()) {
        step.created = Some(created.clone());
    }
    config.created = Some(created);
    Ok(())
}

/// When an image without a layer of its own was first made.
fn first_made(
    shared: &Shared<'_>,
    engine: &Engine,
    config: &ImageConfig,
) -> Result<String, BuildError> {
    let now = shared.now();
    let Some(top) = config.rootfs.diff_ids.last().cloned() else { return Ok(now) };
    let text = serde_json::to_string(&ImageConfig { created: None, ..config.clone() });
    let mut inputs = Inputs::of("settings");
    inputs.add("layers below", chain(&config.rootfs.diff_ids).to_string());
    inputs.add("configuration", text.unwrap_or_default());
    let key: Digest = inputs.key();
    let steps = engine.building().steps();
    let failed = engine::EngineError::from;
    let new = NewStep {
        key: &key,
        diff_id: &top,
        place: "",
        step: "settings",
        inputs: "[]",
        created: &now,
        replaces: false,
    };
    // The first one counts.
    let kept = steps.remember(shared.lease, &new, now_ns()).map_err(failed)?;
    Ok(kept.created)
}
