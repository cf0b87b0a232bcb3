//! What the Docker Engine API costs: the same docker command line against `corten serve` and against dockerd, in turn, and a server's memory.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;
use testkit::{ApiServer, ApiSocket};

use super::network::{Apart, join};
use super::peers::{Daemon, Ground, installed};
use super::timing::{Candidate, Times, alternate, print};

const ROUNDS: u32 = 40;
/// Of commands that move a gigabyte.
const FEW: u32 = 5;
const LISTED: usize = 500;
/// Clients of each kind that are connected at once.
const STREAMS: usize = 1000;
const ASKED: usize = 1000;
/// Half of it cannot be compressed.
const GIGABYTE: &str = "head -c 512M /dev/urandom >$0 && head -c 512M /dev/zero >>$0";

/// One engine, as docker's command line is told of it.
struct Engine {
    name: &'static str,
    socket: ApiSocket,
    head: Vec<String>,
}

/// The whole section; without docker's command line nothing.
///
/// # Errors
/// When a command fails.
pub(super) fn api(ground: &Ground) -> anyhow::Result<()> {
    if !installed("docker") {
        return Ok(());
    }
    let server = ApiServer::start(&ground.corten);
    let apart = Apart::start()?;
    let daemon = Daemon::start_by(ground, &apart.host().enter())?;
    let mut engines = vec![engine("corten", &server)];
    if let Some(daemon) = &daemon {
        let path = daemon.head()[2].trim_start_matches("unix://");
        engines.push(engine("docker", &server.at(PathBuf::from(path))));
    }
    run(&engines)?;
    list(&engines)?;
    archives(ground, &engines)?;
    drop(server);
    memory(ground)
}

fn engine(name: &'static str, socket: &ApiSocket) -> Engine {
    let address = format!("unix://{}", socket.path().display());
    let head = ["docker".to_owned(), "--host".to_owned(), address].to_vec();
    Engine { name, socket: socket.clone(), head }
}

fn candidates(engines: &[Engine], what: &str, args: &[&str]) -> Vec<Candidate> {
    let candidate = |engine: &Engine| Candidate {
        name: format!("{}: {what}", engine.name),
        argv: join(&engine.head, args),
        every: 1,
    };
    engines.iter().map(candidate).collect()
}

fn run(engines: &[Engine]) -> anyhow::Result<()> {
    let run = ["run", "--rm", "--network", "none", "busybox", "true"];
    let mut all = candidates(engines, "docker run", &run);
    all.extend(candidates(&engines[..1], "docker version", &["version"]));
    let rows = alternate(&all, ROUNDS, || Ok(()))?;
    print("run a container of /bin/true with docker's command line", &rows);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the command's output")]
fn list(engines: &[Engine]) -> anyhow::Result<()> {
    for engine in engines {
        for _ in 0..LISTED {
            let wanted = json!({ "Image": "busybox", "Cmd": ["true"] });
            let _id = engine.socket.post("/containers/create", &wanted).expect(201);
        }
    }
    let mut times: Vec<Vec<_>> = engines.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (engine, times) in engines.iter().zip(&mut times) {
            let (answer, took) = timed(|| engine.socket.get("/containers/json?all=1"));
            if answer.status != 200 {
                bail!("{}: the list is answered with {}", engine.name, answer.status);
            }
            times.push((took, Duration::ZERO));
        }
    }
    println!("\nGET /containers/json of {LISTED} containers, median ms");
    for (engine, times) in engines.iter().zip(times) {
        let times = Times::of(engine.name, times);
        println!("{:<34} {:>10.2}", engine.name, times.median().as_secs_f64() * 1e3);
    }
    for engine in engines {
        let pruned = Command::new(&engine.head[0])
            .args(&engine.head[1..])
            .args(["container", "prune", "--force"])
            .output()?;
        if !pruned.status.success() {
            bail!("{} container prune: {}", engine.name, pruned.status);
        }
    }
    Ok(())
}

/// `docker cp`, `docker save` and `docker load` of a gigabyte.
fn archives(ground: &Ground, engines: &[Engine]) -> anyhow::Result<()> {
    let base = ground.scratch("archives");
    std::fs::create_dir_all(&base)?;
    let file = base.join("gigabyte");
    shell(GIGABYTE, &file)?;
    let docker = |engine: &Engine, script: &str| Candidate {
        name: engine.name.to_owned(),
        argv: ["sh", "-c", script, "sh"]
            .map(str::to_owned)
            .into_iter()
            .chain([file.display().to_string(), base.join(engine.name).display().to_string()])
            .chain(engine.head.clone())
            .collect(),
        every: 1,
    };
    // What a script has: $1 the file, $2 a name for an archive, then the command line.
    const HEAD: &str = "file=$1 archive=$2; shift 2; ";
    for (title, script) in [
        (
            "docker cp of a gigabyte, in",
            r#""$@" rm -f big >/dev/null 2>&1; "$@" create --name big busybox true >/dev/null && "$@" cp "$file" big:/gigabyte"#,
        ),
        ("docker cp of a gigabyte, out", r#""$@" cp big:/gigabyte - >/dev/null"#),
        ("docker commit", r#""$@" rmi -f big >/dev/null 2>&1; "$@" commit big big >/dev/null"#),
        ("docker save of an image of a gigabyte", r#""$@" save -o "$archive" big"#),
        (
            "docker rmi and load of the same",
            r#""$@" rmi -f big >/dev/null && "$@" load -q -i "$archive" >/dev/null"#,
        ),
        ("docker save | docker load", r#""$@" save big | "$@" load -q >/dev/null"#),
    ] {
        let script = format!("{HEAD}{script}");
        let all: Vec<_> = engines.iter().map(|engine| docker(engine, &script)).collect();
        print(title, &alternate(&all, FEW, || Ok(()))?);
    }
    std::fs::remove_dir_all(&base)?;
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    (work(), begin.elapsed())
}

fn shell(script: &str, file: &Path) -> anyhow::Result<()> {
    let status = Command::new("sh").args(["-c", script]).arg(file).status()?;
    if status.success() { Ok(()) } else { bail!("{script}: {status}") }
}

/// A server that does nothing, and one that a thousand followed logs and a thousand listeners to events are connected to.
#[expect(clippy::print_stdout, reason = "the figures are the command's output")]
fn memory(ground: &Ground) -> anyhow::Result<()> {
    let talker = ["--name", "talker", "--network", "none", "busybox", "sleep", "1000000"];
    ground.corten.ok(&[&["run", "--detach"][..], &talker].concat());
    let server = ApiServer::start(&ground.corten);
    let _alive = server.get("/_ping");
    println!("\n{:<56} {:>8} kB", "corten serve, idle, resident", resident(server.pid())?);
    let limit = Rlimit { current: Some(4 * STREAMS as u64), maximum: Some(4 * STREAMS as u64) };
    setrlimit(Resource::Nofile, limit)?;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(stream(&server, "/containers/talker/logs?follow=1&stdout=1&stderr=1")?);
        streams.push(stream(&server, "/events")?);
    }
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let (answer, took) = timed(|| server.get("/containers/talker/json"));
        let _document = answer.expect(200);
        times.push(took);
    }
    let what = format!("with {STREAMS} logs followed and {STREAMS} listeners");
    println!("{what:<56} {:>8} kB", resident(server.pid())?);
    times.sort_unstable();
    let most = times.get(ASKED * 99 / 100).copied().unwrap_or_default();
    println!("{:<56} {:>8.2} ms", "inspect beside them, 99 of 100", most.as_secs_f64() * 1e3);
    drop(streams);
    ground.corten.remove_containers();
    Ok(())
}

/// A stream whose answer has begun.
fn stream(server: &ApiServer, path: &str) -> anyhow::Result<UnixStream> {
    let mut stream = server.connect();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").as_bytes())?;
    let mut space = [0; 4096];
    if stream.read(&mut space)? == 0 {
        bail!("{path}: no answer");
    }
    Ok(stream)
}

/// VmRSS of proc(5), in kilobytes.
fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(number.parse()?)
}
