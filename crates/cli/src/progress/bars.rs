//! Bars on a terminal: one line for each part that moves, and one for the whole. On a bar `#` is unpacked and `=` has come.
//!
//! Lines are drawn over in place; what is finished scrolls away only when there are more lines than the terminal has.
//! Source: console_codes(4), "ECMA-48 CSI sequences".

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use registry::{Part, PartState};

use super::{Direction, word};
use crate::output;
use crate::terminal;
use crate::words::size;

/// The rate is that of the last few seconds.
const RATE_WINDOW: Duration = Duration::from_secs(3);
/// Bars are not worth less than this.
const LEAST_COLUMNS: usize = 40;
/// What is left for a bar when everything else stands.
const MOST_BAR: usize = 30;

/// What stands on the terminal.
pub(super) struct Screen {
    direction: Direction,
    /// Lines that were drawn last.
    drawn: usize,
    samples: VecDeque<(Instant, u64)>,
}

impl Screen {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, drawn: 0, samples: VecDeque::new() }
    }

    pub(super) fn draw(&mut self, parts: &[Arc<Part>], notices: Vec<String>) {
        let (rows, columns) = terminal::size().unwrap_or((24, 80));
        let (rows, columns) = (usize::from(rows).max(4), usize::from(columns).max(LEAST_COLUMNS));
        let mut text = String::new();
        if self.drawn > 0 {
            // Up to the first line of ours, and everything from there on away.
            let _infallible = write!(text, "\x1b[{}A\x1b[J", self.drawn);
        }
        for notice in notices {
            text.push_str(&notice);
            text.push('\n');
        }
        let lines = self.lines(parts, rows - 2, columns - 1);
        self.drawn = lines.len();
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        output::talk_on(&text);
    }

    /// Those that move first, when there are too many to show all.
    fn lines(&mut self, parts: &[Arc<Part>], most: usize, columns: usize) -> Vec<String> {
        let mut shown: Vec<&Arc<Part>> = parts.iter().collect();
        if shown.len() > most {
            shown.sort_by_key(|part| rank(part.state()));
            shown.truncate(most);
        }
        let mut lines: Vec<String> =
            shown.iter().map(|part| line(part, self.direction, columns)).collect();
        if let Some(whole) = self.whole(parts) {
            lines.push(whole.chars().take(columns).collect());
        }
        lines
    }

    /// Bytes, rate and time left of everything that moves.
    fn whole(&mut self, parts: &[Arc<Part>]) -> Option<String> {
        let moving: Vec<&Arc<Part>> =
            parts.iter().filter(|part| part.total() > 0 && is_counted(part.state())).collect();
        let total: u64 = moving.iter().map(|part| part.total()).sum();
        if total == 0 {
            return None;
        }
        let current: u64 = moving.iter().map(|part| part.transferred()).sum();
        let rate = self.rate(current);
        if current >= total {
            let unpacked: u64 = moving.iter().map(|part| part.processed()).sum();
            return Some(match self.direction {
                Direction::Pull => format!("{} of {} unpacked", size(unpacked), size(total)),
                Direction::Push | Direction::Copy => size(total),
            });
        }
        let left = total.saturating_sub(current).checked_div(rate);
        let left = left.map(|seconds| format!("  {} left", clock(seconds))).unwrap_or_default();
        Some(format!("{} of {}  {}/s{left}", size(current), size(total), size(rate)))
    }

    fn rate(&mut self, current: u64) -> u64 {
        let now = Instant::now();
        self.samples.push_back((now, current));
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|(at, _)| now - *at > RATE_WINDOW)
        {
            self.samples.pop_front();
        }
        let Some((first, bytes)) = self.samples.front() else { return 0 };
        let milliseconds = u64::try_from((now - *first).as_millis()).unwrap_or(u64::MAX);
        (current.saturating_sub(*bytes) * 1000).checked_div(milliseconds).unwrap_or(0)
    }
}

/// Whether a part's bytes belong to what comes or goes now.
const fn is_counted(state: PartState) -> bool {
    match state {
        PartState::Exists | PartState::Mounted | PartState::Elsewhere => false,
        PartState::Waiting
        | PartState::Transferring
        | PartState::Unpacking
        | PartState::Retrying
        | PartState::Done
        | PartState::Failed => true,
    }
}

const fn rank(state: PartState) -> u8 {
    match state {
        PartState::Failed | PartState::Retrying => 0,
        PartState::Transferring | PartState::Unpacking => 1,
        PartState::Elsewhere | PartState::Waiting => 2,
        PartState::Done | PartState::Exists | PartState::Mounted => 3,
    }
}

fn line(part: &Part, direction: Direction, columns: usize) -> String {
    let state = part.state();
    let word = word(state, direction);
    let moves =
        matches!(state, PartState::Transferring | PartState::Retrying | PartState::Unpacking);
    if !moves || part.total() == 0 {
        return format!("{}: {word}", part.name).chars().take(columns).collect();
    }
    let numbers = format!("{}/{}", size(part.transferred()), size(part.total()));
    let head = format!("{}: {word:<12}", part.name);
    let room = columns.saturating_sub(head.chars().count() + numbers.len() + 4).min(MOST_BAR);
    let bar = bar(part, room);
    format!("{head} {bar} {numbers}").chars().take(columns).collect()
}

fn bar(part: &Part, room: usize) -> String {
    let share = |bytes: u64| {
        let cells = u128::from(bytes) * room as u128 / u128::from(part.total().max(1));
        usize::try_from(cells).map_or(room, |cells| cells.min(room))
    };
    let come = share(part.transferred());
    let unpacked = share(part.processed()).min(come);
    format!("[{}{}{}]", "#".repeat(unpacked), "=".repeat(come - unpacked), " ".repeat(room - come))
}

fn clock(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use registry::Progress;

    use super::*;

    #[test]
    fn a_bar_shows_what_has_come_and_what_is_unpacked() {
        let progress = Progress::default();
        let digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let part = progress.part(&digest, 100);
        part.set_transferred(60);
        part.add_processed(30);
        progress.set(&part, PartState::Transferring);
        assert_eq!(bar(&part, 10), "[###===    ]");
        assert_eq!(
            line(&part, Direction::Pull, 60),
            "abababababab: Downloading  [######=======         ] 60B/100B"
        );
        assert!(line(&part, Direction::Pull, 40).len() <= 40);
        assert_eq!(
            (clock(5), clock(65), clock(3700)),
            ("5s".into(), "1m05s".into(), "1h01m".into())
        );
    }
}
