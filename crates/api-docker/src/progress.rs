//! How far a pull or a push is, as Docker tells it: a line for each layer whenever it is further.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use registry::{Part, PartState, Progress};
use serde_json::{Value, json};

use crate::lines::Lines;

/// Between two lines of one layer that only count on.
const FRAME: Duration = Duration::from_millis(100);
/// Cells of a bar.
const CELLS: u64 = 50;

/// Which way the layers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Here.
    Pull,
    /// To the registry.
    Push,
}

/// Works while the client is told how far it is.
pub(crate) fn shown<T>(
    direction: Direction,
    (progress, lines): (&Progress, &Lines),
    work: impl FnOnce() -> T,
) -> T {
    let mut told = Told { direction, layers: HashMap::new() };
    let look = move |parts: &[Arc<Part>], notices: Vec<String>| {
        for notice in notices {
            lines.status(notice);
        }
        for part in parts {
            for line in told.of(part, lines.is_slow()) {
                lines.say(&line);
            }
        }
    };
    progress.watched(FRAME, look, work)
}

/// What was told last of each layer.
struct Told {
    direction: Direction,
    layers: HashMap<String, Layer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Layer {
    state: PartState,
    bytes: u64,
    has_come: bool,
}

impl Told {
    /// What is to be told of a layer now. What only counts on is not where the client is slow.
    fn of(&mut self, part: &Part, is_slow: bool) -> Vec<Value> {
        let state = part.state();
        let bytes =
            if state == PartState::Unpacking { part.processed() } else { part.transferred() };
        let before = self.layers.get(&part.digest).copied();
        let mut now = Layer { state, bytes, has_come: before.is_some_and(|layer| layer.has_come) };
        let is_same = before.is_some_and(|layer| layer.state == state);
        if before == Some(now) || (is_same && is_slow) {
            return Vec::new();
        }
        let mut lines = Vec::new();
        let plain =
            |status: &str| json!({ "status": status, "progressDetail": {}, "id": part.name });
        let is_here = self.direction == Direction::Pull && state == PartState::Exists;
        if before.is_none() && !is_here {
            lines.push(plain(match self.direction {
                Direction::Pull => "Pulling fs layer",
                Direction::Push => "Preparing",
            }));
        }
        let has_come = matches!(state, PartState::Unpacking | PartState::Done);
        if self.direction == Direction::Pull && has_come && !now.has_come {
            lines.push(plain("Download complete"));
            now.has_come = true;
        }
        let status = word(state, self.direction);
        match state {
            PartState::Transferring | PartState::Unpacking => {
                lines.push(counted(status, &part.name, bytes, part.total()));
            }
            PartState::Failed => {}
            PartState::Waiting if before.is_none() => {}
            PartState::Waiting
            | PartState::Retrying
            | PartState::Exists
            | PartState::Mounted
            | PartState::Elsewhere
            | PartState::Done => {
                if !is_same {
                    lines.push(plain(status));
                }
            }
        }
        self.layers.insert(part.digest.clone(), now);
        lines
    }
}

const fn word(state: PartState, direction: Direction) -> &'static str {
    match (state, direction) {
        (PartState::Waiting | PartState::Elsewhere, _) => "Waiting",
        (PartState::Transferring, Direction::Pull) => "Downloading",
        (PartState::Transferring, Direction::Push) => "Pushing",
        (PartState::Unpacking, _) => "Extracting",
        (PartState::Retrying, _) => "Retrying",
        (PartState::Exists, Direction::Pull) => "Already exists",
        (PartState::Exists, Direction::Push) => "Layer already exists",
        (PartState::Mounted, _) => "Mounted from another repository",
        (PartState::Done, Direction::Pull) => "Pull complete",
        (PartState::Done, Direction::Push) => "Pushed",
        (PartState::Failed, _) => "Failed",
    }
}

/// A line that counts bytes, with its bar for those who do not draw one.
pub(crate) fn counted(status: &str, id: &str, current: u64, total: u64) -> Value {
    json!({
        "status": status,
        "progressDetail": { "current": current, "total": total },
        "progress": bar(current, total),
        "id": id,
    })
}

fn bar(current: u64, total: u64) -> String {
    if total == 0 || current > total {
        return format!("{:>8}", human(current));
    }
    let full = u128::from(current) * u128::from(CELLS) / u128::from(total);
    let full = usize::try_from(full).unwrap_or(0);
    let rest = usize::try_from(CELLS).unwrap_or(0) - full;
    format!("[{}>{}] {:>8}/{}", "=".repeat(full), " ".repeat(rest), human(current), human(total))
}

/// Four digits and a unit of thousands, as Go's `%.4g`.
fn human(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
    let mut value = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"].into_iter().peekable();
    while let Some(unit) = units.next() {
        if value >= 1000.0 && units.peek().is_some() {
            value /= 1000.0;
            continue;
        }
        let digits = match value {
            1000.0.. => 0,
            100.0.. => 1,
            10.0.. => 2,
            _ => 3,
        };
        let text = format!("{value:.digits$}");
        let text =
            if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        return format!("{text}{unit}");
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(told: &mut Told, part: &Part) -> Vec<String> {
        let lines = told.of(part, false);
        lines.iter().map(|line| line["status"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_pull_is_told_step_by_step() {
        let progress = Progress::default();
        let digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let part = progress.part(&digest, 2_156_000);
        let mut told = Told { direction: Direction::Pull, layers: HashMap::new() };
        assert_eq!(statuses(&mut told, &part), ["Pulling fs layer"]);
        assert!(statuses(&mut told, &part).is_empty());
        progress.set(&part, PartState::Transferring);
        part.set_transferred(22_528);
        let line = &told.of(&part, false)[0];
        assert_eq!(
            line.to_string(),
            json!({
                "status": "Downloading", "id": "abababababab",
                "progressDetail": { "current": 22_528, "total": 2_156_000 },
                "progress": format!("[>{}]  22.53kB/2.156MB", " ".repeat(50)),
            })
            .to_string()
        );
        part.set_transferred(2_156_000);
        assert!(told.of(&part, true).is_empty(), "a slow client is not told of each byte");
        progress.set(&part, PartState::Unpacking);
        assert_eq!(statuses(&mut told, &part), ["Download complete", "Extracting"]);
        progress.set(&part, PartState::Done);
        assert_eq!(statuses(&mut told, &part), ["Pull complete"]);
        assert!(statuses(&mut told, &part).is_empty());
    }

    #[test]
    fn what_is_there_is_said_once() {
        let progress = Progress::default();
        let digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let part = progress.part(&digest, 10);
        progress.set(&part, PartState::Exists);
        let mut told = Told { direction: Direction::Push, layers: HashMap::new() };
        assert_eq!(statuses(&mut told, &part), ["Preparing", "Layer already exists"]);
        assert!(statuses(&mut told, &part).is_empty());
    }

    #[test]
    fn bars_are_dockers() {
        assert_eq!(bar(0, 0), "      0B");
        assert_eq!(bar(10, 5), "     10B");
        assert_eq!(bar(5, 10), format!("[{}>{}]       5B/10B", "=".repeat(25), " ".repeat(25)));
        assert_eq!(human(1_234_567), "1.235MB");
        assert_eq!(human(999), "999B");
        assert_eq!(human(77_800_000), "77.8MB");
    }
}
