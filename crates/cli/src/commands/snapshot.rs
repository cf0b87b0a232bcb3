//! The family `snapshot`: what a container was, and the way back there.

use engine::{Attach, CloneRequest, Snapshot, SnapshotRequest};
use serde_json::{Value, json};

use super::{each_of, list};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::words::{duration, now};

const COLUMNS: [(&str, &str); 3] =
    [("Name", "NAME"), ("CreatedSince", "CREATED"), ("Comment", "COMMENT")];

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let request = SnapshotRequest {
        name: matches.words.get(1).cloned(),
        comment: matches.value("comment").unwrap_or_default().to_owned(),
    };
    let name = session.engine()?.containers().snapshot(matches.word(0), &request)?;
    output::line(&name);
    Ok(0)
}

pub(super) fn ls(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut wanted = Vec::new();
    for filter in matches.values("filter") {
        match filter.split_once('=') {
            Some(("name", part)) => wanted.push(part.to_owned()),
            _ => {
                return Err(Failure::Words(format!(
                    "invalid filter {filter:?}: there is name=TEXT"
                )));
            }
        }
    }
    let mut snapshots = session.engine()?.containers().snapshots(matches.word(0))?;
    snapshots.retain(|snapshot| {
        wanted.is_empty() || wanted.iter().any(|part| snapshot.name.contains(part.as_str()))
    });
    if matches.on("quiet") {
        let names: String =
            snapshots.iter().map(|snapshot| format!("{}\n", snapshot.name)).collect();
        output::write(&names)?;
        return Ok(0);
    }
    let values: Vec<Value> = snapshots.iter().map(value).collect();
    let no_label = |_place: usize, _name: &str| String::new();
    list::print_with(matches.value("format"), &COLUMNS, &values, &no_label)
}

fn value(snapshot: &Snapshot) -> Value {
    json!({
        "Name": snapshot.name,
        "CreatedAt": engine::format_time(snapshot.made_ns),
        "CreatedSince": format!("{} ago", duration(now() - snapshot.made_ns / 1_000_000_000)),
        "Comment": snapshot.comment,
    })
}

pub(super) fn restore(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let containers = engine.containers();
    let (container, snapshot) = (matches.word(0), matches.word(1));
    if let Some(name) = matches.text("name") {
        let request = CloneRequest {
            name: Some(name.to_owned()),
            files: true,
            run: matches.on("run"),
            ..CloneRequest::default()
        };
        let (id, warnings) = containers.clone_of_snapshot(container, snapshot, &request)?;
        super::run::warn(&warnings);
        output::line(id.as_str());
        return Ok(0);
    }
    containers.restore_snapshot(container, snapshot)?;
    let id = containers.get(container)?.record.id;
    if matches.on("run")
        && let Some(mut connection) = containers.start(id.as_str(), Attach::default())?
    {
        super::run::warn(&containers.started(&id, container, &mut connection)?);
    }
    output::line(container);
    Ok(0)
}

pub(super) fn rm(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each_of(matches.words.get(1..).unwrap_or_default(), |name| {
        engine.containers().remove_snapshot(matches.word(0), name)?;
        output::line(name);
        Ok(())
    })
}
