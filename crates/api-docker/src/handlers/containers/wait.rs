//! `POST /containers/{name}/wait`: the head comes at once, the exit code when the container is where somebody wants it.

use std::sync::Arc;
use std::time::Duration;

use engine::{Condition, Wait};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::answer::{Answer, JSON, line};
use crate::failure::Failure;
use crate::flow::outgoing;
use crate::handlers::Call;
use crate::hub::Listener;
use crate::shared::Shared;

/// Between looks at a container of which nothing is told: a full disk keeps events from being written.
const GLANCE: Duration = Duration::from_secs(10);

pub(super) async fn wait(call: Call) -> Result<Answer, Failure> {
    let condition = match call.query.text("condition") {
        None | Some("not-running") => Condition::NotRunning,
        Some("next-exit") => Condition::NextExit,
        Some("removed") => Condition::Removed,
        Some(other) => return Err(Failure::bad(format!("invalid condition: {other:?}"))),
    };
    let (shared, name) = (Arc::clone(&call.shared), call.name());
    let news = shared.listen()?;
    let wait =
        shared.with(move |engine| Ok(engine.containers().begin_wait(&name, &[condition])?)).await?;
    let (out, body) = outgoing();
    tokio::spawn(async move {
        tokio::select! {
            () = out.gone() => {}
            code = until_met(&shared, wait, news) => {
                let document = match code {
                    // One that was removed before it ran ends with nothing.
                    Ok(code) => json!({ "StatusCode": code.max(0) }),
                    Err(failure) => {
                        json!({ "StatusCode": 125, "Error": { "Message": failure.message } })
                    }
                };
                if let Ok(line) = line(&document) {
                    let _gone = out.send(line).await;
                }
            }
        }
    });
    Ok(Answer::stream(JSON, body))
}

async fn until_met(
    shared: &Arc<Shared>,
    mut wait: Wait,
    mut news: Listener,
) -> Result<i32, Failure> {
    loop {
        let current = wait.clone();
        if let Some(code) =
            shared.with(move |engine| Ok(engine.containers().look_for(&current)?)).await?
        {
            return Ok(code);
        }
        // Only what concerns it is worth a look.
        loop {
            match timeout(GLANCE, news.recv()).await {
                Ok(Ok(told)) if !wait.concerns(&told.event) => {}
                Ok(Ok(told)) => {
                    if let Some(code) = wait.hear(&told.event) {
                        return Ok(code);
                    }
                    break;
                }
                Err(_elapsed) => break,
                Ok(Err(RecvError::Lagged(_))) => break,
                Ok(Err(RecvError::Closed)) => {
                    news = shared.listen()?;
                    break;
                }
            }
        }
    }
}
