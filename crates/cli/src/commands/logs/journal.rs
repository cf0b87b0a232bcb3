//! The log of a container whose lines went to systemd's journal: journalctl(1) reads it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use engine::log::Selection;
use engine::{Container, Engine};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Map, Value};

use super::{Printer, is_past, over_at, runs};
use crate::failure::Failure;

/// Fields of every entry: what is left, and not the journal's own, was asked for by the container's options.
const OURS: [&str; 14] = [
    "CONTAINER_ID",
    "CONTAINER_ID_FULL",
    "CONTAINER_NAME",
    "CONTAINER_TAG",
    "IMAGE_NAME",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_TIMESTAMP",
    "MESSAGE",
    "PRIORITY",
    "CONTAINER_PARTIAL_ID",
    "CONTAINER_PARTIAL_ORDINAL",
    "CONTAINER_PARTIAL_LAST",
    "CONTAINER_PARTIAL_MESSAGE",
    "TID",
];

pub(super) fn read(
    engine: &Engine,
    container: &Container,
    (selection, follow): (Selection, bool),
    out: &mut Printer,
) -> Result<i32, Failure> {
    let id = container.record.id.as_str();
    let follow = follow && runs(engine, id);
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--no-pager", "--all", "--output=json"]);
    command.arg(format!("CONTAINER_ID_FULL={id}"));
    let lines = selection.tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string());
    command.args(["--lines", &lines]).args(follow.then_some("--follow"));
    let failed = |cause| Failure::Words(format!("read the journal: run journalctl: {cause}"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let Some(stdout) = child.stdout.take() else { return Ok(1) };
    let printed = print(engine, id, BufReader::new(stdout), (selection, follow), out);
    if follow || printed.is_err() {
        let _ended = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    printed?;
    if follow || status.success() {
        Ok(0)
    } else {
        Err(failed(std::io::Error::other(status.to_string())))
    }
}

fn print(
    engine: &Engine,
    id: &str,
    mut lines: BufReader<std::process::ChildStdout>,
    (selection, follow): (Selection, bool),
    out: &mut Printer,
) -> Result<(), Failure> {
    let mut selection = selection;
    let over_at = over_at(selection.until.as_deref());
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let mut line = Vec::new();
    let mut was_over = false;
    loop {
        if follow && lines.buffer().is_empty() {
            out.flush()?;
            let mut polled = [PollFd::new(lines.get_ref(), PollFlags::IN)];
            // The journal tells no end of a container. What it still holds when that was seen comes within a second.
            if poll(&mut polled, Some(&second)).is_ok_and(|ready| ready == 0) {
                if was_over {
                    return Ok(());
                }
                selection.caught_up();
                was_over = !runs(engine, id) || is_past(over_at);
                continue;
            }
        }
        line.clear();
        let count =
            lines.read_until(b'\n', &mut line).map_err(Failure::file("read", "the journal"))?;
        if count == 0 {
            return out.flush();
        }
        if let Ok(Value::Object(entry)) = serde_json::from_slice(&line) {
            print_entry(&entry, &mut selection, out)?;
        }
    }
}

fn print_entry(
    entry: &Map<String, Value>,
    selection: &mut Selection,
    out: &mut Printer,
) -> Result<(), Failure> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = text("SYSLOG_TIMESTAMP");
    if !selection.wants(time) {
        return Ok(());
    }
    let details = || {
        let own = entry
            .iter()
            .filter(|(name, _)| !name.starts_with('_') && !OURS.contains(&name.as_str()));
        own.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect()
    };
    out.begin(text("PRIORITY") == "3", time, details)?;
    match entry.get("MESSAGE") {
        Some(Value::String(message)) => out.gathered.extend_from_slice(message.as_bytes()),
        // What is no text comes as a list of bytes, see "JSON Format" of systemd's documentation.
        Some(Value::Array(bytes)) => out.gathered.extend(
            bytes.iter().filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())),
        ),
        _ => {}
    }
    if text("CONTAINER_PARTIAL_MESSAGE") != "true" {
        out.gathered.push(b'\n');
    }
    Ok(())
}
