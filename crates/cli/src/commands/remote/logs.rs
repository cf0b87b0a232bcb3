//! `logs` of a container elsewhere: the server sends what it has chosen, both outputs apart where there is no terminal.

use std::io::Read;

use client_docker::{Frames, Request};

use super::super::events::time;
use super::Far;
use crate::arguments::Matches;
use crate::attach::write_all;
use crate::failure::Failure;

const CHUNK: usize = 64 * 1024;

pub(in crate::commands) fn logs(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let container = far.get(&["containers", matches.word(0), "json"])?;
    let tty = container["Config"]["Tty"].as_bool().unwrap_or(false);
    let tail = match matches.text("tail") {
        Some(text) if text != "all" && text.parse::<i64>().is_err() => {
            return Err(Failure::Words(format!(
                "invalid value {text:?} for --tail: it is no number"
            )));
        }
        tail => tail,
    };
    let until = time(matches, "until")?;
    if until.is_some() {
        far.demand(35, "--until")?;
    }
    let request = Request::get(&["containers", matches.word(0), "logs"])
        .with_on("stdout", true)
        .with_on("stderr", true)
        .with_on("follow", matches.on("follow"))
        .with_on("timestamps", matches.on("timestamps"))
        .with_on("details", matches.on("details"))
        .with_some("tail", tail)
        .with_some("since", time(matches, "since")?.map(seconds))
        .with_some("until", until.map(seconds));
    let mut answer = far.client.send(request)?;
    let (mut frames, mut buffer) = (Frames::default(), vec![0; CHUNK]);
    loop {
        let count = match answer.read(&mut buffer) {
            Ok(0) => return Ok(0),
            Ok(count) => count,
            Err(error) => {
                let host = far.client.host();
                return Err(Failure::Words(format!("hear {host}: {error}")));
            }
        };
        let mut rest = buffer.get(..count).unwrap_or_default();
        if tty {
            print(false, rest)?;
            continue;
        }
        while let Some(piece) = frames.next(&mut rest) {
            print(piece.is_error, piece.bytes)?;
        }
    }
}

fn print(is_error: bool, bytes: &[u8]) -> Result<(), Failure> {
    let stream = if is_error { rustix::stdio::stderr() } else { rustix::stdio::stdout() };
    write_all(stream, bytes).map_err(|errno| match errno {
        rustix::io::Errno::PIPE => Failure::Unread,
        errno => Failure::file("write", "the output")(errno.into()),
    })
}

/// A time as the API has it: seconds with nine digits of a fraction.
pub(super) fn seconds(time_ns: i64) -> String {
    let (seconds, rest) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000));
    format!("{seconds}.{rest:09}")
}
