//! `ls`: the containers of the directory, and the engine's own, as names or as a table.

use std::fmt::Write;

use ::lxc::config::Document;
use engine::{Container, Engine};
use regex_lite::Regex;

use super::addresses::addresses;
use super::call::Call;
use super::figures::figures;
use super::nested::{self, Inside};
use super::states::{pid, state};
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;

const USUAL: &str = "NAME,STATE,AUTOSTART,GROUPS,IPV4,IPV6,UNPRIVILEGED";
/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// One container, as far as it was looked at.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) document: Option<Document>,
    pub(super) known: Option<Container>,
    /// What the tool inside of another container says of it, for one that is in there.
    pub(super) inside: Option<Inside>,
}

pub(super) fn ls(call: &Call) -> Result<i32, Failure> {
    let format = call.matches.value("fancy-format");
    let is_fancy = call.matches.on("fancy") || format.is_some();
    let engine = call.session.engine()?;
    let wants_documents = is_fancy || call.matches.is_given("groups");
    let mut entries = entries(call, &engine, wants_documents)?;
    keep(call, &mut entries)?;
    let entries = nested::with(call, entries, is_fancy.then(|| format.unwrap_or(USUAL)))?;
    let text = if is_fancy {
        table(&engine, &entries, format.unwrap_or(USUAL))?
    } else if call.matches.on("line") {
        entries.iter().map(|entry| format!("{}\n", plain(&entry.name))).collect()
    } else {
        columns(&entries)
    };
    output::write(&text)?;
    Ok(0)
}

/// Every container of the directories, and those of the engine that are in none, in the order of their names.
pub(super) fn entries(
    call: &Call,
    engine: &Engine,
    wants_documents: bool,
) -> Result<Vec<Entry>, Failure> {
    let known = engine.containers().all()?;
    let mut known: std::collections::BTreeMap<String, Container> = known
        .into_iter()
        .filter(|container| call.is_ours(container))
        .map(|container| (container.record.name.clone(), container))
        .collect();
    let mut entries = Vec::new();
    for directory in &call.directories {
        let path = directory.path().display();
        for name in directory.names().map_err(Failure::file("read", path))? {
            let known = known.remove(&name);
            let document = wants_documents.then(|| directory.open(&name).ok()).flatten();
            let state = state(known.as_ref());
            entries.push(Entry { state, name, document, known, inside: None });
        }
    }
    entries.extend(known.into_iter().map(|(name, container)| Entry {
        state: state(Some(&container)),
        name,
        document: None,
        known: Some(container),
        inside: None,
    }));
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

/// Leaves those that the flags ask for.
fn keep(call: &Call, entries: &mut Vec<Entry>) -> Result<(), Failure> {
    let on = |flag: &str| call.matches.on(flag);
    let wanted = [
        (on("active") || on("running"), "RUNNING"),
        (on("active") || on("frozen"), "FROZEN"),
        (on("active"), "STARTING"),
        (on("stopped"), "STOPPED"),
    ];
    if wanted.iter().any(|(is_on, _)| *is_on) {
        entries.retain(|entry| wanted.contains(&(true, entry.state)));
    }
    if on("defined") {
        entries.retain(|entry| call.directories.iter().any(|directory| directory.has(&entry.name)));
    }
    for pattern in call.matches.values("filter").chain(call.words.iter().map(String::as_str)) {
        let regex = Regex::new(pattern)
            .map_err(|error| Failure::Words(format!("pattern {pattern:?}: {error}")))?;
        entries.retain(|entry| regex.is_match(&entry.name));
    }
    if let Some(groups) = call.matches.value("groups") {
        entries.retain(|entry| groups.split(',').all(|group| groups_of(entry).contains(&group)));
    }
    Ok(())
}

fn groups_of(entry: &Entry) -> Vec<&str> {
    let document = entry.document.as_ref();
    document
        .map(|document| document.values().start.groups.0.iter().map(String::as_str).collect())
        .unwrap_or_default()
}

/// Names beside each other as far as the terminal is wide, each in a column; without a terminal one below the other.
fn columns(entries: &[Entry]) -> String {
    const BETWEEN: usize = 2;
    let names: Vec<_> = entries.iter().map(|entry| plain(&entry.name)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + BETWEEN;
    let width = output_width().unwrap_or(0);
    let across = (width / widest).max(1);
    let down = names.len().div_ceil(across);
    let mut text = String::new();
    for row in 0..down {
        for name in names.iter().skip(row).step_by(down.max(1)) {
            let _infallible = write!(text, "{name:width$}", width = widest);
        }
        text.push('\n');
    }
    text
}

fn output_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
    size.ok().map(|size| usize::from(size.ws_col))
}

/// Every column is as wide as its widest cell, and a blank.
fn table(engine: &Engine, entries: &[Entry], format: &str) -> Result<String, Failure> {
    const COLUMNS: [&str; 11] = [
        "NAME",
        "STATE",
        "PID",
        "RAM",
        "SWAP",
        "AUTOSTART",
        "GROUPS",
        "INTERFACE",
        "IPV4",
        "IPV6",
        "UNPRIVILEGED",
    ];
    let names: Vec<String> = format.split(',').map(|name| name.trim().to_uppercase()).collect();
    if let Some(wrong) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        return Err(Failure::Words(format!("column {wrong:?} is none of {}", COLUMNS.join(", "))));
    }
    let mut rows = vec![names.clone()];
    for entry in entries {
        rows.push(
            names.iter().map(|name| plain(&cell(engine, entry, name)).into_owned()).collect(),
        );
    }
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..names.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _infallible = write!(text, "{cell:width$} ");
        }
        text.push('\n');
    }
    Ok(text)
}

fn cell(engine: &Engine, entry: &Entry, column: &str) -> String {
    if let Some(inside) = &entry.inside {
        return inside.cell(column).unwrap_or(NOTHING).to_owned();
    }
    let config = entry.document.as_ref().map(Document::values);
    let running = entry.known.as_ref().and_then(|container| Some((container, pid(container)?)));
    let listed =
        |all: Vec<String>| if all.is_empty() { NOTHING.to_owned() } else { all.join(", ") };
    let megabytes = |bytes: Option<u64>| {
        bytes.map_or_else(
            || NOTHING.to_owned(),
            |bytes| {
                let hundredths = u128::from(bytes) * 100 / (1 << 20);
                format!("{}.{:02}MB", hundredths / 100, hundredths % 100)
            },
        )
    };
    let of_network = |pick: &dyn Fn(super::addresses::Addresses) -> Vec<String>| {
        listed(running.map(|(_, pid)| pick(addresses(pid))).unwrap_or_default())
    };
    match column {
        "NAME" => entry.name.clone(),
        "STATE" => entry.state.to_owned(),
        "PID" => running.map_or_else(|| NOTHING.to_owned(), |(_, pid)| pid.to_string()),
        "RAM" => megabytes(running.and_then(|(own, _)| figures(engine, own).memory_bytes)),
        "SWAP" => megabytes(running.and_then(|(own, _)| {
            let figures = figures(engine, own);
            figures
                .with_swap_bytes
                .zip(figures.memory_bytes)
                .map(|(both, own)| both.saturating_sub(own))
        })),
        "AUTOSTART" => {
            let is_on =
                config.and_then(|config| config.start.enabled).is_some_and(|switch| switch.0);
            u8::from(is_on).to_string()
        }
        "GROUPS" => listed(groups_of(entry).into_iter().map(str::to_owned).collect()),
        "INTERFACE" => of_network(&|found| found.interfaces),
        "IPV4" => of_network(&|found| found.ipv4.iter().map(ToString::to_string).collect()),
        "IPV6" => of_network(&|found| found.ipv6.iter().map(ToString::to_string).collect()),
        _ => {
            let is_mapped = config.is_some_and(|config| !config.namespaces.id_maps.is_empty());
            is_mapped.to_string()
        }
    }
}
