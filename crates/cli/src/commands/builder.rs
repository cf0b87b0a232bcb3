//! `builder prune` and `builder du`: what builds keep to be faster the next time. Records of builds are in `history`.

use std::fmt::Write as _;

use engine::{CacheFilter, CacheKind, CachePrune, CacheRecord, parse};
use serde_json::{Value, json};

use super::list::print;
use super::prune::{confirm, finish, tell};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;
use crate::table;
use crate::words::{duration, now, size};

pub(super) mod history;

const SECOND_NS: i64 = 1_000_000_000;

pub(super) fn prune(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let rules = rules(matches)?;
    ask(matches)?;
    let engine = session.engine()?;
    let (gone, freed_bytes) = engine.building().prune_cache(&rules)?;
    let mut text = String::new();
    if matches.on("verbose") {
        text.extend(gone.iter().map(whole));
    } else {
        let ids: Vec<String> = gone.into_iter().map(|record| record.id).collect();
        tell(&mut text, "Deleted build cache objects", &ids);
    }
    finish(&text, freed_bytes)
}

/// Asks, with docker's words.
pub(super) fn ask(matches: &Matches) -> Result<(), Failure> {
    let what = if matches.on("all") { "all build cache" } else { "all dangling build cache" };
    confirm(matches, "builder prune", &format!("WARNING! This will remove {what}."))
}

/// What the line says goes.
pub(super) fn rules(matches: &Matches) -> Result<CachePrune, Failure> {
    let bytes = |flag| match matches.value(flag) {
        None | Some("") => Ok(0),
        Some(text) => parse::bytes(flag, text),
    };
    Ok(CachePrune {
        all: matches.on("all"),
        reserved_bytes: bytes("reserved-space")?.max(bytes("keep-storage")?),
        most_bytes: bytes("max-used-space")?,
        free_bytes: bytes("min-free-space")?,
        filter: filter(matches)?,
    })
}

fn filter(matches: &Matches) -> Result<CacheFilter, Failure> {
    let mut filter = CacheFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    Ok(filter)
}

pub(super) fn du(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let filter = filter(matches)?;
    let mut records = session.engine()?.building().cache()?;
    records.retain(|record| filter.allows(record));
    if let Some(format) = matches.value("format").filter(|format| *format != "pretty") {
        let values: Vec<Value> = records.iter().map(value).collect();
        return print(Some(format), COLUMNS, &values);
    }
    let mut text = String::new();
    if matches.on("verbose") || matches.is_given("format") {
        text.extend(records.iter().map(whole));
    } else {
        let mut rows = vec![COLUMNS.iter().map(|(_, title)| (*title).to_owned()).collect()];
        rows.extend(records.iter().map(row));
        text.push_str(&table::layout(&rows, table::LIST));
    }
    text.push_str(&sums(&records));
    output::write(&text)?;
    Ok(0)
}

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "ID"),
    ("Reclaimable", "RECLAIMABLE"),
    ("Size", "SIZE"),
    ("LastUsedSince", "LAST ACCESSED"),
];

/// As buildx marks it: a star where it may change, and where an image has it.
fn row(record: &CacheRecord) -> Vec<String> {
    let star = |is: bool| if is { "*" } else { "" };
    vec![
        format!("{}{}", record.id, star(record.kind == CacheKind::Mount)),
        (!record.is_in_use).to_string(),
        format!("{}{}", size(record.size_bytes), star(record.is_shared)),
        since(record.used_ns),
    ]
}

fn value(record: &CacheRecord) -> Value {
    json!({
        "ID": record.id, "Type": record.kind.word(), "Description": record.description,
        "Size": size(record.size_bytes), "UsageCount": record.uses,
        "CreatedAt": engine::format_time(record.created_ns), "LastUsedAt": engine::format_time(record.used_ns),
        "LastUsedSince": since(record.used_ns), "Reclaimable": !record.is_in_use, "Shared": record.is_shared,
        "Mutable": record.kind == CacheKind::Mount,
    })
}

fn whole(record: &CacheRecord) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("ID", record.id.clone()),
        ("Created at", engine::format_time(record.created_ns)),
        ("Mutable", (record.kind == CacheKind::Mount).to_string()),
        ("Reclaimable", (!record.is_in_use).to_string()),
        ("Shared", record.is_shared.to_string()),
        ("Size", size(record.size_bytes)),
        ("Description", plain(&record.description).into()),
        ("Usage count", record.uses.to_string()),
        ("Last used", since(record.used_ns)),
        ("Type", record.kind.word().to_owned()),
    ] {
        let _infallible = writeln!(text, "{:<14}{value}", format!("{name}:"));
    }
    text.push('\n');
    text
}

fn sums(records: &[CacheRecord]) -> String {
    let sum = |of: &dyn Fn(&CacheRecord) -> bool| -> String {
        size(records.iter().filter(|record| of(record)).map(|record| record.size_bytes).sum())
    };
    let mut text = String::new();
    for (name, bytes) in [
        ("Shared", sum(&|record| record.is_shared)),
        ("Private", sum(&|record| !record.is_shared)),
        ("Reclaimable", sum(&|record| !record.is_in_use && !record.is_shared)),
        ("Total", sum(&|_| true)),
    ] {
        let _infallible = writeln!(text, "{:<15}{bytes}", format!("{name}:"));
    }
    text
}

pub(super) fn since(time_ns: i64) -> String {
    format!("{} ago", duration(now() - time_ns / SECOND_NS))
}
