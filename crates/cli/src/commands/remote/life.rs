//! What happens to containers elsewhere that exist: `stop`, `kill`, `rm`, `pause`, `unpause`, `wait`, `top`, `rename`, `restart`, `update`,
//! `port`, `exists`.

use client_docker::{Client, ClientError, Request};
use serde_json::{Value, json};

use super::super::change::{show_ports, wanted};
use super::super::several::at_once_by;
use super::list::chosen;
use super::{Far, each, text, warn};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::table;

const RUNS: &[&str] = &["running", "restarting", "paused"];

/// Does something to each of them, to many at once.
fn all(
    far: &Far,
    names: &[String],
    act: impl Fn(&Client, &str) -> Result<bool, Failure> + Sync,
) -> Result<i32, Failure> {
    // A client is one thread's.
    let first = std::sync::Mutex::new(far.client.again());
    let open = || {
        let first = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(first.again())
    };
    at_once_by(names, open, act)
}

/// The signal and the time that flags give.
fn stops<'m>(
    far: &Far,
    matches: &'m Matches,
) -> Result<(Option<&'m str>, Option<&'m str>), Failure> {
    let signal = matches.text("signal");
    if signal.is_some() {
        far.demand(42, "--signal")?;
    }
    Ok((signal, matches.value("timeout")))
}

pub(in crate::commands) fn stop(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let (signal, timeout) = stops(far, matches)?;
    let names = chosen(far, matches, "stop", RUNS)?;
    all(far, &names, |client, name| {
        let request = Request::post(&["containers", name, "stop"]);
        client.done(request.with_some("signal", signal).with_some("t", timeout))?;
        Ok(true)
    })
}

pub(in crate::commands) fn restart(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let (signal, timeout) = stops(far, matches)?;
    let names = chosen(far, matches, "restart", RUNS)?;
    each(&names, |name| {
        let request = Request::post(&["containers", name, "restart"]);
        far.client.done(request.with_some("signal", signal).with_some("t", timeout))?;
        output::line(name);
        Ok(())
    })
}

pub(in crate::commands) fn kill(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let names = chosen(far, matches, "kill", RUNS)?;
    let signal = matches.text("signal");
    all(far, &names, |client, name| {
        client.done(Request::post(&["containers", name, "kill"]).with_some("signal", signal))?;
        Ok(true)
    })
}

pub(in crate::commands) fn rm(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let names = chosen(far, matches, "rm", &[])?;
    let (force, volumes) = (matches.on("force"), matches.on("volumes"));
    all(far, &names, |client, name| {
        let request = Request::delete(&["containers", name]);
        match client.done(request.with_on("force", force).with_on("v", volumes)) {
            // Docker's -f is content when there is nothing to remove, and says so.
            Err(error) if force && error.status() == 404 && !name.is_empty() => {
                output::error(&error.to_string(), None);
                Ok(false)
            }
            done => Ok(done.map(|()| true)?),
        }
    })
}

pub(in crate::commands) fn pause(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let names = chosen(far, matches, "pause", &["running"])?;
    all(far, &names, |client, name| {
        Ok(client.done(Request::post(&["containers", name, "pause"])).map(|()| true)?)
    })
}

pub(in crate::commands) fn unpause(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let names = chosen(far, matches, "unpause", &["paused"])?;
    all(far, &names, |client, name| {
        Ok(client.done(Request::post(&["containers", name, "unpause"])).map(|()| true)?)
    })
}

pub(in crate::commands) fn wait(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let given: Vec<&str> = matches.values("condition").flat_map(|list| list.split(',')).collect();
    let condition = match given.as_slice() {
        [] => None,
        [one] if matches!(*one, "not-running" | "next-exit" | "removed") => Some(*one),
        _ => {
            let what = format!("--condition {}", given.join(","));
            return Err(Failure::OnlyHere { what, host: far.client.host() });
        }
    };
    if condition.is_some() {
        far.demand(30, "--condition")?;
    }
    each(&matches.words, |name| {
        let request = Request::post(&["containers", name, "wait"]);
        let document = far.client.document(request.with_some("condition", condition))?;
        if let Some(message) = document["Error"]["Message"].as_str().filter(|own| !own.is_empty()) {
            return Err(Failure::Words(message.to_owned()));
        }
        output::line(&document["StatusCode"].to_string());
        Ok(())
    })
}

pub(in crate::commands) fn top(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let options = matches.words.get(1..).unwrap_or_default().join(" ");
    let options = Some(options).filter(|options| !options.is_empty());
    let request = Request::get(&["containers", matches.word(0), "top"]);
    let document = far.client.document(request.with_some("ps_args", options))?;
    let row = |row: &Value| -> Vec<String> {
        let cells = row.as_array().into_iter().flatten();
        cells.map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect()
    };
    let processes = document["Processes"].as_array().into_iter().flatten();
    let rows: Vec<_> = std::iter::once(&document["Titles"]).chain(processes).map(row).collect();
    output::write(&table::layout(&rows, table::TOP))?;
    Ok(0)
}

pub(in crate::commands) fn rename(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let request = Request::post(&["containers", matches.word(0), "rename"]);
    far.client.done(request.with("name", matches.word(1)))?;
    Ok(0)
}

pub(in crate::commands) fn update(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let update = wanted(matches)?;
    let mut document = update.limits.document();
    if let Some(policy) = update.restart {
        document["RestartPolicy"] = engine::restart_document(policy);
    }
    each(&matches.words, |name| {
        let request = Request::post(&["containers", name, "update"]).document(&document);
        warn(&far.client.document(request)?["Warnings"]);
        output::line(name);
        Ok(())
    })
}

pub(in crate::commands) fn port(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let container = far.get(&["containers", matches.word(0), "json"])?;
    let mut all = Vec::new();
    for (port, places) in container["NetworkSettings"]["Ports"].as_object().into_iter().flatten() {
        let (own, transport) = port.split_once('/').unwrap_or((port, "tcp"));
        for place in places.as_array().into_iter().flatten() {
            let (ip, host) = (text(place, "HostIp"), text(place, "HostPort"));
            let ip = if ip.contains(':') { format!("[{ip}]") } else { ip };
            all.push((own.to_owned(), transport.to_owned(), format!("{ip}:{host}")));
        }
    }
    all.sort_by_key(|(own, ..)| own.parse::<u16>().unwrap_or(0));
    show_ports(matches, &all)
}

pub(in crate::commands) fn exists(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    is_there(far.get(&["containers", matches.word(0), "json"]))
}

/// The exit code of the commands that ask whether there is such an object.
pub(super) fn is_there(found: Result<Value, ClientError>) -> Result<i32, Failure> {
    match found {
        Ok(_) => Ok(0),
        Err(error) if error.status() == 404 => Ok(1),
        Err(error) => Err(error.into()),
    }
}

/// The document of what a flag asks for; nothing where it was not given.
pub(super) fn labels(matches: &Matches) -> Result<Value, Failure> {
    let pairs = matches.values("label").map(engine::parse::label);
    let pairs: std::collections::BTreeMap<String, String> = pairs.collect::<Result<_, _>>()?;
    Ok(json!(pairs))
}
