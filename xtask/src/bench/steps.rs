//! Where the time of `corten run` goes, beside the same work by bare system calls.
//!
//! The kernel's own events (a process is made, executes, ends) divide a run without slowing it down as tracing system calls
//! would. They come from perf(1), where it is installed. Start at [`steps`].

use std::collections::HashMap;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::peers::{Ground, installed};

const RUNS: usize = 100;

/// One event: seconds since boot, what it is, and the two processes that it names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// A process executes a program.
    Exec { pid: u32 },
    /// A process is made.
    Fork { parent: u32, child: u32 },
    /// A process ends.
    Exit { pid: u32 },
}

/// Medians of the steps of `corten run`, then of the floor.
///
/// # Errors
/// When a command fails or perf's output has another form.
#[expect(clippy::print_stdout, reason = "the table is the command's output")]
pub(super) fn steps(ground: &Ground) -> anyhow::Result<()> {
    if !installed("perf") {
        println!("\nsteps of a run: perf is not installed (Debian: linux-perf)");
        return Ok(());
    }
    let run = ground.ours(&["run", "--rm", "--network", "none", "busybox", "true"]);
    let script = format!("for n in $(seq {RUNS}); do {}; done", run.join(" "));
    let ours = events(ground, &["sh", "-c", &script])?;
    print_medians(
        "corten run",
        &runs_of_ours(&ours),
        &[
            "command: exec, arguments",
            "monitor: made and executed",
            "store, plan, hand-off; beside it the monitor's start and the network namespace",
            "container: namespaces, mounts, groups, capabilities, filter",
            "the program: exec to its end",
            "end seen, recorded, told; container removed; command ends",
        ],
    );
    let Some(floor) = ground.floor() else { return Ok(()) };
    let program = floor.display().to_string();
    let rootfs = ground.rootfs.display().to_string();
    let floor = events(ground, &[&program, &rootfs, &RUNS.to_string()])?;
    print_medians(
        "floor",
        &runs_of_floor(&floor),
        &[
            "container: namespaces, mounts, groups, capabilities, filter",
            "the program: exec to its end",
            "end seen, groups removed",
        ],
    );
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is the command's output")]
fn print_medians(title: &str, runs: &[Vec<f64>], names: &[&str]) {
    println!("\nsteps of {title}, medians of {} runs{:>40}", runs.len(), "ms");
    let mut whole = 0.0;
    for (number, name) in names.iter().enumerate() {
        let mut times: Vec<f64> =
            runs.iter().filter_map(|run| Some(run.get(number + 1)? - run.get(number)?)).collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or_default() * 1e3;
        whole += median;
        println!("  {name:<82} {median:>6.2}");
    }
    println!("  {:<82} {whole:>6.2}", "all");
}

/// Exec of the command, fork and exec of its monitor, fork and exec of the container, end of both.
fn runs_of_ours(events: &[(f64, Event)]) -> Vec<Vec<f64>> {
    let mut runs = Vec::new();
    for (at, (begin, event)) in events.iter().enumerate() {
        let Event::Exec { pid: command } = *event else { continue };
        let mut times = vec![*begin];
        let (mut monitor, mut container) = (None, None);
        for (time, event) in &events[at + 1..] {
            match *event {
                Event::Fork { parent, child } if parent == command => {
                    monitor = Some(child);
                    times.push(*time);
                }
                Event::Exec { pid } if Some(pid) == monitor => times.push(*time),
                Event::Fork { parent, child } if Some(parent) == monitor => {
                    container = Some(child);
                    times.push(*time);
                }
                Event::Exec { pid } | Event::Exit { pid } if Some(pid) == container => {
                    times.push(*time);
                }
                Event::Exit { pid } if pid == command => {
                    times.push(*time);
                    break;
                }
                Event::Fork { .. } | Event::Exec { .. } | Event::Exit { .. } => {}
            }
        }
        runs.extend((times.len() == 7).then_some(times));
    }
    runs
}

/// Fork, exec and end of each container, and the fork of the next.
fn runs_of_floor(events: &[(f64, Event)]) -> Vec<Vec<f64>> {
    let mut open: HashMap<u32, Vec<f64>> = HashMap::new();
    let mut last = None;
    let mut runs = Vec::new();
    for (time, event) in events {
        match *event {
            Event::Fork { child, .. } => {
                if let Some(mut run) = last.and_then(|last| open.remove(&last)) {
                    run.push(*time);
                    runs.extend((run.len() == 4).then_some(run));
                }
                open.insert(child, vec![*time]);
                last = Some(child);
            }
            Event::Exec { pid } | Event::Exit { pid } => {
                if let Some(run) = open.get_mut(&pid) {
                    run.push(*time);
                }
            }
        }
    }
    runs
}

fn events(ground: &Ground, argv: &[&str]) -> anyhow::Result<Vec<(f64, Event)>> {
    let data = ground.corten.directory().join("perf.data");
    let recorded = Command::new("perf")
        .args(["record", "--quiet", "--mmap-pages=1024", "--output"])
        .arg(&data)
        .args(["--event=sched:sched_process_exec", "--event=sched:sched_process_fork"])
        .args(["--event=sched:sched_process_exit", "--"])
        .args(argv)
        .stdout(Stdio::null())
        .status()
        .context("run perf")?;
    if !recorded.success() {
        bail!("perf record: {recorded}");
    }
    let script = Command::new("perf")
        .args(["script", "--fields=time,event,trace", "--input"])
        .arg(&data)
        .output()?;
    Ok(String::from_utf8_lossy(&script.stdout).lines().filter_map(parse).collect())
}

/// `18326.270055: sched:sched_process_fork: comm=… pid=1 child_comm=… child_pid=2`
fn parse(line: &str) -> Option<(f64, Event)> {
    let mut words = line.split_whitespace();
    let time = words.next()?.trim_end_matches(':').parse().ok()?;
    let kind = words.next()?.trim_end_matches(':');
    let number = |key: &str| {
        line.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse::<u32>().ok())
    };
    let event = match kind.rsplit('_').next()? {
        "exec" => Event::Exec { pid: number("pid=")? },
        "fork" => Event::Fork { parent: number("pid=")?, child: number("child_pid=")? },
        _ => Event::Exit { pid: number("pid=")? },
    };
    Some((time, event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_among_others() {
        let lines = [
            "1.0: sched:sched_process_exec: filename=/x/corten pid=10 old_pid=10",
            "1.1: sched:sched_process_fork: comm=corten pid=10 child_comm=corten child_pid=11",
            "1.2: sched:sched_process_exec: filename=/dev/fd/12 pid=11 old_pid=11",
            "1.3: sched:sched_process_fork: comm=corten pid=11 child_comm=corten child_pid=12",
            "1.35: sched:sched_process_exit: comm=other pid=9 prio=120 group_dead=true",
            "1.4: sched:sched_process_exec: filename=/bin/true pid=12 old_pid=12",
            "1.5: sched:sched_process_exit: comm=true pid=12 prio=120 group_dead=true",
            "1.6: sched:sched_process_exit: comm=corten pid=10 prio=120 group_dead=true",
        ];
        let events: Vec<_> = lines.iter().filter_map(|line| parse(line)).collect();
        assert_eq!(events.len(), lines.len());
        assert_eq!(runs_of_ours(&events), [vec![1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]]);
    }
}
