//! `container mount`, `volume mount`, and their ends: files of containers and volumes on the host.

use engine::Mounted;
use serde_json::json;

use super::{each, each_of, is_json};
use crate::arguments::{Matches, UsageError};
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

/// Letters of an id in a list.
const SHORT: usize = 12;

pub(super) fn mount(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let as_json = is_json(matches)?;
    let engine = session.engine()?;
    let containers = engine.containers();
    let names = match (matches.on("all"), matches.words.is_empty()) {
        (true, false) => return Err(both()),
        (true, true) => containers.all()?.into_iter().map(|one| one.record.name).collect(),
        (false, false) => matches.words.clone(),
        (false, true) => {
            output::write(&list(&containers.mounted()?, as_json, matches.on("no-trunc")))?;
            return Ok(0);
        }
    };
    each_of(&names, |name| {
        output::line(&containers.mount_on_host(name)?.display().to_string());
        Ok(())
    })
}

/// Podman's: no heading, and in JSON its own three names.
fn list(mounted: &[Mounted], as_json: bool, whole: bool) -> String {
    if as_json {
        let one = |one: &Mounted| json!({"id": one.id.as_str(), "Names": [one.name], "mountpoint": one.path.display().to_string()});
        let all: Vec<_> = mounted.iter().map(one).collect();
        return format!("{:#}\n", serde_json::Value::from(all));
    }
    let id = |one: &Mounted| {
        let id = one.id.as_str();
        if whole { id.to_owned() } else { id.chars().take(SHORT).collect() }
    };
    mounted.iter().map(|one| format!("{}  {}\n", id(one), one.path.display())).collect()
}

pub(super) fn unmount(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let containers = engine.containers();
    let names = match (matches.on("all"), matches.words.is_empty()) {
        (true, false) => return Err(both()),
        (true, true) => containers.mounted()?.into_iter().map(|one| one.name).collect(),
        (false, false) => matches.words.clone(),
        (false, true) => {
            let command = "container unmount";
            let error = UsageError::Arity { command, least: 1, most: usize::MAX };
            return Err(Failure::Usage { command: command.to_owned(), error });
        }
    };
    each_of(&names, |name| {
        output::line(containers.unmount_from_host(name, matches.on("force"))?.as_str());
        Ok(())
    })
}

fn both() -> Failure {
    Failure::Words("names of containers cannot be given with --all".to_owned())
}

pub(super) fn mount_volumes(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each(matches, |name| {
        output::line(&engine.volumes().mount(name)?.display().to_string());
        Ok(())
    })
}

pub(super) fn unmount_volumes(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each(matches, |name| {
        engine.volumes().unmount(name)?;
        output::line(name);
        Ok(())
    })
}
