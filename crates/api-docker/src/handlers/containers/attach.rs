//! `POST /containers/{name}/attach`: the streams of a container, from its first byte where the client came before its start.

use std::sync::Arc;

use engine::{Connection, DetachKeys, Phase};
use hyper::HeaderMap;

use super::logs;
use tokio::sync::broadcast::error::RecvError;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::hijack::{Hijack, Wire};
use crate::hub::Listener;
use crate::query::Query;
use crate::relay::{self, Client, End, Wants};
use crate::shared::Shared;
use crate::starts::Waiting;
use crate::talk::Talk;
use crate::version::ApiVersion;
use crate::websocket;

/// Keys that end an attachment to a terminal where nobody says otherwise.
const KEYS: &str = "ctrl-p,ctrl-q";

/// What the bytes behind the head are: those of a terminal as they are, others behind headers.
pub(crate) fn kind(tty: bool, version: ApiVersion) -> &'static str {
    if tty || !version.has(42) {
        "application/vnd.docker.raw-stream"
    } else {
        "application/vnd.docker.multiplexed-stream"
    }
}

/// The keys of a terminal.
pub(crate) fn keys(text: Option<&str>, tty: bool) -> Result<Option<DetachKeys>, Failure> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(KEYS);
    let keys = DetachKeys::parse(text)
        .ok_or_else(|| Failure::bad(format!("invalid detach keys {text:?} provided")))?;
    Ok(tty.then_some(keys))
}

/// What the streams of a container are to come from.
enum Source {
    /// It runs.
    Now(Connection),
    /// It is about to, when somebody starts it: here, or elsewhere.
    Later(Waiting, Listener),
    /// Nobody wants them.
    Nothing,
}

/// A container as it was found.
struct Found {
    id: String,
    tty: bool,
    has_stdin: bool,
    source: Source,
}

/// An attachment that is about to be.
struct Attachment {
    shared: Arc<Shared>,
    found: Found,
    wants: Wants,
    logs: bool,
}

pub(super) async fn attach(call: Call) -> Result<Answer, Failure> {
    let version = call.routed.version;
    let headers = call.request.headers().clone();
    let attachment = prepare(&call).await?;
    let kind = kind(attachment.found.tty, version);
    Ok(Answer::Hijack(answering(&headers, kind, attachment)))
}

/// `GET /containers/{name}/attach/ws`: the same over a WebSocket, both outputs as they are.
pub(super) async fn over_websocket(call: Call) -> Result<Answer, Failure> {
    let headers = call.request.headers().clone();
    let mut attachment = prepare(&call).await?;
    attachment.wants.tty = true;
    let hijack = websocket::answering(&headers, move |wire| stay(attachment, wire))?;
    Ok(Answer::Hijack(hijack))
}

fn answering(headers: &HeaderMap, kind: &str, attachment: Attachment) -> Hijack {
    Hijack::answering(headers, kind, move |wire| stay(attachment, wire))
}

async fn prepare(call: &Call) -> Result<Attachment, Failure> {
    let query = &call.query;
    let (input, stdout, stderr) =
        (query.is_on("stdin"), query.is_on("stdout"), query.is_on("stderr"));
    let found = find(call, query, (input, stdout || stderr)).await?;
    let keys = keys(query.get("detachKeys"), found.tty)?;
    let wants = Wants { input: input && found.has_stdin, stdout, stderr, tty: found.tty, keys };
    Ok(Attachment { shared: Arc::clone(&call.shared), found, wants, logs: query.is_on("logs") })
}

async fn find(call: &Call, query: &Query, (input, output): (bool, bool)) -> Result<Found, Failure> {
    let (name, is_wanted) = (call.name(), query.is_on("stream"));
    let shared = Arc::clone(&call.shared);
    let listener = shared.listen()?;
    call.shared
        .with(move |engine| {
            let containers = engine.containers();
            let container = containers.get(&name)?;
            let id = container.record.id.as_str().to_owned();
            let source = if !is_wanted {
                Source::Nothing
            } else {
                match container.state.phase() {
                    Phase::Created | Phase::Exited => {
                        Source::Later(shared.starts.wait(&id, input, output), listener)
                    }
                    Phase::Starting | Phase::Running | Phase::Paused | Phase::Restarting => {
                        let connection = containers.connect(&container)?;
                        connection
                            .attach(input, output)
                            .map_err(|errno| Failure::internal(errno.to_string()))?;
                        Source::Now(connection)
                    }
                }
            };
            Ok(Found {
                id,
                tty: container.config.tty,
                has_stdin: container.config.open_stdin,
                source,
            })
        })
        .await
}

async fn stay(attachment: Attachment, wire: Wire) {
    let Attachment { shared, found: Found { id, source, .. }, wants, logs } = attachment;
    let asked = (wants.input, wants.stdout || wants.stderr);
    let mut client = Client::new(wire, wants);
    if logs && logs::show(&shared, &id, &mut client).await.is_err() {
        return;
    }
    let connection = match source {
        Source::Nothing => None,
        Source::Now(connection) => Some(connection),
        Source::Later(waiting, news) => {
            tokio::select! {
                connection = started(&shared, (&id, asked), waiting, news) => connection,
                () = client.left() => None,
            }
        }
    };
    if let Some(Ok(mut talk)) = connection.map(Talk::over) {
        let end = relay::container(&mut talk, &mut client).await;
        finish(&shared, id, end, talk).await;
    }
    client.close().await;
}

/// What an attachment's end has behind it.
async fn finish(shared: &Arc<Shared>, id: String, end: End, talk: Talk) {
    let _told = shared
        .with(move |engine| {
            let containers = engine.containers();
            match end {
                End::Detached => containers.tell_of(&containers.get(&id)?.record.id, "detach")?,
                // As a command in the foreground does: one with --rm is removed at once, not when its monitor sees that nobody else does it.
                End::Exited(Some(_)) => containers.ended(&containers.get(&id)?.record.id)?,
                End::Exited(None) | End::Left => {}
            }
            Ok(())
        })
        .await;
    drop(talk);
}

/// Until somebody starts the container: a request of this server, whose connection has all of its output, or somebody else. Nothing where it is
/// removed before.
async fn started(
    shared: &Arc<Shared>,
    (id, (input, output)): (&str, (bool, bool)),
    mut waiting: Waiting,
    mut news: Listener,
) -> Option<Connection> {
    loop {
        tokio::select! {
            connection = &mut waiting.receiver => return connection.ok(),
            told = news.recv() => match told {
                Ok(told) if told.event.kind != "container" || told.event.actor.id != id => {}
                Ok(told) if told.event.action == "destroy" => return None,
                Ok(told) if told.event.action != "start" => {}
                Err(RecvError::Closed) => return waiting.receiver.await.ok(),
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    if !shared.starts.withdraw(id, &waiting) {
                        return waiting.receiver.await.ok();
                    }
                    if let Some(connection) = connect(shared, id, (input, output)).await {
                        return Some(connection);
                    }
                    // It has ended already: the next start counts.
                    waiting = shared.starts.wait(id, input, output);
                }
            },
        }
    }
}

async fn connect(
    shared: &Arc<Shared>,
    id: &str,
    (input, output): (bool, bool),
) -> Option<Connection> {
    let id = id.to_owned();
    let connected = shared.with(move |engine| {
        let containers = engine.containers();
        let connection = containers.connect(&containers.get(&id)?)?;
        connection.attach(input, output).map_err(|errno| Failure::internal(errno.to_string()))?;
        Ok(connection)
    });
    connected.await.ok()
}
