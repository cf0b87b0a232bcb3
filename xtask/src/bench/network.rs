//! What networks cost: starts on the default one, published ports, the thousandth container of a network, throughput and connections.
//!
//! Peers have the same root file system and the same tools, and run in the same network namespace, where docker has a bridge of its own.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sys::Namespaces;

use super::peers::{Daemon, Ground, installed};
use super::timing::{Candidate, Times, alternate, print};

const ROUNDS: u32 = 100;
/// Peers take a tenth of a second and more.
const SLOW: u32 = 10;
const PORTS: u16 = 1000;
const MANY: usize = 1000;
/// Starts that a median is taken of.
const WINDOW: usize = 20;
/// An address of the host that is no container's, as its clients have it.
const HOST: &str = "198.51.100.1";
const SECONDS: u64 = 4;
const RUNS: usize = 5;

/// The whole section.
///
/// # Errors
/// When a command fails.
pub(super) fn network(ground: &Ground) -> anyhow::Result<()> {
    let added =
        Command::new("ip").args(["address", "add", &format!("{HOST}/32"), "dev", "lo"]).status()?;
    if !added.success() {
        bail!("add {HOST}: {added}");
    }
    let docker = Daemon::start(ground)?;
    start(ground, docker.as_ref())?;
    ports(ground, docker.as_ref())?;
    many(ground)?;
    traffic(ground, docker.as_ref())
}

fn candidate(name: &str, argv: Vec<String>, every: u32) -> Candidate {
    Candidate { name: name.to_owned(), argv, every }
}

fn join(head: &[String], args: &[&str]) -> Vec<String> {
    head.iter().cloned().chain(args.iter().map(|&arg| arg.to_owned())).collect()
}

fn start(ground: &Ground, docker: Option<&Daemon>) -> anyhow::Result<()> {
    let run = ["run", "--rm", "busybox", "true"];
    let alone = ["run", "--rm", "--network", "none", "busybox", "true"];
    ground.corten.ok(&["network", "create", "bench"]);
    let named = ["run", "--rm", "--network", "bench", "busybox", "true"];
    let mut candidates = vec![
        candidate("corten run --network none", ground.ours(&alone), 1),
        candidate("corten run", ground.ours(&run), 1),
        candidate("corten run, in a named network", ground.ours(&named), 1),
    ];
    if let Some(head) = ground.podman()? {
        let head = super::start::podman_run(&head);
        candidates.push(candidate("podman run", join(&head, &run[1..]), SLOW));
    }
    if let Some(docker) = docker {
        candidates.push(candidate("docker run", join(docker.head(), &run), SLOW));
    }
    // Names are one process for all, which begins with the first that needs it.
    ground.corten.ok(&["run", "-d", "--network", "bench", "busybox", "sleep", "1000000"]);
    let rows = alternate(&candidates, ROUNDS, || Ok(()))?;
    ground.corten.remove_containers();
    ground.corten.ok(&["network", "rm", "bench"]);
    print("run a container of /bin/true on the default network", &rows);
    Ok(())
}

/// One container that publishes a thousand ports, beside one that publishes none.
fn ports(ground: &Ground, docker: Option<&Daemon>) -> anyhow::Result<()> {
    let publish = format!("--publish=20000-{}:1-{PORTS}", 20000 + PORTS - 1);
    let none = ["run", "--rm", "busybox", "true"];
    let all = ["run", "--rm", &publish, "busybox", "true"];
    let candidates = [
        candidate("corten run", ground.ours(&none), 1),
        candidate("corten run, 1000 ports", ground.ours(&all), 1),
    ];
    let mut rows = alternate(&candidates, 20, || Ok(()))?;
    if let Some(docker) = docker {
        let candidates = [candidate("docker run, 1000 ports", join(docker.head(), &all), 1)];
        rows.extend(alternate(&candidates, 1, || Ok(()))?);
    }
    print("publish a thousand ports", &rows);
    // The same with nine thousand others on the machine.
    for container in 0..9_u16 {
        let first = 30_000 + container * PORTS;
        let publish = format!("--publish={first}-{}:1-{PORTS}", first + PORTS - 1);
        ground.corten.ok(&["run", "-d", &publish, "busybox", "sleep", "1000000"]);
    }
    let candidates = [
        candidate("corten run", ground.ours(&none), 1),
        candidate("corten run, 1000 ports", ground.ours(&all), 1),
    ];
    let rows = alternate(&candidates, 20, || Ok(()))?;
    ground.corten.remove_containers();
    print("the same with 9,000 ports of others", &rows);
    Ok(())
}

/// Starts of the first and of the last of a thousand containers of one network.
fn many(ground: &Ground) -> anyhow::Result<()> {
    ground.corten.ok(&["network", "create", "bench"]);
    let run = ground.ours(&["run", "-d", "--network", "bench", "busybox", "sleep", "1000000"]);
    let alone = ground.ours(&["run", "-d", "--network", "none", "busybox", "sleep", "1000000"]);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for number in 0..MANY {
        let time = super::timing::timed(&run)?;
        if number < WINDOW {
            first.push(time);
        } else if number >= MANY - WINDOW {
            last.push(time);
        }
    }
    let others = (0..WINDOW).map(|_| super::timing::timed(&alone)).collect::<Result<_, _>>()?;
    let rows = [
        Times::of("the first twenty", first),
        Times::of("the last twenty of a thousand", last),
        Times::of("then twenty with --network none", others),
    ];
    ground.corten.remove_containers();
    ground.corten.ok(&["network", "rm", "bench"]);
    print("start a container, others in its network", &rows);
    Ok(())
}

/// Two containers of one engine: where they are.
struct Pair {
    engine: &'static str,
    pids: [String; 2],
    address: String,
}

fn traffic(ground: &Ground, docker: Option<&Daemon>) -> anyhow::Result<()> {
    if !installed("iperf3") {
        return Ok(());
    }
    let mut engines = vec![("corten", ground.ours(&[]), ["25201", "25202"])];
    if let Some(docker) = docker {
        engines.push(("docker", docker.head().to_vec(), ["25301", "25302"]));
    }
    let mut pairs = Vec::new();
    for (engine, head, ports) in &engines {
        let publish = [format!("{}:5201", ports[0]), format!("{}:5202", ports[1])];
        let sleep = ["busybox", "sleep", "1000000"];
        let server = ["run", "-d", "--name", "there", "-p", &publish[0], "-p", &publish[1]];
        said(&join(head, &[&server[..], &sleep].concat()))?;
        said(&join(head, &[&["run", "-d", "--name", "here"][..], &sleep].concat()))?;
        let look = |name: &str, format: &str| said(&join(head, &["inspect", "-f", format, name]));
        let pids = [look("there", "{{.State.Pid}}")?, look("here", "{{.State.Pid}}")?];
        let format = "{{.NetworkSettings.Networks.bridge.IPAddress}}";
        let address = look("there", format)?;
        pairs.push((Pair { engine, pids, address }, ports));
    }
    let servers: Vec<_> =
        pairs.iter().map(|(pair, _)| serve(&pair.pids[0])).collect::<Result<_, _>>()?;
    for streams in ["1", "8"] {
        let mut rates: Vec<[Vec<f64>; 2]> = pairs.iter().map(|_| Default::default()).collect();
        for _ in 0..RUNS {
            for ((pair, ports), rates) in pairs.iter().zip(&mut rates) {
                let between = ["nsenter", "-t", &pair.pids[1], "-n"];
                rates[0].push(throughput(&between, &pair.address, "5201", streams)?);
                rates[1].push(throughput(&[], HOST, ports[0], streams)?);
            }
        }
        for ((pair, _), [between, published]) in pairs.iter().zip(rates) {
            tell(pair.engine, &format!("between containers, {streams} streams, Gbit/s"), between);
            tell(pair.engine, &format!("published port, {streams} streams, Gbit/s"), published);
        }
    }
    drop(servers);
    for (pair, _) in &pairs {
        accept(&pair.pids[0])?;
    }
    let mut rates: Vec<[Vec<f64>; 2]> = pairs.iter().map(|_| Default::default()).collect();
    for _ in 0..RUNS {
        for ((pair, ports), rates) in pairs.iter().zip(&mut rates) {
            rates[0]
                .push(within(&pair.pids[1], || connections(&format!("{}:5202", pair.address)))??);
            rates[1].push(connections(&format!("{HOST}:{}", ports[1]))?);
        }
    }
    for ((pair, _), [between, published]) in pairs.iter().zip(rates) {
        tell(pair.engine, "between containers, connections/s", between);
        tell(pair.engine, "published port, connections/s", published);
    }
    for (_, head, _) in &engines {
        said(&join(head, &["rm", "-f", "here", "there"]))?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
fn tell(engine: &str, what: &str, mut rates: Vec<f64>) {
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().unwrap_or_default();
    println!("{engine:<8} {what:<44} {median:>10.1}");
}

fn said(argv: &[String]) -> anyhow::Result<String> {
    let output = Command::new(&argv[0]).args(&argv[1..]).output()?;
    if !output.status.success() {
        bail!("{}: {}", argv.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A process that ends with this.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
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

/// Gbit/s that the server receives.
fn throughput(before: &[&str], address: &str, port: &str, streams: &str) -> anyhow::Result<f64> {
    let seconds = SECONDS.to_string();
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

/// Takes connections at port 5202 in the network of a process, and closes them, as long as this process lives.
fn accept(pid: &str) -> anyhow::Result<()> {
    let listener = within(pid, || TcpListener::bind("0.0.0.0:5202"))??;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(stream);
        }
    });
    Ok(())
}

/// Connections that are made and closed each second, one after the other.
fn connections(address: &str) -> anyhow::Result<f64> {
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
