//! What a container's files say, made of the machine's procfs and of the container's control group. sysinfo(2) is answered by the same.

use std::path::{Path, PathBuf};
use std::time::Instant;

use libcontainer::cgroup::{CgroupPlan, Controller};

use super::answers::Contents;
use super::disks::diskstats;
use super::group::{Group, read};
use super::loads::{self, Loads};
use super::memory::{self, Memory, Used};
use super::processors::{self, Processing};
use super::tree::File;

/// Without figures of a group: v1 counts nobody's waiting, and the machine's would be about others.
const NO_PRESSURE: &str = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n\
                           full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";

/// Where the figures come from.
#[derive(Clone, Debug)]
pub(crate) struct View {
    group: Group,
    /// The machine's procfs.
    machine: PathBuf,
    /// When the container began.
    began: Instant,
    loads: Loads,
}

impl View {
    /// Of a container that begins now, in the group of a plan: it need not be there yet.
    pub(crate) fn new(plan: &CgroupPlan) -> Self {
        Self::of(Group::of(plan), Path::new("/proc"), Instant::now())
    }

    pub(super) fn of(group: Group, machine: &Path, began: Instant) -> Self {
        Self { group, machine: machine.to_owned(), began, loads: Loads::new(began) }
    }

    /// Memory and swap.
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(&Used::of(&self.group), &self.read("meminfo"))
    }

    /// The averages.
    pub(crate) fn loads(&self, now: Instant) -> Loads {
        self.loads.at(now, || loads::count(&self.group, &self.machine))
    }

    /// How many tasks there are, where that is counted.
    pub(crate) fn tasks(&self) -> Option<u64> {
        self.group.read(Controller::Pids, ["pids.current"; 2])?.trim().parse().ok()
    }

    /// When the container began.
    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    fn read(&self, file: &str) -> String {
        read(&self.machine.join(file)).unwrap_or_default()
    }

    /// In the hybrid layout the v2 tree tells it, too.
    fn pressure(&self, resource: &str) -> Option<String> {
        let place = self.group.unified()?;
        read(&place.path().join(format!("{resource}.pressure"))).filter(|text| !text.is_empty())
    }
}

impl Contents for View {
    fn content(&mut self, file: File, now: Instant) -> Vec<u8> {
        let uptime = now.saturating_duration_since(self.began);
        let processing = || Processing::of(&self.group);
        match file {
            File::Memory => memory::meminfo(&Used::of(&self.group), &self.read("meminfo")),
            File::Swaps => memory::swaps(&self.memory()),
            File::Slabs => {
                let own = self.group.read(Controller::Memory, ["memory.kmem.slabinfo", ""]);
                memory::slabinfo(&Used::of(&self.group), own)
            }
            File::Processors => processors::cpuinfo(&processing(), &self.read("cpuinfo")),
            File::Online => processors::online(&processing(), &self.read("stat")),
            File::Uptime => processors::uptime(&processing(), &self.read("stat"), uptime),
            File::Times => {
                self.loads = self.loads(now);
                let tasks = self.loads.tasks();
                let states = [tasks.running, tasks.blocked];
                processors::stat(&Processing::of(&self.group), &self.read("stat"), uptime, states)
            }
            File::Loads => {
                self.loads = self.loads(now);
                self.loads.text()
            }
            File::Disks => diskstats(&self.group, &self.read("diskstats")),
            File::Pressure(resource) => {
                let own = self.pressure(resource);
                own.unwrap_or_else(|| NO_PRESSURE.to_owned()).into_bytes()
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
