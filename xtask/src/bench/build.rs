//! What builds cost: nothing changed, steps that do nothing, a large context of which little is used, and stages beside each other. Docker's classic
//! builder and buildah (as `podman build`, which is the same code) in turn with ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use super::network::{Apart, join};
use super::peers::{Daemon, Ground, installed};
use super::timing::{Candidate, alternate, print};

const ROUNDS: u32 = 15;
const FEW: u32 = 5;
/// Steps of the rebuild: a third of each kind.
const STEPS: usize = 30;
/// Steps whose own time is nothing.
const EMPTY: usize = 10;
/// Files of the large context, 20 kB each.
const FILES: usize = 100_000;
const FILE_BYTES: usize = 20_000;
/// Seconds of processor time of each of four stages.
const BUSY_S: u32 = 10;

/// The whole section.
///
/// # Errors
/// When a command fails.
pub(super) fn build(ground: &Ground) -> anyhow::Result<()> {
    let apart = Apart::start()?;
    let daemon = Daemon::start_by(ground, &apart.host().enter())?;
    let docker = daemon.as_ref().filter(|_| installed("docker"));
    let docker = docker.map(|daemon| {
        let head = join(daemon.head(), &["build", "--quiet"]);
        join(&["env".to_owned(), "DOCKER_BUILDKIT=0".to_owned()], &texts(&head))
    });
    let podman = ground.podman()?;
    let podman =
        podman.map(|head| join(&head, &["build", "--quiet", "--layers", "--network=none"]));
    let mut engines = vec![("corten", ground.ours(&["build", "--quiet"]))];
    engines.extend(docker.map(|head| ("docker", head)));
    engines.extend(podman.map(|head| ("podman", head)));
    let base = ground.scratch("build");
    rebuild(&base, &engines)?;
    empty_steps(&base, &engines)?;
    large_context(&base, &engines)?;
    stages(&base, ground)?;
    fs::remove_dir_all(&base)?;
    Ok(())
}

type Engines<'a> = [(&'a str, Vec<String>)];

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn candidates(engines: &Engines<'_>, more: &[&str], context: &Path) -> Vec<Candidate> {
    let context = context.display().to_string();
    let candidate = |(name, head): &(&str, Vec<String>)| Candidate {
        name: (*name).to_owned(),
        argv: join(head, &[more, &[&context]].concat()),
        every: 1,
    };
    engines.iter().map(candidate).collect()
}

#[expect(clippy::disallowed_methods, reason = "scratch files of the measurement")]
fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn context(base: &Path, name: &str, dockerfile: &str) -> anyhow::Result<PathBuf> {
    let directory = base.join(name);
    fs::create_dir_all(&directory)?;
    write(&directory.join("Dockerfile"), dockerfile.as_bytes())?;
    Ok(directory)
}

fn rebuild(base: &Path, engines: &Engines<'_>) -> anyhow::Result<()> {
    let mut file = "FROM busybox\n".to_owned();
    for number in 0..STEPS / 3 {
        file += &format!(
            "ENV V{number}={number}\nCOPY f{number} /f{number}\nRUN echo {number} > /r{number}\n"
        );
    }
    let directory = context(base, "rebuild", &file)?;
    for number in 0..STEPS / 3 {
        write(&directory.join(format!("f{number}")), number.to_string().as_bytes())?;
    }
    let rows = alternate(&candidates(engines, &[], &directory), ROUNDS, || Ok(()))?;
    print(&format!("rebuild of {STEPS} steps, nothing changed"), &rows);
    let last = directory.join(format!("f{}", STEPS / 3 - 1));
    let mut count = 0;
    let rows = alternate(&candidates(engines, &[], &directory), FEW, || {
        count += 1;
        write(&last, format!("changed {count}").as_bytes())
    })?;
    print("the same, one file of the last step but one changed before each round", &rows);
    Ok(())
}

fn empty_steps(base: &Path, engines: &Engines<'_>) -> anyhow::Result<()> {
    let file = format!("FROM busybox\n{}", "RUN true\n".repeat(EMPTY));
    let directory = context(base, "empty", &file)?;
    let rows = alternate(&candidates(engines, &["--no-cache"], &directory), FEW, || Ok(()))?;
    print(&format!("{EMPTY} steps of /bin/true, without the cache"), &rows);
    Ok(())
}

fn large_context(base: &Path, engines: &Engines<'_>) -> anyhow::Result<()> {
    let directory = context(base, "large", "FROM busybox\nCOPY d42/f7 /file\n")?;
    let bytes = vec![b'x'; FILE_BYTES];
    for number in 0..FILES {
        let below = directory.join(format!("d{}", number / 1000));
        if number % 1000 == 0 {
            fs::create_dir(&below)?;
        }
        write(&below.join(format!("f{}", number % 1000)), &bytes)?;
    }
    let rows = alternate(&candidates(engines, &["--no-cache"], &directory), 2, || Ok(()))?;
    print(
        &format!("a context of {FILES} files, 2 GB, of which one is used, without the cache"),
        &rows,
    );
    let rows = alternate(&candidates(engines, &[], &directory), 2, || Ok(()))?;
    print("the same, with it", &rows);
    Ok(())
}

/// Four stages that compute, and how much of both processors they have.
#[expect(clippy::print_stdout, reason = "the figures are the command's output")]
fn stages(base: &Path, ground: &Ground) -> anyhow::Result<()> {
    // As much work as takes ten seconds alone.
    let busy = format!(
        "t=$(cut -d' ' -f14 /proc/$$/stat); while [ $(($(cut -d' ' -f14 /proc/$$/stat) - t)) -lt {} ]; do i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; done",
        BUSY_S * 100
    );
    let mut file = String::new();
    for number in 0..4 {
        file += &format!("FROM busybox AS s{number}\nRUN : {number}; {busy}; echo > /s{number}\n");
    }
    file += "FROM scratch\n";
    for number in 0..4 {
        file += &format!("COPY --from=s{number} /s{number} /\n");
    }
    let directory = context(base, "stages", &file)?;
    let argv = ground.ours(&["build", "--quiet", "--no-cache", &directory.display().to_string()]);
    let (program, args) = argv.split_first().context("no program")?;
    let before = idle_ticks()?;
    let begun = Instant::now();
    let output = Command::new(program).args(args).output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let took = begun.elapsed().as_secs_f64();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let idle =
        f64::from(u32::try_from(idle_ticks()?.saturating_sub(before)).unwrap_or(u32::MAX)) / 100.0;
    #[expect(clippy::cast_precision_loss, reason = "a few processors")]
    let used = 100.0 * (1.0 - idle / (took * processors as f64));
    println!("\nfour stages of {BUSY_S} s: {took:.1} s, {used:.1} % of {processors} processors");
    Ok(())
}

/// Hundredths of a second that all processors have had nothing to do. proc_stat(5).
fn idle_ticks() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    let fields: Vec<u64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .flat_map(str::parse)
        .collect();
    Ok(fields.get(3).copied().unwrap_or(0) + fields.get(4).copied().unwrap_or(0))
}
