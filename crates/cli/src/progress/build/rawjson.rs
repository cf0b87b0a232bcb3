//! BuildKit's own form, `SolveStatus`, one object a line: vertexes, statuses, logs, warnings. A vertex's digest stands for a step of this
//! build and says nothing of its contents. Source: BuildKit's API, "client.SolveStatus".

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use build::Event;
use serde_json::{Value, json};

use super::plain::step_of;
use super::steps::{Line, Phase, Shown, Steps};

/// What an event, and the lines that it finished, are in that form. `began_ns` is the time of day at which the build began.
pub(super) fn lines(
    steps: &Steps,
    event: &Event<'_>,
    finished: &[Line],
    (began_ns, now): (i64, Duration),
) -> String {
    let time = |since: Duration| {
        let since = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        engine::format_time(began_ns.saturating_add(since))
    };
    let mut documents = Vec::new();
    if let Event::Steps(_) = event {
        let all = steps.all.iter().enumerate().skip(steps.first().unwrap_or_default());
        let all: Vec<Value> = all.map(|(number, shown)| vertex(number, shown)).collect();
        documents.push(json!({ "vertexes": all }));
    }
    if let Event::Warnings(warnings) = event {
        let all = warnings.iter().map(|warning| {
            let short = STANDARD.encode(format!("{}: {}", warning.rule, warning.message));
            json!({ "level": 1, "short": short, "range": [{ "start": { "line": warning.line }, "end": { "line": warning.line } }] })
        });
        documents.push(json!({ "warnings": all.collect::<Vec<Value>>() }));
    }
    let Some((number, shown)) = step_of(event).and_then(|step| Some((step, steps.all.get(step)?)))
    else {
        return written(&documents);
    };
    for line in finished {
        let log = json!({
            "vertex": digest(number), "stream": if line.is_error { 2 } else { 1 },
            "data": STANDARD.encode(format!("{}\n", line.text)), "timestamp": time(now),
        });
        documents.push(json!({ "logs": [log] }));
    }
    match event {
        Event::Transfer { what, bytes, of, .. } => {
            let status = json!({
                "id": what, "vertex": digest(number), "current": bytes, "total": of.unwrap_or(0),
                "timestamp": time(now), "started": time(shown.begun),
            });
            documents.push(json!({ "statuses": [status] }));
        }
        Event::Started { .. }
        | Event::Cached { .. }
        | Event::Done { .. }
        | Event::Failed { .. }
        | Event::Cancelled { .. } => {
            let vertex = changed(number, shown, now, time);
            documents.push(json!({ "vertexes": [vertex] }));
        }
        Event::Missed { .. }
        | Event::Running { .. }
        | Event::Output { .. }
        | Event::Image { .. }
        | Event::Warnings(_)
        | Event::Steps(_) => {}
    }
    written(&documents)
}

/// A step that has begun or ended.
fn changed(
    number: usize,
    shown: &Shown,
    now: Duration,
    time: impl Fn(Duration) -> String,
) -> Value {
    let mut vertex = vertex(number, shown);
    let begun = if shown.phase == Phase::Cached { now } else { shown.begun };
    vertex["started"] = time(begun).into();
    if shown.has_ended() {
        vertex["completed"] = time(now).into();
    }
    match &shown.phase {
        Phase::Cached => vertex["cached"] = true.into(),
        Phase::Failed(why) => vertex["error"] = why.clone().into(),
        Phase::Cancelled => vertex["error"] = "context canceled".into(),
        Phase::Waiting | Phase::Running | Phase::Done(_) => {}
    }
    vertex
}

fn written(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("{document}\n")).collect()
}

fn vertex(number: usize, shown: &Shown) -> Value {
    json!({ "digest": digest(number), "name": shown.title() })
}

/// A name in the form of a digest: the number of the step.
fn digest(number: usize) -> String {
    format!("sha256:{number:064x}")
}
