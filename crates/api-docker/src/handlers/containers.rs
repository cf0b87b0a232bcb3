//! Containers.

pub(super) mod attach;
mod checkpoints;
mod create;
mod files;
mod inspected;
mod life;
mod listed;
mod logs;
mod stats;
mod upkeep;
mod wait;

use super::Call;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::operation::ContainerOperation;

/// Answers one of them.
pub(super) async fn answer(operation: ContainerOperation, call: Call) -> Result<Answer, Failure> {
    use ContainerOperation as Is;
    match operation {
        Is::List => listed::list(call).await,
        Is::Create => create::create(call).await,
        Is::Inspect => inspected::inspect(call).await,
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
        Is::Prune => upkeep::prune(call).await,
        Is::Top => upkeep::top(call).await,
        Is::Update => upkeep::update(call).await,
        Is::CheckpointCreate => checkpoints::create(call).await,
        Is::CheckpointList => checkpoints::list(call).await,
        Is::CheckpointDelete => checkpoints::delete(call).await,
        Is::Changes => files::changes(call).await,
        Is::Export => files::export(call).await,
        Is::ArchiveInfo => files::info(call).await,
        Is::Archive => files::get(call).await,
        Is::ArchivePut => files::put(call).await,
        Is::AttachWebsocket => attach::over_websocket(call).await,
    }
}
