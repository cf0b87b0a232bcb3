//! Wall-clock times of whole commands: in turn, with medians. Start at [`alternate`].

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A command under measurement.
pub(super) struct Candidate {
    /// How the table calls it.
    pub(super) name: String,
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Runs between two runs of it, where one of it is slow.
    pub(super) every: u32,
}

/// Its times.
pub(super) struct Times {
    pub(super) name: String,
    sorted: Vec<Duration>,
}

impl Times {
    pub(super) fn of(name: &str, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { name: name.to_owned(), sorted: times }
    }

    pub(super) fn median(&self) -> Duration {
        self.sorted.get(self.sorted.len() / 2).copied().unwrap_or_default()
    }

    fn minimum(&self) -> Duration {
        self.sorted.first().copied().unwrap_or_default()
    }
}

/// Runs every candidate in turn, `rounds` times after one that is not counted.
///
/// # Errors
/// When a command cannot be started or fails.
pub(super) fn alternate(candidates: &[Candidate], rounds: u32) -> anyhow::Result<Vec<Times>> {
    let mut times: Vec<Vec<Duration>> = candidates.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (candidate, times) in candidates.iter().zip(&mut times) {
            if round % candidate.every != 0 {
                continue;
            }
            let time = once(candidate)?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    Ok(candidates
        .iter()
        .zip(times)
        .map(|(candidate, times)| Times::of(&candidate.name, times))
        .collect())
}

fn once(candidate: &Candidate) -> anyhow::Result<Duration> {
    let (program, args) = candidate.argv.split_first().context("a candidate without a program")?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begin = Instant::now();
    let child = command.spawn().with_context(|| format!("start {program}"))?;
    let output = child.wait_with_output()?;
    let time = begin.elapsed();
    if !output.status.success() {
        bail!(
            "{}: {}: {}",
            candidate.argv.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(time)
}

/// A table: name, median, minimum, and how many times as long as the first row.
#[expect(clippy::print_stdout, reason = "the table is the command's output")]
pub(super) fn print(title: &str, rows: &[Times]) {
    println!(
        "\n{title}\n{:<34} {:>10} {:>10} {:>7} {:>5}",
        "", "median ms", "min ms", "ratio", "runs"
    );
    let first = rows.first().map(Times::median).unwrap_or_default();
    for row in rows {
        println!(
            "{:<34} {:>10.2} {:>10.2} {:>7.2} {:>5}",
            row.name,
            row.median().as_secs_f64() * 1e3,
            row.minimum().as_secs_f64() * 1e3,
            row.median().as_secs_f64() / first.as_secs_f64(),
            row.sorted.len(),
        );
    }
}
