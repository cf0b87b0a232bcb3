//! Checkpoints of containers, and what a start says of one. Docker shows them to clients of servers with experiments only.

use std::path::PathBuf;

use engine::CheckpointName;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::bodies;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::policy::Refusal;

/// The body of `POST /containers/{name}/checkpoints`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    #[serde(rename = "CheckpointID")]
    name: String,
    #[serde(rename = "CheckpointDir")]
    directory: String,
    #[serde(rename = "Exit")]
    ends: bool,
}

/// `POST /containers/{name}/checkpoints`.
pub(super) async fn create(mut call: Call) -> Result<Answer, Failure> {
    let wanted: Wanted = bodies::read(&call.peek().await?)?;
    let given = Some(wanted.directory.as_str()).filter(|text| !text.is_empty());
    let (container, directory) = (call.name(), allowed(&call, given)?);
    call.shared
        .with(move |engine| {
            let checkpoint = CheckpointName { name: wanted.name, directory };
            engine.containers().checkpoint(&container, &checkpoint, !wanted.ends)?;
            Ok(Answer::empty(StatusCode::CREATED))
        })
        .await
}

/// `GET /containers/{name}/checkpoints`.
pub(super) async fn list(call: Call) -> Result<Answer, Failure> {
    let (container, directory) = (call.name(), directory(&call, "dir")?);
    call.shared
        .with(move |engine| {
            let names = engine.containers().checkpoints(&container, directory.as_deref())?;
            let names: Vec<Value> = names.iter().map(|name| json!({ "Name": name })).collect();
            Answer::json(&names)
        })
        .await
}

/// `DELETE /containers/{name}/checkpoints/{name}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Failure> {
    let (container, directory) = (call.name(), directory(&call, "dir")?);
    let name = call.routed.names.get(1).cloned().unwrap_or_default();
    call.shared
        .with(move |engine| {
            let checkpoint = CheckpointName { name, directory };
            engine.containers().remove_checkpoint(&container, &checkpoint)?;
            Ok(Answer::done())
        })
        .await
}

/// What a start is to go on from, where it says so.
pub(super) fn of_start(call: &Call) -> Result<Option<CheckpointName>, Failure> {
    let directory = directory(call, "checkpoint-dir")?;
    let name = call.query.text("checkpoint").map(str::to_owned);
    Ok(name.map(|name| CheckpointName { name, directory }))
}

/// A directory of the machine. Limited sockets have none: images that somebody else has written make processes of every kind.
fn directory(call: &Call, parameter: &str) -> Result<Option<PathBuf>, Failure> {
    allowed(call, call.query.text(parameter))
}

fn allowed(call: &Call, directory: Option<&str>) -> Result<Option<PathBuf>, Failure> {
    if call.policy.is_some() && directory.is_some() {
        let refusal = Refusal::new("checkpoints", "a directory of the machine is not allowed");
        return Err(call.refused(&refusal));
    }
    Ok(directory.map(PathBuf::from))
}
