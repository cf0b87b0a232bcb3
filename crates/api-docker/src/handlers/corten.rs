//! What Docker has not: metrics, and the description of what is served.

use std::collections::BTreeMap;

use engine::Phase;

use super::Call;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::operation::CortenOperation;
use crate::traces::Traces;

pub(super) async fn answer(operation: CortenOperation, call: Call) -> Result<Answer, Failure> {
    match operation {
        CortenOperation::Metrics => metrics(call).await,
        CortenOperation::Description => Answer::json(&crate::description::description()),
    }
}

/// `GET /metrics`.
async fn metrics(call: Call) -> Result<Answer, Failure> {
    let containers = call
        .shared
        .with(|engine| {
            let mut states = BTreeMap::new();
            for container in engine.containers().all()? {
                *states.entry(word(container.state.phase())).or_default() += 1;
            }
            Ok(states)
        })
        .await?;
    let spans_lost = call.shared.traces.as_ref().map(Traces::lost);
    Ok(Answer::text(call.shared.metrics.text(&containers, spans_lost)))
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Created | Phase::Starting => "created",
        Phase::Running => "running",
        Phase::Paused => "paused",
        Phase::Restarting => "restarting",
        Phase::Exited => "exited",
    }
}
