//! The OCI face beside crun, runc and the floor: a bundle run, a thousand created, and what the filter costs a system call.

use std::iter;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::bundle;
use super::floor::Floor;
use super::peers::{Ground, installed};
use super::timing::{Candidate, Times, alternate, print, timed};

const ROUNDS: u32 = 200;
/// runc takes several times as long: once in so many rounds.
const SLOW: u32 = 10;
const CREATED: usize = 1000;
/// How many of the first and the last creations are compared.
const COMPARED: usize = 100;

/// `oci run` of a bundle with 25 mounts and the default filter, without and with a network namespace.
///
/// # Errors
/// When a command fails.
pub(super) fn run(ground: &Ground) -> anyhow::Result<()> {
    for (network, title) in [
        (false, "run a bundle: 25 mounts, the default filter, the host's network"),
        (true, "run a bundle: 25 mounts, the default filter, a network namespace"),
    ] {
        let bundle = bundle::write(&ground.scratch("oci"), &ground.rootfs, "run", network)?;
        let bundle = bundle.display().to_string();
        let run = ["run", "--bundle", &bundle, "corten-bench"];
        let mut candidates =
            vec![Candidate { name: "corten oci run".to_owned(), argv: ground.oci(&run), every: 1 }];
        for (peer, every) in [("crun", 1), ("runc", SLOW)] {
            if installed(peer) {
                let argv =
                    std::iter::once(peer).chain(run.iter().copied()).map(str::to_owned).collect();
                candidates.push(Candidate { name: format!("{peer} run"), argv, every });
            }
        }
        candidates.push(Candidate {
            name: "corten --version (a program starts)".to_owned(),
            argv: ground.ours(&["--version"]),
            every: 1,
        });
        let filter = ground.scratch("filter.bpf");
        bundle::write_filter(&filter)?;
        let bare = Floor::new(ground, network);
        let whole = Floor::new(ground, network).map(|floor| floor.of_bundle(&filter));
        let mut floors: Vec<Floor> = [bare, whole].into_iter().flatten().collect();
        let between = || floors.iter_mut().try_for_each(Floor::once);
        let mut rows = alternate(&candidates, ROUNDS, between)?;
        rows.extend(floors.into_iter().map(Floor::times));
        print(title, &rows);
    }
    Ok(())
}

/// A thousand containers created and kept: the last against the first, ours and then crun's; and what the floor, which creates one
/// and ends it, takes beside none and beside a thousand of them.
///
/// # Errors
/// When a command fails.
pub(super) fn create(ground: &Ground) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    rows.extend(floor(ground, "floor, beside none")?);
    let beside = || floor(ground, "floor, beside a thousand");
    rows.extend(create_and_keep(ground, "corten", |words| ground.oci(words), beside)?);
    if installed("crun") {
        let crun = |words: &[&str]| {
            iter::once("crun").chain(words.iter().copied()).map(str::to_owned).collect()
        };
        rows.extend(create_and_keep(ground, "crun", crun, || Ok(None))?);
    }
    print(&format!("create {CREATED} containers of a bundle and keep them"), &rows);
    Ok(())
}

fn floor(ground: &Ground, name: &'static str) -> anyhow::Result<Option<Times>> {
    let floor = Floor::new(ground, false).map(|mut floor| {
        (0..COMPARED).try_for_each(|_| floor.once()).map(|()| floor.named(name).times())
    });
    floor.transpose()
}

fn create_and_keep(
    ground: &Ground,
    who: &str,
    command: impl Fn(&[&str]) -> Vec<String>,
    beside: impl FnOnce() -> anyhow::Result<Option<Times>>,
) -> anyhow::Result<Vec<Times>> {
    let directory = ground.scratch("oci");
    let mut times = Vec::new();
    let created = (0..CREATED).try_for_each(|number| {
        let name = format!("bench-{number}");
        let bundle = bundle::write(&directory, &ground.rootfs, &name, false)?;
        times.push(timed(&command(&["create", "--bundle", &bundle.display().to_string(), &name]))?);
        anyhow::Ok(())
    });
    let others = created.and_then(|()| beside());
    let made = times.len();
    let last = times.split_off(made.saturating_sub(COMPARED));
    times.truncate(COMPARED);
    for number in 0..made {
        must(&command(&["delete", "--force", &format!("bench-{number}")]))?;
    }
    let row = |which, times| Times::of(&format!("{who}, the {which} {COMPARED}"), times);
    Ok([row("first", times), row("last", last)].into_iter().chain(others?).collect())
}

/// What the default filter costs a system call, beside libseccomp's of the same profile: a measurement of libcontainer's tests,
/// which have libseccomp at hand.
///
/// # Errors
/// When it cannot be built or run.
pub(super) fn filter(_: &Ground) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no parent")?;
    let status = Command::new("cargo")
        .args(["test", "--quiet", "--release", "--package", "libcontainer"])
        .args(["--test", "seccomp_differential", "--", "--ignored", "--nocapture", "cost"])
        .current_dir(root)
        .status()?;
    if status.success() { Ok(()) } else { bail!("the measurement ended with {status}") }
}

fn must(argv: &[String]) -> anyhow::Result<()> {
    timed(argv).map(|_| ())
}
