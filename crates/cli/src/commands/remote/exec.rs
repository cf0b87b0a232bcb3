//! `exec`: a further process in a container elsewhere.

use client_docker::Request;
use engine::DetachKeys;
use serde_json::{Value, json};

use super::streams::FarStreams;
use super::{Far, text};
use crate::arguments::Matches;
use crate::attach::{End, Foreground, Shown};
use crate::failure::Failure;
use crate::output;
use crate::request::environment;
use crate::signals::Held;
use crate::terminal;

const DETACH_KEYS: &str = "ctrl-p,ctrl-q";
/// How often it is asked for the code of a process whose streams have ended.
const LOOKS: usize = 500;

pub(in crate::commands) fn exec(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let detached = matches.on("detach");
    let tty = matches.on("tty") && !detached;
    let input = matches.on("interactive") && !detached;
    if tty && input && !terminal::is_terminal() {
        return Err(Failure::NoTerminal);
    }
    let env = environment(matches)?;
    if !env.is_empty() {
        far.demand(25, "--env")?;
    }
    let given = matches.text("detach-keys");
    let keys = DetachKeys::parse(given.unwrap_or(DETACH_KEYS))
        .ok_or_else(|| Failure::Words(format!("invalid detach keys {given:?}")))?;
    let document = json!({
        "AttachStdin": input,
        "AttachStdout": !detached,
        "AttachStderr": !detached,
        "Tty": tty,
        "DetachKeys": given.unwrap_or_default(),
        "Env": env,
        "Cmd": matches.words.get(1..).unwrap_or_default(),
        "Privileged": matches.on("privileged"),
        "User": matches.value("user").unwrap_or_default(),
        "WorkingDir": matches.value("workdir").unwrap_or_default(),
    });
    let request = Request::post(&["containers", matches.word(0), "exec"]).document(&document);
    let id = text(&far.client.document(request)?, "Id");
    let failed = |error| Failure::FarStart { error: Box::new(error) };
    let start =
        Request::post(&["exec", &id, "start"]).document(&json!({ "Detach": detached, "Tty": tty }));
    if detached {
        far.client.done(start).map_err(failed)?;
        return Ok(0);
    }
    let held = Held::take(false, tty);
    let hijacked = match far.client.hijack(start) {
        Ok(hijacked) => hijacked,
        Err(error) => {
            held.release();
            return Err(failed(error));
        }
    };
    let connection = FarStreams::new(hijacked, tty, &far.client, ("exec", id.clone()));
    let keys = tty.then_some(keys);
    let nobody = |_signal| {};
    let mut foreground =
        Foreground { connection, input, tty, shown: Shown::ALL, keys, signal: &nobody };
    let end = foreground.run(&held);
    if let End::Signalled(number) = end {
        return Ok(held.end_by(number));
    }
    held.release();
    match end {
        End::Detached | End::InputGiven => Ok(0),
        End::OutputClosed => Ok(output::UNREAD),
        End::Signalled(number) => Ok(128 + number),
        End::Exited(_) | End::Lost => exit_code(far, &id),
    }
}

/// The code of a process whose streams have ended.
fn exit_code(far: &Far, id: &str) -> Result<i32, Failure> {
    // dockerd hears of the end by another way than of that of the streams, and a little later.
    let between = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    for _ in 0..LOOKS {
        let document: Value = far.get(&["exec", id, "json"])?;
        let code = document["ExitCode"].as_i64().and_then(|code| i32::try_from(code).ok());
        if let Some(code) = code.filter(|_| !document["Running"].as_bool().unwrap_or(false)) {
            return Ok(code);
        }
        let _interrupted = rustix::event::poll(&mut [], Some(&between));
    }
    let host = far.client.host();
    Err(Failure::Words(format!("hear {host}: the connection ended before the process did")))
}
