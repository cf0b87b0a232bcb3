//! What a group has used. Units are in the names; `None` means that no controller tells.

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
