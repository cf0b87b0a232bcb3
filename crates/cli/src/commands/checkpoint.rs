//! The family `checkpoint`, and what `start` says of one. CRIU does the work.

use std::path::PathBuf;

use engine::{CheckpointName, Engine};

use super::each_of;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::table;

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let (engine, checkpoint) = (session.engine()?, named(matches)?);
    let leave_running = matches.on("leave-running");
    engine.containers().checkpoint(matches.word(0), &checkpoint, leave_running)?;
    output::line(&checkpoint.name);
    Ok(0)
}

pub(super) fn ls(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine: Engine = session.engine()?;
    let directory = directory(matches)?;
    print(engine.containers().checkpoints(matches.word(0), directory.as_deref())?)
}

pub(super) fn rm(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let (engine, directory) = (session.engine()?, directory(matches)?);
    each_of(matches.words.get(1..).unwrap_or_default(), |name| {
        let checkpoint = CheckpointName { name: name.to_owned(), directory: directory.clone() };
        engine.containers().remove_checkpoint(matches.word(0), &checkpoint)?;
        output::line(name);
        Ok(())
    })
}

/// A table as Docker's.
pub(super) fn print(names: Vec<String>) -> Result<i32, Failure> {
    let rows: Vec<Vec<String>> =
        std::iter::once("CHECKPOINT NAME".to_owned()).chain(names).map(|name| vec![name]).collect();
    output::write(&table::layout(&rows, table::TOP))?;
    Ok(0)
}

/// The one that a command names behind its container.
fn named(matches: &Matches) -> Result<CheckpointName, Failure> {
    let name = matches.words.get(1).cloned().unwrap_or_default();
    Ok(CheckpointName { name, directory: directory(matches)? })
}

/// The one that a start goes on from, of these containers.
pub(super) fn of_start(
    matches: &Matches,
    containers: usize,
) -> Result<Option<CheckpointName>, Failure> {
    let directory = directory(matches)?;
    let Some(name) = matches.value("checkpoint").filter(|name| !name.is_empty()) else {
        return match directory {
            Some(_) => Err(Failure::Words("--checkpoint-dir needs --checkpoint".to_owned())),
            None => Ok(None),
        };
    };
    if containers > 1 {
        let words = "you cannot restore multiple containers at once";
        return Err(Failure::Words(words.to_owned()));
    }
    Ok(Some(CheckpointName { name: name.to_owned(), directory }))
}

/// As the caller names it, from his own directory.
fn directory(matches: &Matches) -> Result<Option<PathBuf>, Failure> {
    let given = matches.value("checkpoint-dir").filter(|text| !text.is_empty());
    let absolute = given.map(|text| {
        std::path::absolute(text).map_err(Failure::file("find the directory of", text))
    });
    absolute.transpose()
}
