//! `stop`, `kill`, `rm`, `pause`, `unpause`, `wait`, `top`: what happens to containers that exist.

use std::time::Duration;

use engine::Condition;
use engine::parse::signal_number;

use super::each;
use super::several::{self, at_once, chosen};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::table;

const SIGKILL: i32 = 9;

pub(super) fn stop(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let signal = matches.text("signal").map(signal_number).transpose()?;
    // The grammar takes whole numbers only.
    let timeout = matches.value("timeout").and_then(|text| text.parse::<i64>().ok());
    let names = chosen(&session.engine()?, matches, "stop", several::runs)?;
    at_once(session, &names, |engine, name| {
        engine.containers().stop(name, signal, timeout)?;
        Ok(true)
    })
}

pub(super) fn kill(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let signal = matches.text("signal").map(signal_number).transpose()?.unwrap_or(SIGKILL);
    let names = chosen(&session.engine()?, matches, "kill", several::runs)?;
    at_once(session, &names, |engine, name| {
        Ok(engine.containers().kill(name, signal).map(|()| true)?)
    })
}

pub(super) fn rm(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let (force, volumes) = (matches.on("force"), matches.on("volumes"));
    let names = chosen(&session.engine()?, matches, "rm", several::is_there)?;
    at_once(session, &names, |engine, name| {
        match engine.containers().remove(name, force, volumes) {
            // Docker's -f is content when there is nothing to remove, and says so.
            Err(error) if force && error.kind() == engine::Kind::NotFound && !name.is_empty() => {
                output::error(&engine::chain(&error), None);
                Ok(false)
            }
            done => Ok(done.map(|()| true)?),
        }
    })
}

pub(super) fn reap(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each(matches, |id| {
        let id = id.parse().map_err(|error: spec::id::BadId| Failure::Words(error.to_string()))?;
        Ok(engine.containers().ended(&id)?)
    })
}

pub(super) fn settle(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.containers().settle_places(matches.word(0))?;
    Ok(0)
}

pub(super) fn pause(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let names = chosen(&session.engine()?, matches, "pause", several::is_not_paused)?;
    at_once(session, &names, |engine, name| Ok(engine.containers().pause(name).map(|()| true)?))
}

pub(super) fn unpause(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let names = chosen(&session.engine()?, matches, "unpause", several::is_paused)?;
    at_once(session, &names, |engine, name| Ok(engine.containers().unpause(name).map(|()| true)?))
}

/// As Podman's: a line and the exit code 1 for a probe that failed.
pub(super) fn check_health(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    if session.engine()?.containers().check_health(matches.word(0))? == 0 {
        return Ok(0);
    }
    output::line("unhealthy");
    Ok(1)
}

pub(super) fn exists(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    super::exists(session.engine()?.containers().get(matches.word(0)).map(drop))
}

pub(super) fn wait(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let words = matches.values("condition").flat_map(|list| list.split(','));
    let conditions = words.map(str::parse).collect::<Result<Vec<Condition>, _>>()?;
    let interval = interval(matches.value("interval").unwrap_or("250ms"))?;
    let engine = session.engine()?;
    each(matches, |name| {
        let containers = engine.containers();
        let code = if conditions.is_empty() {
            containers.wait(name)?
        } else {
            containers.wait_for(name, &conditions, interval)?
        };
        output::line(&code.to_string());
        Ok(())
    })
}

/// A duration, or a number of milliseconds, as Podman has it.
fn interval(text: &str) -> Result<Duration, Failure> {
    let milliseconds = || text.parse::<u64>().ok().map(Duration::from_millis);
    let nanoseconds = crate::words::duration_ns(text).and_then(|ns| u64::try_from(ns).ok());
    let found = nanoseconds.map(Duration::from_nanos).or_else(milliseconds);
    found.filter(|interval| !interval.is_zero()).ok_or_else(|| {
        crate::request::wrong("interval", text, "it is no duration, such as 250ms or 1s")
    })
}

pub(super) fn top(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let options = matches.words.get(1..).unwrap_or_default();
    let table = engine.containers().process_table(matches.word(0), options)?;
    output::write(&table::layout(&table, table::TOP))?;
    Ok(0)
}
