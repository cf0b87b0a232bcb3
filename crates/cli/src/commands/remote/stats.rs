//! `stats` of containers elsewhere: the server is asked again and again, and what has happened between two of its answers is shown.

use std::time::{Duration, Instant};

use client_docker::Request;
use engine::Reading;
use serde_json::Value;

use super::super::stats::{Row, Seen, watch};
use super::list::{Summary, read};
use super::look::bytes;
use super::{Far, text};
use crate::arguments::Matches;
use crate::failure::Failure;

pub(in crate::commands) fn stats(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    watch(matches, |_| look(far, matches))
}

/// One answer for each of the containers.
fn look(far: &Far, matches: &Matches) -> Result<Vec<Seen>, Failure> {
    let mut all = Vec::new();
    if matches.words.is_empty() {
        let request = Request::get(&["containers", "json"]).with_on("all", matches.on("all"));
        let found: Vec<Summary> = read(far, request)?;
        all.extend(found.iter().map(|one| (one.short(), one.row())));
    } else {
        for word in &matches.words {
            let container = far.get(&["containers", word, "json"])?;
            let name = text(&container, "Name");
            let name = name.strip_prefix('/').unwrap_or(&name).to_owned();
            all.push((word.clone(), Row { id: text(&container, "Id"), name }));
        }
    }
    let mut seen = Vec::with_capacity(all.len());
    for (word, row) in all {
        let request = Request::get(&["containers", &row.id, "stats"])
            .with("stream", "0")
            .with_on("one-shot", far.client.version().has(41));
        let reading = match far.client.document(request) {
            Ok(document) => reading(&document),
            // It has gone meanwhile.
            Err(error) if error.status() == 404 => None,
            Err(error) => return Err(error.into()),
        };
        seen.push(Seen { row, word, reading });
    }
    Ok(seen)
}

/// Nothing of one that does not run.
fn reading(document: &Value) -> Option<Reading> {
    let cpu = bytes(&document["cpu_stats"]["cpu_usage"]["total_usage"]);
    let memory = &document["memory_stats"];
    let pids = bytes(&document["pids_stats"]["current"]);
    if pids == 0 && cpu == 0 {
        return None;
    }
    // As Docker's command line: without what the kernel would give up first.
    let stats = &memory["stats"];
    let cache = stats["inactive_file"].as_u64().or_else(|| stats["total_inactive_file"].as_u64());
    let used = bytes(&memory["usage"]);
    let networks = document["networks"].as_object().into_iter().flatten();
    let (mut received, mut sent) = (0, 0);
    for (_, network) in networks {
        received += bytes(&network["rx_bytes"]);
        sent += bytes(&network["tx_bytes"]);
    }
    let (mut read, mut written) = (0, 0);
    let entries = document["blkio_stats"]["io_service_bytes_recursive"].as_array();
    for entry in entries.into_iter().flatten() {
        match entry["op"].as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("read") => read += bytes(&entry["value"]),
            Some("write") => written += bytes(&entry["value"]),
            _ => {}
        }
    }
    Some(Reading {
        at: when(document),
        cpu_ns: cpu,
        memory_bytes: used.saturating_sub(cache.unwrap_or(0)),
        memory_limit_bytes: bytes(&memory["limit"]),
        received_bytes: received,
        sent_bytes: sent,
        read_bytes: read,
        written_bytes: written,
        pids,
    })
}

/// When the server looked, by its own clock: only the time between two looks counts.
fn when(document: &Value) -> Instant {
    let now = Instant::now();
    let told = text(document, "read").parse::<jiff::Timestamp>().ok();
    let told = told.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    // Against a fixed time: two answers are compared with each other and with nothing else.
    let age = told.map(|told| {
        let since = jiff::Timestamp::now().as_millisecond();
        Duration::from_millis(u64::try_from(since).unwrap_or(0).saturating_sub(told))
    });
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}
