//! What networks cost: starts on the default one, published ports, the thousandth container of a network; throughput and connections are
//! in [`traffic`].
//!
//! Peers have the same root file system and the same tools. docker has a network namespace of its own: nobody pays for another one's rules.

use std::process::{Command, Stdio};

use anyhow::bail;
use testkit::Ending;

use super::peers::{Daemon, Ground};
use super::timing::{Candidate, Times, alternate, print};
use super::{rootless, traffic};

const ROUNDS: u32 = 100;
/// Peers take a tenth of a second and more.
const SLOW: u32 = 10;
const PORTS: u16 = 1000;
const MANY: usize = 1000;
/// Starts that a median is taken of.
const WINDOW: usize = 20;
/// An address of the host that is no container's, as its clients have it.
pub(super) const HOST: &str = "198.51.100.1";

/// The whole section.
///
/// # Errors
/// When a command fails.
pub(super) fn network(ground: &Ground) -> anyhow::Result<()> {
    Host::HERE.prepare()?;
    let apart = Apart::start()?;
    let host = apart.host();
    host.prepare()?;
    let docker = Daemon::start_by(ground, &host.enter())?;
    start(ground, docker.as_ref())?;
    rootless::start(ground)?;
    ports(ground, docker.as_ref())?;
    many(ground)?;
    traffic::traffic(ground, docker.as_ref().map(|docker| (docker, host)))
}

/// A machine as its containers see it: the network namespace of a process.
#[derive(Clone, Copy)]
pub(super) struct Host(Option<u32>);

impl Host {
    /// That of the measurements.
    pub(super) const HERE: Self = Self(None);

    /// What is put before a command that runs there.
    pub(super) fn enter(self) -> Vec<String> {
        let Some(pid) = self.0 else { return Vec::new() };
        ["nsenter", "-t", &pid.to_string(), "-n"].map(str::to_owned).to_vec()
    }

    /// A process there.
    pub(super) fn pid(self) -> String {
        self.0.unwrap_or_else(std::process::id).to_string()
    }

    fn prepare(self) -> anyhow::Result<()> {
        let address = format!("{HOST}/32");
        for words in [&["link", "set", "lo", "up"][..], &["address", "add", &address, "dev", "lo"]]
        {
            let argv = join(&[self.enter(), vec!["ip".to_owned()]].concat(), words);
            let status = Command::new(&argv[0]).args(&argv[1..]).status()?;
            if !status.success() {
                bail!("{}: {status}", argv.join(" "));
            }
        }
        Ok(())
    }
}

/// A process in a network namespace of its own.
pub(super) struct Apart(Ending);

impl Apart {
    /// Starts it.
    ///
    /// # Errors
    /// When no namespace can be made.
    pub(super) fn start() -> anyhow::Result<Self> {
        let mut sleeper = Command::new("unshare");
        let apart = sleeper.args(["--net", "sleep", "1000000"]).stdin(Stdio::null()).spawn()?;
        let apart = Self(Ending(apart));
        let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net"));
        let own = of("self")?;
        let is_apart = || of(&apart.0.id().to_string()).is_ok_and(|there| there != own);
        testkit::wait_until("a network namespace is there", is_apart);
        Ok(apart)
    }

    /// As a host.
    pub(super) fn host(&self) -> Host {
        Host(Some(self.0.id()))
    }
}

pub(super) fn candidate(name: &str, argv: Vec<String>, every: u32) -> Candidate {
    Candidate { name: name.to_owned(), argv, every }
}

pub(super) fn join(head: &[String], args: &[&str]) -> Vec<String> {
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
