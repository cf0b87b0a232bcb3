//! Memory as the container has it: what meminfo(5), swaps, slabinfo(5) and sysinfo(2) say. One computation serves all of them.
//!
//! Sources: kernel Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst "Memory Interface Files"; proc_meminfo(5); lxcfs(1),
//! whose figures these are compared with.

use std::fmt::Write;
use std::path::Path;

use libcontainer::cgroup::Controller;

use super::group::{Group, field, read};

/// The kernel writes "no limit" as the largest multiple of the page size: `PAGE_COUNTER_MAX`.
const NO_LIMIT: u64 = 0x7fff_ffff_ffff_0000;
const PAGE: u64 = 4096;

/// Bytes of memory: the machine's where the group has no limit, and else what the group has of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) total: u64,
    pub(crate) free: u64,
    pub(crate) available: u64,
    pub(crate) shared: u64,
    pub(crate) buffers: u64,
    pub(crate) swap: u64,
    pub(crate) free_swap: u64,
}

/// What a group's files say, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    /// The smallest limit of the group and of all above it.
    limit: Option<u64>,
    /// The same for swap alone.
    swap_limit: Option<u64>,
    current: u64,
    swap: u64,
    /// Text of memory.stat.
    stat: String,
    /// Whether it is that of v1.
    is_v1: bool,
}

/// Lines of meminfo, and which lines of memory.stat they are the sum of: of v1 with the groups inside, hence `total_`, and of v2.
const KNOWN: [(&str, &[&str], &[&str]); 19] = [
    ("Cached", &["total_cache"], &["file"]),
    ("SwapCached", &["total_swapcached"], &["swapcached"]),
    ("Active", &["total_active_anon", "total_active_file"], &["active_anon", "active_file"]),
    (
        "Inactive",
        &["total_inactive_anon", "total_inactive_file"],
        &["inactive_anon", "inactive_file"],
    ),
    ("Active(anon)", &["total_active_anon"], &["active_anon"]),
    ("Inactive(anon)", &["total_inactive_anon"], &["inactive_anon"]),
    ("Active(file)", &["total_active_file"], &["active_file"]),
    ("Inactive(file)", &["total_inactive_file"], &["inactive_file"]),
    ("Unevictable", &["total_unevictable"], &["unevictable"]),
    ("Dirty", &["total_dirty"], &["file_dirty"]),
    ("Writeback", &["total_writeback"], &["file_writeback"]),
    ("AnonPages", &["total_rss"], &["anon"]),
    ("Mapped", &["total_mapped_file"], &["file_mapped"]),
    ("Shmem", &["total_shmem"], &["shmem"]),
    // v1 counts kernel memory in one number.
    ("KReclaimable", &[], &["slab_reclaimable"]),
    ("SReclaimable", &[], &["slab_reclaimable"]),
    ("SUnreclaim", &[], &["slab_unreclaimable"]),
    ("Slab", &[], &["slab_reclaimable", "slab_unreclaimable"]),
    ("AnonHugePages", &["total_rss_huge"], &["anon_thp"]),
];
/// The same, of v2 alone.
const KERNELS: [(&str, &str); 4] = [
    ("KernelStack", "kernel_stack"),
    ("PageTables", "pagetables"),
    ("SecPageTables", "sec_pagetables"),
    ("Percpu", "percpu"),
];
/// Lines that are about the machine and not about anybody's use of it.
const MACHINES: [&str; 2] = ["VmallocTotal", "Hugepagesize"];

impl Used {
    pub(super) fn of(group: &Group) -> Self {
        let text = |files| group.read(Controller::Memory, files);
        let number = |files| text(files).and_then(|text| text.trim().parse::<u64>().ok());
        let is_v1 = group.place(Controller::Memory).is_some_and(|(_, is_unified)| !is_unified);
        let stat = text(["memory.stat"; 2]).unwrap_or_default();
        let (limit, swap_limit, swap) = if is_v1 {
            // The kernel looks upwards itself. What is limited is memory and swap together.
            let limited = |key| field(&stat, key).filter(|limit| *limit < NO_LIMIT);
            let limit = limited("hierarchical_memory_limit");
            let both = limited("hierarchical_memsw_limit").zip(limit);
            let swap_limit = both.map(|(both, memory)| both.saturating_sub(memory));
            (limit, swap_limit, field(&stat, "total_swap"))
        } else {
            let smallest = |file| group.upwards(Controller::Memory, limit(file)).min();
            let swap = number(["", "memory.swap.current"]);
            (smallest("memory.max"), smallest("memory.swap.max"), swap)
        };
        let current = number(["memory.usage_in_bytes", "memory.current"]).unwrap_or(0);
        Self { limit, swap_limit, current, swap: swap.unwrap_or(0), stat, is_v1 }
    }

    fn stat(&self, key: &str) -> u64 {
        field(&self.stat, key).unwrap_or(0)
    }

    fn sum(&self, [v1, v2]: [&[&str]; 2]) -> u64 {
        let keys = if self.is_v1 { v1 } else { v2 };
        keys.iter().map(|key| self.stat(key)).sum()
    }
}

/// A limit of v2 in a directory; the root of all groups has none.
fn limit(file: &'static str) -> impl Fn(&Path, bool) -> Option<u64> {
    move |directory, _| read(&directory.join(file))?.trim().parse().ok()
}

/// A line `NAME: NUMBER kB` of meminfo, in bytes.
fn line(meminfo: &str, name: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = value.trim().trim_end_matches("kB").trim().parse().ok()?;
    kib.checked_mul(1024)
}

impl Memory {
    /// The machine's, by its meminfo.
    fn of_machine(meminfo: &str) -> Self {
        let value = |name| line(meminfo, name).unwrap_or(0);
        Self {
            total: value("MemTotal"),
            free: value("MemFree"),
            available: value("MemAvailable"),
            shared: value("Shmem"),
            buffers: value("Buffers"),
            swap: value("SwapTotal"),
            free_swap: value("SwapFree"),
        }
    }

    /// What a group has of the machine's. Free is what its limit leaves; available is that and what the kernel would take from
    /// it first: pages of files, and of the slab what can be reclaimed. There is no more of either than the machine itself has.
    pub(super) fn of(used: &Used, meminfo: &str) -> Self {
        let machine = Self::of_machine(meminfo);
        let swap = used.swap_limit.map_or(machine.swap, |limit| limit.min(machine.swap));
        let free_swap = if used.limit.is_none() && used.swap_limit.is_none() {
            machine.free_swap
        } else {
            swap.saturating_sub(used.swap).min(machine.free_swap)
        };
        let machine = Self { swap, free_swap, ..machine };
        let Some(limit) = used.limit.filter(|limit| *limit < machine.total) else {
            return machine;
        };
        let free = limit.saturating_sub(used.current);
        let files = used.sum([
            &["total_active_file", "total_inactive_file"],
            &["active_file", "inactive_file", "slab_reclaimable"],
        ]);
        Self {
            total: limit,
            free: free.min(machine.free),
            available: free.saturating_add(files).min(limit).min(machine.available),
            shared: used.sum([&["total_shmem"], &["shmem"]]),
            buffers: 0,
            ..machine
        }
    }
}

/// The lines that the machine's meminfo has, in its order, with the group's figures. What a group's files do not tell is 0, but for
/// what is true of the machine whoever asks. Without a limit it is the machine's, but for swap.
pub(super) fn meminfo(used: &Used, machine: &str) -> Vec<u8> {
    let memory = Memory::of(used, machine);
    let is_limited = used.limit.is_some() && memory.total < line(machine, "MemTotal").unwrap_or(0);
    let mut text = String::with_capacity(machine.len());
    for row in machine.lines() {
        let Some((name, rest)) = row.split_once(':') else { continue };
        let bytes = match name {
            "MemTotal" => memory.total,
            "MemFree" => memory.free,
            "MemAvailable" => memory.available,
            "SwapTotal" => memory.swap,
            "SwapFree" => memory.free_swap,
            _ if !is_limited || MACHINES.contains(&name) => {
                let _written = writeln!(text, "{name}:{rest}");
                continue;
            }
            _ if !rest.trim_end().ends_with("kB") => {
                // Huge pages are counted.
                let _written = writeln!(text, "{:<16}{:>8}", format!("{name}:"), 0);
                continue;
            }
            _ => of_group(used, name),
        };
        let _written = writeln!(text, "{:<16}{:>8} kB", format!("{name}:"), bytes / 1024);
    }
    text.into_bytes()
}

fn of_group(used: &Used, name: &str) -> u64 {
    let known = KNOWN.iter().find(|(known, ..)| *known == name);
    let kernels = KERNELS.iter().find(|(known, _)| *known == name && !used.is_v1);
    let known = known.map(|(_, v1, v2)| used.sum([*v1, *v2]));
    known.or_else(|| kernels.map(|(_, key)| used.stat(key))).unwrap_or(0)
}

/// All swap as one place without a name: which devices the machine swaps to is not the container's matter.
pub(super) fn swaps(memory: &Memory) -> Vec<u8> {
    let mut text = String::from("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    if memory.swap > 0 {
        let used = memory.swap.saturating_sub(memory.free_swap);
        let (size, used) = (memory.swap / 1024, used / 1024);
        let _written = writeln!(text, "{:<40}virtual\t\t{size}\t\t{used}\t\t0", "none");
    }
    text.into_bytes()
}

/// The group's own list where the kernel has one (v1, before Linux 5.9); else two rows in units of pages, of v2 alone, which counts what
/// can be reclaimed and what cannot. v1 tells nothing then.
pub(super) fn slabinfo(used: &Used, own: Option<String>) -> Vec<u8> {
    // Reading a file that is kept for its name alone gives nothing or an error.
    if let Some(own) = own.filter(|own| own.starts_with("slabinfo")) {
        return own.into_bytes();
    }
    let mut text = String::from(
        "slabinfo - version: 2.1\n\
         # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> \
         : slabdata <active_slabs> <num_slabs> <sharedavail>\n",
    );
    for (name, key) in
        [("reclaimable", "slab_reclaimable"), ("unreclaimable", "slab_unreclaimable")]
    {
        if !used.is_v1 {
            let pages = used.stat(key).div_ceil(PAGE);
            let _written = writeln!(
                text,
                "{name:<17} {pages:>6} {pages:>6} {PAGE:>6}    1    1 : tunables    0    0    0 : slabdata {pages:>6} {pages:>6}      0"
            );
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests;
