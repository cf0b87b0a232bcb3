//! What moves a container between its states.

use std::sync::Arc;

use engine::{EngineError, parse};
use hyper::StatusCode;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::query::{BadParameter, Query};

/// `POST /containers/{name}/start`.
pub(super) async fn start(call: Call) -> Result<Answer, Failure> {
    let (name, shared) = (call.name(), Arc::clone(&call.shared));
    let checkpoint = super::checkpoints::of_start(&call)?;
    call.shared
        .with(move |engine| {
            let containers = engine.containers();
            let container = containers.get(&name)?;
            let id = container.record.id;
            let waiters = shared.starts.take(id.as_str());
            let started =
                containers.start_from(id.as_str(), waiters.attach(), checkpoint.as_ref())?;
            let Some(mut connection) = started else {
                return Ok(Answer::empty(StatusCode::NOT_MODIFIED));
            };
            containers.started(&id, &container.record.name.to_string(), &mut connection)?;
            waiters
                .give(connection, || containers.connect(&containers.get(id.as_str()).ok()?).ok());
            Ok(Answer::done())
        })
        .await
}

/// `POST /containers/{name}/resize`.
pub(super) async fn resize(call: Call) -> Result<Answer, Failure> {
    let (rows, columns) = call.query.size()?;
    let name = call.name();
    call.shared
        .with(move |engine| {
            engine.containers().resize(&name, rows, columns)?;
            Ok(Answer::empty(StatusCode::OK))
        })
        .await
}

/// Signal and seconds of `stop` and `restart`.
fn patience(query: &Query) -> Result<(Option<i32>, Option<i64>), Failure> {
    let signal = query.text("signal").map(parse::signal_number).transpose()?;
    Ok((signal, query.number("t")?))
}

/// `POST /containers/{name}/stop`.
pub(super) async fn stop(call: Call) -> Result<Answer, Failure> {
    let (name, (signal, seconds)) = (call.name(), patience(&call.query)?);
    call.shared
        .ending(move |engine| {
            let has_stopped = engine.containers().stop(&name, signal, seconds)?;
            Ok(if has_stopped { Answer::done() } else { Answer::empty(StatusCode::NOT_MODIFIED) })
        })
        .await
}

/// `POST /containers/{name}/restart`.
pub(super) async fn restart(call: Call) -> Result<Answer, Failure> {
    let (name, (signal, seconds)) = (call.name(), patience(&call.query)?);
    call.shared
        .ending(move |engine| {
            let containers = engine.containers();
            let (id, mut connection) = containers.restart(&name, signal, seconds)?;
            containers.restarted(&id, &name, &mut connection)?;
            Ok(Answer::done())
        })
        .await
}

/// `POST /containers/{name}/kill`.
pub(super) async fn kill(call: Call) -> Result<Answer, Failure> {
    let signal = parse::signal_number(call.query.text("signal").unwrap_or("KILL"))?;
    with_name(call, move |containers, name| containers.kill(name, signal)).await
}

/// `POST /containers/{name}/pause`.
pub(super) async fn pause(call: Call) -> Result<Answer, Failure> {
    with_name(call, |containers, name| containers.pause(name)).await
}

/// `POST /containers/{name}/unpause`.
pub(super) async fn unpause(call: Call) -> Result<Answer, Failure> {
    with_name(call, |containers, name| containers.unpause(name)).await
}

/// `POST /containers/{name}/rename`.
pub(super) async fn rename(call: Call) -> Result<Answer, Failure> {
    let wanted = call.query.text("name").map(|name| crate::router::bare(name).into_owned());
    let to = wanted.ok_or_else(|| BadParameter {
        name: "name".to_owned(),
        value: String::new(),
        why: "a container has a name",
    })?;
    with_name(call, move |containers, name| containers.rename(name, &to)).await
}

/// `DELETE /containers/{name}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Failure> {
    let (force, volumes) = (call.query.is_on("force"), call.query.is_on("v"));
    if call.query.is_on("link") {
        return Err(Failure::bad("there are no links that are names of containers"));
    }
    let name = call.name();
    call.shared
        .with(move |engine| {
            let containers = engine.containers();
            containers.remove(&name, force, volumes).map_err(|error| {
                let EngineError::State { name, state, .. } = &error else { return error.into() };
                let words = "stop the container before removing or force remove";
                let message =
                    format!("cannot remove container \"/{name}\": container is {state}: {words}");
                Failure { status: StatusCode::CONFLICT, message }
            })?;
            Ok(Answer::done())
        })
        .await
}

async fn with_name(
    call: Call,
    work: impl FnOnce(&engine::Containers<'_>, &str) -> Result<(), EngineError> + Send + 'static,
) -> Result<Answer, Failure> {
    let name = call.name();
    call.shared
        .with(move |engine| {
            work(&engine.containers(), &name)?;
            Ok(Answer::done())
        })
        .await
}
