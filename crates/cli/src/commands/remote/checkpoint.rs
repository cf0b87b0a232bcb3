//! Checkpoints elsewhere. Directories are those of the server's machine.

use client_docker::Request;
use serde_json::Value;

use super::Far;
use crate::arguments::Matches;
use crate::commands::{checkpoint, each_of};
use crate::failure::Failure;
use crate::output;

pub(in crate::commands) fn create(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.words.get(1).cloned().unwrap_or_default();
    let document = serde_json::json!({
        "CheckpointID": name,
        "CheckpointDir": matches.value("checkpoint-dir").unwrap_or_default(),
        "Exit": !matches.on("leave-running"),
    });
    let request = Request::post(&["containers", matches.word(0), "checkpoints"]);
    far.client.done(request.document(&document))?;
    output::line(&name);
    Ok(0)
}

pub(in crate::commands) fn ls(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request = Request::get(&["containers", matches.word(0), "checkpoints"]);
    let document = far.client.document(request.with_some("dir", directory(matches)))?;
    let all = document.as_array().into_iter().flatten();
    let name = |one: &Value| one["Name"].as_str().unwrap_or_default().to_owned();
    checkpoint::print(all.map(name).collect())
}

pub(in crate::commands) fn rm(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    each_of(matches.words.get(1..).unwrap_or_default(), |name| {
        let request = Request::delete(&["containers", matches.word(0), "checkpoints", name]);
        far.client.done(request.with_some("dir", directory(matches)))?;
        output::line(name);
        Ok(())
    })
}

pub(super) fn directory(matches: &Matches) -> Option<&str> {
    matches.value("checkpoint-dir").filter(|text| !text.is_empty())
}
