//! What a container's control groups cost: detect, plan, create, enter and remove, median microseconds.
//!
//! `cargo run --release -p libcontainer --example cgroup_cost -- RUNS PAUSE_MS`; the pause lets the kernel become idle, as it is
//! when a person starts a container: moving processes by their id is slow only then.
#![forbid(unsafe_code)]

use std::io::Write;
use std::time::{Duration, Instant};

use libcontainer::cgroup::{Cgroup, Layout, Request, WhenMissing, plan};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, waitpid};
use spec::runtime::{Memory, Pids, Resources};

const STEPS: [&str; 7] = ["detect", "plan", "create", "entry", "clone and enter", "wait", "remove"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let runs: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(50);
    let idle: i64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100);
    let mut figures = vec![Vec::with_capacity(runs); STEPS.len()];
    for run in 0..runs {
        for (step, time) in once(run)?.into_iter().enumerate() {
            figures[step].push(time);
        }
        let moment = Timespec { tv_sec: idle / 1000, tv_nsec: idle % 1000 * 1_000_000 };
        poll(&mut [], Some(&moment))?;
    }
    let mut output = std::io::stdout().lock();
    let mut total = Duration::ZERO;
    for (name, mut times) in STEPS.into_iter().zip(figures) {
        times.sort_unstable();
        let median = times[times.len() / 2];
        total += median;
        writeln!(output, "{name:16} {:8.1}", median.as_secs_f64() * 1e6)?;
    }
    writeln!(output, "{:16} {:8.1}", "total", total.as_secs_f64() * 1e6)?;
    Ok(())
}

fn once(run: usize) -> Result<[Duration; STEPS.len()], Box<dyn std::error::Error>> {
    let mut times = [Duration::ZERO; STEPS.len()];
    let mut last = Instant::now();
    let mut lap = |step: usize| {
        times[step] = last.elapsed();
        last = Instant::now();
    };
    let layout = Layout::detect()?;
    lap(0);
    let memory = Memory { limit: Some(64 << 20), ..Memory::default() };
    let pids = Pids { limit: Some(100) };
    let resources = Resources { memory: Some(memory), pids: Some(pids), ..Resources::default() };
    let path = format!("/corten-cost/{run}");
    let request = Request { when_missing: WhenMissing::Warn, ..Request::new(&path, &layout) };
    let plan = plan(&resources, &request)?;
    lap(1);
    let cgroup = Cgroup::create(&plan)?;
    lap(2);
    let entry = cgroup.entry()?;
    lap(3);
    let clone = sys::CloneArgs { into_cgroup: entry.into_cgroup(), ..sys::CloneArgs::default() };
    let (entered, entering) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let child = sys::clone3(clone, || {
        let code = i32::from(entry.enter().is_err());
        let _told = rustix::io::write(&entering, b"x");
        sys::exit_now(code);
    })?;
    rustix::io::read(&entered, &mut [0_u8])?;
    lap(4);
    poll(&mut [PollFd::new(&child.pidfd, PollFlags::IN)], None)?;
    waitpid(Pid::from_raw(child.pid), WaitOptions::empty())?;
    drop(entry);
    lap(5);
    cgroup.remove(Duration::from_secs(5))?;
    lap(6);
    Ok(times)
}
