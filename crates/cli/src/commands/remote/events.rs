//! `events` of a server elsewhere.

use client_docker::Request;
use engine::events::Event;

use super::super::events::{Format, time};
use super::logs::seconds;
use super::{Far, filters};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;

pub(in crate::commands) fn events(far: &Far, matches: &Matches) -> Result<i32, Failure> {
    let format = Format::of(matches)?;
    let request = Request::get(&["events"])
        .with_some("since", time(matches, "since")?.map(seconds))
        .with_some("until", time(matches, "until")?.map(seconds))
        .with_some("filters", filters(matches.values("filter")));
    for document in far.client.send(request)?.lines() {
        let mut document = document?;
        // Old servers do not say that it is they themselves.
        if document["scope"].is_null() {
            document["scope"] = "local".into();
        }
        let event: Event = serde_json::from_value(document.clone())
            .map_err(|error| Failure::Words(format!("hear {}: {error}", far.client.host())))?;
        output::write(&format.line(&event, || document)?)?;
    }
    Ok(0)
}
