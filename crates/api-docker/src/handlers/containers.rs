//! Containers.

pub(super) mod attach;
mod life;
mod listed;
mod logs;
mod stats;
mod wait;

use hyper::StatusCode;
use serde_json::json;

use super::Call;
use crate::answer::Answer;
use crate::bodies::{self, container::Create};
use crate::failure::Failure;
use crate::operation::ContainerOperation;
use crate::policy::limited;

/// Answers one of them.
pub(super) async fn answer(operation: ContainerOperation, call: Call) -> Result<Answer, Failure> {
    use ContainerOperation as Is;
    match operation {
        Is::List => listed::list(call).await,
        Is::Create => create(call).await,
        Is::Inspect => inspect(call).await,
        Is::Start => life::start(call).await,
        Is::Stop => life::stop(call).await,
        Is::Restart => life::restart(call).await,
        Is::Kill => life::kill(call).await,
        Is::Pause => life::pause(call).await,
        Is::Unpause => life::unpause(call).await,
        Is::Rename => life::rename(call).await,
        Is::Delete => life::delete(call).await,
        Is::Attach => attach::attach(call).await,
        Is::Logs => logs::logs(call).await,
        Is::Stats => stats::stats(call).await,
        Is::Wait => wait::wait(call).await,
        Is::Resize => life::resize(call).await,
        Is::Prune
        | Is::Top
        | Is::Changes
        | Is::Export
        | Is::Update
        | Is::AttachWebsocket
        | Is::ArchiveInfo
        | Is::Archive
        | Is::ArchivePut
        | Is::CheckpointCreate
        | Is::CheckpointList
        | Is::CheckpointDelete => Err(super::not_yet(call.routed.operation)),
    }
}

/// `POST /containers/create`.
async fn create(mut call: Call) -> Result<Answer, Failure> {
    let name = call.query.text("name").map(|name| crate::router::bare(name).into_owned());
    let body: Create = bodies::read(&call.peek().await?)?;
    let request = limited(&call, body.request(name)?).await?;
    call.shared
        .with(move |engine| {
            let (id, warnings) = engine.containers().create(&request)?;
            let document = json!({ "Id": id.as_str(), "Warnings": warnings });
            Answer::json_with(StatusCode::CREATED, &document)
        })
        .await
}

/// `GET /containers/{name}/json`.
async fn inspect(call: Call) -> Result<Answer, Failure> {
    let (name, size) = (call.name(), call.query.is_on("size"));
    call.shared.with(move |engine| Answer::json(&engine.containers().inspect(&name, size)?)).await
}
