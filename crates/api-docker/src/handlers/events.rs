//! `GET /events`: what happens, as it happens, and what has happened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::events::{Event, Events, Reader};
use engine::{EventFilter, event_document};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::Call;
use crate::answer::{Answer, JSON, line};
use crate::failure::Failure;
use crate::filters::Filters;
use crate::flow::{Gone, Outgoing, outgoing};
use crate::hub::{Listener, News};
use crate::shared::blocking;

/// What was told within this time before a listener came may be on its way to it too.
const OVERLAP_NS: i64 = 5_000_000_000;

/// Filters that Docker's events have.
const FILTERS: &[&str] = &[
    "config",
    "container",
    "daemon",
    "event",
    "image",
    "label",
    "network",
    "node",
    "plugin",
    "scope",
    "secret",
    "service",
    "type",
    "volume",
];

/// What a listener wants.
struct Wanted {
    since: Option<i64>,
    until: Option<i64>,
    filter: EventFilter,
}

pub(super) async fn events(call: Call) -> Result<Answer, Failure> {
    let query = &call.query;
    let filters = Filters::parse(query.get("filters").unwrap_or_default())?.only(FILTERS)?;
    let mut filter = EventFilter::default();
    for text in filters.texts() {
        filter.add(&text)?;
    }
    let time = |name| query.time_ns(name).map(|time| time.filter(|time| *time != 0));
    let wanted = Wanted { since: time("since")?, until: time("until")?, filter };
    let shared = Arc::clone(&call.shared);
    // Heard from before the head is sent: who reads it has begun.
    let news = shared.listen()?;
    let events = shared.events();
    let (out, body) = outgoing();
    tokio::spawn(async move {
        let over = over(wanted.until);
        tokio::select! {
            _gone = tell(&events, wanted, (news, over), &out) => {}
            () = out.gone() => {}
        }
    });
    Ok(Answer::stream(JSON, body))
}

/// When no more can come. A wait lasts as long as it lasts, whatever becomes of the clock meanwhile.
fn over(until: Option<i64>) -> impl Future<Output = ()> {
    let at = until.and_then(|until| {
        let left = u64::try_from(until.saturating_sub(engine::now_ns())).unwrap_or(0);
        Instant::now().checked_add(Duration::from_nanos(left))
    });
    async move {
        match at {
            // What happened just before may be on its way.
            Some(at) => sleep_until(at + Duration::from_millis(20)).await,
            None => std::future::pending().await,
        }
    }
}

/// The past is told whole, however long it takes to read; then what comes until it is over.
async fn tell(
    events: &Events,
    wanted: Wanted,
    (mut news, over): (Listener, impl Future<Output = ()>),
    out: &Outgoing,
) -> Result<(), Gone> {
    let mut over = std::pin::pin!(over);
    // What was read from the file, and may come once more by the hub.
    let mut known = VecDeque::new();
    if wanted.since.is_some() || wanted.until.is_some() {
        let recent = engine::now_ns().saturating_sub(OVERLAP_NS);
        for event in history(events).await {
            if event.time_ns >= recent {
                known.push_back(event.clone());
            }
            if wanted.since.is_none_or(|since| event.time_ns >= since) {
                send(&News::of(event), &wanted, out).await?;
            }
        }
    }
    loop {
        let told = tokio::select! {
            biased;
            told = news.recv() => told,
            () = &mut over => return Ok(()),
        };
        match told {
            Ok(told) => {
                if let Some(place) = known.iter().position(|event| *event == told.event) {
                    known.drain(..=place);
                    continue;
                }
                known.clear();
                send(&told, &wanted, out).await?;
            }
            // The listener is so slow that it has missed some: better it hears the end than half.
            Err(RecvError::Lagged(_) | RecvError::Closed) => return Ok(()),
        }
    }
}

/// What has happened and is kept.
async fn history(events: &Events) -> Vec<Event> {
    let events = events.clone();
    let read = blocking(move || {
        let Ok(mut reader) = Reader::open(events, true) else { return Vec::new() };
        std::iter::from_fn(|| reader.next_event().ok().flatten()).collect()
    });
    read.await.unwrap_or_default()
}

async fn send(news: &News, wanted: &Wanted, out: &Outgoing) -> Result<(), Gone> {
    let event = &news.event;
    let is_late = wanted.until.is_some_and(|until| event.time_ns >= until);
    if is_late || !wanted.filter.wants(event) {
        return Ok(());
    }
    out.send(news.line(|event| Bytes::from(line(&event_document(event)).unwrap_or_default()))).await
}
