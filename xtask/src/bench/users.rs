//! What walls add to a start: a user namespace, and those that one process puts around itself.

use std::path::Path;

use super::peers::Ground;
use super::start::candidate;
use super::timing::{alternate, print};

const ROUNDS: u32 = 200;
/// Ids for more containers than there are at once.
const RANGES: &str = "corten:2147483648:1073741824\n";

/// `run --rm busybox true` with and without `--userns auto`, without a network and in the default one.
///
/// # Errors
/// When a command fails.
pub(super) fn users(ground: &Ground) -> anyhow::Result<()> {
    testkit::give_id_ranges(RANGES);
    let run = |name: &str, flags: &[&str]| {
        let words = [&["run", "--rm"], flags, &["busybox", "true"]].concat();
        candidate(name, ground.ours(&words), 1)
    };
    let candidates = [
        run("no network", &["--network", "none"]),
        run("no network, --userns auto", &["--network", "none", "--userns", "auto"]),
        run("default network", &["--network", "bridge"]),
        run("default network, --userns auto", &["--network", "bridge", "--userns", "auto"]),
    ];
    let rows = alternate(&candidates, ROUNDS, || Ok(()))?;
    print("run a container of /bin/true with users of its own", &rows);
    Ok(())
}

/// `run --rm --network none busybox true` with more and with fewer walls than usual; without a security module where there is one,
/// as in the virtual machines of `scripts/bench-vm`.
///
/// # Errors
/// When a command fails.
pub(super) fn walls(ground: &Ground) -> anyhow::Result<()> {
    testkit::give_id_ranges(RANGES);
    let run = |name: &str, flags: &[&str]| {
        let words = [&["run", "--rm", "--network", "none"], flags, &["busybox", "true"]].concat();
        candidate(name, ground.ours(&words), 1)
    };
    let mut candidates = vec![
        run("no filter", &["--security-opt", "seccomp=unconfined"]),
        run("as usual", &[]),
        run("no new privileges", &["--security-opt", "no-new-privileges"]),
        run("Landlock", &["--security-opt", "landlock=default"]),
        run("hardened", &["--hardened"]),
    ];
    for (there, name, option) in [
        ("/sys/kernel/security/apparmor/profiles", "no AppArmor", "apparmor=unconfined"),
        ("/sys/fs/selinux/enforce", "no SELinux", "label=disable"),
    ] {
        if Path::new(there).exists() {
            candidates.push(run(name, &["--security-opt", option]));
        }
    }
    let rows = alternate(&candidates, ROUNDS, || Ok(()))?;
    print("run a container of /bin/true behind walls", &rows);
    Ok(())
}
