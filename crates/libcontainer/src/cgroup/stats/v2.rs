//! Figures from the files of v2. A controller that was not handed down has no files: no figures, no error.

use super::super::directory::Directory;
use super::{
    BlockStats, CgroupError, CpuStats, HugepageStats, MemoryStats, PidsStats, Stats, field, number,
    parse,
};

pub(in super::super) fn read(group: &Directory) -> Result<Stats, CgroupError> {
    Ok(Stats {
        memory: memory(group)?,
        // cpu.stat is there without the controller too, then without throttling.
        cpu: Some(cpu(&group.read("cpu.stat")?)),
        pids: pids(group)?,
        block: group.read_if_there("io.stat")?.map(|text| block(&text)),
        hugepages: hugepages(group)?,
    })
}

pub(in super::super) fn oom_kills(group: &Directory) -> Result<u64, CgroupError> {
    let events = group.read_if_there("memory.events")?.unwrap_or_default();
    Ok(field(&events, "oom_kill").unwrap_or(0))
}

fn memory(group: &Directory) -> Result<Option<MemoryStats>, CgroupError> {
    let Some(current) = group.read_if_there("memory.current")? else { return Ok(None) };
    let optional =
        |file: &str| group.read_if_there(file)?.map(|text| parse(group, file, &text)).transpose();
    Ok(Some(MemoryStats {
        current_bytes: parse(group, "memory.current", &current)?,
        inactive_file_bytes: field(&group.read("memory.stat")?, "inactive_file").unwrap_or(0),
        peak_bytes: optional("memory.peak")?,
        limit_bytes: limit(group, "memory.max")?,
        swap_bytes: optional("memory.swap.current")?,
        oom_kills: oom_kills(group)?,
    }))
}

fn limit(group: &Directory, file: &str) -> Result<Option<u64>, CgroupError> {
    let text = group.read(file)?;
    (text.trim() != "max").then(|| parse(group, file, &text)).transpose()
}

fn cpu(text: &str) -> CpuStats {
    let value = |key: &str| field(text, key).unwrap_or(0);
    CpuStats {
        total_ns: value("usage_usec") * 1000,
        user_ns: value("user_usec") * 1000,
        system_ns: value("system_usec") * 1000,
        periods: value("nr_periods"),
        throttled_periods: value("nr_throttled"),
        throttled_ns: value("throttled_usec") * 1000,
    }
}

fn pids(group: &Directory) -> Result<Option<PidsStats>, CgroupError> {
    let Some(current) = group.read_if_there("pids.current")? else { return Ok(None) };
    Ok(Some(PidsStats {
        current: parse(group, "pids.current", &current)?,
        limit: limit(group, "pids.max")?,
    }))
}

/// Lines are `MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N …`.
fn block(text: &str) -> BlockStats {
    let sum = |key: &str| {
        let value = |word: &str| word.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok();
        text.split_whitespace().filter_map(value).sum()
    };
    BlockStats {
        read_bytes: sum("rbytes"),
        written_bytes: sum("wbytes"),
        reads: sum("rios"),
        writes: sum("wios"),
    }
}

fn hugepages(group: &Directory) -> Result<Vec<HugepageStats>, CgroupError> {
    let sizes = group.files(|name| {
        let size = name.strip_prefix("hugetlb.")?.strip_suffix(".current")?;
        (!size.contains('.')).then(|| size.to_owned())
    })?;
    let read = |page_size: String| {
        let current_bytes = number(group, &format!("hugetlb.{page_size}.current"))?;
        let failures =
            field(&group.read(&format!("hugetlb.{page_size}.events"))?, "max").unwrap_or(0);
        Ok(HugepageStats { page_size, current_bytes, failures })
    };
    sizes.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cpu_and_io() {
        let stat = "usage_usec 50\nuser_usec 30\nsystem_usec 20\nnice_usec 0\nnr_periods 4\nnr_throttled 1\nthrottled_usec 9\n";
        let expected = CpuStats {
            total_ns: 50_000,
            user_ns: 30_000,
            system_ns: 20_000,
            periods: 4,
            throttled_periods: 1,
            throttled_ns: 9_000,
        };
        assert_eq!(cpu(stat), expected);
        let stat = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n253:0 rbytes=10 wbytes=0 rios=1 wios=0\n";
        assert_eq!(
            block(stat),
            BlockStats { read_bytes: 11, written_bytes: 2, reads: 4, writes: 4 }
        );
    }
}
