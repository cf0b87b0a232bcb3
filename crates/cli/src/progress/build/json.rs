//! A JSON object for each event, one a line. docs/build.md describes the fields, which stay what they are.

use build::{BuildError, Event, Step, StepKind, Warning};
use serde_json::{Value, json};

use super::steps::Line;

/// What an event, and the lines that it finished, are in JSON; with the target where it is of one.
pub(super) fn lines(event: &Event<'_>, finished: &[Line], target: Option<&str>) -> String {
    let said = finished.iter().filter_map(|line| {
        let stream = if line.is_error { "stderr" } else { "stdout" };
        let step = super::plain::step_of(event)?;
        Some(json!({ "event": "output", "step": step, "stream": stream, "line": line.text }))
    });
    said.chain(document(event)).map(|document| format!("{}\n", of(document, target))).collect()
}

fn of(mut document: Value, target: Option<&str>) -> Value {
    if let Some(target) = target {
        document["target"] = target.into();
    }
    document
}

/// The build came to nothing.
pub(super) fn failure(error: &BuildError, target: Option<&str>) -> String {
    let document = json!({
        "event": "error", "message": engine::chain(error), "hint": error.hint(), "shown": error.shown(),
    });
    format!("{}\n", of(document, target))
}

/// What a check found.
pub(super) fn warning(warning: &Warning) -> Value {
    let Warning { rule, line, message, .. } = warning;
    json!({ "rule": rule, "line": line, "message": message })
}

fn document(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Warnings(warnings) => {
            let all: Vec<Value> = warnings.iter().map(warning).collect();
            json!({ "event": "warnings", "warnings": all })
        }
        Event::Steps(steps) => {
            let all: Vec<Value> = steps.iter().enumerate().map(step).collect();
            json!({ "event": "steps", "steps": all })
        }
        Event::Started { step } => json!({ "event": "started", "step": step }),
        Event::Running { step, container } => {
            json!({ "event": "running", "step": step, "container": container.to_string() })
        }
        Event::Cached { step } => json!({ "event": "cached", "step": step }),
        Event::Missed { step, why } => json!({ "event": "missed", "step": step, "why": why }),
        // Its whole lines were told.
        Event::Output { .. } => return None,
        Event::Transfer { step, what, bytes, of } => {
            json!({ "event": "transfer", "step": step, "what": what, "bytes": bytes, "of": of })
        }
        Event::Done { step, layer, took } => json!({
            "event": "done", "step": step, "layer": layer.map(ToString::to_string), "seconds": took.as_secs_f64(),
        }),
        Event::Failed { step, why } => json!({ "event": "failed", "step": step, "why": why }),
        Event::Cancelled { step } => json!({ "event": "cancelled", "step": step }),
        Event::Image { id, names } => {
            json!({ "event": "image", "id": id.to_string(), "names": names })
        }
    })
}

fn step((number, step): (usize, &Step)) -> Value {
    let Step { kind, stage, place: (place, of), line, text } = step;
    json!({
        "step": number, "kind": word(*kind), "stage": stage, "place": place, "of": of, "line": line, "text": text,
    })
}

const fn word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Load => "load",
        StepKind::Base => "base",
        StepKind::Run => "run",
        StepKind::Transfer => "transfer",
        StepKind::Directory => "directory",
        StepKind::Setting => "setting",
        StepKind::Output => "output",
    }
}
