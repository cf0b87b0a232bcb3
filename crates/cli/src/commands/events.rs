//! `events`: what happens, as it happens, and what has happened.

use std::time::{Duration, Instant};

use engine::events::{Event, Reader};
use engine::{EventFilter, event_document};
use serde_json::Value;

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::plain::plain;
use crate::program::Session;
use crate::template::Template;
use crate::words::{short, time_ns, zoned_nanoseconds};

pub(super) fn events(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let (since, until) = (time(matches, "since")?, time(matches, "until")?);
    let mut filter = EventFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    let format = Format::of(matches)?;
    let failed = |cause| Failure::file("read", "the events")(cause);
    let events = session.engine()?.events();
    let mut reader = Reader::open(events, since.is_some() || until.is_some()).map_err(failed)?;
    // A wait lasts as long as it lasts, whatever becomes of the clock meanwhile.
    let (now, began) = (engine::now_ns(), Instant::now());
    let over_at = until.and_then(|until| began.checked_add(between(now, until)));
    let mut since = since;
    loop {
        let left = over_at.map(|at| at.saturating_duration_since(Instant::now()));
        while let Some(event) = reader.next_event().map_err(failed)? {
            let is_late = until.is_some_and(|until| event.time_ns >= until);
            let is_early = since.is_some_and(|since| event.time_ns < since);
            if !is_late && !is_early && filter.wants(&event) {
                output::write(&format.line(&event, || event_document(&event))?)?;
            }
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(0);
        }
        // What happens from now on is news, though a clock that is set back gives it an earlier time.
        since = since.filter(|since| *since > now);
        reader.wait(left).map_err(failed)?;
    }
}

/// A time that a flag gives, nanoseconds since 1970.
pub(super) fn time(matches: &Matches, flag: &'static str) -> Result<Option<i64>, Failure> {
    let parsed = matches.text(flag).map(|text| {
        time_ns(text).ok_or_else(|| {
            Failure::Words(format!("invalid value {text:?} for --{flag}: it is no time"))
        })
    });
    parsed.transpose()
}

/// From one time to a later one; nothing to an earlier one.
fn between(from_ns: i64, to_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(0))
}

/// How an event is printed.
pub(super) enum Format {
    Line { whole: bool },
    Json,
    Template(Template),
}

impl Format {
    pub(super) fn of(matches: &Matches) -> Result<Self, Failure> {
        Ok(match matches.value("format") {
            None | Some("") => Self::Line { whole: matches.value("no-trunc") != Some("false") },
            Some("json") => Self::Json,
            Some(text) => Self::Template(Template::parse_row(text).map_err(Failure::Unreadable)?),
        })
    }

    pub(super) fn line(
        &self,
        event: &Event,
        document: impl FnOnce() -> Value,
    ) -> Result<String, Failure> {
        Ok(match self {
            Self::Line { whole } => line(event, *whole),
            Self::Json => format!("{}\n", document()),
            Self::Template(template) => format!("{}\n", template.render(&document())?),
        })
    }
}

/// `TIME TYPE ACTION ID (NAME=VALUE, …)`.
fn line(event: &Event, whole: bool) -> String {
    let attributes: Vec<String> =
        event.actor.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let id = if whole { event.actor.id.as_str() } else { short(&event.actor.id) };
    let time = zoned_nanoseconds(event.time_ns);
    let behind =
        if attributes.is_empty() { String::new() } else { format!(" ({})", attributes.join(", ")) };
    let line = format!("{time} {} {} {id}{behind}", event.kind, event.action);
    format!("{}\n", plain(&line))
}
