//! How long it takes to run a container, and to run a process in one that runs.

use std::process::Command;

use anyhow::bail;

use super::floor::Floor;
use super::peers::{Ground, installed};
use super::timing::{Candidate, alternate, print};

const ROUNDS: u32 = 200;
/// Engines that take a tenth of a second and more run once in so many rounds.
const SLOW: u32 = 20;

/// `run --rm --network none busybox true`, the whole engine, beside crun's bare bundle, podman and docker.
///
/// # Errors
/// When a command fails.
pub(super) fn start(ground: &Ground) -> anyhow::Result<()> {
    let mut candidates = vec![candidate(
        "corten run",
        ground.ours(&["run", "--rm", "--network", "none", "busybox", "true"]),
        1,
    )];
    if let Some(bundle) = ground.crun_bundle()? {
        let argv = ["crun", "run", "--bundle", &bundle.display().to_string(), "corten-bench"]
            .map(str::to_owned);
        candidates.push(candidate("crun run (bare bundle)", argv.to_vec(), 1));
        if installed("runc") {
            let argv = ["runc", "run", "--bundle", &bundle.display().to_string(), "corten-bench"]
                .map(str::to_owned);
            candidates.push(candidate("runc run (bare bundle)", argv.to_vec(), SLOW));
        }
    }
    if let Some(argv) = ground.lxc()? {
        candidates.push(candidate("lxc-start --foreground", argv, SLOW));
    }
    let run = ["run", "--rm", "--network", "none", "busybox", "true"];
    if let Some(head) = ground.podman()? {
        candidates.push(candidate("podman run", join(&podman_run(&head), &run[1..]), SLOW));
    }
    let docker = super::peers::Daemon::start(ground)?;
    if let Some(docker) = &docker {
        let network = join(docker.head(), &["run", "--rm", "busybox", "true"]);
        candidates.push(candidate("docker run (daemon running)", network, SLOW));
        candidates.push(candidate("docker run --network none", join(docker.head(), &run), SLOW));
    }
    let mut floor = Floor::new(ground, true);
    let mut rows = alternate(&candidates, ROUNDS, || floor.as_mut().map_or(Ok(()), Floor::once))?;
    rows.extend(floor.map(Floor::times));
    print("run a container of /bin/true, without a network", &rows);
    Ok(())
}

/// `exec CONTAINER true`.
///
/// # Errors
/// When a command fails.
pub(super) fn exec(ground: &Ground) -> anyhow::Result<()> {
    let idle =
        ["run", "--detach", "--name", "idle", "--network", "none", "busybox", "sleep", "1000000"];
    ground.corten.ok(&idle);
    let mut candidates = vec![candidate("corten exec", ground.ours(&["exec", "idle", "true"]), 1)];
    let podman = ground.podman()?;
    if let Some(head) = &podman {
        must(&join(&podman_run(head), &idle[1..]))?;
        candidates.push(candidate("podman exec", join(head, &["exec", "idle", "true"]), SLOW));
    }
    let docker = super::peers::Daemon::start(ground)?;
    if let Some(docker) = &docker {
        must(&join(docker.head(), &idle))?;
        candidates.push(candidate(
            "docker exec",
            join(docker.head(), &["exec", "idle", "true"]),
            SLOW,
        ));
    }
    let rows = alternate(&candidates, ROUNDS, || Ok(()))?;
    print("run /bin/true in a running container", &rows);
    for head in
        podman.iter().map(Vec::as_slice).chain(docker.as_ref().map(super::peers::Daemon::head))
    {
        must(&join(head, &["rm", "--force", "idle"]))?;
    }
    ground.corten.ok(&["rm", "--force", "idle"]);
    Ok(())
}

pub(super) fn candidate(name: &str, argv: Vec<String>, every: u32) -> Candidate {
    Candidate { name: name.to_owned(), argv, every }
}

fn join(head: &[String], tail: &[&str]) -> Vec<String> {
    head.iter().cloned().chain(tail.iter().map(|&part| part.to_owned())).collect()
}

/// podman raises limits by default, which wants CAP_SYS_RESOURCE: it gets small ones.
pub(super) fn podman_run(head: &[String]) -> Vec<String> {
    join(head, &["run", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"])
}

fn must(argv: &[String]) -> anyhow::Result<()> {
    let output = Command::new(&argv[0]).args(&argv[1..]).output()?;
    if output.status.success() {
        Ok(())
    } else {
        bail!("{}: {}", argv.join(" "), String::from_utf8_lossy(&output.stderr).trim())
    }
}
