//! What a container costs: create, start and wait of `/bin/true`, in milliseconds, without an engine around it.
//!
//! `cargo run --release -p libcontainer --example start_cost -- BUNDLE RUNS`; the bundle's `config.json` names the root.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libcontainer::cgroup::Layout;
use libcontainer::{Context, Stdio, create, plan};
use rustix::process::{WaitId, WaitIdOptions, waitid};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bundle = PathBuf::from(arguments.next().ok_or("usage: start_cost BUNDLE RUNS")?);
    let runs: usize = arguments.next().map_or(Ok(100), |runs| runs.parse())?;
    let spec = serde_json::from_slice(&std::fs::read(bundle.join("config.json"))?)?;
    let id = format!("start-cost-{}", std::process::id());
    let context =
        Context { cgroup_path: format!("/{id}"), ..Context::new(id, bundle, Layout::detect()?) };
    let plan = plan(&spec, &context)?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let null = null.as_fd();
    let stdio = Stdio::Streams { stdin: null, stdout: null, stderr: null };
    let (mut create_times, mut start_times, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let begin = Instant::now();
        let created = create(&plan, stdio)?;
        let ready = Instant::now();
        let (process, cgroup) = created.start()?;
        let started = Instant::now();
        waitid(WaitId::PidFd(process.pidfd()), WaitIdOptions::EXITED)?;
        cgroup.remove(Duration::from_secs(1))?;
        create_times.push(ready - begin);
        start_times.push(started - ready);
        whole.push(begin.elapsed());
    }
    println!("{runs} runs, median and minimum in ms");
    for (phase, times) in
        [("create", create_times), ("start", start_times), ("with exit and removal", whole)]
    {
        println!("{phase}: {}", summary(times));
    }
    Ok(())
}

fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |index: usize| times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    format!("{:.3} {:.3}", at(times.len() / 2), at(0))
}
