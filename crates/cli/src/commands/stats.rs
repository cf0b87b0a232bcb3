//! `stats`: what containers use, once or again and again; on a terminal in place, with the last half minute as a line.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use engine::events::Reader;
use engine::{Container, Engine, Meter, Reading, State};
use serde_json::{Value, json};

use super::list::format_rows;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::words::{memory, size};

/// Between two looks.
const ROUND: Duration = Duration::from_secs(1);
/// Between the two looks of one that is not repeated: a share of CPU time needs a while.
const GLANCE: Duration = Duration::from_millis(250);
/// Rounds that the line shows.
const HISTORY: usize = 30;
/// From nothing to all.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Docker's columns.
const COLUMNS: &[(&str, &str)] = &[
    ("ID", "CONTAINER ID"),
    ("Name", "NAME"),
    ("CPUPerc", "CPU %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("MemPerc", "MEM %"),
    ("NetIO", "NET I/O"),
    ("BlockIO", "BLOCK I/O"),
    ("PIDs", "PIDS"),
];

/// Who is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
}

/// What one look sees of a container.
pub(super) struct Seen {
    pub(super) row: Row,
    /// As it was asked for.
    pub(super) word: String,
    pub(super) reading: Option<Reading>,
}

/// One container that is watched.
struct Watched {
    seen: Seen,
    last: Option<Reading>,
    history: VecDeque<f64>,
}

/// Shows what `look` sees, again and again or once. It is told whether that is the first look.
pub(super) fn watch(
    matches: &Matches,
    mut look: impl FnMut(bool) -> Result<Vec<Seen>, Failure>,
) -> Result<i32, Failure> {
    let format = matches.value("format");
    let once = matches.on("no-stream");
    let in_place = !once && std::io::stdout().is_terminal();
    let mut watched = follow(Vec::new(), look(true)?);
    pause(if once { GLANCE } else { ROUND });
    loop {
        let began = Instant::now();
        watched = follow(watched, look(false)?);
        let mut values: Vec<Value> =
            watched.iter().map(|one| value(one, matches.on("no-trunc"))).collect();
        let mut columns = COLUMNS.to_vec();
        if in_place && format.is_none() {
            columns.push(("History", "CPU HISTORY"));
            for (value, one) in values.iter_mut().zip(&watched) {
                value["History"] = line(&one.history).into();
            }
        }
        let text = format_rows(format, &columns, &values)?;
        output::write(&if in_place { placed(&text) } else { text })?;
        if once {
            return Ok(0);
        }
        pause(ROUND.saturating_sub(began.elapsed()));
    }
}

/// What is known of those that are seen again is kept.
fn follow(mut known: Vec<Watched>, seen: Vec<Seen>) -> Vec<Watched> {
    let mut watched = Vec::with_capacity(seen.len());
    for seen in seen {
        let place = known.iter().position(|one| one.seen.row.id == seen.row.id);
        let (last, mut history) = match place.map(|place| known.swap_remove(place)) {
            // One that began anew counts from the beginning.
            Some(one) => (
                one.seen
                    .reading
                    .filter(|last| seen.reading.is_some_and(|now| now.cpu_ns >= last.cpu_ns)),
                one.history,
            ),
            None => (None, VecDeque::new()),
        };
        if history.len() == HISTORY {
            history.pop_front();
        }
        let mut one = Watched { seen, last, history };
        one.history.push_back(cpu_share(&one));
        watched.push(one);
    }
    watched
}

/// One container of this machine, and its open files.
struct Metered {
    container: Container,
    word: String,
    meter: Option<Meter>,
}

pub(super) fn stats(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let failed = |cause| Failure::file("read", "the events")(cause);
    let mut news = Reader::open(engine.events(), false).map_err(failed)?;
    let mut metered = find(&engine, matches, Vec::new())?;
    let mut buffer = Vec::new();
    watch(matches, |is_first| {
        if !is_first && has_changed(&mut news).map_err(failed)? {
            metered = find(&engine, matches, std::mem::take(&mut metered))?;
        }
        let seen = metered.iter().map(|one| Seen {
            row: Row {
                id: one.container.record.id.as_str().to_owned(),
                name: one.container.record.name.clone(),
            },
            word: one.word.clone(),
            reading: one.meter.as_ref().and_then(|meter| meter.read(&mut buffer)),
        });
        Ok(seen.collect())
    })
}

/// The containers of the line, or all that run; what is known of them is kept.
fn find(
    engine: &Engine,
    matches: &Matches,
    mut known: Vec<Metered>,
) -> Result<Vec<Metered>, Failure> {
    let containers = engine.containers();
    let found: Vec<(String, Container)> = if matches.words.is_empty() {
        let runs = |container: &Container| {
            matches!(container.state, State::Running { .. } | State::Restarting(_))
        };
        let all = containers.all()?.into_iter();
        all.filter(|one| matches.on("all") || runs(one))
            .map(|one| (one.record.id.short().to_owned(), one))
            .collect()
    } else {
        let mut found = Vec::with_capacity(matches.words.len());
        for word in &matches.words {
            match containers.get(word) {
                Ok(container) => found.push((word.clone(), container)),
                // One that was there when we began has gone, or has another name now.
                Err(_gone) if known.iter().any(|one| one.word == *word) => {}
                Err(error) => return Err(error.into()),
            }
        }
        found
    };
    let mut watched = Vec::with_capacity(found.len());
    for (word, container) in found {
        let pid = |state: &State| match state {
            State::Running { pid, start_time, .. } => Some((*pid, *start_time)),
            State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => {
                None
            }
        };
        let is_same = |one: &Metered| {
            one.container.record.id == container.record.id
                && pid(&one.container.state) == pid(&container.state)
        };
        watched.push(match known.iter().position(is_same) {
            Some(place) => Metered { container, word, ..known.swap_remove(place) },
            None => Metered { meter: containers.meter(&container)?, container, word },
        });
    }
    Ok(watched)
}

/// Whether containers came or went, or have other names.
fn has_changed(news: &mut Reader) -> std::io::Result<bool> {
    let mut changed = false;
    while let Some(event) = news.next_event()? {
        let matters = ["create", "start", "die", "destroy", "rename"];
        changed |= event.kind == "container" && matters.contains(&event.action.as_str());
    }
    Ok(changed)
}

/// Percent of one CPU.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn cpu_share(one: &Watched) -> f64 {
    let (Some(last), Some(now)) = (one.last, one.seen.reading) else { return 0.0 };
    let elapsed = now.at.duration_since(last.at).as_nanos() as f64;
    if elapsed > 0.0 {
        now.cpu_ns.saturating_sub(last.cpu_ns) as f64 / elapsed * 100.0
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn value(one: &Watched, whole: bool) -> Value {
    let Row { id, name } = &one.seen.row;
    let pair = |a: String, b: String| format!("{a} / {b}");
    let figures = one.seen.reading.map_or([0; 7], |now| {
        [
            now.memory_bytes,
            now.memory_limit_bytes,
            now.received_bytes,
            now.sent_bytes,
            now.read_bytes,
            now.written_bytes,
            now.pids,
        ]
    });
    let [used, limit, received, sent, read, written, pids] = figures;
    let share = if limit > 0 { used as f64 / limit as f64 * 100.0 } else { 0.0 };
    json!({
        "BlockIO": pair(size(read), size(written)),
        "CPUPerc": format!("{:.2}%", cpu_share(one)),
        "Container": one.seen.word,
        "ID": if whole { id.as_str() } else { id.get(..12).unwrap_or(id) },
        "MemPerc": format!("{share:.2}%"),
        "MemUsage": pair(memory(used), memory(limit)),
        "Name": name,
        "NetIO": pair(size(received), size(sent)),
        "PIDs": pids.to_string(),
    })
}

/// The last shares of CPU time, each as high as it is beside one CPU, or beside the highest of them.
fn line(history: &VecDeque<f64>) -> String {
    let most = history.iter().copied().fold(100.0, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 7")]
    let place = |share: f64| (share / most * 7.0).round().clamp(0.0, 7.0) as usize;
    history.iter().filter_map(|share| BARS.get(place(*share))).collect()
}

/// Over what was printed before: no line flickers, and nothing of a longer one stays. console_codes(4).
fn placed(text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("{line}\x1b[K\r\n")).collect();
    format!("\x1b[H{lines}\x1b[J")
}

fn pause(time: Duration) {
    let time = rustix::event::Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(1),
        tv_nsec: time.subsec_nanos().into(),
    };
    let _interrupted = rustix::event::poll(&mut [], Some(&time));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_as_high_as_the_share() {
        let history = [0.0, 50.0, 100.0].into();
        assert_eq!(line(&history), "▁▅█");
        assert_eq!(line(&[0.0, 100.0, 400.0].into()), "▁▃█");
        assert_eq!(line(&VecDeque::new()), "");
    }
}
