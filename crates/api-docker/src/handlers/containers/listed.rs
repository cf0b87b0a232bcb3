//! `GET /containers/json`.

use std::ops::ControlFlow;

use engine::{Document, Filter, Row};
use serde_json::json;

use crate::answer::{Answer, JsonList};
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
            let mut list = JsonList::default();
            let mut left = limit.unwrap_or(usize::MAX);
            let mut told = Ok(());
            // Each is written as it is made: thousands need not be in memory as documents.
            containers.visit(all, &filter, size, |row| {
                let document = containers.listed(&row).map_err(Failure::from);
                told = document.and_then(|mut document| {
                    of_version(&mut document, &row, version);
                    list.push(&document)
                });
                left -= 1;
                if told.is_ok() && left > 0 {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            told?;
            Ok(list.answer())
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
