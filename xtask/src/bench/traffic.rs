//! Throughput and connections of each engine's containers, in turn.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_setaffinity};
use sys::Namespaces;
use testkit::Ending;

use super::network::{HOST, Host, join};
use super::peers::{Daemon, Ground, installed};

const SECONDS: u64 = 4;
const RUNS: usize = 5;
/// They differ more from one second to the next.
const CONNECTION_RUNS: usize = 11;

/// Two containers of one engine: where they are.
struct Pair {
    engine: &'static str,
    pids: [String; 2],
    address: String,
    host: Host,
}

/// Throughput and connections, between containers and through a published port.
///
/// # Errors
/// When a command fails.
pub(super) fn traffic(ground: &Ground, docker: Option<(&Daemon, Host)>) -> anyhow::Result<()> {
    if !installed("iperf3") {
        return Ok(());
    }
    let mut engines = vec![("corten", ground.ours(&[]), Host::HERE)];
    if let Some((docker, host)) = docker {
        engines.push(("docker", docker.head().to_vec(), host));
    }
    let mut pairs = Vec::new();
    for (engine, head, host) in &engines {
        pairs.push(pair(engine, head, *host)?);
    }
    throughputs(&pairs)?;
    rates(&pairs)?;
    for (_, head, _) in &engines {
        said(&join(head, &["rm", "-f", "here", "there"]))?;
    }
    Ok(())
}

fn pair(engine: &'static str, head: &[String], host: Host) -> anyhow::Result<Pair> {
    let publish = ["25201:5201", "25202:5202"];
    let sleep = ["busybox", "sleep", "1000000"];
    let server = ["run", "-d", "--name", "there", "-p", publish[0], "-p", publish[1]];
    said(&join(head, &[&server[..], &sleep].concat()))?;
    said(&join(head, &[&["run", "-d", "--name", "here"][..], &sleep].concat()))?;
    let look = |name: &str, format: &str| said(&join(head, &["inspect", "-f", format, name]));
    let pids = [look("there", "{{.State.Pid}}")?, look("here", "{{.State.Pid}}")?];
    let address = look("there", "{{.NetworkSettings.Networks.bridge.IPAddress}}")?;
    Ok(Pair { engine, pids, address, host })
}

fn throughputs(pairs: &[Pair]) -> anyhow::Result<()> {
    let _servers: Vec<_> =
        pairs.iter().map(|pair| serve(&pair.pids[0])).collect::<Result<_, _>>()?;
    for streams in ["1", "8"] {
        let mut rates: Vec<[Vec<f64>; 2]> = pairs.iter().map(|_| Default::default()).collect();
        for _ in 0..RUNS {
            for (pair, rates) in pairs.iter().zip(&mut rates) {
                rates[0].push(throughput(&pair.pids[1], &pair.address, "5201", streams)?);
                rates[1].push(throughput(&pair.host.pid(), HOST, "25201", streams)?);
            }
        }
        for (pair, [between, published]) in pairs.iter().zip(rates) {
            tell(pair.engine, &format!("between containers, {streams} streams, Gbit/s"), between);
            tell(pair.engine, &format!("published port, {streams} streams, Gbit/s"), published);
        }
    }
    Ok(())
}

/// With client and server on one processor, where the scheduler decides nothing, and on all of them.
fn rates(pairs: &[Pair]) -> anyhow::Result<()> {
    let all = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rfind(|&number| all.is_set(number)).unwrap_or_default();
    let mut one = CpuSet::new();
    one.set(last);
    let servers: Vec<Pid> =
        pairs.iter().map(|pair| accept(&pair.pids[0])).collect::<Result<_, _>>()?;
    let ways = [("one processor", one), ("all", all)];
    let mut rates: Vec<[[Vec<f64>; 2]; 2]> = pairs.iter().map(|_| Default::default()).collect();
    for _ in 0..CONNECTION_RUNS {
        for (way, (_, processors)) in ways.iter().enumerate() {
            for ((pair, server), rates) in pairs.iter().zip(&servers).zip(&mut rates) {
                sched_setaffinity(Some(*server), processors)?;
                let address = format!("{}:5202", pair.address);
                let rate = within(&pair.pids[1], || connections(&address, processors))??;
                rates[way][0].push(rate);
                let address = format!("{HOST}:25202");
                let rate = within(&pair.host.pid(), || connections(&address, processors))??;
                rates[way][1].push(rate);
            }
        }
    }
    for (pair, rates) in pairs.iter().zip(rates) {
        for ((way, _), [between, published]) in ways.iter().zip(rates) {
            tell(pair.engine, &format!("between containers, {way}, connections/s"), between);
            tell(pair.engine, &format!("published port, {way}, connections/s"), published);
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
fn tell(engine: &str, what: &str, mut rates: Vec<f64>) {
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().unwrap_or_default();
    println!("{engine:<8} {what:<44} {median:>10.1}");
}

pub(super) fn said(argv: &[String]) -> anyhow::Result<String> {
    let output = Command::new(&argv[0]).args(&argv[1..]).output()?;
    if !output.status.success() {
        bail!("{}: {}", argv.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// iperf3's server in the network of a process.
fn serve(pid: &str) -> anyhow::Result<Ending> {
    let mut server = Command::new("nsenter");
    server.args(["-t", pid, "-n", "iperf3", "--server", "--port", "5201"]);
    let server = Ending(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    let mut is_there =
        || within(pid, || TcpStream::connect(("127.0.0.1", 5201)).is_ok()).unwrap_or(false);
    testkit::wait_until("iperf3 listens", &mut is_there);
    Ok(server)
}

/// Gbit/s that the server receives of who is in the network of a process.
fn throughput(pid: &str, address: &str, port: &str, streams: &str) -> anyhow::Result<f64> {
    let seconds = SECONDS.to_string();
    let before = ["nsenter", "-t", pid, "-n"];
    let client =
        ["iperf3", "--json", "-c", address, "-p", port, "-P", streams, "-t", &seconds, "-O", "1"];
    let argv: Vec<String> = before.iter().chain(&client).map(|&word| word.to_owned()).collect();
    let answer: serde_json::Value = serde_json::from_str(&said(&argv)?)?;
    let rate = answer["end"]["sum_received"]["bits_per_second"].as_f64();
    rate.map(|rate| rate / 1e9).context("iperf3 says no rate")
}

/// Does something in a thread in the network of a process.
fn within<T: Send>(pid: &str, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net"))?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::enter_namespace(namespace.as_fd(), Namespaces::NETWORK).map(|()| work())
        });
        match thread.join() {
            Ok(done) => done.context("enter a network namespace"),
            Err(_) => bail!("a thread ended"),
        }
    })
}

/// Takes connections at port 5202 in the network of a process, and closes them, as long as this process lives. Gives the thread that does.
fn accept(pid: &str) -> anyhow::Result<Pid> {
    let listener = within(pid, || TcpListener::bind("0.0.0.0:5202"))??;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let _heard = tell.send(gettid());
        for stream in listener.incoming().flatten() {
            drop(stream);
        }
    });
    Ok(told.recv()?)
}

/// Connections that are made and closed each second, one after the other, by a thread on these processors.
fn connections(address: &str, processors: &CpuSet) -> anyhow::Result<f64> {
    sched_setaffinity(None, processors)?;
    let address: SocketAddr = address.parse()?;
    let begin = Instant::now();
    let mut count = 0_u32;
    while begin.elapsed() < Duration::from_secs(1) {
        let mut stream = TcpStream::connect(address)?;
        // The other side closes first: this one's port is free again at once.
        let _end = stream.read(&mut [0]);
        count += 1;
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}
