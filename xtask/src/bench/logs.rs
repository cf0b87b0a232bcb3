//! What a log costs: a container that writes a gigabyte, and the commands that read one.

use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};

use super::peers::{Daemon, Ground};
use super::timing::{Candidate, alternate, print};

const ROUNDS: u32 = 5;
const LINE: &str = "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678";
const WRITTEN_BYTES: u64 = 1_000_000_000;
/// A log of a gigabyte: each line has 76 bytes beside its text.
const READ_BYTES: u64 = 580_000_000;

/// The engines that are installed.
fn engines<'d>(ground: &Ground, docker: Option<&'d Daemon>) -> Vec<Engine<'d>> {
    let ours = ("corten", ground.ours(&[]), 1);
    let theirs = docker.map(|docker| ("docker", docker.head().to_vec(), ROUNDS));
    std::iter::once(ours).chain(theirs).collect()
}

/// Its name, how it is called, and how seldom it is measured.
type Engine<'n> = (&'n str, Vec<String>, u32);

fn writer(bytes: u64) -> String {
    format!("'yes {LINE} | head -c {bytes}'")
}

fn shell(name: String, every: u32, script: String) -> Candidate {
    Candidate { name, argv: vec!["sh".to_owned(), "-c".to_owned(), script], every }
}

/// A gigabyte of lines into the log, beside the same into a pipe to a file.
///
/// # Errors
/// When a command fails.
pub(super) fn write(ground: &Ground) -> anyhow::Result<()> {
    let docker = Daemon::start(ground)?;
    let engines = engines(ground, docker.as_ref());
    let (busybox, file) = (ground.rootfs.join("bin/busybox"), ground.scratch("written"));
    let writer = writer(WRITTEN_BYTES);
    let into_file = format!("{} sh -c {writer} | cat > {}", busybox.display(), file.display());
    let mut candidates = vec![shell("busybox | cat > file".to_owned(), 1, into_file)];
    for (name, head, every) in &engines {
        let head = head.join(" ");
        let script = format!(
            "id=$({head} run -d --network none busybox sh -c {writer}) && {head} wait $id && {head} rm $id"
        );
        candidates.push(shell(format!("{name} run -d, wait, rm"), *every, script));
    }
    let rows = alternate(&candidates, ROUNDS, || Ok(()))?;
    print("a gigabyte of lines of 100 bytes to standard output", &rows);
    Ok(())
}

/// A log of a gigabyte into a pipe, and its last ten lines.
///
/// # Errors
/// When a command fails.
#[expect(clippy::print_stdout, reason = "the figure is the command's output")]
pub(super) fn read(ground: &Ground) -> anyhow::Result<()> {
    let docker = Daemon::start(ground)?;
    let engines = engines(ground, docker.as_ref());
    let (mut all, mut tails) = (Vec::new(), Vec::new());
    for (name, head, every) in &engines {
        let head = head.join(" ");
        // Docker's has no bound by itself, and its word for none is refused.
        let unbounded = if *name == "corten" { "--log-opt max-size=-1" } else { "" };
        let script = format!(
            "{head} run -d --name long --network none {unbounded} busybox sh -c {} && {head} wait long",
            writer(READ_BYTES)
        );
        let status = Command::new("sh").args(["-c", &script]).status()?;
        ensure!(status.success(), "{name} writes no log: {status}");
        let logs = format!("{head} logs long | cat > /dev/null");
        all.push(shell(format!("{name} logs | cat"), *every, logs));
        let words = head.split(' ').chain(["logs", "-n", "10", "long"]).map(str::to_owned);
        tails.push(Candidate {
            name: format!("{name} logs -n 10"),
            argv: words.collect(),
            every: 1,
        });
    }
    let log = ground.corten.ok(&["inspect", "-f", "{{.LogPath}}", "long"]);
    let bytes = fs::metadata(&log).context("the log of a gigabyte")?.len();
    let rows = alternate(&all, ROUNDS, || Ok(()))?;
    print(&format!("a log of {bytes} bytes"), &rows);
    let seconds = rows.first().context("no times")?.median().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a gigabyte")]
    let speed = bytes as f64 / 1e6 / seconds;
    println!("corten logs: {speed:.0} MB/s of the log's file");
    print("its last ten lines", &alternate(&tails, 50, || Ok(()))?);
    ground.corten.remove_containers();
    Ok(())
}
