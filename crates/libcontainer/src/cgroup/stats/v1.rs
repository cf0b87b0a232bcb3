//! Figures from the files of v1.

use std::collections::BTreeMap;

use super::super::directory::Directory;
use super::{
    BlockFigure, BlockStats, CgroupError, Controller, CpuStats, DeviceStats, HugepageStats,
    MemoryStats, MemoryUse, PidsStats, Stats, field, fields, number, parse,
};

pub(in super::super) fn read<'a>(
    with: impl Fn(Controller) -> Option<&'a Directory>,
) -> Result<Stats, CgroupError> {
    Ok(Stats {
        memory: with(Controller::Memory).map(memory).transpose()?,
        cpu: with(Controller::Cpuacct)
            .map(|accounting| cpu(accounting, with(Controller::Cpu)))
            .transpose()?,
        pids: with(Controller::Pids).map(pids).transpose()?,
        block: with(Controller::Blkio).map(block).transpose()?,
        hugepages: with(Controller::Hugetlb).map_or(Ok(Vec::new()), hugepages)?,
        cpuset: with(Controller::Cpuset).map_or(Ok(BTreeMap::new()), cpuset)?,
    })
}

pub(in super::super) fn oom_kills(memory: &Directory) -> Result<u64, CgroupError> {
    let control = memory.read("memory.oom_control")?;
    // The line exists since Linux 4.13.
    Ok(field(&control, "oom_kill").unwrap_or(0))
}

/// The kernel writes "no limit" as the largest multiple of the page size (`PAGE_COUNTER_MAX`).
const NO_LIMIT_BYTES: u64 = 0x7fff_ffff_ffff_0000;

fn memory(memory: &Directory) -> Result<MemoryStats, CgroupError> {
    let current_bytes = number(memory, "memory.usage_in_bytes")?;
    let limit = number(memory, "memory.limit_in_bytes")?;
    let with_swap = memory.read_if_there("memory.memsw.usage_in_bytes")?;
    let with_swap =
        with_swap.map(|text| parse(memory, "memory.memsw.usage_in_bytes", &text)).transpose()?;
    let raw = fields(&memory.read("memory.stat")?);
    let value = |key: &str| raw.get(key).copied().unwrap_or(0);
    Ok(MemoryStats {
        current_bytes,
        inactive_file_bytes: value("total_inactive_file"),
        peak_bytes: Some(number(memory, "memory.max_usage_in_bytes")?),
        limit_bytes: (limit < NO_LIMIT_BYTES).then_some(limit),
        swap_bytes: with_swap.map(|both| both.saturating_sub(current_bytes)),
        oom_kills: oom_kills(memory)?,
        cache_bytes: value("cache"),
        failures: number(memory, "memory.failcnt")?,
        with_swap: memory_use(memory, "memsw")?,
        kernel: memory_use(memory, "kmem")?,
        kernel_tcp: memory_use(memory, "kmem.tcp")?,
        raw,
        pressure: None,
    })
}

/// `None` for what the kernel does not count.
fn memory_use(memory: &Directory, kind: &str) -> Result<Option<MemoryUse>, CgroupError> {
    let optional = |end: &str| {
        let file = format!("memory.{kind}.{end}");
        memory.read_if_there(&file)?.map(|text| parse(memory, &file, &text)).transpose()
    };
    let Some(current_bytes) = optional("usage_in_bytes")? else { return Ok(None) };
    Ok(Some(MemoryUse {
        // Linux 5.16 took the limit of kernel memory away.
        limit_bytes: optional("limit_in_bytes")?.filter(|limit| *limit < NO_LIMIT_BYTES),
        current_bytes,
        peak_bytes: optional("max_usage_in_bytes")?.unwrap_or(0),
        failures: optional("failcnt")?.unwrap_or(0),
    }))
}

fn cpuset(cpuset: &Directory) -> Result<BTreeMap<String, String>, CgroupError> {
    let files = [
        "cpus",
        "cpu_exclusive",
        "mems",
        "mem_hardwall",
        "mem_exclusive",
        "memory_migrate",
        "memory_spread_page",
        "memory_spread_slab",
        "memory_pressure",
        "sched_load_balance",
        "sched_relax_domain_level",
    ];
    let mut values = BTreeMap::new();
    for file in files {
        if let Some(text) = cpuset.read_if_there(&format!("cpuset.{file}"))? {
            values.insert(file.to_owned(), text.trim().to_owned());
        }
    }
    Ok(values)
}

fn cpu(accounting: &Directory, bandwidth: Option<&Directory>) -> Result<CpuStats, CgroupError> {
    let throttling = bandwidth.map_or(Ok(String::new()), |cpu| cpu.read("cpu.stat"))?;
    let value = |key: &str| field(&throttling, key).unwrap_or(0);
    // Linux 4.8.
    let both = accounting.read_if_there("cpuacct.usage_all")?.unwrap_or_default();
    Ok(CpuStats {
        total_ns: number(accounting, "cpuacct.usage")?,
        user_ns: number(accounting, "cpuacct.usage_user")?,
        system_ns: number(accounting, "cpuacct.usage_sys")?,
        periods: value("nr_periods"),
        throttled_periods: value("nr_throttled"),
        throttled_ns: value("throttled_time"),
        per_cpu_ns: numbers(&accounting.read("cpuacct.usage_percpu")?),
        per_cpu_user_ns: column(&both, 1),
        per_cpu_system_ns: column(&both, 2),
        pressure: None,
    })
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A column of `cpuacct.usage_all`, whose first line names them: `cpu user system`.
fn column(text: &str, at: usize) -> Vec<u64> {
    let value = |line: &str| line.split_whitespace().nth(at)?.parse().ok();
    text.lines().skip(1).filter_map(value).collect()
}

fn pids(pids: &Directory) -> Result<PidsStats, CgroupError> {
    let limit = pids.read("pids.max")?;
    let limit = (limit.trim() != "max").then(|| parse(pids, "pids.max", &limit)).transpose()?;
    Ok(PidsStats { current: number(pids, "pids.current")?, limit })
}

/// Where each figure is told: by the throttle, which counts whatever the scheduler is, or by the scheduler.
const FIGURES: [(BlockFigure, &[&str]); 8] = [
    (BlockFigure::Bytes, &["throttle.io_service_bytes"]),
    (BlockFigure::Requests, &["throttle.io_serviced"]),
    (BlockFigure::Queued, &["bfq.io_queued", "io_queued"]),
    (BlockFigure::ServiceTime, &["bfq.io_service_time", "io_service_time"]),
    (BlockFigure::WaitTime, &["bfq.io_wait_time", "io_wait_time"]),
    (BlockFigure::Merged, &["bfq.io_merged", "io_merged"]),
    (BlockFigure::Time, &["bfq.time", "time"]),
    (BlockFigure::Sectors, &["bfq.sectors", "sectors"]),
];

fn block(block: &Directory) -> Result<BlockStats, CgroupError> {
    let mut devices = Vec::new();
    for (figure, files) in FIGURES {
        for file in files {
            if let Some(text) = block.read_if_there(&format!("blkio.{file}_recursive"))? {
                devices.extend(text.lines().filter_map(|line| device(figure, line)));
                break;
            }
        }
    }
    let sum = |figure: BlockFigure, operation: &str| {
        let wanted = |one: &&DeviceStats| one.figure == figure && one.operation == operation;
        devices.iter().filter(wanted).map(|one| one.value).sum()
    };
    Ok(BlockStats {
        read_bytes: sum(BlockFigure::Bytes, "Read"),
        written_bytes: sum(BlockFigure::Bytes, "Write"),
        reads: sum(BlockFigure::Requests, "Read"),
        writes: sum(BlockFigure::Requests, "Write"),
        devices,
        pressure: None,
    })
}

/// Lines are `MAJOR:MINOR OPERATION NUMBER` or `MAJOR:MINOR NUMBER`; the last one is a sum.
fn device(figure: BlockFigure, line: &str) -> Option<DeviceStats> {
    let mut words = line.split_whitespace();
    let (major, minor) = words.next()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let (operation, value) = match (words.next()?, words.next()) {
        (operation, Some(value)) => (operation, value),
        (value, None) => ("", value),
    };
    Some(DeviceStats {
        figure,
        device,
        operation: operation.to_owned(),
        value: value.parse().ok()?,
    })
}

fn hugepages(huge: &Directory) -> Result<Vec<HugepageStats>, CgroupError> {
    let sizes = huge.files(|name| {
        let size = name.strip_prefix("hugetlb.")?.strip_suffix(".usage_in_bytes")?;
        (!size.contains('.')).then(|| size.to_owned())
    })?;
    let read = |page_size: String| {
        let current_bytes = number(huge, &format!("hugetlb.{page_size}.usage_in_bytes"))?;
        let failures = number(huge, &format!("hugetlb.{page_size}.failcnt"))?;
        let peak_bytes = number(huge, &format!("hugetlb.{page_size}.max_usage_in_bytes"))?;
        Ok(HugepageStats { page_size, current_bytes, failures, peak_bytes })
    };
    sizes.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_devices_and_processors() {
        let line = |text| {
            device(BlockFigure::Bytes, text).map(|one| (one.device, one.operation, one.value))
        };
        assert_eq!(line("253:1 Read 5"), Some(((253, 1), "Read".to_owned(), 5)));
        assert_eq!(line("8:0 7"), Some(((8, 0), String::new(), 7)));
        assert_eq!(line("Total 42"), None);
        let table = "cpu user system\n0 10 20\n1 11 21\n";
        assert_eq!((column(table, 1), column(table, 2)), (vec![10, 11], vec![20, 21]));
        assert_eq!(numbers("1 2 \n"), [1, 2]);
    }
}
