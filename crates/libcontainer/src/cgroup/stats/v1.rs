//! Figures from the files of v1.

use super::super::directory::Directory;
use super::{
    BlockStats, CgroupError, Controller, CpuStats, HugepageStats, MemoryStats, PidsStats, Stats,
    field, number, parse,
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
    let inactive = field(&memory.read("memory.stat")?, "total_inactive_file");
    Ok(MemoryStats {
        current_bytes,
        inactive_file_bytes: inactive.unwrap_or(0),
        peak_bytes: Some(number(memory, "memory.max_usage_in_bytes")?),
        limit_bytes: (limit < NO_LIMIT_BYTES).then_some(limit),
        swap_bytes: with_swap.map(|both| both.saturating_sub(current_bytes)),
        oom_kills: oom_kills(memory)?,
    })
}

fn cpu(accounting: &Directory, bandwidth: Option<&Directory>) -> Result<CpuStats, CgroupError> {
    let throttling = bandwidth.map_or(Ok(String::new()), |cpu| cpu.read("cpu.stat"))?;
    let value = |key: &str| field(&throttling, key).unwrap_or(0);
    Ok(CpuStats {
        total_ns: number(accounting, "cpuacct.usage")?,
        user_ns: number(accounting, "cpuacct.usage_user")?,
        system_ns: number(accounting, "cpuacct.usage_sys")?,
        periods: value("nr_periods"),
        throttled_periods: value("nr_throttled"),
        throttled_ns: value("throttled_time"),
    })
}

fn pids(pids: &Directory) -> Result<PidsStats, CgroupError> {
    let limit = pids.read("pids.max")?;
    let limit = (limit.trim() != "max").then(|| parse(pids, "pids.max", &limit)).transpose()?;
    Ok(PidsStats { current: number(pids, "pids.current")?, limit })
}

fn block(block: &Directory) -> Result<BlockStats, CgroupError> {
    let bytes = block.read("blkio.throttle.io_service_bytes_recursive")?;
    let requests = block.read("blkio.throttle.io_serviced_recursive")?;
    Ok(BlockStats {
        read_bytes: sum(&bytes, "Read"),
        written_bytes: sum(&bytes, "Write"),
        reads: sum(&requests, "Read"),
        writes: sum(&requests, "Write"),
    })
}

/// Lines are `MAJOR:MINOR OPERATION NUMBER`.
fn sum(text: &str, operation: &str) -> u64 {
    let number = |line: &str| -> Option<u64> {
        let mut words = line.split(' ').skip(1);
        (words.next()? == operation).then_some(())?;
        words.next()?.parse().ok()
    };
    text.lines().filter_map(number).sum()
}

fn hugepages(huge: &Directory) -> Result<Vec<HugepageStats>, CgroupError> {
    let sizes = huge.files(|name| {
        let size = name.strip_prefix("hugetlb.")?.strip_suffix(".usage_in_bytes")?;
        (!size.contains('.')).then(|| size.to_owned())
    })?;
    let read = |page_size: String| {
        let current_bytes = number(huge, &format!("hugetlb.{page_size}.usage_in_bytes"))?;
        let failures = number(huge, &format!("hugetlb.{page_size}.failcnt"))?;
        Ok(HugepageStats { page_size, current_bytes, failures })
    };
    sizes.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_devices() {
        let text =
            "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n253:1 Read 5\n253:1 Write 7\nTotal 42\n";
        assert_eq!((sum(text, "Read"), sum(text, "Write")), (15, 27));
        assert_eq!(sum("Total 0\n", "Read"), 0);
    }
}
