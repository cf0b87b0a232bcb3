//! `cargo xtask bench [SECTION…]`: every promise of SPECIFICATION.md, measured next to the engines that are installed.
//!
//! Runs alternate, so that a machine whose speed drifts is fair to all; medians are what counts. Everything is made below
//! temporary directories, in mount and network namespaces of its own: without the unified cgroup mount, since crun refuses
//! hybrid layouts; with a `/run` in memory for everybody's state, as distributions have it; and with docker's bridge where it
//! disturbs nobody. Start at [`run`].

mod api;
mod build;
mod bundle;
mod density;
mod floor;
mod life;
mod logs;
mod neighbours;
mod network;
mod oci;
mod peers;
mod pull;
mod rootless;
mod start;
mod steps;
mod systems;
mod timing;
mod traffic;
mod users;
mod watch;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use peers::Ground;

/// Says that this process is already inside the private mount namespace.
const INSIDE: &str = "--inside";

/// Prepares the namespaces, then goes on as `$0 bench "$@"`. The directories lie on an ext4 with a journal, as distributions
/// make it: without one, ext4 looks past every lately removed inode at each new one, for half a minute.
const GROUND: &str = r#"
set -e
umount /sys/fs/cgroup/unified 2>/dev/null || :
mount -t tmpfs run /run
ip link set lo up
image=$(mktemp)
truncate --size 16G "$image"
mkfs.ext4 -q -F "$image"
mkdir /run/ground
mount -o loop "$image" /run/ground
rm "$image"
TMPDIR=/run/ground exec "$0" bench "$@"
"#;

type Section = fn(&Ground) -> anyhow::Result<()>;

const SECTIONS: &[(&str, Section)] = &[
    ("start", start::start),
    ("steps", steps::steps),
    ("exec", start::exec),
    ("oci", oci::run),
    ("create", oci::create),
    ("filter", oci::filter),
    ("ps", density::ps),
    ("memory", density::memory),
    ("thousand", density::thousand),
    ("systems", systems::systems),
    ("neighbours", neighbours::neighbours),
    ("network", network::network),
    ("userns", users::users),
    ("walls", users::walls),
    ("api", api::api),
    ("build", build::build),
    ("life", life::life),
    ("stats", watch::stats),
    ("events", watch::events),
    ("size", density::size),
    ("write", logs::write),
    ("logs", logs::read),
    ("pull", pull::pull),
    ("images", pull::images),
];

/// Runs the named sections, or all.
///
/// # Errors
/// When the program is missing, a command of ours fails, or a section is unknown.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let program = program()?;
    if args.first().is_none_or(|first| first != INSIDE) {
        if args.is_empty() || args.iter().any(|section| section == "pull") {
            pull::prepare()?;
        }
        return enter_private_mounts(args);
    }
    let wanted = &args[1..];
    if let Some(unknown) =
        wanted.iter().find(|name| !SECTIONS.iter().any(|(section, _)| section == name))
    {
        let known: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        bail!("no section {unknown:?}; there are {}", known.join(", "));
    }
    let ground = Ground::prepare(&program)?;
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            section(&ground).with_context(|| format!("section {name}"))?;
        }
    }
    Ok(())
}

/// The release build, which is what users run.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target =
        own.parent().and_then(Path::parent).context("xtask runs from no target directory")?;
    let program = target.join("release/corten");
    if !program.exists() {
        bail!("{} is missing: cargo build --release --package cli", program.display());
    }
    Ok(program)
}

fn enter_private_mounts(args: &[String]) -> anyhow::Result<()> {
    let status = Command::new("unshare")
        .args(["--mount", "--net", "--propagation", "private", "sh", "-c", GROUND])
        .arg(std::env::current_exe()?)
        .arg(INSIDE)
        .args(args)
        .status()
        .context("run unshare")?;
    if status.success() { Ok(()) } else { bail!("the measurements ended with {status}") }
}
