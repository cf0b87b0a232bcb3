//! Times of whole commands, on the clock and of the processors: in turn, with medians. Start at [`alternate`].

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{Read, Seek};
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
    clock: Vec<Duration>,
    processor: Vec<Duration>,
}

impl Times {
    /// From pairs: on the clock, and of the processors.
    pub(super) fn of(name: &str, times: Vec<(Duration, Duration)>) -> Self {
        let (mut clock, mut processor): (Vec<_>, Vec<_>) = times.into_iter().unzip();
        clock.sort_unstable();
        processor.sort_unstable();
        Self { name: name.to_owned(), clock, processor }
    }

    pub(super) fn median(&self) -> Duration {
        median(&self.clock)
    }

    fn minimum(&self) -> Duration {
        self.clock.first().copied().unwrap_or_default()
    }
}

fn median(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Runs every candidate once in each of `rounds` rounds after one that is not counted; `between` runs once in each counted round.
///
/// Each round has an order of its own, the same in each measurement: what a command leaves to the kernel, as a network to take
/// away, is a burden to the next one, and that is not to be always the same.
///
/// # Errors
/// When a command cannot be started or fails.
pub(super) fn alternate(
    candidates: &[Candidate],
    rounds: u32,
    mut between: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Times>> {
    let mut times: Vec<Vec<_>> = candidates.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for at in order(round, candidates.len()) {
            let candidate = &candidates[at];
            if round % candidate.every != 0 {
                continue;
            }
            let time = timed(&candidate.argv)?;
            if round > 0 {
                times[at].push(time);
            }
        }
        if round > 0 {
            between()?;
        }
    }
    Ok(candidates
        .iter()
        .zip(times)
        .map(|(candidate, times)| Times::of(&candidate.name, times))
        .collect())
}

/// The numbers below `count`, shuffled.
fn order(round: u32, count: usize) -> Vec<usize> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|at| hasher.hash_one((round, at)));
    order
}

/// Runs a command: how long it took, and how much processor time it and its children.
///
/// # Errors
/// When it cannot be started or fails.
pub(super) fn timed(argv: &[String]) -> anyhow::Result<(Duration, Duration)> {
    let (program, args) = argv.split_first().context("a candidate without a program")?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
    // A file, not a pipe: what a command leaves running would hold a pipe open.
    let mut errors = tempfile::tempfile()?;
    command.stderr(errors.try_clone()?);
    let before = sys::time_of_children();
    let begin = Instant::now();
    let status = command.status().with_context(|| format!("start {program}"))?;
    let time = begin.elapsed();
    if !status.success() {
        let mut text = String::new();
        errors.rewind()?;
        errors.read_to_string(&mut text)?;
        bail!("{}: {status}: {}", argv.join(" "), text.trim());
    }
    Ok((time, sys::time_of_children() - before))
}

/// A table: name, median and minimum on the clock, median of the processor time, and both medians in terms of the first row's.
#[expect(clippy::print_stdout, reason = "the table is the command's output")]
pub(super) fn print(title: &str, rows: &[Times]) {
    println!(
        "\n{title}\n{:<34} {:>10} {:>10} {:>7} {:>10} {:>7} {:>5}",
        "", "median ms", "min ms", "ratio", "cpu ms", "ratio", "runs"
    );
    let Some(first) = rows.first() else { return };
    for row in rows {
        println!(
            "{:<34} {:>10.2} {:>10.2} {:>7.2} {:>10.2} {:>7.2} {:>5}",
            row.name,
            row.median().as_secs_f64() * 1e3,
            row.minimum().as_secs_f64() * 1e3,
            row.median().as_secs_f64() / first.median().as_secs_f64(),
            median(&row.processor).as_secs_f64() * 1e3,
            median(&row.processor).as_secs_f64() / median(&first.processor).as_secs_f64(),
            row.clock.len(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runs_once_in_a_round_and_none_always_follows_the_same() {
        let orders: Vec<_> = (0..200).map(|round| order(round, 4)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        let follows = |before, after| {
            let pairs = orders.iter().flat_map(|order| order.windows(2));
            pairs.filter(|pair| *pair == [before, after]).count()
        };
        for (before, after) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
            assert!((25..75).contains(&follows(before, after)), "{before} {after}");
        }
    }
}
