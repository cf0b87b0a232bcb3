//! `images`, `load`, `rmi`, `tag` and `history`.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use engine::{HistoryStep, ImageFilter};
use serde_json::{Value, json};
use spec::Reference;

use super::list::print;
use super::pull::{platform, platforms};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::words::{duration, local_time, now, seconds_of, size, truncate, whole_seconds};

const IMAGE_COLUMNS: &[(&str, &str)] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
];

pub(super) fn images(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = ImageFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    for name in &matches.words {
        filter.add_reference(name)?;
    }
    let engine = session.engine()?;
    if matches.on("tree") {
        return super::tree::images(&engine, &filter, matches);
    }
    let none = || "<none>".to_owned();
    let images = engine.images().list_by(&filter)?;
    let images: Vec<ImageRow> = images
        .iter()
        .map(|image| ImageRow {
            id: image.summary.id.to_string(),
            repository: image.repository().unwrap_or_else(none),
            tag: image.name.as_ref().and_then(Reference::tag).unwrap_or("<none>").to_owned(),
            digest: image.digest().map_or_else(none, ToString::to_string),
            created: Some(&image.summary.created)
                .filter(|created| !created.is_empty())
                .map(|created| seconds_of(created)),
            size_bytes: image.summary.size_bytes,
        })
        .collect();
    show(matches, &images)
}

/// An image in a list, once for each of its names.
pub(super) struct ImageRow {
    pub(super) id: String,
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) digest: String,
    /// Seconds since 1970, where the image says.
    pub(super) created: Option<i64>,
    pub(super) size_bytes: u64,
}

pub(super) fn show(matches: &Matches, images: &[ImageRow]) -> Result<i32, Failure> {
    let whole = matches.on("no-trunc");
    if matches.on("quiet") {
        let mut ids: Vec<String> = images.iter().map(|image| id(image, whole)).collect();
        ids.dedup();
        let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
        output::write(&text)?;
        return Ok(0);
    }
    let rows: Vec<Value> = images.iter().map(|image| row(image, whole)).collect();
    let mut columns = IMAGE_COLUMNS.to_vec();
    if matches.on("digests") {
        columns.insert(2, ("Digest", "DIGEST"));
    }
    print(matches.value("format"), &columns, &rows)
}

fn id(image: &ImageRow, whole: bool) -> String {
    if whole { image.id.clone() } else { short_digest(&image.id) }
}

/// The beginning of a digest, as people are shown it.
pub(super) fn short_digest(digest: &str) -> String {
    let hex = digest.rsplit(':').next().unwrap_or(digest);
    hex.get(..12).unwrap_or(hex).to_owned()
}

fn row(image: &ImageRow, whole: bool) -> Value {
    let told = |tell: fn(i64) -> String| image.created.map_or_else(|| "N/A".to_owned(), tell);
    json!({
        "Repository": image.repository,
        "Tag": image.tag,
        "Digest": image.digest,
        "ID": id(image, whole),
        "CreatedSince": told(|created| format!("{} ago", duration(now() - created))),
        "CreatedAt": told(local_time),
        "Size": size(image.size_bytes),
        "Containers": "N/A",
        "SharedSize": "N/A",
        "UniqueSize": "N/A",
    })
}

pub(super) fn load(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let platform = platform(matches)?;
    let platform = platform.as_ref();
    let engine = session.engine()?;
    let images = engine.images();
    let from = matches.value("input").filter(|input| *input != "-");
    let doing = |from: &str| {
        let what = format!("load {from}");
        move |error| Failure::Doing { what, error }
    };
    let loaded = match from {
        Some(path) if Path::new(path).is_dir() => {
            images.load_directory(Path::new(path), platform).map_err(doing(path))?
        }
        Some(path) => images
            .load(File::open(path).map_err(Failure::file("load", path))?, platform)
            .map_err(doing(path))?,
        None if crate::terminal::is_terminal() => {
            return Err(Failure::Words(
                "load: requested load from stdin, but stdin is a terminal".to_owned(),
            ));
        }
        None => {
            // It may be a file as well: `load < archive`.
            let input = std::io::stdin().as_fd().try_clone_to_owned();
            let input = input.map_err(Failure::file("load", "standard input"))?;
            images.load(File::from(input), platform).map_err(doing("standard input"))?
        }
    };
    for image in loaded.iter().filter(|_| !matches.on("quiet")) {
        if image.names.is_empty() {
            output::line(&format!("Loaded image ID: {}", image.id));
        }
        for name in &image.names {
            output::line(&format!("Loaded image: {}", name.familiar()));
        }
    }
    Ok(0)
}

pub(super) fn rmi(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let platforms = platforms(matches)?;
    let engine = session.engine()?;
    super::each(matches, |name| {
        let images = engine.images();
        let checked = images.check_platform(name, &platforms);
        let removed = match checked.and_then(|()| images.remove(name, matches.on("force"))) {
            // Docker's -f is content when there is nothing to remove, and says so.
            Err(error) if matches.on("force") && error.kind() == engine::Kind::NotFound => {
                output::error(&engine::chain(&error), None);
                return Ok(());
            }
            removed => removed?,
        };
        removed.untagged.iter().for_each(|name| output::line(&format!("Untagged: {name}")));
        removed.deleted.iter().for_each(|digest| output::line(&format!("Deleted: {digest}")));
        Ok(())
    })
}

pub(super) fn tag(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.images().tag(matches.word(0), matches.word(1))?;
    Ok(0)
}

pub(super) fn history(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    engine.images().check_platform(matches.word(0), &platforms(matches)?)?;
    let image = engine.images().resolve(matches.word(0))?;
    let mut steps = engine.images().history(&image)?;
    steps.reverse();
    show_history(matches, &image.id.to_string(), steps)
}

/// Shows the steps that made an image, the last one first.
pub(super) fn show_history(
    matches: &Matches,
    image: &str,
    steps: Vec<HistoryStep>,
) -> Result<i32, Failure> {
    let whole = matches.on("no-trunc");
    let human = matches.value("human") != Some("false");
    let mut rows = Vec::new();
    for HistoryStep { created, created_by: by, comment, bytes } in steps {
        let created = created.as_str();
        let since = match created {
            "" => "N/A".to_owned(),
            created if human => format!("{} ago", duration(now() - seconds_of(created))),
            created => whole_seconds(created),
        };
        rows.push(json!({
            "ID": "<missing>",
            "CreatedSince": since,
            "CreatedAt": if created.is_empty() { "N/A".to_owned() } else { whole_seconds(created) },
            "CreatedBy": if whole { by } else { truncate(&by, 45) },
            "Size": if human { size(bytes) } else { bytes.to_string() },
            "Comment": comment,
        }));
    }
    if let Some(top) = rows.first_mut() {
        top["ID"] = json!(if whole { image.to_owned() } else { short_digest(image) });
    }
    if matches.on("quiet") {
        let ids = rows.iter().map(|row| format!("{}\n", row["ID"].as_str().unwrap_or_default()));
        output::write(&ids.collect::<String>())?;
        return Ok(0);
    }
    let columns = [
        ("ID", "IMAGE"),
        ("CreatedSince", if human { "CREATED" } else { "CREATED AT" }),
        ("CreatedBy", "CREATED BY"),
        ("Size", "SIZE"),
        ("Comment", "COMMENT"),
    ];
    print(matches.value("format"), &columns, &rows)
}
