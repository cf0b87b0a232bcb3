//! Further processes in containers: made, started with streams or without, sized, looked at.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use engine::{Connection, ExecRecord, ExecRequest, ProcessPipes};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::net::unix::pipe;

use super::Call;
use super::containers::attach::{keys, kind};
use crate::answer::Answer;
use crate::bodies;
use crate::failure::Failure;
use crate::hijack::{Hijack, Wire};
use crate::operation::ExecOperation;
use crate::relay::{self, Client, End, Streams, Wants};
use crate::shared::Shared;
use crate::talk::{Said, Talk};

pub(super) async fn answer(operation: ExecOperation, call: Call) -> Result<Answer, Failure> {
    match operation {
        ExecOperation::Create => create(call).await,
        ExecOperation::Start => start(call).await,
        ExecOperation::Resize => resize(call).await,
        ExecOperation::Inspect => {
            let id = call.name();
            call.shared
                .with(move |engine| Answer::json(&engine.containers().inspect_exec(&id)?))
                .await
        }
    }
}

/// The body of `POST /containers/{name}/exec`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Create {
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    tty: bool,
    privileged: bool,
    cmd: Option<bodies::Words>,
    env: Vec<String>,
    working_dir: String,
    user: String,
    detach_keys: String,
    console_size: Option<[u16; 2]>,
}

async fn create(call: Call) -> Result<Answer, Failure> {
    let (name, shared) = (call.name(), Arc::clone(&call.shared));
    let body: Create = bodies::read(&call.body().await?)?;
    let command: Vec<String> = body.cmd.map(Into::into).unwrap_or_default();
    if command.is_empty() {
        return Err(Failure::bad("No exec command specified"));
    }
    keys(Some(&body.detach_keys), body.tty)?;
    let attach = [body.attach_stdin, body.attach_stdout, body.attach_stderr];
    let request = ExecRequest {
        apparmor: None,
        command,
        env: body.env,
        workdir: body.working_dir,
        user: body.user,
        tty: body.tty,
        size: body.console_size.map(|[rows, columns]| (rows, columns)),
        privileged: body.privileged,
        id: None,
    };
    let detach_keys = Some(body.detach_keys).filter(|keys| !keys.is_empty());
    shared
        .with(move |engine| {
            let made = engine.containers().create_exec(&name, request, attach, detach_keys)?;
            Answer::json_with(StatusCode::CREATED, &json!({ "Id": made.id }))
        })
        .await
}

/// Why one does not run, and the exit code that whoever looks for it finds.
struct Refused {
    code: i32,
    failure: Failure,
}

impl From<Failure> for Refused {
    /// As of one that could not be run.
    fn from(failure: Failure) -> Self {
        Self { code: 126, failure }
    }
}

/// The body of `POST /exec/{name}/start`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Start {
    detach: bool,
    tty: bool,
    console_size: Option<[u16; 2]>,
}

async fn start(call: Call) -> Result<Answer, Failure> {
    let (id, shared) = (call.name(), Arc::clone(&call.shared));
    let (version, headers) = (call.routed.version, call.request.headers().clone());
    let body: Start = bodies::read(&call.body().await?)?;
    let mut record = shared.with(move |engine| Ok(engine.containers().claim_exec(&id)?)).await?;
    record.request.size = body.console_size.map(Into::into).or(record.request.size);
    if body.detach {
        let (mut talk, _console) = match begin(&shared, &mut record, None).await {
            Ok(begun) => begun,
            Err(refused) => {
                ended(&shared, record, Some(refused.code)).await;
                return Err(refused.failure);
            }
        };
        tokio::spawn(async move {
            let code = until_end(&mut talk).await;
            ended(&shared, record, code).await;
        });
        return Ok(Answer::empty(StatusCode::OK));
    }
    // Its streams are as it was made; what is said here about them is how the client takes them.
    let kind = kind(body.tty, version);
    Ok(Answer::Hijack(Hijack::answering(&headers, kind, move |wire| stay(shared, record, wire))))
}

/// Starts it; gives its connection once it runs, and the master of its terminal.
async fn begin(
    shared: &Arc<Shared>,
    record: &mut ExecRecord,
    pipes: Option<[OwnedFd; 3]>,
) -> Result<(Talk, Option<OwnedFd>), Refused> {
    let (container, mut request) = (record.container.clone(), record.request.clone());
    // A terminal nobody holds would hang up at once.
    request.tty &= record.attach.contains(&true);
    request.id = Some(record.id.clone());
    let connection: Connection = shared
        .with(move |engine| {
            let streams = pipes.as_ref().map(|pipes| pipes.each_ref().map(AsFd::as_fd));
            let (_name, connection) =
                engine.containers().exec(container.as_str(), &request, streams)?;
            Ok(connection)
        })
        .await?;
    let failed = |error: std::io::Error| Failure::internal(error.to_string());
    let mut talk = Talk::over(connection).map_err(failed)?;
    loop {
        match talk.hear().await {
            Said::Started(pid, console) => {
                let mut running = record.clone();
                *record = shared
                    .with(move |engine| {
                        engine.containers().exec_runs(&mut running, pid)?;
                        Ok(running)
                    })
                    .await?;
                return Ok((talk, console));
            }
            Said::Failed(code, why) => {
                let failure = Failure::bad(format!("OCI runtime exec failed: {why}"));
                // What could not be run is 126 or 127 to those who ask; 125 is ours to say of a command.
                let code = if code == 125 { 126 } else { code.into() };
                return Err(Refused { code, failure });
            }
            Said::Closed => {
                return Err(Failure::internal("the container's monitor is gone").into());
            }
            Said::Output(..) | Said::Exited(_) | Said::Other => {}
        }
    }
}

async fn until_end(talk: &mut Talk) -> Option<i32> {
    loop {
        match talk.hear().await {
            Said::Exited(code) => return Some(code),
            Said::Closed => return None,
            Said::Failed(code, _) => return Some(code.into()),
            Said::Output(..) | Said::Started(..) | Said::Other => {}
        }
    }
}

async fn ended(shared: &Arc<Shared>, mut record: ExecRecord, code: Option<i32>) {
    let Some(code) = code else { return };
    // Its container may be gone with all that is known of it.
    let _written =
        shared.with(move |engine| Ok(engine.containers().exec_ended(&mut record, code)?)).await;
}

async fn stay(shared: Arc<Shared>, mut record: ExecRecord, wire: Wire) {
    let [input, stdout, stderr] = record.attach;
    let tty = record.request.tty;
    let keys = keys(record.detach_keys.as_deref(), tty).ok().flatten();
    let mut client = Client::new(wire, Wants { input, stdout, stderr, tty, keys });
    let begun = match attached(&shared, &mut record).await {
        Ok(begun) => begun,
        Err(Refused { code, failure }) => {
            ended(&shared, record, Some(code)).await;
            let _gone = client.tell(&format!("{}\r\n", failure.message)).await;
            client.close().await;
            return;
        }
    };
    let (mut talk, mut streams) = begun;
    let id = record.id.clone();
    match relay::process(&mut talk, &mut streams, &mut client).await {
        End::Exited(code) => {
            // Who sees the end of the stream asks for the code next.
            ended(&shared, record, code).await;
            client.close().await;
        }
        End::Detached | End::Left => {
            client.close().await;
            let code = relay::discard(&mut talk, &mut streams).await;
            ended(&shared, record, code).await;
        }
    }
    shared.consoles.remove(&id);
}

/// Starts it with the streams that are wanted.
async fn attached(
    shared: &Arc<Shared>,
    record: &mut ExecRecord,
) -> Result<(Talk, Streams), Refused> {
    let failed = |error: std::io::Error| Failure::internal(format!("make pipes: {error}"));
    if record.request.tty {
        let (talk, console) = begin(shared, record, None).await?;
        let Some(console) = console else {
            return Err(Failure::internal("the container's monitor gave no terminal").into());
        };
        rustix::io::ioctl_fionbio(&console, true).map_err(|errno| failed(errno.into()))?;
        shared.consoles.keep(&record.id, console.try_clone().map_err(failed)?);
        let reader = console.try_clone().and_then(pipe::Receiver::from_owned_fd_unchecked);
        let stdin = pipe::Sender::from_owned_fd_unchecked(console).map_err(failed)?;
        let outputs = [Some(reader.map_err(failed)?), None];
        return Ok((talk, Streams { stdin: Some(stdin), outputs }));
    }
    let [input, ..] = record.attach;
    let container = record.container.clone();
    let pipes = shared
        .with(move |engine| {
            let label = engine.containers().label_of_streams(container.as_str())?;
            ProcessPipes::new(input, label.as_deref())
                .map_err(|errno| Failure::internal(format!("make pipes: {errno}")))
        })
        .await?;
    let (talk, _none) = begin(shared, record, Some(pipes.theirs)).await?;
    let stdin = pipes.stdin.map(pipe::Sender::from_owned_fd).transpose().map_err(failed)?;
    let stdout = pipe::Receiver::from_owned_fd(pipes.stdout).map_err(failed)?;
    let stderr = pipe::Receiver::from_owned_fd(pipes.stderr).map_err(failed)?;
    Ok((talk, Streams { stdin, outputs: [Some(stdout), Some(stderr)] }))
}

/// `POST /exec/{name}/resize`.
async fn resize(call: Call) -> Result<Answer, Failure> {
    let (rows, columns) = call.query.size()?;
    let (id, shared) = (call.name(), Arc::clone(&call.shared));
    let known = id.clone();
    shared.with(move |engine| Ok(engine.containers().exec_record(&known)?)).await?;
    shared.consoles.resize(&id, rows, columns)?;
    Ok(Answer::empty(StatusCode::OK))
}
