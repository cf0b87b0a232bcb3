//! `system df`: Docker's table first, then what it does not count.

use std::collections::HashMap;

use engine::{
    ContainerUsage, Engine, EngineError, Filter, State, StepUsage, UPLOADS_KEPT, UploadUsage, Usage,
};
use serde_json::{Value, json};

use super::list::print;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::table;
use crate::template::Template;
use crate::words::{duration, now, seconds_of, size};

pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("Type", "TYPE"),
    ("TotalCount", "TOTAL"),
    ("Active", "ACTIVE"),
    ("Size", "SIZE"),
    ("Reclaimable", "RECLAIMABLE"),
];

pub(super) fn df(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let usage = engine.room().usage()?;
    let steps = engine.building().steps().list().map_err(EngineError::from)?;
    if matches.on("verbose") {
        return verbose(&engine, (&usage, &steps), matches.value("format"));
    }
    let running = running(&engine)?;
    print(matches.value("format"), COLUMNS, &rows(&usage, &steps, &running))
}

/// One row.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) total: usize,
    pub(super) active: usize,
    pub(super) bytes: u64,
    pub(super) reclaimable_bytes: u64,
}

impl Kind {
    pub(super) fn row(&self) -> Value {
        let percent = match self.bytes {
            0 => String::new(),
            bytes => format!(" ({}%)", self.reclaimable_bytes.saturating_mul(100) / bytes),
        };
        json!({
            "Type": self.name, "TotalCount": self.total.to_string(), "Active": self.active.to_string(),
            "Size": size(self.bytes), "Reclaimable": format!("{}{percent}", size(self.reclaimable_bytes)),
        })
    }
}

/// A part of what a container takes.
type Bytes = fn(&ContainerUsage) -> u64;

/// Steps of builds. A layer that an image has, too, counts there.
fn cache(steps: &[StepUsage]) -> Kind {
    let own = || steps.iter().filter(|step| !step.is_shared);
    Kind {
        name: "Build Cache",
        total: steps.len(),
        active: steps.iter().filter(|step| step.is_in_use).count(),
        bytes: own().map(|step| step.size_bytes).sum(),
        reclaimable_bytes: own().filter(|step| !step.is_in_use).map(|step| step.size_bytes).sum(),
    }
}

fn cache_rows(steps: &[StepUsage]) -> Vec<Value> {
    let row = |step: &StepUsage| {
        json!({
            "ID": step.key.hex(), "Description": step.step, "Size": size(step.size_bytes), "UsageCount": step.uses.to_string(),
            "CreatedAt": engine::format_time(step.made_ns), "LastUsedAt": engine::format_time(step.used_ns),
            "InUse": step.is_in_use.to_string(), "Shared": step.is_shared.to_string(),
        })
    };
    steps.iter().map(row).collect()
}

fn rows(usage: &Usage, steps: &[StepUsage], running: &[String]) -> Vec<Value> {
    let cache = cache(steps);
    let image_bytes = usage.layer_bytes() + usage.recipe_bytes + usage.shifted_bytes;
    let image_bytes = image_bytes.saturating_sub(cache.bytes);
    let runs = |one: &ContainerUsage| running.iter().any(|id| id == one.id.as_str());
    let sum = |of: Bytes, all: bool| -> u64 {
        usage.containers.iter().filter(|one| all || !runs(one)).map(of).sum()
    };
    let layer: Bytes = |one| one.layer_bytes + one.other_bytes;
    let log: Bytes = |one| one.log_bytes;
    let unused = usage.volumes.iter().filter(|volume| volume.containers == 0);
    let active = usage.containers.iter().filter(|one| runs(one)).count();
    let kinds = [
        Kind {
            name: "Images",
            total: usage.images.len(),
            active: usage.images.iter().filter(|image| image.containers > 0).count(),
            bytes: image_bytes,
            reclaimable_bytes: usage.reclaimable_layer_bytes().saturating_sub(cache.bytes),
        },
        Kind {
            name: "Containers",
            total: usage.containers.len(),
            active,
            // What they share with each other, or snapshots hold, none of them gives back alone.
            bytes: sum(layer, true) + usage.frozen_bytes,
            reclaimable_bytes: sum(layer, false),
        },
        Kind {
            name: "Local Volumes",
            total: usage.volumes.len(),
            active: usage.volumes.iter().filter(|volume| volume.containers > 0).count(),
            bytes: usage.volumes.iter().map(|volume| volume.bytes).sum(),
            reclaimable_bytes: unused.map(|volume| volume.bytes).sum(),
        },
        cache,
        Kind {
            name: "Container Logs",
            total: usage.containers.iter().filter(|one| one.log_bytes > 0).count(),
            active: usage.containers.iter().filter(|one| runs(one) && one.log_bytes > 0).count(),
            bytes: sum(log, true),
            reclaimable_bytes: sum(log, false),
        },
        partial(usage),
        Kind {
            name: "Records and State",
            total: 1,
            active: 1,
            bytes: usage.temporary_bytes
                + usage.database_bytes
                + usage.state_bytes
                + usage.other_bytes,
            reclaimable_bytes: 0,
        },
    ];
    kinds.iter().map(Kind::row).collect()
}

/// What is on its way in or out, or was.
fn partial(usage: &Usage) -> Kind {
    let (transfers, uploads) = (&usage.transfers, &usage.uploads);
    let resting = transfers.iter().filter(|transfer| !transfer.is_filled);
    let left = uploads.iter().filter(|upload| is_left(upload));
    Kind {
        name: "Partial Transfers",
        total: transfers.len() + uploads.len(),
        active: transfers.iter().filter(|transfer| transfer.is_filled).count()
            + uploads.iter().filter(|upload| upload.is_sent).count(),
        bytes: transfers.iter().map(|transfer| transfer.bytes).sum::<u64>() + usage.upload_bytes(),
        reclaimable_bytes: resting.map(|transfer| transfer.bytes).sum::<u64>()
            + left.map(|upload| upload.bytes).sum::<u64>(),
    }
}

/// Whether a prune would forget it.
fn is_left(upload: &UploadUsage) -> bool {
    !upload.is_sent && upload.changed.elapsed().is_ok_and(|age| age > UPLOADS_KEPT)
}

fn running(engine: &Engine) -> Result<Vec<String>, Failure> {
    let containers = engine.containers().all()?.into_iter();
    let runs =
        containers.filter(|one| !matches!(one.state, State::Created { .. } | State::Exited(_)));
    Ok(runs.map(|one| one.record.id.as_str().to_owned()).collect())
}

/// Each thing by itself.
fn verbose(
    engine: &Engine,
    (usage, steps): (&Usage, &[StepUsage]),
    format: Option<&str>,
) -> Result<i32, Failure> {
    let (images, containers) = (image_rows(usage), container_rows(engine, usage)?);
    let volumes = volume_rows(usage);
    let transfers: Vec<Value> = usage
        .transfers
        .iter()
        .map(|one| json!({ "Digest": one.hex, "Size": size(one.bytes), "Active": one.is_filled.to_string() }))
        .collect();
    let uploads: Vec<Value> = usage
        .uploads
        .iter()
        .map(|one| json!({ "Journal": one.key, "Size": size(one.bytes), "Active": one.is_sent.to_string() }))
        .collect();
    let text = match format {
        None | Some("" | "table") => [
            section("Images space usage:", IMAGES, &images),
            section("Containers space usage:", CONTAINERS, &containers),
            section("Local Volumes space usage:", VOLUMES, &volumes),
            format!("Build cache usage: {}\n\n", size(cache(steps).bytes)),
            section("Partial transfers space usage:", TRANSFERS, &transfers),
            section("Partial uploads space usage:", UPLOADS, &uploads),
            format!(
                "Total: {} in the root directory, {} in the state directory\n",
                size(usage.root_bytes()),
                size(usage.state_bytes)
            ),
        ]
        .concat(),
        Some(format) => {
            let value = json!({
                "Images": images, "Containers": containers, "Volumes": volumes, "BuildCache": cache_rows(steps),
                "Transfers": transfers, "Uploads": uploads, "RootBytes": usage.root_bytes(), "StateBytes": usage.state_bytes,
                "LayerBytes": usage.layer_bytes(), "RecipeBytes": usage.recipe_bytes, "ShiftedBytes": usage.shifted_bytes, "FrozenBytes": usage.frozen_bytes,
                "UploadBytes": usage.upload_bytes(), "TemporaryBytes": usage.temporary_bytes,
                "DatabaseBytes": usage.database_bytes, "OtherBytes": usage.other_bytes,
            });
            match format {
                "json" => format!("{value}\n"),
                format => {
                    let template = Template::parse(format).map_err(Failure::Unreadable)?;
                    format!("{}\n", template.render(&value)?)
                }
            }
        }
    };
    output::write(&text)?;
    Ok(0)
}

pub(super) const IMAGES: &[(&str, &str)] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
    ("SharedSize", "SHARED SIZE"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("Containers", "CONTAINERS"),
];
pub(super) const CONTAINERS: &[(&str, &str)] = &[
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Size", "SIZE"),
    ("LogSize", "LOG SIZE"),
    ("RunningFor", "CREATED"),
    ("Status", "STATUS"),
    ("Names", "NAMES"),
];
pub(super) const VOLUMES: &[(&str, &str)] =
    &[("Name", "VOLUME NAME"), ("Links", "LINKS"), ("Size", "SIZE")];
const UPLOADS: &[(&str, &str)] = &[("Journal", "JOURNAL"), ("Size", "SIZE"), ("Active", "ACTIVE")];
const TRANSFERS: &[(&str, &str)] = &[("Digest", "DIGEST"), ("Size", "SIZE"), ("Active", "ACTIVE")];

pub(super) fn section(title: &str, columns: &[(&str, &str)], values: &[Value]) -> String {
    let mut rows = vec![columns.iter().map(|(_, title)| (*title).to_owned()).collect::<Vec<_>>()];
    rows.extend(values.iter().map(|value| {
        columns
            .iter()
            .map(|(field, _)| value[*field].as_str().unwrap_or_default().to_owned())
            .collect()
    }));
    format!("{title}\n\n{}\n", table::layout(&rows, table::LIST))
}

fn image_rows(usage: &Usage) -> Vec<Value> {
    let mut rows = Vec::new();
    for image in &usage.images {
        let summary = &image.summary;
        let created = &summary.created;
        let names = summary.names.iter().map(Some).collect::<Vec<_>>();
        for name in if names.is_empty() { vec![None] } else { names } {
            rows.push(json!({
                "Repository": name.map_or_else(|| "<none>".to_owned(), spec::Reference::familiar_name),
                "Tag": name.and_then(spec::Reference::tag).unwrap_or("<none>"),
                "ID": summary.id.short(),
                "CreatedSince": if created.is_empty() { "N/A".to_owned() } else { format!("{} ago", duration(now() - seconds_of(created))) },
                "Size": size(image.bytes),
                "SharedSize": size(image.shared_bytes),
                "UniqueSize": size(image.bytes - image.shared_bytes),
                "Containers": image.containers.to_string(),
            }));
        }
    }
    rows
}

fn container_rows(engine: &Engine, usage: &Usage) -> Result<Vec<Value>, Failure> {
    let sizes: HashMap<&str, &ContainerUsage> =
        usage.containers.iter().map(|one| (one.id.as_str(), one)).collect();
    let rows = engine.containers().list(true, &Filter::default(), false)?;
    let row = |row: &engine::Row| {
        let mut value = super::list::value(row, false);
        let own = sizes.get(row.container.record.id.as_str());
        value["Size"] = json!(size(own.map_or(0, |own| own.layer_bytes + own.other_bytes)));
        value["LogSize"] = json!(size(own.map_or(0, |own| own.log_bytes)));
        value
    };
    Ok(rows.iter().map(row).collect())
}

fn volume_rows(usage: &Usage) -> Vec<Value> {
    let row = |one: &engine::VolumeUsage| json!({ "Name": one.volume.name, "Links": one.containers.to_string(), "Size": size(one.bytes) });
    usage.volumes.iter().map(row).collect()
}
