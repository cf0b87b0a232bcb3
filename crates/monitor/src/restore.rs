//! A run that goes on from images: CRIU makes the container's processes, which are this process's children, in the place of a program that begins.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use libcontainer::cgroup::Cgroup;
use libcontainer::checkpoint::{
    Criu, Moment, Options, Origin, RestoreOptions, restore as restore_images,
};
use libcontainer::{Process, SpareNetwork, Stdio};
use serde::{Deserialize, Serialize};

use crate::handoff::HandOff;
use crate::start::Refused;

/// In the container's directory: CRIU's logs, and what it needs for a while.
pub const CRIU_LOGS: &str = "criu";
/// In the state directory, for as long as it takes: where CRIU mounts the root.
const STAGING: &str = "root";

/// What a run goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreRules {
    /// The program CRIU.
    pub criu: PathBuf,
    /// What it sees, `NAME=value`.
    pub environment: Vec<String>,
    /// What was written by a dump; nothing of it changes.
    pub images: PathBuf,
}

/// Processes that go on.
pub(crate) struct Restored {
    pub(crate) process: Process,
    pub(crate) cgroup: Cgroup,
    /// Master of its terminal.
    pub(crate) console: Option<OwnedFd>,
    /// Masters of the terminals beside it.
    pub(crate) terminals: Vec<OwnedFd>,
}

/// Makes them, with these streams and this network namespace where the container has one of its own.
pub(crate) fn restore(
    rules: &RestoreRules,
    handoff: &HandOff,
    stdio: Stdio<'_>,
    network: Option<&SpareNetwork>,
) -> Result<Restored, Refused> {
    let staging = Staging::make(handoff.state_dir.join(STAGING))?;
    let criu = Criu::new(&rules.criu, rules.environment.iter().map(OsString::from));
    let options = RestoreOptions {
        options: Options {
            work: Some(handoff.container_dir.join(CRIU_LOGS)),
            ..Options::of_engines(rules.images.clone())
        },
        ..RestoreOptions::default()
    };
    let origin = Origin {
        plan: &handoff.plan,
        rootfs: None,
        staging: &staging.0,
        stdio: stdio.streams(),
        network,
    };
    let mut console = None;
    let mut on_moment = |moment: Moment| {
        if let Moment::Terminal { master } = moment {
            console = Some(master);
        }
        Ok(())
    };
    let restored = restore_images(&criu, &origin, &options, &mut on_moment)
        .map_err(|error| Refused::chain(&error))?;
    let (process, cgroup) = (restored.process, restored.cgroup);
    Ok(Restored { process, cgroup, console, terminals: Vec::new() })
}

/// A directory that is gone again when this is dropped.
struct Staging(PathBuf);

impl Staging {
    fn make(path: PathBuf) -> Result<Self, Refused> {
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(Refused::engine(&format!("make {}", path.display()), error))
            }
            _ => Ok(Self(path)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _kept = std::fs::remove_dir(&self.0);
    }
}
