//! What those cost who watch containers: `stats` of hundreds, and how soon `events` tells.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::peers::Ground;
use super::timing::{Times, print};

const WATCHED: usize = 200;
const ROUNDS: usize = 20;
const STARTS: usize = 100;

/// A program that runs, and is ended with its measurement.
struct Watcher(Child);

impl Drop for Watcher {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

impl Watcher {
    fn start(argv: &[String]) -> anyhow::Result<(Self, BufReader<ChildStdout>)> {
        let mut child = Command::new(&argv[0]).args(&argv[1..]).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("a watcher without output")?;
        Ok((Self(child), BufReader::new(output)))
    }

    /// Processor time until now: schedstat of proc(5).
    fn used(&self) -> anyhow::Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.0.id()))?;
        let first = text.split(' ').next().context("an empty schedstat")?;
        Ok(Duration::from_nanos(first.parse()?))
    }
}

/// Processor time of one look of `stats` at 200 containers: it never waits for anything else within one.
///
/// # Errors
/// When a command fails.
pub(super) fn stats(ground: &Ground) -> anyhow::Result<()> {
    super::density::run_idle(ground, WATCHED);
    let (watcher, mut lines) = Watcher::start(&ground.ours(&["stats"]))?;
    let mut line = String::new();
    let mut times = Vec::new();
    let mut before = None;
    while times.len() < ROUNDS {
        for _ in 0..=WATCHED {
            line.clear();
            lines.read_line(&mut line)?;
        }
        let used = watcher.used()?;
        // The first round opens the files.
        if let Some(before) = before.replace(used) {
            times.push((used.saturating_sub(before), used.saturating_sub(before)));
        }
    }
    drop(watcher);
    print(
        &format!("a round of stats of {WATCHED} containers"),
        &[Times::of("corten stats", times)],
    );
    ground.corten.remove_containers();
    Ok(())
}

/// From a start, by the time in its event, to the reader of `events`.
///
/// # Errors
/// When a command fails.
pub(super) fn events(ground: &Ground) -> anyhow::Result<()> {
    let words = ["events", "--filter", "event=start", "--format", "{{.TimeNano}}"];
    let (watcher, lines) = Watcher::start(&ground.ours(&words))?;
    let reader = std::thread::spawn(move || {
        let told = lines.lines().take(STARTS).map(|line| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let late = now.saturating_sub(Duration::from_nanos(line?.trim().parse()?));
            anyhow::Ok((late, Duration::ZERO))
        });
        told.collect::<anyhow::Result<Vec<_>>>()
    });
    for _ in 0..STARTS {
        ground.corten.ok(&["run", "--rm", "--network", "none", "busybox", "true"]);
    }
    let times =
        reader.join().map_err(|_panic| anyhow::anyhow!("the reader of the events died"))??;
    drop(watcher);
    print("from a start to the reader of events", &[Times::of("corten events", times)]);
    Ok(())
}
