//! The same kernel work by bare system calls, `bench/floor.c`, between the runs of the others.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::bundle;
use super::peers::Ground;
use super::timing::Times;

/// Runs of one call; their median counts once.
const RUNS: u32 = 3;

/// Its times so far.
pub(super) struct Floor {
    name: &'static str,
    command: Command,
    times: Vec<(Duration, Duration)>,
}

impl Floor {
    /// Nothing where no C compiler is.
    pub(super) fn new(ground: &Ground, network: bool) -> Option<Self> {
        let mut command = Command::new(ground.floor()?);
        command.arg(&ground.rootfs).arg(RUNS.to_string()).args((!network).then_some("nonet"));
        Some(Self { name: "floor (bare system calls)", command, times: Vec::new() })
    }

    /// With as many bind mounts as the bundle has, and the filter in a file.
    pub(super) fn of_bundle(mut self, filter: &Path) -> Self {
        self.name = "floor with its binds and filter";
        self.command.arg(format!("binds={}", bundle::VOLUMES));
        self.command.arg(format!("filter={}", filter.display()));
        self
    }

    /// Under another name.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Runs it once more.
    ///
    /// # Errors
    /// When it fails, or prints something unexpected.
    pub(super) fn once(&mut self) -> anyhow::Result<()> {
        let before = sys::time_of_children();
        let output = self.command.output()?;
        let processor = (sys::time_of_children() - before) / RUNS;
        if !output.status.success() {
            bail!("floor: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let milliseconds: f64 = text
            .split_once("median ")
            .and_then(|(_, rest)| rest.split(' ').next())
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("floor printed {text:?}"))?;
        self.times.push((Duration::from_secs_f64(milliseconds / 1e3), processor));
        Ok(())
    }

    pub(super) fn times(self) -> Times {
        Times::of(self.name, self.times)
    }
}
