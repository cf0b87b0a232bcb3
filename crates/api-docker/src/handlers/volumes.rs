//! Volumes: listed, made, looked at, removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Kind, VolumeFilter, VolumeRequest};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::networks::{or_null, prune_filter};
use crate::answer::Answer;
use crate::bodies;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::operation::VolumeOperation;

/// Filters that Docker's list of volumes has.
const FILTERS: &[&str] = &["dangling", "driver", "label", "name"];

/// Answers one of them.
pub(super) async fn answer(operation: VolumeOperation, call: Call) -> Result<Answer, Failure> {
    match operation {
        VolumeOperation::List => list(call).await,
        VolumeOperation::Create => create(call).await,
        VolumeOperation::Prune => prune(call).await,
        VolumeOperation::Inspect => inspect(call).await,
        VolumeOperation::Update => Err(Failure {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "volume update only valid for cluster volumes, but swarm is unavailable"
                .to_owned(),
        }),
        VolumeOperation::Delete => delete(call).await,
    }
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let filters = Filters::of(&call.query)?.only(FILTERS)?;
    call.shared
        .with(move |engine| {
            let mut filter = VolumeFilter::default();
            for text in filters.texts() {
                filter.add(&text)?;
            }
            let volumes = engine.volumes().list(&filter)?;
            let volumes: Vec<_> =
                volumes.iter().map(|volume| engine.volumes().document(volume)).collect();
            Answer::json(&json!({ "Volumes": volumes, "Warnings": null }))
        })
        .await
}

/// The body of `POST /volumes/create`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Create {
    name: String,
    driver: String,
    driver_opts: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    cluster_volume_spec: Option<Value>,
}

async fn create(call: Call) -> Result<Answer, Failure> {
    let (version, shared) = (call.routed.version, Arc::clone(&call.shared));
    let body: Create = bodies::read(&call.body().await?)?;
    if body.cluster_volume_spec.is_some() && version.has(42) {
        return Err(super::no_swarm());
    }
    if !matches!(body.driver.as_str(), "" | "local") {
        return Err(Failure {
            status: StatusCode::NOT_FOUND,
            message: format!(
                "create {}: error looking up volume plugin {driver}: plugin \"{driver}\" not found",
                body.name,
                driver = body.driver
            ),
        });
    }
    let name = Some(body.name).filter(|name| !name.is_empty());
    let options = body.driver_opts.iter().map(|(name, value)| format!("{name}={value}"));
    let options: Vec<String> = options.collect();
    let options = engine::parse::volume_options(options.iter().map(String::as_str))?;
    let request = VolumeRequest { name, labels: body.labels, options };
    shared
        .with(move |engine| {
            let volumes = engine.volumes();
            // One that is there stays as it is, whatever is said of it now.
            let found = request.name.as_deref().map(|name| volumes.get(name));
            let volume = match found {
                Some(Ok(volume)) => volume,
                Some(Err(error)) if error.kind() != Kind::NotFound => return Err(error.into()),
                Some(Err(_)) | None => volumes.create(request)?,
            };
            Answer::json_with(StatusCode::CREATED, &volumes.document(&volume))
        })
        .await
}

async fn inspect(call: Call) -> Result<Answer, Failure> {
    let name = call.name();
    call.shared.with(move |engine| Answer::json(&engine.volumes().inspect(&name)?)).await
}

async fn delete(call: Call) -> Result<Answer, Failure> {
    let (name, force) = (call.name(), call.query.is_on("force"));
    call.shared
        .with(move |engine| {
            engine.volumes().remove(&name, force)?;
            Ok(Answer::done())
        })
        .await
}

async fn prune(call: Call) -> Result<Answer, Failure> {
    let mut filters = Filters::of(&call.query)?.only(&["all", "label", "label!"])?;
    // Before, those that somebody has named went, too.
    let all = !call.routed.version.has(42) || filters.take_truth("all")?.unwrap_or(false);
    let filter = prune_filter(&filters)?;
    call.shared
        .with(move |engine| {
            let pruned = engine.room().prune_volumes(all, &filter)?;
            let (deleted, bytes) = (or_null(pruned.deleted), pruned.freed_bytes);
            Answer::json(&json!({ "VolumesDeleted": deleted, "SpaceReclaimed": bytes }))
        })
        .await
}
