//! What a build tells, as the classic builder of Docker does: `Step 2/3 : RUN make`, ` ---> Running in …`, the output, ` ---> …`.
//!
//! Steps run beside each other here, and there one after the other: what a step tells before its turn waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use build::{Event, Progress, Step, StepKind};
use serde_json::{Value, json};

use crate::lines::Lines;
use crate::progress::counted;

/// Bytes of output that wait for their turn, of one step; what was said first goes first.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// Hears of a build.
pub(super) struct Told<'a> {
    lines: &'a Lines,
    is_quiet: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: Vec<Waiting>,
    /// The step whose turn it is.
    turn: usize,
    /// How many there are that people see.
    shown: usize,
    has_said: bool,
}

/// Of one step.
#[derive(Default)]
struct Waiting {
    /// Its number among those that are shown, and its instruction; nothing for what the classic builder does not know.
    title: Option<(usize, String)>,
    said: Vec<Value>,
    bytes: usize,
    container: Option<String>,
    has_ended: bool,
    /// The beginning of a letter whose end has not come.
    unfinished: Vec<u8>,
}

impl<'a> Told<'a> {
    pub(super) fn new(lines: &'a Lines, is_quiet: bool) -> Self {
        Self { lines, is_quiet, state: Mutex::default() }
    }

    /// Whether the client has heard anything.
    pub(super) fn has_said(&self) -> bool {
        self.lock().has_said
    }

    /// Says what still waits: the build is over.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        for step in &mut state.steps {
            step.has_ended = true;
        }
        self.flush(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush(&self, state: &mut State) {
        let State { steps, turn, has_said, .. } = state;
        while let Some(step) = steps.get_mut(*turn) {
            step.bytes = 0;
            for document in step.said.drain(..) {
                if !self.is_quiet {
                    self.lines.say(&document);
                    *has_said = true;
                }
            }
            if !step.has_ended {
                return;
            }
            *turn += 1;
        }
    }
}

impl Progress for Told<'_> {
    fn tell(&self, event: &Event<'_>) {
        let mut state = self.lock();
        let is_slow = self.lines.is_slow();
        state.take(event, is_slow);
        self.flush(&mut state);
    }
}

impl State {
    fn take(&mut self, event: &Event<'_>, is_slow: bool) {
        let (shown, turn) = (self.shown, self.turn);
        let mut with = |step: &usize, act: &dyn Fn(&mut Waiting)| {
            if let Some(step) = self.steps.get_mut(*step) {
                act(step);
            }
        };
        match event {
            Event::Steps(steps) => self.begin(steps),
            Event::Started { step } => with(step, &|step| {
                if let Some((number, text)) = &step.title {
                    let line = format!("Step {number}/{shown} : {text}\n");
                    step.say(&line);
                }
            }),
            Event::Running { step, container } => with(step, &|step| {
                let id = container.to_string();
                step.say(&format!(" ---> Running in {}\n", short(&id)));
                step.container = Some(id);
            }),
            Event::Output { step, is_error, bytes } => {
                with(step, &|step| step.write(*is_error, bytes));
            }
            // What a later line makes up for is said in its turn or not at all.
            Event::Transfer { step, what, bytes, of } if *step == turn && !is_slow => {
                with(step, &|step| {
                    step.said.push(counted("Downloading", what, *bytes, of.unwrap_or(0)));
                });
            }
            Event::Cached { step } => with(step, &|step| step.say(" ---> Using cache\n")),
            Event::Done { step, layer, .. } => with(step, &|step| {
                step.end();
                if let (Some(_), Some(layer)) = (&step.title, layer) {
                    step.say(&format!(" ---> {}\n", layer.short()));
                }
            }),
            Event::Failed { step, .. } | Event::Cancelled { step } => with(step, &Waiting::end),
            Event::Transfer { .. }
            | Event::Missed { .. }
            | Event::Warnings(_)
            | Event::Image { .. } => {}
        }
    }

    fn begin(&mut self, steps: &[Step]) {
        let mut number = 0;
        self.steps = steps
            .iter()
            .map(|step| {
                let is_shown = !matches!(step.kind, StepKind::Load | StepKind::Output);
                number += usize::from(is_shown);
                let title = is_shown.then(|| (number, step.text.clone()));
                Waiting { title, ..Waiting::default() }
            })
            .collect();
        self.shown = number;
    }
}

impl Waiting {
    fn say(&mut self, text: &str) {
        self.bytes += text.len();
        self.said.push(json!({ "stream": text }));
    }

    fn end(&mut self) {
        if let Some(container) = self.container.take() {
            let line = format!("Removing intermediate container {}\n", short(&container));
            self.say(&line);
        }
        self.has_ended = true;
    }

    /// Output as it comes, cut between letters; errors are red, as the classic builder has them.
    fn write(&mut self, is_error: bool, bytes: &[u8]) {
        if self.bytes >= MOST_WAITING {
            // Its turn is far away: the oldest half goes.
            let half = self.said.len() / 2;
            self.said.drain(..half);
            self.bytes /= 2;
        }
        let mut all = std::mem::take(&mut self.unfinished);
        all.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&all) {
            // Only what may still become a letter waits.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => all.len(),
        };
        self.unfinished = all.split_off(whole);
        if all.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&all).into_owned();
        let text = if is_error { format!("\u{1b}[91m{text}\u{1b}[0m") } else { text };
        self.say(&text);
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn steps() -> Vec<Step> {
        let kinds = [
            (StepKind::Load, "load"),
            (StepKind::Base, "FROM busybox"),
            (StepKind::Run, "RUN make"),
            (StepKind::Base, "FROM scratch"),
            (StepKind::Output, "make the image"),
        ];
        let step = |(kind, text): (StepKind, &str)| Step {
            kind,
            stage: String::new(),
            place: (1, 1),
            line: 1,
            text: text.to_owned(),
        };
        kinds.map(step).to_vec()
    }

    fn texts(state: &mut State) -> String {
        let mut text = String::new();
        while let Some(step) = state.steps.get_mut(state.turn) {
            for document in step.said.drain(..) {
                text.push_str(document["stream"].as_str().unwrap_or("(status)\n"));
            }
            if !step.has_ended {
                break;
            }
            state.turn += 1;
        }
        text
    }

    fn done(step: usize) -> Event<'static> {
        Event::Done { step, layer: None, took: Duration::ZERO }
    }

    #[test]
    fn steps_are_told_in_the_order_of_the_file() {
        let mut state = State::default();
        let container = format!("{}ff", "ab".repeat(31)).parse().unwrap();
        state.take(&Event::Steps(&steps()), false);
        for event in [
            Event::Started { step: 0 },
            done(0),
            // The second stage is ahead.
            Event::Started { step: 3 },
            Event::Transfer { step: 3, what: "layer", bytes: 1, of: None },
            done(3),
            Event::Started { step: 1 },
            Event::Cached { step: 1 },
            done(1),
            Event::Started { step: 2 },
            Event::Running { step: 2, container: &container },
            Event::Output { step: 2, is_error: false, bytes: "gr\u{fc}n\n".as_bytes() },
        ] {
            state.take(&event, false);
        }
        let first = texts(&mut state);
        for event in [Event::Output { step: 2, is_error: true, bytes: b"oh\n" }, done(2)] {
            state.take(&event, false);
        }
        let second = texts(&mut state);
        assert_eq!(
            first,
            "Step 1/3 : FROM busybox\n ---> Using cache\nStep 2/3 : RUN make\n ---> Running in abababababab\ngr\u{fc}n\n"
        );
        assert_eq!(
            second,
            "\u{1b}[91moh\n\u{1b}[0mRemoving intermediate container abababababab\nStep 3/3 : FROM scratch\n"
        );
    }

    #[test]
    fn letters_are_not_cut() {
        let mut waiting = Waiting::default();
        waiting.write(false, &[b'a', 0xc3]);
        waiting.write(false, &[0xbc, b'b', 0xff, b'c']);
        let texts: Vec<&str> =
            waiting.said.iter().map(|document| document["stream"].as_str().unwrap()).collect();
        assert_eq!(texts, ["a", "\u{fc}b\u{fffd}c"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut waiting = Waiting::default();
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..1000 {
            waiting.write(false, &piece);
        }
        assert!(waiting.bytes <= MOST_WAITING + piece.len());
    }
}
