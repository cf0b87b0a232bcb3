//! What a group has used. Units are in the names; `None` means that no controller tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::{CgroupError, Controller};

pub(super) mod v1;
pub(super) mod v2;

/// All figures of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Memory.
    pub memory: Option<MemoryStats>,
    /// CPU time.
    pub cpu: Option<CpuStats>,
    /// Tasks.
    pub pids: Option<PidsStats>,
    /// Block devices.
    pub block: Option<BlockStats>,
    /// Huge pages by size.
    pub hugepages: Vec<HugepageStats>,
    /// Placement (v1).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cpuset: BTreeMap<String, String>,
}

/// How long tasks had to wait for something, since the group was made and lately. Kernel Documentation/accounting/psi.rst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Waits,
    /// All tasks waited.
    pub full: Waits,
}

/// Shares of time in hundredths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// Of the last 10 seconds.
    pub last_10_s: u32,
    /// Of the last minute.
    pub last_60_s: u32,
    /// Of the last 5 minutes.
    pub last_300_s: u32,
    /// Of all time, in microseconds.
    pub total_us: u64,
}

/// Use of one kind of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUse {
    /// The limit; `None` is no limit.
    pub limit_bytes: Option<u64>,
    /// Now.
    pub current_bytes: u64,
    /// The highest so far; 0 where nobody tells.
    pub peak_bytes: u64,
    /// How often the limit was hit.
    pub failures: u64,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryStats {
    /// In use, page cache included.
    pub current_bytes: u64,
    /// Page cache that the kernel would give up first; `docker stats` subtracts it.
    pub inactive_file_bytes: u64,
    /// The highest use so far (v2: Linux 5.19).
    pub peak_bytes: Option<u64>,
    /// The limit; `None` is no limit.
    pub limit_bytes: Option<u64>,
    /// Swap in use, without memory.
    pub swap_bytes: Option<u64>,
    /// How many tasks were killed for want of memory.
    pub oom_kills: u64,
    /// Page cache.
    pub cache_bytes: u64,
    /// How often the limit was hit (v1).
    pub failures: u64,
    /// Memory and swap together.
    pub with_swap: Option<MemoryUse>,
    /// Kernel memory (v1).
    pub kernel: Option<MemoryUse>,
    /// TCP buffers (v1).
    pub kernel_tcp: Option<MemoryUse>,
    /// `memory.stat` by name, as the kernel has it.
    #[serde(default)]
    pub raw: BTreeMap<String, u64>,
    /// Waiting for memory (v2).
    #[serde(default)]
    pub pressure: Option<Pressure>,
}

/// CPU time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuStats {
    /// All.
    pub total_ns: u64,
    /// In user mode.
    pub user_ns: u64,
    /// In the kernel.
    pub system_ns: u64,
    /// Enforcement periods that have passed.
    pub periods: u64,
    /// Those in which the group was stopped.
    pub throttled_periods: u64,
    /// For how long in all.
    pub throttled_ns: u64,
    /// By processor (v1).
    #[serde(default)]
    pub per_cpu_ns: Vec<u64>,
    /// In user mode by processor (v1).
    #[serde(default)]
    pub per_cpu_user_ns: Vec<u64>,
    /// In the kernel by processor (v1).
    #[serde(default)]
    pub per_cpu_system_ns: Vec<u64>,
    /// Waiting for a processor (v2).
    #[serde(default)]
    pub pressure: Option<Pressure>,
}

/// Tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PidsStats {
    /// Now.
    pub current: u64,
    /// The limit; `None` is no limit.
    pub limit: Option<u64>,
}

/// Block devices, all together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockStats {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Read requests.
    pub reads: u64,
    /// Write requests.
    pub writes: u64,
    /// All of the above and more by device.
    #[serde(default)]
    pub devices: Vec<DeviceStats>,
    /// Waiting for devices (v2).
    #[serde(default)]
    pub pressure: Option<Pressure>,
}

/// One figure of a block device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStats {
    /// What is counted.
    pub figure: BlockFigure,
    /// The device's numbers.
    pub device: (u64, u64),
    /// `Read`, `Write`, `Total` …; empty where the kernel tells them together.
    pub operation: String,
    /// How much.
    pub value: u64,
}

/// What is counted of a block device: the names of v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockFigure {
    /// Bytes.
    Bytes,
    /// Requests.
    Requests,
    /// Requests that wait.
    Queued,
    /// Nanoseconds of service.
    ServiceTime,
    /// Nanoseconds in queues.
    WaitTime,
    /// Requests that were merged.
    Merged,
    /// Milliseconds of a device's time.
    Time,
    /// Sectors.
    Sectors,
}

/// Huge pages of one size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugepageStats {
    /// For example `2MB`.
    pub page_size: String,
    /// In use.
    pub current_bytes: u64,
    /// How often the limit was hit.
    pub failures: u64,
    /// The highest use so far (v1).
    #[serde(default)]
    pub peak_bytes: u64,
}

/// A file that holds one number.
pub(super) fn number(group: &Directory, file: &str) -> Result<u64, CgroupError> {
    parse(group, file, &group.read(file)?)
}

fn parse(group: &Directory, file: &str, text: &str) -> Result<u64, CgroupError> {
    let text = text.trim();
    text.parse().map_err(|_odd| CgroupError::Unexpected {
        path: group.path().join(file),
        text: text.to_owned(),
    })
}

/// The number of a line `KEY NUMBER`.
fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Lines of `KEY NUMBER`.
fn fields(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some((key.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}
