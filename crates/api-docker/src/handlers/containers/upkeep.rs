//! What is looked after in containers that are there: their processes, limits and number.

use std::sync::Arc;

use engine::Update;
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::bodies::{
    self,
    host::{Resources, RestartPolicy, restart},
};
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;
use crate::handlers::networks::{PRUNE_FILTERS, or_null, prune_filter};

/// `POST /containers/prune`.
pub(super) async fn prune(call: Call) -> Result<Answer, Failure> {
    let filter = prune_filter(&Filters::of(&call.query)?.only(PRUNE_FILTERS)?)?;
    call.shared
        .with(move |engine| {
            let pruned = engine.room().prune_containers(&filter)?;
            let (deleted, bytes) = (or_null(pruned.deleted), pruned.freed_bytes);
            Answer::json(&json!({ "ContainersDeleted": deleted, "SpaceReclaimed": bytes }))
        })
        .await
}

/// `GET /containers/{name}/top`.
pub(super) async fn top(call: Call) -> Result<Answer, Failure> {
    let words = call.query.text("ps_args").unwrap_or("-ef").split_whitespace();
    let options: Vec<String> = words.map(str::to_owned).collect();
    let name = call.name();
    call.shared
        .with(move |engine| {
            let mut table = engine.containers().process_table(&name, &options)?.into_iter();
            let titles = table.next().unwrap_or_default();
            let rows: Vec<_> = table.collect();
            Answer::json(&json!({ "Titles": titles, "Processes": rows }))
        })
        .await
}

/// The body of `POST /containers/{name}/update`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Change {
    restart_policy: RestartPolicy,
    #[serde(flatten)]
    resources: Resources,
}

/// `POST /containers/{name}/update`.
pub(super) async fn update(call: Call) -> Result<Answer, Failure> {
    let (name, version, shared) = (call.name(), call.routed.version, Arc::clone(&call.shared));
    let mut body: Change = bodies::read(&call.body().await?)?;
    if !version.has(40) {
        body.resources.without_pids();
    }
    let policy = Some(&body.restart_policy).filter(|policy| !policy.name.is_empty());
    let update = Update {
        limits: body.resources.changes()?,
        restart: policy.map(restart).transpose()?,
        ..Update::default()
    };
    shared
        .with(move |engine| {
            let warnings = engine.containers().update(&name, &update)?;
            Answer::json(&json!({ "Warnings": or_null(warnings) }))
        })
        .await
}
