//! The life of containers that exist: `start`, `stop`, and `rm --force` of many at once.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::peers::{Daemon, Ground};
use super::timing::{Times, print, timed};

const ROUNDS: u32 = 50;
const SLOW_ROUNDS: u32 = 5;
/// Ends at SIGTERM, which the first process of a container hears only when it has a handler.
const SERVER: &str = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done";
const MANY: usize = 100;
/// Signal 15 in `SigCgt` of proc(5).
const TERM: u64 = 1 << 14;

/// A command's arguments up to its own.
type Head = Vec<String>;

/// `start` and `stop` of an idle container that ends at SIGTERM; `rm --force` of a hundred that run.
///
/// # Errors
/// When a command fails.
pub(super) fn life(ground: &Ground) -> anyhow::Result<()> {
    let docker = Daemon::start(ground)?;
    let mut engines = vec![("corten", ground.ours(&[]), ROUNDS)];
    if let Some(docker) = &docker {
        engines.push(("docker", docker.head().to_vec(), SLOW_ROUNDS));
    }
    if let Some(head) = ground.podman()? {
        engines.push(("podman", head, SLOW_ROUNDS));
    }
    start_and_stop(ground, &engines)?;
    remove_many(&engines)
}

fn start_and_stop(ground: &Ground, engines: &[(&str, Head, u32)]) -> anyhow::Result<()> {
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for (name, head, rounds) in engines {
        let run = ["--network", "none", "--name", "server", "busybox", "sh", "-c", SERVER];
        timed(&join(head, &create(name, &run)))?;
        let (mut started, mut stopped) = (Vec::new(), Vec::new());
        for round in 0..=*rounds {
            let start = timed(&join(head, &["start", "server"]))?;
            wait_for_handler(&text(&join(head, &["inspect", "-f", "{{.State.Pid}}", "server"]))?)?;
            let stop = timed(&join(head, &["stop", "server"]))?;
            if round > 0 {
                started.push(start);
                stopped.push(stop);
            }
        }
        timed(&join(head, &["rm", "--force", "server"]))?;
        starts.push(Times::of(&format!("{name} start"), started));
        stops.push(Times::of(&format!("{name} stop"), stopped));
    }
    let (started, stopped) = alone(ground)?;
    starts.push(Times::of("the process alone, to its handler", started));
    stops.push(Times::of("the process alone, from its signal", stopped));
    print("start a container that exists", &starts);
    print("stop a container whose process ends at SIGTERM", &stops);
    Ok(())
}

/// podman raises limits by default, which wants CAP_SYS_RESOURCE: it gets small ones.
fn create<'a>(engine: &str, rest: &[&'a str]) -> Vec<&'a str> {
    let limits: &[&str] = match engine {
        "podman" => &["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"],
        _ => &[],
    };
    [&["create"], limits, rest].concat()
}

/// podman's asks first, and waits.
fn remove(engine: &str) -> &'static [&'static str] {
    match engine {
        "podman" => &["rm", "--force", "--time", "0"],
        _ => &["rm", "--force"],
    }
}

/// Until the process hears SIGTERM.
fn wait_for_handler(pid: &str) -> anyhow::Result<()> {
    loop {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(line.context("status without SigCgt")?.trim(), 16)?;
        if caught & TERM != 0 {
            return Ok(());
        }
        std::thread::yield_now();
    }
}

/// What the process takes of it without any engine.
#[expect(clippy::type_complexity, reason = "two lists of the pairs that Times takes")]
fn alone(
    ground: &Ground,
) -> anyhow::Result<(Vec<(Duration, Duration)>, Vec<(Duration, Duration)>)> {
    let (mut started, mut stopped) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let mut child = spawn(ground)?;
        wait_for_handler(&child.id().to_string())?;
        started.push((begin.elapsed(), Duration::ZERO));
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id()))?;
        let begin = Instant::now();
        Command::new("kill").arg(child.id().to_string()).status()?;
        child.wait()?;
        stopped.push((begin.elapsed(), Duration::ZERO));
        for orphan in children.split_whitespace() {
            let _gone = Command::new("kill").arg(orphan).stderr(Stdio::null()).status()?;
        }
    }
    Ok((started, stopped))
}

fn spawn(ground: &Ground) -> anyhow::Result<Child> {
    let mut command = Command::new(ground.rootfs.join("bin/busybox"));
    Ok(command.args(["sh", "-c", SERVER]).spawn()?)
}

fn remove_many(engines: &[(&str, Head, u32)]) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for (name, head, rounds) in engines {
        let mut times = Vec::new();
        for _ in 0..(*rounds).div_ceil(SLOW_ROUNDS) {
            let mut ids = Vec::with_capacity(MANY);
            for _ in 0..MANY {
                let words = create(name, &["--network", "none", "busybox", "sleep", "1000000"]);
                ids.push(text(&join(head, &words))?);
            }
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            timed(&join(&join(head, &["start"]), &ids))?;
            times.push(timed(&join(&join(head, remove(name)), &ids))?);
        }
        rows.push(Times::of(&format!("{name} rm --force"), times));
    }
    print(&format!("remove {MANY} running containers by one command"), &rows);
    Ok(())
}

fn join(head: &[String], tail: &[&str]) -> Vec<String> {
    head.iter().cloned().chain(tail.iter().map(|&part| part.to_owned())).collect()
}

/// What a command prints.
fn text(argv: &[String]) -> anyhow::Result<String> {
    let output = Command::new(&argv[0]).args(&argv[1..]).output()?;
    if !output.status.success() {
        bail!("{}: {}", argv.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
