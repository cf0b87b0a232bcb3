//! `GET /containers/json`.

use engine::{Document, Filter, Row};
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;
use crate::version::ApiVersion;

/// Filters that Docker's list of containers has.
const FILTERS: &[&str] = &[
    "ancestor",
    "before",
    "expose",
    "exited",
    "health",
    "id",
    "isolation",
    "is-task",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
];

pub(super) async fn list(call: Call) -> Result<Answer, Failure> {
    let query = call.query;
    let filters = Filters::parse(query.get("filters").unwrap_or_default())?.only(FILTERS)?;
    let limit = query.number::<i64>("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.filter(|limit| *limit > 0);
    let (all, size) = (query.is_on("all") || limit.is_some(), query.is_on("size"));
    let version = call.routed.version;
    call.shared
        .with(move |engine| {
            let mut filter = Filter::default();
            for text in filters.texts() {
                filter.add(&text)?;
            }
            let containers = engine.containers();
            let rows = containers.list(all, &filter, size)?;
            let rows = rows.iter().take(limit.unwrap_or(usize::MAX));
            let documents = rows.map(|row| -> Result<Document, Failure> {
                let mut document = containers.listed(row)?;
                of_version(&mut document, row, version);
                Ok(document)
            });
            Answer::json(&documents.collect::<Result<Vec<_>, _>>()?)
        })
        .await
}

fn of_version(document: &mut Document, row: &Row, version: ApiVersion) {
    if !version.has(46)
        && let Some(host) = document.object("HostConfig")
    {
        host.remove("Annotations");
    }
    if version.has(52) {
        let status = row.health.map_or("none", engine::HealthStatus::word);
        let health = json!({ "Status": status, "FailingStreak": row.failing_streak });
        document.set("Health", health);
    }
}
