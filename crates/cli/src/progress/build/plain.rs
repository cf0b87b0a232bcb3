//! Lines for logs, in the shape that people know: `#3 [build 2/4] RUN make`, `#3 0.412 a line of it`, `#3 DONE 1.2s`.
//!
//! One step has the word at a time. It keeps it until it has ended, or says nothing for a while, or has had it for long while others wait;
//! `#3 ...` says that it will go on. So lines of steps that run beside each other never mix. Pure: what is to be printed is returned.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use build::{Event, StepKind};

use super::steps::{Line, Phase, Shown, Steps, Transfer};
use crate::plain::plain;
use crate::words::size;

/// A step that is silent for so long gives the word to others.
const SILENCE: Duration = Duration::from_millis(300);
/// A step that has had the word for so long gives it to others.
const TURN: Duration = Duration::from_secs(2);
/// Between two lines on how far a transfer is.
const TRANSFER: Duration = Duration::from_secs(1);

/// What waits to be printed.
#[derive(Debug, Default)]
pub(super) struct Lines {
    explains: bool,
    steps: Vec<Waiting>,
    /// Steps that have something to say, in the order in which they began to.
    waiting: VecDeque<usize>,
    current: Option<usize>,
    turn_began: Duration,
    last_line: Duration,
    has_printed: bool,
}

/// Of one step.
#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<String>,
    has_ended: bool,
    transfer_told: Option<Duration>,
}

impl Lines {
    pub(super) fn new(explains: bool) -> Self {
        Self { explains, ..Self::default() }
    }

    /// What an event, and the lines that it finished, let be printed.
    pub(super) fn tell(
        &mut self,
        steps: &Steps,
        event: &Event<'_>,
        lines: Vec<Line>,
        now: Duration,
    ) -> String {
        let is_seen = |step: &usize| steps.all.get(*step).is_some_and(|shown| !shown.is_hidden());
        if let Some(step) = step_of(event).filter(is_seen) {
            let said = lines.into_iter().map(|line| format!("{} {}", seconds(line.at), line.text));
            let said: Vec<String> = said.collect();
            if !said.is_empty() {
                self.say(step, said);
            }
            self.of_step(steps, step, event, now);
        }
        match event {
            Event::Steps(all) => {
                self.steps.extend(all.iter().map(|_| Waiting::default()));
                String::new()
            }
            Event::Image { id, names } => {
                let made = std::iter::once(format!("writing image {id}"));
                let named = names.iter().map(|name| format!("naming to {}", plain(name)));
                let is_output = |shown: &Shown| shown.step.kind == StepKind::Output;
                let first = steps.first().unwrap_or_default();
                if let Some(step) = steps.all.iter().skip(first).position(is_output) {
                    self.say(first + step, made.chain(named).collect());
                }
                self.flush(steps, now, false)
            }
            Event::Warnings(_)
            | Event::Started { .. }
            | Event::Running { .. }
            | Event::Cached { .. }
            | Event::Missed { .. }
            | Event::Output { .. }
            | Event::Transfer { .. }
            | Event::Done { .. }
            | Event::Failed { .. }
            | Event::Cancelled { .. } => self.flush(steps, now, false),
        }
    }

    /// What an event says of its step.
    fn of_step(&mut self, steps: &Steps, step: usize, event: &Event<'_>, now: Duration) {
        match event {
            Event::Missed { why, .. } if self.explains => {
                let why = why.iter().map(|line| format!("MISSED {}", plain(line)));
                self.say(step, why.collect());
            }
            Event::Transfer { what, .. } => {
                let transfer = steps.all.get(step).and_then(|shown| transfer_of(shown, what));
                if let Some(transfer) = transfer {
                    self.transfer(step, transfer, now);
                }
            }
            Event::Cached { .. }
            | Event::Done { .. }
            | Event::Failed { .. }
            | Event::Cancelled { .. } => {
                let Some(shown) = steps.all.get(step) else { return };
                if self.steps.get(step).is_some_and(|waiting| waiting.has_ended) {
                    return;
                }
                let last = match &shown.phase {
                    Phase::Cached => "CACHED".to_owned(),
                    Phase::Done(took) => format!("DONE {:.1}s", took.as_secs_f64()),
                    Phase::Failed(why) => format!("ERROR: {}", plain(shown.why(why))),
                    Phase::Cancelled => "CANCELED".to_owned(),
                    Phase::Waiting | Phase::Running => return,
                };
                self.say(step, vec![last]);
                if let Some(waiting) = self.steps.get_mut(step) {
                    waiting.has_ended = true;
                }
            }
            Event::Started { .. } => self.say(step, Vec::new()),
            Event::Missed { .. }
            | Event::Warnings(_)
            | Event::Steps(_)
            | Event::Running { .. }
            | Event::Output { .. }
            | Event::Image { .. } => {}
        }
    }

    /// A step has something to say, if only its name.
    fn say(&mut self, step: usize, lines: Vec<String>) {
        let Some(waiting) = self.steps.get_mut(step) else { return };
        waiting.lines.extend(lines);
        if self.current != Some(step) && !self.waiting.contains(&step) {
            self.waiting.push_back(step);
        }
    }

    fn transfer(&mut self, step: usize, transfer: &Transfer, now: Duration) {
        let Some(waiting) = self.steps.get_mut(step) else { return };
        let is_whole = transfer.of == Some(transfer.bytes);
        let is_due = waiting.transfer_told.is_none_or(|told| now.saturating_sub(told) >= TRANSFER);
        if !is_whole && !is_due {
            return;
        }
        waiting.transfer_told = Some(now);
        let line = format!("{} {}", plain(&transfer.what), progress(transfer));
        self.say(step, vec![line]);
    }

    /// What may be printed now: everything that waits where `is_last`.
    pub(super) fn flush(&mut self, steps: &Steps, now: Duration, is_last: bool) -> String {
        let mut text = String::new();
        loop {
            let Some(current) = self.current else {
                let Some(next) = self.waiting.pop_front() else { return text };
                if std::mem::replace(&mut self.has_printed, true) {
                    text.push('\n');
                }
                let title = steps.all.get(next).map(Shown::title).unwrap_or_default();
                let _infallible = writeln!(text, "#{} {title}", number(steps, next));
                (self.current, self.turn_began, self.last_line) = (Some(next), now, now);
                continue;
            };
            let Some(waiting) = self.steps.get_mut(current) else { return text };
            for line in std::mem::take(&mut waiting.lines) {
                let _infallible = writeln!(text, "#{} {line}", number(steps, current));
                self.last_line = now;
            }
            let is_silent = now.saturating_sub(self.last_line) >= SILENCE;
            let is_long = now.saturating_sub(self.turn_began) >= TURN;
            if waiting.has_ended {
                self.current = None;
            } else if !self.waiting.is_empty() && (is_silent || is_long || is_last) {
                let _infallible = writeln!(text, "#{} ...", number(steps, current));
                self.current = None;
            } else {
                return text;
            }
        }
    }
}

/// What people know a step by.
fn number(steps: &Steps, step: usize) -> usize {
    steps.all.get(step).map_or(0, |shown| shown.number)
}

fn transfer_of<'a>(shown: &'a Shown, what: &str) -> Option<&'a Transfer> {
    shown.transfers.iter().find(|transfer| transfer.what == what)
}

/// The step that an event is of.
pub(super) const fn step_of(event: &Event<'_>) -> Option<usize> {
    match event {
        Event::Started { step }
        | Event::Running { step, .. }
        | Event::Cached { step }
        | Event::Missed { step, .. }
        | Event::Output { step, .. }
        | Event::Transfer { step, .. }
        | Event::Done { step, .. }
        | Event::Failed { step, .. }
        | Event::Cancelled { step } => Some(*step),
        Event::Warnings(_) | Event::Steps(_) | Event::Image { .. } => None,
    }
}

/// `1.2MB / 3.4MB`.
pub(super) fn progress(transfer: &Transfer) -> String {
    match transfer.of {
        Some(of) => format!("{} / {}", size(transfer.bytes), size(of)),
        None => size(transfer.bytes),
    }
}

/// Seconds with three digits behind the point.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
