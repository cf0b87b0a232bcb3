//! `run`, `create`, `start`, `attach`: the foreground stays here, the container is elsewhere. What it writes and how it ends come over two
//! connections that are there before it starts, so that nothing of either is missed.

use client_docker::{Answer, Client, Hijacked, Request};
use engine::DetachKeys;
use serde_json::Value;

use super::super::run::{IdFile, Wanted, detach_keys, proxies, to_create};
use super::streams::FarStreams;
use super::{Far, checkpoint, create as make, each, text};
use crate::arguments::Matches;
use crate::attach::{End, Foreground, Shown};
use crate::failure::Failure;
use crate::output;
use crate::signals::Held;

/// A container as the foreground sees it.
struct Watched<'a> {
    id: &'a str,
    input: bool,
    tty: bool,
    shown: Shown,
    keys: Option<DetachKeys>,
}

pub(in crate::commands) fn create(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request = to_create(matches)?;
    let id_file = IdFile::claim(matches.value("cidfile"))?;
    let id = make::create(far, matches, &request)?;
    id_file.write(&id)?;
    output::line(&id);
    Ok(0)
}

pub(in crate::commands) fn run(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let wanted = Wanted::read(matches)?;
    wanted.check_terminal()?;
    let Wanted { mut request, detached, input, shown } = wanted;
    let tty = request.config.tty;
    let keys = detach_keys(matches, tty)?;
    let id_file = IdFile::claim(matches.value("cidfile"))?;
    if !detached && request.config.attach.is_none() {
        request.config.attach = Some([input, shown.stdout, shown.stderr]);
    }
    let id = make::create(far, matches, &request)?;
    id_file.write(&id)?;
    if detached {
        begin(far, starting(&id))?;
        output::line(&id);
        return Ok(0);
    }
    let held = Held::take(proxies(matches), tty);
    let watched = Watched { id: &id, input, tty, shown, keys };
    let condition = if request.config.auto_remove { "removed" } else { "next-exit" };
    foreground(far, matches, watched, (held, condition), Some(starting(&id)))
}

fn starting(container: &str) -> Request<'static> {
    Request::post(&["containers", container, "start"])
}

/// The same, from the checkpoint that the line names.
fn restoring(container: &str, matches: &Matches) -> Request<'static> {
    let name = matches.value("checkpoint").filter(|name| !name.is_empty());
    starting(container)
        .with_some("checkpoint", name)
        .with_some("checkpoint-dir", checkpoint::directory(matches))
}

/// Starts it.
fn begin(far: &Far, request: Request<'_>) -> Result<(), Failure> {
    let started = far.client.done(request);
    started.map_err(|error| Failure::FarStart { error: Box::new(error) })
}

pub(in crate::commands) fn start(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let names = super::list::chosen(far, matches, "start", &["created", "exited"])?;
    crate::commands::checkpoint::of_start(matches, names.len())?;
    if !matches.on("attach") && !matches.on("interactive") {
        return each(&names, |name| {
            far.client.done(restoring(name, matches))?;
            output::line(name);
            Ok(())
        });
    }
    let [name] = names.as_slice() else {
        let words = "you cannot start and attach multiple containers at once";
        return Err(Failure::Words(words.to_owned()));
    };
    let container = far.get(&["containers", name, "json"])?;
    let watched = watched(&container, matches, matches.on("interactive"))?;
    let held = Held::take(proxies(matches) && !watched.tty, watched.tty);
    let is_removed = container["HostConfig"]["AutoRemove"].as_bool().unwrap_or(false);
    let condition = if is_removed { "removed" } else { "next-exit" };
    foreground(far, matches, watched, (held, condition), Some(restoring(name, matches)))
}

pub(in crate::commands) fn attach(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.word(0);
    let container = far.get(&["containers", name, "json"])?;
    let state = text(&container["State"], "Status");
    if !matches!(state.as_str(), "running" | "restarting") {
        return Err(Failure::Words(format!("attach to container {name}: it is {state}")));
    }
    let watched = watched(&container, matches, !matches.on("no-stdin"))?;
    let held = Held::take(proxies(matches) && !watched.tty, watched.tty);
    foreground(far, matches, watched, (held, "not-running"), None)
}

fn watched<'a>(
    container: &'a Value,
    matches: &Matches,
    input: bool,
) -> Result<Watched<'a>, Failure> {
    let config = &container["Config"];
    let tty = config["Tty"].as_bool().unwrap_or(false);
    Ok(Watched {
        id: container["Id"].as_str().unwrap_or_default(),
        input: input && config["OpenStdin"].as_bool().unwrap_or(false),
        tty,
        shown: Shown::ALL,
        keys: detach_keys(matches, tty)?,
    })
}

/// Attaches, starts where that is asked for, and stays until the container has ended.
fn foreground(
    far: &Far,
    matches: &Matches,
    watched: Watched<'_>,
    (held, condition): (Held, &str),
    starts: Option<Request<'_>>,
) -> Result<i32, Failure> {
    let Watched { id, input, tty, shown, keys } = watched;
    let mut attach = Request::post(&["containers", id, "attach"])
        .with_on("stream", true)
        .with_on("stdin", input)
        .with_on("stdout", shown.stdout)
        .with_on("stderr", shown.stderr);
    if let Some(text) = matches.text("detach-keys") {
        attach = attach.with("detachKeys", text);
    }
    let waiter = far.client.again();
    let prepare = || -> Result<(Hijacked, Option<Answer<'_>>), Failure> {
        let hijacked = far.client.hijack(attach)?;
        let end =
            if far.client.version().has(30) { Some(wait(&waiter, id, condition)?) } else { None };
        if let Some(request) = starts {
            begin(far, request)?;
        }
        Ok((hijacked, end))
    };
    let (hijacked, end) = match prepare() {
        Ok(prepared) => prepared,
        Err(failure) => {
            held.release();
            return Err(failure);
        }
    };
    let end = match end {
        Some(end) => end,
        // Older servers wait for nothing but that it does not run, and answer then.
        None => return old(far, hijacked, (id, input, tty, shown, keys), held),
    };
    let ended = stay(far, hijacked, (id, input, tty, shown, keys), held)?;
    match ended {
        Some(code) => Ok(code),
        None => exit_code(end),
    }
}

/// What a foreground is made of.
type Parts<'a> = (&'a str, bool, bool, Shown, Option<DetachKeys>);

fn old(far: &Far, hijacked: Hijacked, parts: Parts<'_>, held: Held) -> Result<i32, Failure> {
    let id = parts.0.to_owned();
    match stay(far, hijacked, parts, held)? {
        Some(code) => Ok(code),
        None => exit_code(far.client.send(Request::post(&["containers", &id, "wait"]))?),
    }
}

fn wait<'c>(client: &'c Client, id: &str, condition: &str) -> Result<Answer<'c>, Failure> {
    let request = Request::post(&["containers", id, "wait"]).with("condition", condition);
    Ok(client.send(request)?)
}

/// The code that the server tells once the container has ended.
fn exit_code(end: Answer<'_>) -> Result<i32, Failure> {
    let document: Value = end.document()?;
    if let Some(message) = document["Error"]["Message"].as_str().filter(|text| !text.is_empty()) {
        return Err(Failure::Words(message.to_owned()));
    }
    let code = document["StatusCode"].as_i64().unwrap_or(0);
    Ok(i32::try_from(code).unwrap_or(1))
}

/// Stays in the foreground; gives the exit code where it is not the container's.
fn stay(
    far: &Far,
    hijacked: Hijacked,
    (id, input, tty, shown, keys): Parts<'_>,
    held: Held,
) -> Result<Option<i32>, Failure> {
    let pass_on = |number: i32| {
        let request = Request::post(&["containers", id, "kill"]).with("signal", number.to_string());
        // It may have ended by itself meanwhile.
        let _ended = far.client.done(request);
    };
    let connection = FarStreams::new(hijacked, tty, &far.client, ("containers", id.to_owned()));
    let mut foreground = Foreground { connection, input, tty, shown, keys, signal: &pass_on };
    let end = foreground.run(&held);
    if let End::Signalled(number) = end {
        return Ok(Some(held.end_by(number)));
    }
    held.release();
    Ok(match end {
        End::Detached => Some(0),
        End::InputGiven => {
            output::line(id);
            Some(0)
        }
        End::OutputClosed => Some(output::UNREAD),
        End::Signalled(number) => Some(128 + number),
        End::Exited(_) | End::Lost => None,
    })
}
