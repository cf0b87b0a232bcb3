//! A terminal: steps that have ended stand still and scroll away; below them are those that run, each with its time and its last lines.
//!
//! What is drawn over is written in one piece and line by line, so nothing flickers. A window that has become narrower has folded what stands
//! there: rows are counted anew with each frame, whose size is asked for. Pure: what is to be printed is returned.
//! Source: console_codes(4), "ECMA-48 CSI sequences".

use std::fmt::Write as _;
use std::time::Duration;

use build::Event;

use super::plain::{progress, step_of};
use super::steps::{Phase, Shown, Steps, cleaned};
use crate::plain::plain;

/// Last lines of a step that runs.
const TAIL: usize = 6;
/// Columns of a time at the right.
const TIME: usize = 8;

/// What stands on the terminal.
#[derive(Debug, Default)]
pub(super) struct Screen {
    explains: bool,
    /// Columns of each line that was drawn last, and is drawn over next.
    drawn: Vec<usize>,
    /// Lines that go above it.
    above: Vec<String>,
    /// Whether the last frame was drawn: what comes after it are lines that stay.
    is_closed: bool,
}

/// Rows and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Screen {
    pub(super) fn new(explains: bool) -> Self {
        Self { explains, ..Self::default() }
    }

    /// Takes an event in; it is seen with the next frame.
    pub(super) fn tell(&mut self, steps: &Steps, event: &Event<'_>) {
        if let Event::Image { id, names } = event {
            self.above.push(format!(" => image {id}"));
            self.above.extend(names.iter().map(|name| format!(" => tagged {}", plain(name))));
            return;
        }
        let shown = step_of(event).and_then(|step| steps.all.get(step));
        let Some(shown) = shown.filter(|shown| !shown.is_hidden()) else { return };
        match (event, &shown.phase) {
            (Event::Missed { why, .. }, _) if self.explains => {
                self.above.push(format!(" => MISSED {}", shown.title()));
                self.above.extend(why.iter().map(|line| format!(" => => {}", plain(line))));
            }
            (Event::Cached { .. }, _) => self.above.push(format!(" => CACHED {}", shown.title())),
            (Event::Done { .. }, Phase::Done(took)) => {
                self.above.push(timed(&format!(" => {}", shown.title()), *took));
            }
            (Event::Failed { .. }, Phase::Failed(_)) => {
                self.above.push(format!(" => ERROR {}", shown.title()));
            }
            (Event::Cancelled { .. }, _) => {
                self.above.push(format!(" => CANCELED {}", shown.title()));
            }
            _ => {}
        }
    }

    /// The next frame; the last one leaves nothing that moves.
    pub(super) fn frame(
        &mut self,
        steps: &Steps,
        now: Duration,
        window: Window,
        is_last: bool,
    ) -> String {
        let columns = window.columns.max(40) - 1;
        let mut text = String::new();
        let rows: usize =
            self.drawn.iter().map(|width| width.max(&1).div_ceil(window.columns.max(1))).sum();
        if rows > 0 {
            let _infallible = write!(text, "\x1b[{rows}A\r");
        }
        for line in std::mem::take(&mut self.above) {
            text.push_str(&fitted(&line, columns));
            text.push_str("\x1b[K\n");
        }
        let live = if is_last || self.is_closed {
            Vec::new()
        } else {
            live(steps, now, window.rows.max(6) - 2)
        };
        self.drawn.clear();
        for line in live {
            let line = fitted(&line, columns);
            self.drawn.push(width(&line));
            text.push_str(&line);
            text.push_str("\x1b[K\n");
        }
        // What stood further down.
        text.push_str("\x1b[J");
        if is_last && !std::mem::replace(&mut self.is_closed, true) {
            let (ended, all) = steps.count();
            let words = if steps.failed().is_some() { "FAILED" } else { "FINISHED" };
            let _infallible =
                writeln!(text, "[+] Building {:.1}s ({ended}/{all}) {words}", now.as_secs_f64());
        }
        text
    }
}

/// The lines that are drawn over: how far the whole is, and what runs.
fn live(steps: &Steps, now: Duration, most: usize) -> Vec<String> {
    let (ended, all) = steps.count();
    let mut lines = vec![format!("[+] Building {:.1}s ({ended}/{all})", now.as_secs_f64())];
    let running: Vec<&Shown> = steps
        .all
        .iter()
        .filter(|shown| shown.phase == Phase::Running && !shown.is_hidden())
        .collect();
    // As many lines of each as there is room for all.
    let room = most.saturating_sub(1 + running.len());
    let tail = room.checked_div(running.len()).unwrap_or(0).min(TAIL);
    for shown in running {
        if lines.len() == most {
            break;
        }
        let took = now.saturating_sub(shown.begun);
        lines.push(timed(&format!(" => {}", shown.title()), took));
        let moving = shown.transfers.iter().filter(|transfer| transfer.of != Some(transfer.bytes));
        let moving =
            moving.map(|transfer| format!("{} {}", plain(&transfer.what), progress(transfer)));
        let said = shown.said.iter().map(|(_, line)| format!("# {}", cleaned(line, false)));
        let all: Vec<String> = moving.chain(said).collect();
        let last = all.get(all.len().saturating_sub(tail)..).unwrap_or_default();
        lines.extend(last.iter().map(|line| format!(" => => {line}")));
    }
    lines
}

/// A line with a time, which [`fitted`] puts at its right end.
fn timed(line: &str, took: Duration) -> String {
    format!("{line}\t{:.1}s", took.as_secs_f64())
}

/// A line in so many columns.
fn fitted(line: &str, columns: usize) -> String {
    let Some((line, time)) =
        line.rsplit_once('\t').filter(|_| line.starts_with(" => ") && !line.starts_with(" => =>"))
    else {
        return cut(&line.replace('\t', "    "), columns);
    };
    let line = cut(&line.replace('\t', "    "), columns.saturating_sub(TIME));
    let gap = columns.saturating_sub(width(&line) + time.len());
    format!("{line}{}{time}", " ".repeat(gap))
}

fn cut(line: &str, columns: usize) -> String {
    let mut room = columns;
    let fits = |letter: &char| {
        let needed = columns_of(*letter);
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    line.chars().take_while(fits).collect()
}

fn width(line: &str) -> usize {
    line.chars().map(columns_of).sum()
}

/// Letters beyond the alphabets of the west and the near east are taken for wide ones, which many are: a line is rather too short than folded.
const fn columns_of(letter: char) -> usize {
    if letter < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::build::tests::{ms, steps};

    const WINDOW: Window = Window { rows: 24, columns: 60 };

    fn told(events: &[Event<'_>], now: Duration) -> (Screen, Steps) {
        let (mut screen, mut all) = (Screen::new(true), Steps::default());
        for event in events {
            all.take(event, now);
            screen.tell(&all, event);
        }
        (screen, all)
    }

    /// What a terminal shows of a text that only goes up, clears and writes.
    fn shown(frames: &[String]) -> Vec<String> {
        let (mut lines, mut at): (Vec<String>, usize) = (Vec::new(), 0);
        for frame in frames {
            let mut rest = frame.as_str();
            while !rest.is_empty() {
                if let Some(after) = rest.strip_prefix("\x1b[J") {
                    lines.truncate(at);
                    rest = after;
                } else if let Some(after) = rest.strip_prefix("\x1b[") {
                    let (number, after) = after.split_once("A\r").unwrap();
                    at -= number.parse::<usize>().unwrap();
                    rest = after;
                } else {
                    let (line, after) = rest.split_once('\n').unwrap();
                    lines.truncate(lines.len().max(at));
                    let line = line.replace("\x1b[K", "").trim_end().to_owned();
                    if at < lines.len() {
                        lines[at] = line;
                    } else {
                        lines.push(line);
                    }
                    at += 1;
                    rest = after;
                }
            }
        }
        lines
    }

    #[test]
    fn what_runs_is_drawn_over_and_what_has_ended_stays() {
        let all = steps();
        let events = [
            Event::Steps(&all),
            Event::Started { step: 1 },
            Event::Started { step: 2 },
            Event::Output { step: 2, is_error: false, bytes: b"one\n\x1b[31mtwo\x1b[0m\n" },
            Event::Transfer { step: 1, what: "layer", bytes: 10, of: Some(20) },
        ];
        let (mut screen, mut model) = told(&events, ms(0));
        let first = screen.frame(&model, ms(1500), WINDOW, false);
        insta::assert_snapshot!(shown(std::slice::from_ref(&first)).join("\n"), @r"
        [+] Building 1.5s (0/6)
         => [build 1/2] FROM busybox                           1.5s
         => => layer 10B / 20B
         => [build 2/2] RUN make                               1.5s
         => => # one
         => => # two
        ");
        for event in [
            Event::Done { step: 1, layer: None, took: ms(1600) },
            Event::Missed { step: 2, why: &["file a changed".to_owned()] },
        ] {
            model.take(&event, ms(1600));
            screen.tell(&model, &event);
        }
        let second = screen.frame(&model, ms(1700), WINDOW, false);
        insta::assert_snapshot!(shown(&[first.clone(), second.clone()]).join("\n"), @r"
         => [build 1/2] FROM busybox                           1.6s
         => MISSED [build 2/2] RUN make
         => => file a changed
        [+] Building 1.7s (1/6)
         => [build 2/2] RUN make                               1.7s
         => => # one
         => => # two
        ");
        let event = Event::Failed { step: 2, why: "it does not work" };
        model.take(&event, ms(1600));
        screen.tell(&model, &event);
        let last = screen.frame(&model, ms(1800), WINDOW, true);
        insta::assert_snapshot!(shown(&[first, second, last]).join("\n"), @r"
         => [build 1/2] FROM busybox                           1.6s
         => MISSED [build 2/2] RUN make
         => => file a changed
         => ERROR [build 2/2] RUN make
        [+] Building 1.8s (2/6) FAILED
        ");
    }

    #[test]
    fn nothing_is_higher_or_wider_than_the_window() {
        let all = steps();
        let wide = format!("{}\n", "漢字 and a\ttab ".repeat(20));
        let mut events = vec![Event::Steps(&all)];
        for step in 0..6 {
            events.push(Event::Started { step });
            for _ in 0..10 {
                events.push(Event::Output { step, is_error: false, bytes: wide.as_bytes() });
            }
        }
        let (mut screen, model) = told(&events, ms(0));
        for window in [WINDOW, Window { rows: 8, columns: 40 }, Window { rows: 200, columns: 300 }]
        {
            let frame = screen.frame(&model, ms(100), window, false);
            assert!(frame.matches('\n').count() < window.rows, "{window:?}: {frame}");
            assert!(screen.drawn.iter().all(|width| *width < window.columns), "{window:?}");
        }
    }

    #[test]
    fn a_window_that_became_narrower_has_folded_what_stands() {
        let all = steps();
        let (mut screen, model) = told(&[Event::Steps(&all), Event::Started { step: 2 }], ms(0));
        screen.frame(&model, ms(100), WINDOW, false);
        // 23 columns of the head and 59 of the step, which has its time at the end.
        let narrow = screen.frame(&model, ms(200), Window { rows: 24, columns: 40 }, false);
        assert!(narrow.starts_with("\x1b[3A\r"), "{narrow:?}");
    }
}
