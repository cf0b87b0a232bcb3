//! What a running container uses, in every detail that the kernel tells: for one container, now and then. Who looks at many has [`super::Meter`].
//!
//! Start at [`Containers::detailed_meter`]. Sources: kernel Documentation/admin-guide/cgroup-v1, cgroup-v2.rst, proc(5).

use std::path::{Path, PathBuf};

use libcontainer::cgroup::{Controller, Hierarchy};

use super::{cpu_of, field, is_unified, machine_bytes, number};
use crate::config::NetworkMode;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::State;

/// Names of v1's tables of block devices, and of what each counts.
const TABLES: [(&str, &str); 8] = [
    ("io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"),
    ("io_serviced_recursive", "blkio.throttle.io_serviced_recursive"),
    ("io_queue_recursive", "blkio.io_queued_recursive"),
    ("io_service_time_recursive", "blkio.io_service_time_recursive"),
    ("io_wait_time_recursive", "blkio.io_wait_time_recursive"),
    ("io_merged_recursive", "blkio.io_merged_recursive"),
    ("io_time_recursive", "blkio.time_recursive"),
    ("sectors_recursive", "blkio.sectors_recursive"),
];

/// What a container has used, and uses, at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Processors.
    pub cpu: CpuDetails,
    /// Memory.
    pub memory: MemoryDetails,
    /// Processes and threads.
    pub pids: u64,
    /// How many there may be.
    pub pids_limit: Option<u64>,
    /// Tables of block devices, each with what it counts.
    pub block: Vec<(&'static str, Vec<BlockEntry>)>,
    /// Its interfaces but the loopback.
    pub interfaces: Vec<InterfaceDetails>,
}

/// CPU time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuDetails {
    /// In all.
    pub total_ns: u64,
    /// Of it in the kernel.
    pub kernel_ns: u64,
    /// Of it outside.
    pub user_ns: u64,
    /// By processor; nothing where v2 does not tell.
    pub each_ns: Vec<u64>,
    /// Periods of its quota.
    pub periods: u64,
    /// Those in which it was held back.
    pub throttled_periods: u64,
    /// For how long.
    pub throttled_ns: u64,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryDetails {
    /// All of it, with page cache.
    pub bytes: u64,
    /// The most that there was; nothing where v2 does not tell.
    pub largest_bytes: Option<u64>,
    /// How often the limit was met; nothing in v2.
    pub failures: Option<u64>,
    /// Its limit: that of the machine where it has none.
    pub limit_bytes: u64,
    /// All that the kernel tells of it.
    pub fields: Vec<(String, u64)>,
}

/// What a table says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Number of its driver.
    pub major: u64,
    /// Its number there.
    pub minor: u64,
    /// What was done: `Read`, `Write` …
    pub action: String,
    /// How much, or how often.
    pub value: u64,
}

/// An interface: bytes, packets, errors and dropped packets, each way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceDetails {
    /// Its name.
    pub name: String,
    /// What came in.
    pub received: [u64; 4],
    /// What went out.
    pub sent: [u64; 4],
}

/// Where it is told.
#[derive(Debug)]
pub struct DetailedMeter {
    /// The group of CPU time, with whether it is one of v2.
    accounting: Group,
    quota: Group,
    memory: Group,
    pids: Group,
    block: Group,
    network: Option<PathBuf>,
}

#[derive(Debug)]
struct Group {
    /// Nothing where nobody counts.
    directory: Option<PathBuf>,
    is_unified: bool,
}

impl Containers<'_> {
    /// Finds what tells of a container's use; nothing for one that does not run. What this machine does not count is 0.
    ///
    /// # Errors
    /// When the control groups of this machine cannot be found.
    pub fn detailed_meter(
        &self,
        container: &Container,
    ) -> Result<Option<DetailedMeter>, EngineError> {
        let State::Running { pid, .. } = container.state else { return Ok(None) };
        let layout = self.engine.layout()?;
        let path = self.engine.group_of_running(container);
        let path = path.trim_start_matches('/');
        let group = |hierarchy: Option<&Hierarchy>| Group {
            directory: hierarchy.map(|own| own.mount.join(path)),
            is_unified: is_unified(hierarchy),
        };
        let of = |controller| group(layout.carrier(controller));
        let has_own = container.config.network != NetworkMode::Host;
        Ok(Some(DetailedMeter {
            accounting: group(cpu_of(layout)),
            quota: of(Controller::Cpu),
            memory: of(Controller::Memory),
            pids: of(Controller::Pids),
            block: of(Controller::Blkio),
            // Docker counts nothing of the host's.
            network: has_own.then(|| format!("/proc/{pid}/net/dev").into()),
        }))
    }
}

impl Group {
    fn read(&self, name: &str) -> String {
        self.directory.as_ref().map(|own| read(&own.join(name))).unwrap_or_default()
    }

    fn exists(&self) -> bool {
        self.directory.as_ref().is_some_and(|own| own.exists())
    }

    fn number(&self, name: &str) -> u64 {
        number(&self.read(name))
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl DetailedMeter {
    /// Looks once; nothing when the container has ended.
    #[must_use]
    pub fn read(&self) -> Option<Details> {
        let groups = [&self.accounting, &self.memory, &self.pids];
        if !groups.iter().any(|group| group.exists()) {
            return None;
        }
        Some(Details {
            cpu: self.cpu(),
            memory: self.memory(),
            pids: self.pids.number("pids.current"),
            pids_limit: self.pids_limit(),
            block: self.block(),
            interfaces: self
                .network
                .as_deref()
                .map(|path| interfaces(&read(path)))
                .unwrap_or_default(),
        })
    }

    /// No limit is the highest number in v2, and none in v1, as Docker has them.
    fn pids_limit(&self) -> Option<u64> {
        let text = self.pids.read("pids.max");
        match text.trim_end() {
            "max" if self.pids.is_unified => Some(u64::MAX),
            text => text.parse().ok(),
        }
    }

    fn cpu(&self) -> CpuDetails {
        let quota = self.quota.read("cpu.stat");
        let (periods, throttled_periods) =
            (field(&quota, "nr_periods "), field(&quota, "nr_throttled "));
        if self.accounting.is_unified {
            let stat = self.accounting.read("cpu.stat");
            return CpuDetails {
                total_ns: field(&stat, "usage_usec ") * 1000,
                kernel_ns: field(&stat, "system_usec ") * 1000,
                user_ns: field(&stat, "user_usec ") * 1000,
                each_ns: Vec::new(),
                periods,
                throttled_periods,
                throttled_ns: field(&quota, "throttled_usec ") * 1000,
            };
        }
        let stat = self.accounting.read("cpuacct.stat");
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let each = self.accounting.read("cpuacct.usage_percpu");
        CpuDetails {
            total_ns: self.accounting.number("cpuacct.usage"),
            kernel_ns: field(&stat, "system ") * tick_ns,
            user_ns: field(&stat, "user ") * tick_ns,
            each_ns: each.split_ascii_whitespace().map(number).collect(),
            periods,
            throttled_periods,
            throttled_ns: field(&quota, "throttled_time "),
        }
    }

    fn memory(&self) -> MemoryDetails {
        let group = &self.memory;
        let name = |new, old| if group.is_unified { new } else { old };
        let limit = group.number(name("memory.max", "memory.limit_in_bytes"));
        let machine = machine_bytes();
        MemoryDetails {
            bytes: group.number(name("memory.current", "memory.usage_in_bytes")),
            largest_bytes: (!group.is_unified).then(|| group.number("memory.max_usage_in_bytes")),
            failures: (!group.is_unified).then(|| group.number("memory.failcnt")),
            limit_bytes: if limit > 0 && limit < machine { limit } else { machine },
            fields: fields(&group.read("memory.stat")),
        }
    }

    fn block(&self) -> Vec<(&'static str, Vec<BlockEntry>)> {
        let group = &self.block;
        if group.is_unified {
            return vec![("io_service_bytes_recursive", io_stat(&group.read("io.stat")))];
        }
        TABLES.into_iter().map(|(name, file)| (name, table(&group.read(file)))).collect()
    }
}

/// Lines of a name and a number.
fn fields(text: &str) -> Vec<(String, u64)> {
    let each = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.trim_end().parse().ok()?))
    };
    text.lines().filter_map(each).collect()
}

fn device(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// v1: `8:0 Read 1`, or `8:0 1`; the last line is a sum.
fn table(text: &str) -> Vec<BlockEntry> {
    let each = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (major, minor) = device(words.next()?)?;
        let (action, value) = match (words.next()?, words.next()) {
            (action, Some(value)) => (action, value),
            (value, None) => ("", value),
        };
        Some(BlockEntry { major, minor, action: action.to_owned(), value: number(value) })
    };
    text.lines().filter_map(each).collect()
}

/// v2: `8:0 rbytes=1 wbytes=2 …`.
fn io_stat(text: &str) -> Vec<BlockEntry> {
    let mut entries = Vec::new();
    for line in text.lines() {
        let Some((device, counters)) =
            line.split_once(' ').and_then(|(name, rest)| Some((device(name)?, rest)))
        else {
            continue;
        };
        for (action, key) in [("read", "rbytes="), ("write", "wbytes=")] {
            let value = counters.split(' ').find_map(|word| word.strip_prefix(key));
            let (major, minor) = device;
            let value = value.map_or(0, number);
            entries.push(BlockEntry { major, minor, action: action.to_owned(), value });
        }
    }
    entries
}

/// Interfaces but the loopback, of /proc/PID/net/dev.
fn interfaces(text: &str) -> Vec<InterfaceDetails> {
    let each = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        let name = name.trim();
        let counters: Vec<u64> = counters.split_ascii_whitespace().map(number).collect();
        // Eight counters of what came in are before those of what went out.
        let (received, sent) = (counters.get(..4)?, counters.get(8..12)?);
        (name != "lo").then_some(InterfaceDetails {
            name: name.to_owned(),
            received: received.try_into().ok()?,
            sent: sent.try_into().ok()?,
        })
    };
    text.lines().skip(2).filter_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_both_versions_are_read() {
        let entry = |minor, action: &str, value| BlockEntry {
            major: 8,
            minor,
            action: action.to_owned(),
            value,
        };
        let old = "8:0 Read 10\n8:0 Total 33\n8:16 7\nTotal 34\n";
        assert_eq!(table(old), [entry(0, "Read", 10), entry(0, "Total", 33), entry(16, "", 7)]);
        let new = "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 \n";
        assert_eq!(
            io_stat(new),
            [
                entry(0, "read", 10),
                entry(0, "write", 20),
                entry(16, "read", 0),
                entry(16, "write", 0)
            ]
        );
    }

    #[test]
    fn interfaces_are_without_the_loopback() {
        let text = "Inter-|\n face |\n    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n  eth0: 7 1 2 3 0 0 0 0 9 4 5 6 0 0 0 0\n";
        let eth0 = InterfaceDetails {
            name: "eth0".to_owned(),
            received: [7, 1, 2, 3],
            sent: [9, 4, 5, 6],
        };
        assert_eq!(interfaces(text), [eth0]);
        assert_eq!(fields("cache 1\nbad\nx y\nrss 2\n").len(), 2);
    }
}
