//! Events as a log holds them: a line of JSON for each, with its time. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spec::Digest;

use super::mask::Mask;
use crate::event::{Event, Step, Warning};

/// One line of a log.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Milliseconds from the beginning of the build.
    at_ms: u64,
    #[serde(flatten)]
    what: Logged,
}

/// What is kept of an event. How far transfers were, and in which containers steps ran, is of no use later.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Logged {
    Warnings { warnings: Vec<Warning> },
    Steps { steps: Vec<Step> },
    Started { step: usize },
    Cached { step: usize },
    Missed { step: usize, why: Vec<String> },
    Output { step: usize, is_error: bool, text: String },
    Done { step: usize, layer: Option<String>, took_ms: u64 },
    Failed { step: usize, why: String },
    Cancelled { step: usize },
    Image { id: String, names: Vec<String> },
}

impl Line {
    /// Of an event; nothing for what is not kept. Output comes by [`Line::output`].
    pub(crate) fn of(event: &Event<'_>, at: Duration, mask: &Mask) -> Option<Self> {
        let what = match *event {
            Event::Warnings(warnings) => Logged::Warnings { warnings: warnings.to_vec() },
            Event::Steps(steps) => Logged::Steps { steps: steps.to_vec() },
            Event::Started { step } => Logged::Started { step },
            Event::Cached { step } => Logged::Cached { step },
            Event::Missed { step, why } => {
                Logged::Missed { step, why: why.iter().map(|line| mask.over(line)).collect() }
            }
            Event::Done { step, layer, took } => {
                Logged::Done { step, layer: layer.map(Digest::to_string), took_ms: ms(took) }
            }
            Event::Failed { step, why } => Logged::Failed { step, why: mask.over(why) },
            Event::Cancelled { step } => Logged::Cancelled { step },
            Event::Image { id, names } => {
                Logged::Image { id: id.to_string(), names: names.to_vec() }
            }
            Event::Running { .. } | Event::Output { .. } | Event::Transfer { .. } => return None,
        };
        Some(Self { at_ms: ms(at), what })
    }

    /// Of a line that a step wrote, with its end where it has one.
    pub(crate) fn output((step, is_error): (usize, bool), text: String, at: Duration) -> Self {
        Self { at_ms: ms(at), what: Logged::Output { step, is_error, text } }
    }

    /// As it stands in the log.
    pub(crate) fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Tells the event.
    pub(crate) fn tell(&self, hears: &mut dyn FnMut(Duration, &Event<'_>)) {
        let at = Duration::from_millis(self.at_ms);
        let event = match &self.what {
            Logged::Warnings { warnings } => Event::Warnings(warnings),
            Logged::Steps { steps } => Event::Steps(steps),
            Logged::Started { step } => Event::Started { step: *step },
            Logged::Cached { step } => Event::Cached { step: *step },
            Logged::Missed { step, why } => Event::Missed { step: *step, why },
            Logged::Output { step, is_error, text } => {
                Event::Output { step: *step, is_error: *is_error, bytes: text.as_bytes() }
            }
            Logged::Done { step, layer, took_ms } => {
                let layer: Option<Digest> = layer.as_ref().and_then(|text| text.parse().ok());
                let took = Duration::from_millis(*took_ms);
                return hears(at, &Event::Done { step: *step, layer: layer.as_ref(), took });
            }
            Logged::Failed { step, why } => Event::Failed { step: *step, why },
            Logged::Cancelled { step } => Event::Cancelled { step: *step },
            Logged::Image { id, names } => {
                let Ok(id) = id.parse() else { return };
                return hears(at, &Event::Image { id: &id, names });
            }
        };
        hears(at, &event);
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_again() {
        let layer = Digest::sha256([7; 32]);
        let (why, names) = (["a changed".to_owned()], ["app:latest".to_owned()]);
        let took = Duration::from_millis(1500);
        let events = [
            Event::Started { step: 3 },
            Event::Missed { step: 3, why: &why },
            Event::Done { step: 3, layer: Some(&layer), took },
            Event::Failed { step: 4, why: "no horse-battery" },
            Event::Image { id: &layer, names: &names },
        ];
        let secret: [&[u8]; 1] = [b"horse-battery"];
        let mask = Mask::of(secret.into_iter());
        for event in &events {
            let line = Line::of(event, Duration::from_millis(12), &mask).unwrap().to_text();
            assert!(!line.contains("horse"), "{line}");
            let mut told = Vec::new();
            let mut hears = |at: Duration, event: &Event<'_>| told.push((at, format!("{event:?}")));
            serde_json::from_str::<Line>(&line).unwrap().tell(&mut hears);
            let expected = format!("{event:?}").replace("horse-battery", "*****");
            assert_eq!(told, [(Duration::from_millis(12), expected)]);
        }
    }
}
