//! What running containers use, many of them and often: the files are opened once, and read by pread(2) from then on.
//!
//! Start at [`Containers::meter`]. Sources: kernel Documentation/admin-guide/cgroup-v1, cgroup-v2.rst, proc(5).

mod details;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use libcontainer::cgroup::{Controller, Hierarchy, Layout};

use crate::config::NetworkMode;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::State;

pub use details::{
    BlockEntry, CpuDetails, DetailedMeter, Details, InterfaceDetails, MemoryDetails,
};

/// What a container has used, and uses, at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was looked at.
    pub at: Instant,
    /// CPU time in all.
    pub cpu_ns: u64,
    /// Memory, without the page cache that the kernel would give up first.
    pub memory_bytes: u64,
    /// Its limit: that of the machine where it has none.
    pub memory_limit_bytes: u64,
    /// Bytes that came in by its network.
    pub received_bytes: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
    /// Bytes read from block devices.
    pub read_bytes: u64,
    /// Bytes written to them.
    pub written_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// The open files of one running container.
#[derive(Debug)]
pub struct Meter {
    cpu: Option<File>,
    /// Whether `cpu` is `cpu.stat` of v2.
    cpu_is_unified: bool,
    memory: Option<File>,
    memory_stat: Option<File>,
    memory_limit: Option<File>,
    inactive: &'static str,
    pids: Option<File>,
    block: Option<File>,
    /// Whether `block` is `io.stat` of v2.
    block_is_unified: bool,
    network: Option<File>,
    machine_bytes: u64,
}

impl Containers<'_> {
    /// Opens what tells of a container's use; nothing for one that does not run. What this machine does not count is 0.
    ///
    /// # Errors
    /// When the control groups of this machine cannot be found.
    pub fn meter(&self, container: &Container) -> Result<Option<Meter>, EngineError> {
        let State::Running { pid, .. } = container.state else { return Ok(None) };
        let layout = self.engine.layout()?;
        let group = self.engine.group_of_running(container);
        let group = group.trim_start_matches('/');
        let open = |hierarchy: Option<&Hierarchy>, file: &str| {
            File::open(hierarchy?.mount.join(group).join(file)).ok()
        };
        let of = |controller| layout.carrier(controller);
        let (cpu, memory, block) = (cpu_of(layout), of(Controller::Memory), of(Controller::Blkio));
        let choose = |hierarchy: Option<&Hierarchy>, new: &'static str, old: &'static str| {
            if is_unified(hierarchy) { new } else { old }
        };
        let network = match container.config.network {
            // Docker counts nothing of the host's.
            NetworkMode::Host => None,
            NetworkMode::None | NetworkMode::Container(_) | NetworkMode::Networks(_) => {
                File::open(format!("/proc/{pid}/net/dev")).ok()
            }
        };
        let memory_limit = choose(memory, "memory.max", "memory.limit_in_bytes");
        let throttled = "blkio.throttle.io_service_bytes_recursive";
        Ok(Some(Meter {
            cpu: open(cpu, choose(cpu, "cpu.stat", "cpuacct.usage")),
            cpu_is_unified: is_unified(cpu),
            memory: open(memory, choose(memory, "memory.current", "memory.usage_in_bytes")),
            memory_stat: open(memory, "memory.stat"),
            memory_limit: open(memory, memory_limit),
            inactive: choose(memory, "inactive_file ", "total_inactive_file "),
            pids: open(of(Controller::Pids), "pids.current"),
            block: open(block, choose(block, "io.stat", throttled)),
            block_is_unified: is_unified(block),
            network,
            machine_bytes: machine_bytes(),
        }))
    }
}

fn is_unified(hierarchy: Option<&Hierarchy>) -> bool {
    hierarchy.is_some_and(|hierarchy| hierarchy.unified)
}

/// CPU time is counted in the v2 tree by itself, without a controller.
fn cpu_of(layout: &Layout) -> Option<&Hierarchy> {
    let tree = || layout.hierarchies.iter().find(|hierarchy| hierarchy.unified);
    layout.carrier(Controller::Cpuacct).or_else(tree)
}

/// CPU time that all processes of the machine have had since boot, all CPUs together, idle time too: what a container's is a share of. proc(5),
/// /proc/stat.
#[must_use]
pub fn machine_cpu_ns() -> u64 {
    const NS_PER_SECOND: u64 = 1_000_000_000;
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let words = text.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    // Guests' time, behind the eighth, is in the others.
    let ticks: u64 = words.take(8).filter_map(|word| word.parse::<u64>().ok()).sum();
    ticks.saturating_mul(NS_PER_SECOND / rustix::param::clock_ticks_per_second())
}

/// Processors of the machine that work. proc(5), /proc/stat.
#[must_use]
pub fn machine_cpus() -> usize {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let is_one = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
    };
    text.lines().filter(is_one).count().max(1)
}

/// Memory of the machine.
pub(crate) fn machine_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    u64::from(info.mem_unit).saturating_mul(info.totalram)
}

impl Meter {
    /// Looks once; nothing when the container has ended. `buffer` is room for the longest file, and is kept between looks.
    #[must_use]
    pub fn read(&self, buffer: &mut Vec<u8>) -> Option<Reading> {
        let at = Instant::now();
        let cpu_ns = match &self.cpu {
            None => 0,
            Some(file) if self.cpu_is_unified => field(read(file, buffer)?, "usage_usec ") * 1000,
            Some(file) => number(read(file, buffer)?),
        };
        let mut value = |file: &Option<File>| match file {
            Some(file) => read(file, buffer).map(number),
            None => Some(0),
        };
        let (used, pids) = (value(&self.memory)?, value(&self.pids)?);
        // "max" is no number, and no limit.
        let limit = value(&self.memory_limit)?;
        let inactive = match &self.memory_stat {
            Some(file) => field(read(file, buffer)?, self.inactive),
            None => 0,
        };
        let (read_bytes, written_bytes) = match &self.block {
            Some(file) => block(read(file, buffer)?, self.block_is_unified),
            None => (0, 0),
        };
        let (received_bytes, sent_bytes) = match &self.network {
            Some(file) => read(file, buffer).map_or((0, 0), network),
            None => (0, 0),
        };
        let is_limited = limit > 0 && limit < self.machine_bytes;
        Some(Reading {
            at,
            cpu_ns,
            memory_bytes: if inactive < used { used - inactive } else { used },
            memory_limit_bytes: if is_limited { limit } else { self.machine_bytes },
            received_bytes,
            sent_bytes,
            read_bytes,
            written_bytes,
            pids,
        })
    }
}

/// A file from its beginning; nothing when its group is gone (ENODEV).
fn read<'b>(file: &File, buffer: &'b mut Vec<u8>) -> Option<&'b str> {
    const LEAST: usize = 8 * 1024;
    if buffer.is_empty() {
        buffer.resize(LEAST, 0);
    }
    let mut length = 0;
    loop {
        let count = file.read_at(buffer.get_mut(length..)?, length as u64).ok()?;
        length += count;
        if count == 0 || length < buffer.len() {
            break;
        }
        buffer.resize(buffer.len() * 2, 0);
    }
    std::str::from_utf8(buffer.get(..length)?).ok()
}

/// A file that holds one number.
fn number(text: &str) -> u64 {
    text.trim_end().parse().unwrap_or(0)
}

/// The number of the line that begins so.
fn field(text: &str, key: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(key)).map_or(0, number)
}

/// Bytes read and written, of all devices. v2: `8:0 rbytes=1 wbytes=2 …`; v1: `8:0 Read 1`, a line for each kind.
fn block(text: &str, is_unified: bool) -> (u64, u64) {
    let mut sums = (0, 0);
    if is_unified {
        for word in text.split_ascii_whitespace() {
            if let Some(bytes) = word.strip_prefix("rbytes=") {
                sums.0 += number(bytes);
            } else if let Some(bytes) = word.strip_prefix("wbytes=") {
                sums.1 += number(bytes);
            }
        }
        return sums;
    }
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        match (words.next(), words.next()) {
            (Some("Read"), Some(bytes)) => sums.0 += number(bytes),
            (Some("Write"), Some(bytes)) => sums.1 += number(bytes),
            _ => {}
        }
    }
    sums
}

/// Bytes received and sent by all interfaces but the loopback, from /proc/PID/net/dev.
fn network(text: &str) -> (u64, u64) {
    let mut sums = (0, 0);
    for line in text.lines().skip(2) {
        let Some((name, counters)) = line.split_once(':') else { continue };
        if name.trim_start() == "lo" {
            continue;
        }
        let mut counters = counters.split_ascii_whitespace();
        sums.0 += counters.next().map_or(0, number);
        // Eight counters of what came in are before those of what went out.
        sums.1 += counters.nth(7).map_or(0, number);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_both_versions_are_read() {
        let new = "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n";
        assert_eq!(block(new, true), (11, 22));
        let old = "8:0 Read 10\n8:0 Write 20\n8:0 Sync 3\n8:0 Total 33\n8:16 Read 1\nTotal 34\n";
        assert_eq!(block(old, false), (11, 20));
        assert_eq!(field("cache 1\ninactive_file 2\ntotal_inactive_file 3\n", "inactive_file "), 2);
        let device = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n  eth0: 7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n";
        assert_eq!(network(device), (7, 9));
        assert_eq!((number("max\n"), number("12\n")), (0, 12));
    }

    #[test]
    fn memory_is_without_cache_and_without_a_limit_the_machines() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            store_text(&path, text);
            Some(File::open(path).unwrap())
        };
        let mut meter = Meter {
            cpu: file("cpu", "7\n"),
            cpu_is_unified: false,
            memory: file("memory", "100\n"),
            memory_stat: file("stat", "inactive_file 5\ntotal_inactive_file 30\n"),
            memory_limit: file("limit", "9223372036854771712\n"),
            inactive: "total_inactive_file ",
            pids: file("pids", "3\n"),
            block: None,
            block_is_unified: false,
            network: None,
            machine_bytes: 1000,
        };
        let figures = |meter: &Meter| {
            let reading = meter.read(&mut Vec::new()).unwrap();
            (reading.cpu_ns, reading.memory_bytes, reading.memory_limit_bytes, reading.pids)
        };
        assert_eq!(figures(&meter), (7, 70, 1000, 3));
        meter.memory_limit = file("limit", "max\n");
        meter.memory_stat = file("stat", "inactive_file 300\n");
        (meter.inactive, meter.cpu_is_unified) = ("inactive_file ", true);
        meter.cpu = file("cpu", "usage_usec 7\nuser_usec 5\n");
        // The two are not read at one moment.
        assert_eq!(figures(&meter), (7000, 100, 1000, 3));
        meter.memory_limit = file("limit", "500\n");
        assert_eq!(figures(&meter).2, 500);
    }

    #[test]
    fn a_file_longer_than_the_buffer_is_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("long");
        store_text(&path, &"x".repeat(100_000));
        let mut buffer = Vec::new();
        let file = File::open(path).unwrap();
        assert_eq!(read(&file, &mut buffer).unwrap().len(), 100_000);
        assert_eq!(read(&file, &mut buffer).unwrap().len(), 100_000);
    }

    fn store_text(path: &std::path::Path, text: &str) {
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(path, text).unwrap();
    }
}
