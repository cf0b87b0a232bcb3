//! What many containers cost: `ps` over hundreds, the memory of idle monitors, and the program's size.

use std::fs;

use anyhow::Context;

use super::peers::Ground;
use super::systems::kibibytes;
use super::timing::{Candidate, alternate, print};

const STOPPED: usize = 500;
const RUNNING: usize = 50;
const FEW: usize = 10;
const MANY: usize = 1000;

/// `ps` and `ps --all` with 500 stopped and 50 running containers.
///
/// # Errors
/// When a command fails.
pub(super) fn ps(ground: &Ground) -> anyhow::Result<()> {
    for _ in 0..STOPPED {
        ground.corten.ok(&["run", "--detach", "--network", "none", "busybox", "true"]);
    }
    run_idle(ground, RUNNING);
    let candidate = |name: &str, args: &[&str]| Candidate {
        name: name.to_owned(),
        argv: ground.ours(args),
        every: 1,
    };
    let rows = alternate(
        &[candidate("corten ps", &["ps"]), candidate("corten ps --all", &["ps", "--all"])],
        50,
        || Ok(()),
    )?;
    print(&format!("list {STOPPED} stopped and {RUNNING} running containers"), &rows);
    ground.corten.remove_containers();
    Ok(())
}

/// Proportional memory of the monitors of 50 idle containers.
///
/// # Errors
/// When a monitor's memory cannot be read.
pub(super) fn memory(ground: &Ground) -> anyhow::Result<()> {
    run_idle(ground, RUNNING);
    print_memory(ground)?;
    ground.corten.remove_containers();
    Ok(())
}

/// A thousand idle containers: the memory of their monitors, and `ps`, `inspect`, `exec` beside those with ten.
///
/// # Errors
/// When a command fails.
pub(super) fn thousand(ground: &Ground) -> anyhow::Result<()> {
    run_idle(ground, FEW - 1);
    let idle =
        ["run", "--detach", "--name", "one", "--network", "none", "busybox", "sleep", "1000000"];
    ground.corten.ok(&idle);
    let commands: [&[&str]; 3] = [&["ps"], &["inspect", "one"], &["exec", "one", "true"]];
    let measure = |count: usize| {
        let candidates = commands.map(|args| Candidate {
            name: format!("corten {}, {count} containers", args[0]),
            argv: ground.ours(args),
            every: 1,
        });
        alternate(&candidates, 100, || Ok(()))
    };
    let few = measure(FEW)?;
    run_idle(ground, MANY - FEW);
    print_memory(ground)?;
    let many = measure(MANY)?;
    for (few, many) in few.into_iter().zip(many) {
        print(&format!("{FEW} and {MANY} idle containers"), &[few, many]);
    }
    ground.corten.remove_containers();
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
fn print_memory(ground: &Ground) -> anyhow::Result<()> {
    let mut each = Vec::new();
    for pid in monitors(ground)? {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        each.push(kibibytes(&text, "Pss").context("smaps_rollup without Pss")?);
    }
    each.sort_unstable();
    let sum = each.iter().sum::<u64>();
    let mean = sum / u64::try_from(each.len().max(1))?;
    println!(
        "\nproportional memory (Pss) of {} idle monitors: mean {mean} KiB, most {} KiB, all {} MB",
        each.len(),
        each.last().unwrap_or(&0),
        sum * 1024 / 1_000_000,
    );
    Ok(())
}

/// The stripped program.
///
/// # Errors
/// When it cannot be read.
#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
pub(super) fn size(ground: &Ground) -> anyhow::Result<()> {
    let bytes = fs::metadata(&ground.program)?.len();
    println!(
        "\nsize of the program: {bytes} bytes ({}.{:02} MB)",
        bytes / 1_000_000,
        bytes % 1_000_000 / 10_000
    );
    Ok(())
}

/// Starts containers that do nothing.
pub(super) fn run_idle(ground: &Ground, count: usize) {
    for _ in 0..count {
        ground.corten.ok(&["run", "--detach", "--network", "none", "busybox", "sleep", "1000000"]);
    }
}

/// Pids of our monitors: what the state files say.
fn monitors(ground: &Ground) -> anyhow::Result<Vec<u64>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir(ground.corten.state().join("containers"))? {
        let state: serde_json::Value =
            serde_json::from_slice(&fs::read(entry?.path().join("state.json"))?)?;
        pids.push(state["monitor_pid"].as_u64().context("state.json without monitor_pid")?);
    }
    Ok(pids)
}
