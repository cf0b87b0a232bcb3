//! `events`: what a container uses, at intervals, and processes killed for want of memory; one line of JSON each.
//! Source: runc's types/events.go, which engines read.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use libcontainer::Container;
use libcontainer::cgroup::{
    BlockFigure, BlockStats, CgroupError, CpuStats, MemoryStats, MemoryUse, OomEvents, OomNews,
    Pressure, Stats, Waits,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde_json::{Map, Value, json};
use spec::runtime::Status;

use super::Session;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::{output, words};

pub(super) fn events(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let interval = interval(matches.value("interval").unwrap_or("5s"))?;
    let container = session.container(matches)?;
    if container.status() == Status::Stopped {
        let name = container.name().as_str();
        return Err(Failure::Words(format!("container with id {name} is not running")));
    }
    if matches.on("stats") {
        print(&container, "stats", Some(&document(&container.stats()?)))?;
        return Ok(0);
    }
    let mut watch = match container.cgroup()?.map(|cgroup| cgroup.oom_events()).transpose() {
        Ok(watch) => watch,
        // Nothing is killed for a limit that nobody can set.
        Err(CgroupError::Unsupported { .. }) => None,
        Err(error) => return Err(Failure::Words(libcontainer::chain(&error))),
    };
    let mut due = Instant::now() + interval;
    loop {
        let news = wait(watch.as_mut(), due)?;
        if news.killed {
            print(&container, "oom", None)?;
        }
        if news.ended {
            return Ok(0);
        }
        if Instant::now() < due {
            continue;
        }
        due += interval;
        match container.stats() {
            Ok(stats) => print(&container, "stats", Some(&document(&stats)))?,
            Err(_gone) if container.status() == Status::Stopped => return Ok(0),
            Err(error) => session.warn(&libcontainer::chain(&error)),
        }
    }
}

fn interval(text: &str) -> Result<Duration, Failure> {
    let nanos = words::duration_ns(text).and_then(|nanos| u64::try_from(nanos).ok());
    let wrong = || Failure::Words(format!("--interval {text}: it is no time greater than 0"));
    nanos.filter(|nanos| *nanos > 0).map(Duration::from_nanos).ok_or_else(wrong)
}

/// Waits for news until the next figures are due.
fn wait(watch: Option<&mut OomEvents>, due: Instant) -> Result<OomNews, Failure> {
    let left = due.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).ok();
    let mut waiting = Vec::new();
    waiting.extend(
        watch.as_deref().map(|watch| PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)),
    );
    match poll(&mut waiting, timeout.as_ref()) {
        Ok(0) | Err(Errno::INTR) => return Ok(OomNews::default()),
        Ok(_) => {}
        Err(errno) => return Err(Failure::Words(format!("wait for events: {errno}"))),
    }
    let news = watch.map(OomEvents::read).transpose();
    let news = news.map_err(|error| Failure::Words(libcontainer::chain(&error)))?;
    Ok(news.unwrap_or_default())
}

/// Readers look for the first two fields in front.
fn print(container: &Container, kind: &str, data: Option<&Value>) -> Result<(), Failure> {
    let id = Value::from(container.name().as_str());
    let data = data.map_or_else(String::new, |data| format!(",\"data\":{data}"));
    output::write(&format!("{{\"type\":\"{kind}\",\"id\":{id}{data}}}\n"))
}

fn document(stats: &Stats) -> Value {
    let pids = stats.pids.clone().unwrap_or_default();
    let hugetlb: Map<String, Value> = stats
        .hugepages
        .iter()
        .map(|huge| {
            let (usage, max) = (huge.current_bytes, huge.peak_bytes);
            let figures = json!({ "usage": usage, "max": max, "failcnt": huge.failures });
            (huge.page_size.clone(), figures)
        })
        .collect();
    json!({
        "cpu": cpu(&stats.cpu.clone().unwrap_or_default()),
        "cpuset": cpuset(stats),
        "memory": memory(&stats.memory.clone().unwrap_or_default()),
        "pids": { "current": pids.current, "limit": pids.limit.unwrap_or(0) },
        "blkio": block(&stats.block.clone().unwrap_or_default()),
        "hugetlb": hugetlb,
        "intel_rdt": {},
        "network_interfaces": null,
    })
}

/// With the pressure, where it is measured.
fn with_pressure(mut document: Value, pressure: Option<Pressure>) -> Value {
    let share = |hundredths: u32| f64::from(hundredths) / 100.0;
    let waits = |waits: Waits| {
        json!({
            "avg10": share(waits.last_10_s),
            "avg60": share(waits.last_60_s),
            "avg300": share(waits.last_300_s),
            "total": waits.total_us,
        })
    };
    if let Some(pressure) = pressure {
        document["psi"] = json!({ "some": waits(pressure.some), "full": waits(pressure.full) });
    }
    document
}

fn cpu(cpu: &CpuStats) -> Value {
    let document = json!({
        "usage": {
            "total": cpu.total_ns,
            "percpu": cpu.per_cpu_ns,
            "percpu_kernel": cpu.per_cpu_system_ns,
            "percpu_user": cpu.per_cpu_user_ns,
            "kernel": cpu.system_ns,
            "user": cpu.user_ns,
        },
        "throttling": {
            "periods": cpu.periods,
            "throttledPeriods": cpu.throttled_periods,
            "throttledTime": cpu.throttled_ns,
        },
    });
    with_pressure(document, cpu.pressure)
}

/// Flags are numbers, `cpus` and `mems` lists of them.
fn cpuset(stats: &Stats) -> Value {
    const FLAGS: [&str; 9] = [
        "cpu_exclusive",
        "mem_hardwall",
        "mem_exclusive",
        "memory_migrate",
        "memory_spread_page",
        "memory_spread_slab",
        "memory_pressure",
        "sched_load_balance",
        "sched_relax_domain_level",
    ];
    let text = |name: &str| stats.cpuset.get(name).map_or("", String::as_str);
    let flags =
        FLAGS.map(|name| (name.to_owned(), Value::from(text(name).parse::<i64>().unwrap_or(0))));
    let mut document = Map::from_iter(flags);
    for name in ["cpus", "mems"] {
        let numbers = list(text(name));
        if !numbers.is_empty() {
            document.insert(name.to_owned(), numbers.into());
        }
    }
    document.into()
}

/// `0-2,5` as numbers.
fn list(text: &str) -> Vec<u16> {
    let range = |range: &str| -> Option<std::ops::RangeInclusive<u16>> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

fn memory(memory: &MemoryStats) -> Value {
    let figures = |one: MemoryUse| {
        json!({
            // No limit is the largest number.
            "limit": one.limit_bytes.unwrap_or(u64::MAX),
            "usage": one.current_bytes,
            "max": one.peak_bytes,
            "failcnt": one.failures,
        })
    };
    let usage = MemoryUse {
        limit_bytes: memory.limit_bytes,
        current_bytes: memory.current_bytes,
        peak_bytes: memory.peak_bytes.unwrap_or(0),
        failures: memory.failures,
    };
    // What is not counted is zero throughout, its limit too.
    let optional = |one: Option<MemoryUse>| {
        figures(one.unwrap_or(MemoryUse { limit_bytes: Some(0), ..MemoryUse::default() }))
    };
    let document = json!({
        "cache": memory.cache_bytes,
        "usage": figures(usage),
        "swap": optional(memory.with_swap),
        "kernel": optional(memory.kernel),
        "kernelTCP": optional(memory.kernel_tcp),
        "raw": memory.raw,
    });
    with_pressure(document, memory.pressure)
}

fn block(block: &BlockStats) -> Value {
    let mut document = Map::new();
    for one in &block.devices {
        let name = match one.figure {
            BlockFigure::Bytes => "ioServiceBytesRecursive",
            BlockFigure::Requests => "ioServicedRecursive",
            BlockFigure::Queued => "ioQueueRecursive",
            BlockFigure::ServiceTime => "ioServiceTimeRecursive",
            BlockFigure::WaitTime => "ioWaitTimeRecursive",
            BlockFigure::Merged => "ioMergedRecursive",
            BlockFigure::Time => "ioTimeRecursive",
            BlockFigure::Sectors => "sectorsRecursive",
        };
        let (major, minor) = one.device;
        let entry =
            json!({ "major": major, "minor": minor, "op": one.operation, "value": one.value });
        if let Value::Array(entries) = document.entry(name).or_insert_with(|| json!([])) {
            entries.push(entry);
        }
    }
    with_pressure(document.into(), block.pressure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_lists() {
        assert_eq!(interval("1s").unwrap(), Duration::from_secs(1));
        assert_eq!(interval("100ms").unwrap(), Duration::from_millis(100));
        for odd in ["0", "0s", "-1s", "x", ""] {
            assert!(interval(odd).is_err(), "{odd}");
        }
        assert_eq!(list("0-2,5"), [0_u16, 1, 2, 5]);
        assert!(list("").is_empty());
    }

    #[test]
    fn the_document_of_no_figures_has_every_part() {
        let document = document(&Stats::default());
        let parts: Vec<_> = document.as_object().unwrap().keys().collect();
        let expected = [
            "blkio",
            "cpu",
            "cpuset",
            "hugetlb",
            "intel_rdt",
            "memory",
            "network_interfaces",
            "pids",
        ];
        assert_eq!(parts, expected);
        assert_eq!(document["memory"]["usage"]["limit"], u64::MAX);
        assert_eq!(document["memory"]["kernel"]["limit"], 0);
    }
}
