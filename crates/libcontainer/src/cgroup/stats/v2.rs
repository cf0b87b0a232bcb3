//! Figures from the files of v2. A controller that was not handed down has no files: no figures, no error.

use std::collections::BTreeMap;

use rustix::io::Errno as Raw;

use super::super::directory::Directory;
use super::{
    BlockFigure, BlockStats, CgroupError, CpuStats, DeviceStats, HugepageStats, MemoryStats,
    MemoryUse, PidsStats, Pressure, Stats, Waits, field, fields, number, parse,
};

pub(in super::super) fn read(group: &Directory) -> Result<Stats, CgroupError> {
    Ok(Stats {
        memory: memory(group)?,
        // cpu.stat is there without the controller too, then without throttling.
        cpu: Some(CpuStats { pressure: pressure(group, "cpu")?, ..cpu(&group.read("cpu.stat")?) }),
        pids: pids(group)?,
        block: match group.read_if_there("io.stat")? {
            Some(text) => Some(BlockStats { pressure: pressure(group, "io")?, ..block(&text) }),
            None => None,
        },
        hugepages: hugepages(group)?,
        cpuset: BTreeMap::new(),
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
    let current_bytes = parse(group, "memory.current", &current)?;
    let limit_bytes = limit(group, "memory.max")?;
    let swap_bytes = optional("memory.swap.current")?;
    let with_swap = match swap_bytes {
        Some(swap) => {
            let swap_limit = limit(group, "memory.swap.max")?;
            let sum = |(memory, swap): (u64, u64)| memory.saturating_add(swap);
            Some(MemoryUse {
                limit_bytes: limit_bytes.zip(swap_limit).map(sum),
                current_bytes: current_bytes.saturating_add(swap),
                ..MemoryUse::default()
            })
        }
        None => None,
    };
    let raw = fields(&group.read("memory.stat")?);
    let value = |key: &str| raw.get(key).copied().unwrap_or(0);
    Ok(Some(MemoryStats {
        current_bytes,
        inactive_file_bytes: value("inactive_file"),
        peak_bytes: optional("memory.peak")?,
        limit_bytes,
        swap_bytes,
        oom_kills: oom_kills(group)?,
        cache_bytes: value("file"),
        failures: 0,
        with_swap,
        kernel: None,
        kernel_tcp: None,
        pressure: pressure(group, "memory")?,
        raw,
    }))
}

/// `None` where the kernel does not measure it.
fn pressure(group: &Directory, resource: &str) -> Result<Option<Pressure>, CgroupError> {
    let file = format!("{resource}.pressure");
    match group.read_raw(&file) {
        Ok(text) => Ok(Some(waits(&text))),
        // EOPNOTSUPP: built in, and switched off (`psi=0`).
        Err(errno) if errno == Raw::NOENT.into() || errno == Raw::OPNOTSUPP.into() => Ok(None),
        Err(errno) => Err(CgroupError::Read { path: group.path().join(file), errno }),
    }
}

/// Lines are `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, then `full …`.
fn waits(text: &str) -> Pressure {
    let line = |kind: &str| {
        let line = text.lines().find(|line| line.starts_with(kind)).unwrap_or_default();
        let value = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
        let share = |key: &str| {
            let (whole, hundredths) = value(key)?.split_once('.')?;
            Some(whole.parse::<u32>().ok()? * 100 + hundredths.parse::<u32>().ok()?)
        };
        Waits {
            last_10_s: share("avg10=").unwrap_or(0),
            last_60_s: share("avg60=").unwrap_or(0),
            last_300_s: share("avg300=").unwrap_or(0),
            total_us: value("total=").and_then(|word| word.parse().ok()).unwrap_or(0),
        }
    };
    Pressure { some: line("some"), full: line("full") }
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
        ..CpuStats::default()
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
        devices: text.lines().flat_map(devices).collect(),
        pressure: None,
    }
}

/// One line's figures, in the words of v1.
fn devices(line: &str) -> Vec<DeviceStats> {
    let numbers = |name: &str| -> Option<(u64, u64)> {
        let (major, minor) = name.split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let mut words = line.split_whitespace();
    let Some(device) = words.next().and_then(numbers) else { return Vec::new() };
    let figure = |word: &str| {
        let (key, value) = word.split_once('=')?;
        let (figure, operation) = match key {
            "rbytes" => (BlockFigure::Bytes, "Read"),
            "wbytes" => (BlockFigure::Bytes, "Write"),
            "rios" => (BlockFigure::Requests, "Read"),
            "wios" => (BlockFigure::Requests, "Write"),
            _ => return None,
        };
        let (operation, value) = (operation.to_owned(), value.parse().ok()?);
        Some(DeviceStats { figure, device, operation, value })
    };
    words.filter_map(figure).collect()
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
        Ok(HugepageStats { page_size, current_bytes, failures, peak_bytes: 0 })
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
            ..CpuStats::default()
        };
        assert_eq!(cpu(stat), expected);
        let stat = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n253:0 rbytes=10 wbytes=0 rios=1 wios=0\n";
        let figures = block(stat);
        let sums = [figures.read_bytes, figures.written_bytes, figures.reads, figures.writes];
        assert_eq!((sums, figures.devices.len()), ([11, 2, 4, 4], 8));
        let last = figures.devices.last().unwrap();
        assert_eq!((last.device, last.operation.as_str(), last.value), ((253, 0), "Write", 0));
        let text = "some avg10=1.05 avg60=0.20 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
        let waits = waits(text);
        assert_eq!((waits.some.last_10_s, waits.some.last_60_s), (105, 20));
        assert_eq!((waits.some.total_us, waits.full.total_us), (77, 5));
    }
}
