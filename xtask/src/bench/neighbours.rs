//! What a system that misbehaves costs those beside it: of a thousand systems one makes processes, and one takes memory, for as long as
//! they may.

use anyhow::{Context, bail};
use testkit::FORK_BOMB;

use super::peers::Ground;
use super::timing::{Candidate, Times, alternate, print};

const MANY: usize = 1000;
const ROUNDS: u32 = 200;

/// How often the time that it takes with nobody in the way.
const PROMISED: f64 = 2.0;

/// Killed for it, it begins again.
const HOG: &str = "while :; do x=$(head -c 200000000 /dev/zero | tr '\\0' x); done";

/// `exec` in one of a thousand systems of busybox: with nobody, a fork bomb, a memory hog and both beside it.
///
/// # Errors
/// When a command fails, or it takes more than twice as long beside them.
pub(super) fn neighbours(ground: &Ground) -> anyhow::Result<()> {
    for _ in 0..MANY - 3 {
        begin(ground, &[]);
    }
    begin(ground, &["--name", "quiet"]);
    begin(ground, &["--name", "bomb", "--pids-limit", "256"]);
    begin(ground, &["--name", "hog", "--memory", "64m", "--memory-swap", "64m"]);
    let mut rows = vec![measure(ground, "nobody misbehaves")?];
    for (name, beside) in [
        ("a fork bomb", &[("bomb", FORK_BOMB)][..]),
        ("a memory hog", &[("hog", HOG)]),
        ("both", &[("bomb", FORK_BOMB), ("hog", HOG)]),
    ] {
        for (system, script) in beside {
            ground.corten.ok(&["exec", "--detach", system, "sh", "-c", script]);
        }
        rows.push(measure(ground, name)?);
        for (system, _) in beside {
            ground.corten.ok(&["restart", "--time", "0", system]);
        }
    }
    print(&format!("exec in one of {MANY} systems"), &rows);
    ground.corten.remove_containers();
    let Some((first, beside)) = rows.split_first() else { return Ok(()) };
    for row in beside {
        let ratio = row.median().as_secs_f64() / first.median().as_secs_f64();
        if ratio > PROMISED {
            bail!("beside {} it takes {ratio:.1} times as long", row.name);
        }
    }
    Ok(())
}

fn begin(ground: &Ground, flags: &[&str]) {
    let run = ["run", "--detach", "--system", "--ttys", "0", "--network", "none"];
    ground.corten.ok(&[&run, flags, &["busybox"]].concat());
}

fn measure(ground: &Ground, name: &str) -> anyhow::Result<Times> {
    let argv = ground.ours(&["exec", "quiet", "true"]);
    let candidate = Candidate { name: name.to_owned(), argv, every: 1 };
    let mut times = alternate(&[candidate], ROUNDS, || Ok(()))?;
    times.pop().context("nothing was measured")
}
