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
    let processes = engine.containers().processes(matches.word(0))?;
    let options = matches.words.get(1..).unwrap_or_default();
    if !options.is_empty() {
        return ps(&processes, options);
    }
    let mut rows = vec![
        ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"].map(str::to_owned).to_vec(),
    ];
    let now = crate::words::now();
    for process in processes {
        let started = i64::try_from(process.started_at_s).unwrap_or(i64::MAX);
        let age = u64::try_from(now - started).unwrap_or(0).max(1);
        let zoned = jiff::Timestamp::from_second(started)
            .map(|time| time.to_zoned_datetime(jiff::tz::TimeZone::system()));
        let time = process.cpu_time_s;
        rows.push(vec![
            user_name(process.uid),
            process.pid.to_string(),
            process.parent.to_string(),
            (time * 100 / age).min(99).to_string(),
            zoned.map_or_else(
                |_out_of_range| "?".to_owned(),
                |zoned| zoned.strftime(if age < 86_400 { "%H:%M" } else { "%b%d" }).to_string(),
            ),
            process.terminal,
            format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60),
            process.command,
        ]);
    }
    output::write(&table::layout(&rows, table::TOP))?;
    Ok(0)
}

/// The host's own name for a user.
fn user_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = uid.to_string();
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines
        .find(|fields| fields.get(2) == Some(&number.as_str()))
        .and_then(|fields| fields.first().map(|&name| name.to_owned()))
        .unwrap_or(number)
}

/// With options of ps(1) it is the host's ps that prints, as Docker does it.
fn ps(processes: &[engine::ProcessRow], options: &[String]) -> Result<i32, Failure> {
    let pids: Vec<String> = processes.iter().map(|process| process.pid.to_string()).collect();
    let mut command = std::process::Command::new("ps");
    command.args(options);
    let listed = command.output().map_err(Failure::file("run", "ps"))?;
    if !listed.status.success() {
        return Err(Failure::Words(format!(
            "ps: {}",
            String::from_utf8_lossy(&listed.stderr).lines().next().unwrap_or_default()
        )));
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    let mut lines = text.lines();
    let head: Vec<String> =
        lines.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let column = head.iter().position(|name| name == "PID");
    let column = column.ok_or_else(|| Failure::Words("ps prints no column PID".to_owned()))?;
    let is_own =
        |row: &Vec<String>| row.get(column).is_some_and(|pid| pids.iter().any(|own| own == pid));
    let rows = lines.map(|line| fields(line, head.len())).filter(is_own);
    let rows: Vec<Vec<String>> = std::iter::once(head.clone()).chain(rows).collect();
    output::write(&table::layout(&rows, table::TOP))?;
    Ok(0)
}

/// Words of a line, the last of which has the rest of them.
fn fields(line: &str, count: usize) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (single, rest) = words.split_at(count.saturating_sub(1).min(words.len()));
    single.iter().map(|word| (*word).to_owned()).chain([rest.join(" ")]).collect()
}
