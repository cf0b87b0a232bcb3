//! `search`: images by words, as a registry's own search finds them.

use std::sync::Arc;

use registry::{Client, Progress, SearchFilter, SearchResult};
use serde_json::{Value, json};

use super::list::print;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::registries;
use crate::words::truncate;

const COLUMNS: &[(&str, &str)] = &[
    ("Name", "NAME"),
    ("Description", "DESCRIPTION"),
    ("StarCount", "STARS"),
    ("IsOfficial", "OFFICIAL"),
];
/// Docker's.
const LIMIT: u32 = 25;
const MOST: u32 = 100;
const DESCRIPTION_COLUMNS: usize = 45;

pub(super) fn search(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let filter = filter(matches)?;
    let limit = limit(matches)?;
    let verify = matches.value("tls-verify").map(|value| value == "true");
    let settings = registries::settings(Arc::new(Progress::default()), verify, None)?;
    let found = Client::new(settings).search(matches.word(0), limit, &filter)?;
    let whole = matches.on("no-trunc");
    let rows: Vec<Value> = found.iter().map(|one| row(one, whole)).collect();
    print(matches.value("format"), COLUMNS, &rows)
}

fn row(found: &SearchResult, whole: bool) -> Value {
    let description = if whole {
        found.description.clone()
    } else {
        truncate(&found.description, DESCRIPTION_COLUMNS)
    };
    let mark = |is: bool| if is { "[OK]" } else { "" };
    json!({
        "Name": found.name,
        "Description": description,
        "StarCount": found.stars.to_string(),
        "IsOfficial": mark(found.official),
        "IsAutomated": mark(found.automated),
    })
}

fn limit(matches: &Matches) -> Result<u32, Failure> {
    let Some(text) = matches.value("limit") else { return Ok(LIMIT) };
    let wrong =
        || Failure::Words(format!("invalid limit {text:?}: it is no number from 1 to {MOST}"));
    text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(wrong)
}

fn filter(matches: &Matches) -> Result<SearchFilter, Failure> {
    let mut filter = SearchFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    Ok(filter)
}
