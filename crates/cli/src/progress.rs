//! How far a pull, push or copy is, for whoever looks: bars on a terminal, lines elsewhere, JSON on demand.
//!
//! The work goes on in the caller's thread; a second one draws what the counters say. Start at [`show`].

use std::sync::Arc;
use std::time::Duration;

use registry::{PartState, Progress};

use crate::arguments::Matches;
use crate::failure::Failure;

mod bars;
pub(crate) mod build;
mod json;
mod plain;

/// How often bars are drawn anew.
const FRAME: Duration = Duration::from_millis(100);

/// How to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Not at all; notices are said all the same.
    Quiet,
    /// A bar for each part, on a terminal.
    Bars,
    /// A line for each change of state.
    Plain,
    /// A JSON object for each change, on standard output.
    Json,
}

/// What the parts do, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// They come.
    Pull,
    /// They go.
    Push,
    /// They come and go.
    Copy,
}

impl Mode {
    /// What `--quiet` and `--progress` ask for: `auto` is bars on a terminal and lines elsewhere.
    pub(crate) fn of(matches: &Matches) -> Result<Self, Failure> {
        if matches.on("quiet") {
            return Ok(Self::Quiet);
        }
        match matches.value("progress").unwrap_or("auto") {
            "auto" => Ok(Self::of_terminal()),
            "plain" => Ok(Self::Plain),
            "tty" => Ok(Self::Bars),
            "json" => Ok(Self::Json),
            "quiet" | "none" => Ok(Self::Quiet),
            other => Err(Failure::Words(format!(
                "invalid progress {other:?}: it is not one of auto, tty, plain, json, quiet"
            ))),
        }
    }

    /// Bars for people, lines for logs. Talk goes to standard error.
    pub(crate) fn of_terminal() -> Self {
        if rustix::termios::isatty(rustix::stdio::stderr()) { Self::Bars } else { Self::Plain }
    }
}

/// Works while another thread shows how far it is; what is shown is complete when this returns.
pub(crate) fn show<T>(
    mode: Mode,
    direction: Direction,
    progress: &Arc<Progress>,
    work: impl FnOnce() -> T,
) -> T {
    match mode {
        Mode::Quiet => progress.watched(FRAME, |_, notices| plain::say(notices), work),
        Mode::Bars => {
            let mut screen = bars::Screen::new(direction);
            progress.watched(FRAME, move |parts, notices| screen.draw(parts, notices), work)
        }
        Mode::Plain => {
            let mut lines = plain::Lines::new(direction);
            progress.watched(FRAME, move |parts, notices| lines.tell(parts, notices), work)
        }
        Mode::Json => {
            let mut lines = json::Lines::default();
            progress.watched(FRAME, move |parts, notices| lines.tell(parts, notices), work)
        }
    }
}

/// A state in a word or two.
fn word(state: PartState, direction: Direction) -> &'static str {
    match (state, direction) {
        (PartState::Waiting, _) => "Waiting",
        (PartState::Transferring, Direction::Pull) => "Downloading",
        (PartState::Transferring, Direction::Push) => "Pushing",
        (PartState::Transferring, Direction::Copy) => "Copying",
        (PartState::Unpacking, _) => "Extracting",
        (PartState::Retrying, _) => "Retrying",
        (PartState::Exists, Direction::Pull | Direction::Copy) => "Already exists",
        (PartState::Exists, Direction::Push) => "Layer already exists",
        (PartState::Mounted, _) => "Mounted",
        (PartState::Elsewhere, _) => "Waiting for another command",
        (PartState::Done, Direction::Pull) => "Pull complete",
        (PartState::Done, Direction::Push) => "Pushed",
        (PartState::Done, Direction::Copy) => "Copied",
        (PartState::Failed, _) => "Failed",
    }
}
