//! `images --tree`: names, and below each the images of the index that it came in, by platform.

use std::collections::HashMap;

use engine::{Engine, Image, ImageFilter, ListedImage};
use spec::{ImageId, Reference};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::table;
use crate::words::size;

/// Everything of one repository that came by the same digest is of one index.
pub(super) fn images(
    engine: &Engine,
    filter: &ImageFilter,
    matches: &Matches,
) -> Result<i32, Failure> {
    if matches.on("quiet") || matches.is_given("format") {
        return Err(Failure::Words("--tree goes with neither --quiet nor --format".to_owned()));
    }
    let listed = engine.images().list_by(filter)?;
    let by_id: HashMap<ImageId, Image> =
        engine.images().list()?.into_iter().map(|image| (image.id.clone(), image)).collect();
    let usage = engine.room().usage()?;
    let sizes: HashMap<&ImageId, (u64, u64)> = usage
        .images
        .iter()
        .map(|image| (&image.summary.id, (image.bytes, image.containers)))
        .collect();
    let mut of_index: HashMap<String, Vec<ImageId>> = HashMap::new();
    for (image, names) in engine.images().digest_names()? {
        // The first one is that of the index, where there was one.
        if let Some(name) = names.first() {
            of_index.entry(name.to_string()).or_default().push(image);
        }
    }
    let whole = matches.on("no-trunc");
    let short = |id: &ImageId| if whole { id.to_string() } else { id.short().to_owned() };
    let mut rows = vec![["IMAGE", "ID", "DISK USAGE", "USED"].map(str::to_owned).to_vec()];
    for top in &listed {
        let own = &top.summary.id;
        let mut members = top
            .digest
            .as_ref()
            .and_then(|digest| of_index.get(&digest.to_string()))
            .cloned()
            .unwrap_or_else(|| vec![own.clone()]);
        members.sort_by_key(|member| by_id.get(member).map(platform));
        let total: u64 =
            members.iter().filter_map(|id| sizes.get(id)).map(|(bytes, _)| bytes).sum();
        let used = members.iter().any(|id| sizes.get(id).is_some_and(|(_, used)| *used > 0));
        let id = top.digest().map_or_else(|| short(own), short);
        rows.push(vec![name(top), id, size(total), mark(used)]);
        for (place, member) in members.iter().enumerate() {
            let branch = if place + 1 == members.len() { "└─" } else { "├─" };
            let platform = by_id.get(member).map_or_else(|| "unknown".to_owned(), platform);
            let (bytes, used) = sizes.get(member).copied().unwrap_or_default();
            rows.push(vec![
                format!("{branch} {platform}"),
                short(member),
                size(bytes),
                mark(used > 0),
            ]);
        }
    }
    let text = table::layout(&rows, table::LIST);
    output::write(&text)?;
    Ok(0)
}

fn name(image: &ListedImage) -> String {
    let nameless =
        || image.repository().map_or_else(|| "<none>".to_owned(), |name| format!("{name}:<none>"));
    image.name.as_ref().map_or_else(nameless, Reference::familiar)
}

fn platform(image: &Image) -> String {
    let config = &image.config;
    match config.variant.as_deref() {
        Some(variant) if !variant.is_empty() => {
            format!("{}/{}/{variant}", config.os, config.architecture)
        }
        _ => format!("{}/{}", config.os, config.architecture),
    }
}

fn mark(used: bool) -> String {
    if used { "✔".to_owned() } else { String::new() }
}
