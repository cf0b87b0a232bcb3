//! The family `volume`, of a server elsewhere.

use client_docker::Request;
use engine::parse;
use serde_json::{Value, json};

use super::super::volume::{VolumeRow, show};
use super::life::{is_there, labels as given_labels};
use super::network::labels;
use super::{Far, each, filters, text};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;

pub(in crate::commands) fn create(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let document = json!({
        "Name": matches.words.first().map_or("", String::as_str),
        "Driver": matches.text("driver").unwrap_or("local"),
        "DriverOpts": parse::driver_options(matches.values("opt"))?,
        "Labels": given_labels(matches)?,
    });
    let made = far.client.document(Request::post(&["volumes", "create"]).document(&document))?;
    output::line(&text(&made, "Name"));
    Ok(0)
}

pub(in crate::commands) fn ls(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request =
        Request::get(&["volumes"]).with_some("filters", filters(matches.values("filter")));
    let document = far.client.document(request)?;
    let mut all: Vec<&Value> = document["Volumes"].as_array().into_iter().flatten().collect();
    all.sort_by_key(|volume| text(volume, "Name"));
    let row = |volume: &&Value| VolumeRow {
        name: text(volume, "Name"),
        driver: text(volume, "Driver"),
        scope: text(volume, "Scope"),
        path: text(volume, "Mountpoint"),
        labels: labels(&volume["Labels"]),
        usage: usage(volume),
    };
    show(matches, &all.iter().map(row).collect::<Vec<_>>())
}

/// Bytes and containers of a volume, where the server looked.
pub(super) fn usage(volume: &Value) -> Option<(u64, u64)> {
    let usage = &volume["UsageData"];
    usage["Size"].as_u64().zip(usage["RefCount"].as_u64())
}

pub(in crate::commands) fn rm(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let force = matches.on("force");
    each(&matches.words, |name| {
        match far.client.done(Request::delete(&["volumes", name]).with_on("force", force)) {
            Err(error) if force && error.status() == 404 => {}
            done => done?,
        }
        output::line(name);
        Ok(())
    })
}

pub(in crate::commands) fn exists(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    is_there(far.get(&["volumes", matches.word(0)]))
}
