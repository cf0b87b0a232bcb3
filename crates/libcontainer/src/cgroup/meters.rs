//! What a group has used, from the files of both versions.

use std::path::Path;

use super::files::{number, read};
use super::{
    BlockStats, CgroupError, Controller, CpuStats, Errno, MemoryStats, PidsStats, Place, Stats,
};

/// Ticks of `cpuacct.stat` per second: USER_HZ, which the kernel's interfaces have fixed at 100.
const TICK_NS: u64 = 10_000_000;
const MICROSECOND_NS: u64 = 1_000;
/// v1 tells "no limit" as the largest multiple of a page.
const NO_LIMIT: u64 = 1 << 62;

/// Reads every meter that a controller offers.
pub(super) fn read_all(places: &[Place]) -> Result<Stats, CgroupError> {
    let mut stats = Stats::default();
    for place in places {
        let meter = Meter { directory: &place.path() };
        for controller in &place.controllers {
            match (controller, place.unified) {
                (Controller::Memory, true) => stats.memory = Some(meter.memory_v2()?),
                (Controller::Memory, false) => stats.memory = Some(meter.memory_v1()?),
                (Controller::Cpu, true) => stats.cpu = Some(meter.cpu_v2()?),
                (Controller::Cpuacct, false) => meter.cpuacct(stats.cpu.get_or_insert_default())?,
                (Controller::Cpu, false) => meter.cpu_v1(stats.cpu.get_or_insert_default())?,
                (Controller::Pids, _) => stats.pids = Some(meter.pids()?),
                (Controller::Blkio, true) => stats.block = Some(meter.io_v2()?),
                (Controller::Blkio, false) => stats.block = Some(meter.blkio_v1()?),
                _ => {}
            }
        }
    }
    Ok(stats)
}

struct Meter<'a> {
    directory: &'a Path,
}

impl Meter<'_> {
    /// The file's text; empty where this kernel or configuration has no such file.
    fn text(&self, file: &str) -> Result<String, CgroupError> {
        let path = self.directory.join(file);
        match read(&path) {
            Ok(text) => Ok(text),
            Err(Errno::NOENT | Errno::OPNOTSUPP) => Ok(String::new()),
            Err(errno) => Err(CgroupError::Read { path, errno }),
        }
    }

    /// The one number of a file; nothing for `max`.
    fn value(&self, file: &str) -> Result<Option<u64>, CgroupError> {
        Ok(self.text(file)?.trim().parse().ok())
    }

    fn memory_v1(&self) -> Result<MemoryStats, CgroupError> {
        let current = self.value("memory.usage_in_bytes")?.unwrap_or(0);
        let with_swap = self.value("memory.memsw.usage_in_bytes")?;
        Ok(MemoryStats {
            current_bytes: current,
            inactive_file_bytes: number(&self.text("memory.stat")?, "total_inactive_file")
                .unwrap_or(0),
            peak_bytes: self.value("memory.max_usage_in_bytes")?,
            limit_bytes: self.value("memory.limit_in_bytes")?.filter(|limit| *limit < NO_LIMIT),
            swap_bytes: with_swap.map(|with_swap| with_swap.saturating_sub(current)),
            oom_kills: number(&self.text("memory.oom_control")?, "oom_kill").unwrap_or(0),
        })
    }

    fn memory_v2(&self) -> Result<MemoryStats, CgroupError> {
        Ok(MemoryStats {
            current_bytes: self.value("memory.current")?.unwrap_or(0),
            inactive_file_bytes: number(&self.text("memory.stat")?, "inactive_file").unwrap_or(0),
            peak_bytes: self.value("memory.peak")?,
            limit_bytes: self.value("memory.max")?,
            swap_bytes: self.value("memory.swap.current")?,
            oom_kills: number(&self.text("memory.events")?, "oom_kill").unwrap_or(0),
        })
    }

    fn cpuacct(&self, cpu: &mut CpuStats) -> Result<(), CgroupError> {
        let split = self.text("cpuacct.stat")?;
        cpu.total_ns = self.value("cpuacct.usage")?.unwrap_or(0);
        cpu.user_ns = number(&split, "user").unwrap_or(0) * TICK_NS;
        cpu.system_ns = number(&split, "system").unwrap_or(0) * TICK_NS;
        Ok(())
    }

    fn cpu_v1(&self, cpu: &mut CpuStats) -> Result<(), CgroupError> {
        let text = self.text("cpu.stat")?;
        cpu.periods = number(&text, "nr_periods").unwrap_or(0);
        cpu.throttled_periods = number(&text, "nr_throttled").unwrap_or(0);
        cpu.throttled_ns = number(&text, "throttled_time").unwrap_or(0);
        Ok(())
    }

    fn cpu_v2(&self) -> Result<CpuStats, CgroupError> {
        let text = self.text("cpu.stat")?;
        let count = |word| number(&text, word).unwrap_or(0);
        Ok(CpuStats {
            total_ns: count("usage_usec") * MICROSECOND_NS,
            user_ns: count("user_usec") * MICROSECOND_NS,
            system_ns: count("system_usec") * MICROSECOND_NS,
            periods: count("nr_periods"),
            throttled_periods: count("nr_throttled"),
            throttled_ns: count("throttled_usec") * MICROSECOND_NS,
        })
    }

    fn pids(&self) -> Result<PidsStats, CgroupError> {
        let current = self.value("pids.current")?.unwrap_or(0);
        Ok(PidsStats { current, limit: self.value("pids.max")? })
    }

    /// Lines `MAJOR:MINOR Read 123`.
    fn blkio_v1(&self) -> Result<BlockStats, CgroupError> {
        let sum = |text: &str, word: &str| {
            let last = |line: &str| {
                let mut fields = line.split_whitespace().skip(1);
                (fields.next() == Some(word)).then(|| fields.next()?.parse::<u64>().ok())?
            };
            text.lines().filter_map(last).sum()
        };
        let bytes = self.text("blkio.throttle.io_service_bytes")?;
        let requests = self.text("blkio.throttle.io_serviced")?;
        Ok(BlockStats {
            read_bytes: sum(&bytes, "Read"),
            written_bytes: sum(&bytes, "Write"),
            reads: sum(&requests, "Read"),
            writes: sum(&requests, "Write"),
        })
    }

    /// Lines `MAJOR:MINOR rbytes=1 wbytes=2 rios=3 wios=4 …`.
    fn io_v2(&self) -> Result<BlockStats, CgroupError> {
        let text = self.text("io.stat")?;
        let sum = |key: &str| {
            let pairs = text.split_whitespace().filter_map(|word| word.split_once('='));
            pairs
                .filter(|(name, _)| *name == key)
                .filter_map(|(_, value)| value.parse::<u64>().ok())
                .sum()
        };
        Ok(BlockStats {
            read_bytes: sum("rbytes"),
            written_bytes: sum("wbytes"),
            reads: sum("rios"),
            writes: sum("wios"),
        })
    }
}
