//! Processors and their time as the container has them: cpuinfo, stat, uptime and the list of those that are online.
//!
//! Sources: kernel Documentation/admin-guide/cgroup-v2.rst "CPU", cgroup-v1/cpuacct.rst, scheduler/sched-bwc.rst; proc_stat(5),
//! proc_uptime(5), cpuset(7) "List format".

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use libcontainer::cgroup::Controller;

use super::group::{Group, field, read};

/// Ticks of a second in what the kernel shows: `USER_HZ`, which is 100 on every machine that this runs on.
const TICKS: u64 = 100;
const TICK_NS: u64 = 1_000_000_000 / TICKS;

/// What a group's files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Processing {
    /// Numbers of the processors that it may run on; nothing where that is not known, which means all.
    cpus: Option<Vec<u32>>,
    /// The smallest share of time, of the group and of all above it: quota and period.
    quota: Option<(u64, u64)>,
    user_ns: u64,
    system_ns: u64,
}

impl Processing {
    pub(super) fn of(group: &Group) -> Self {
        let mut sets = group.upwards(Controller::Cpuset, |directory, is_unified| {
            // v1 has told those that are in effect since Linux 3.17.
            let file = if is_unified { "cpuset.cpus.effective" } else { "cpuset.effective_cpus" };
            // Of the group above where this one is not looked after, as v2 allows.
            read(&directory.join(file)).map(|text| numbers(&text)).filter(|set| !set.is_empty())
        });
        let quotas = group.upwards(Controller::Cpu, quota);
        // The smallest ratio: a/b < c/d where a·d < c·b.
        let quota = quotas.min_by(|one, other| {
            let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
            product(one.0, other.1).cmp(&product(other.0, one.1))
        });
        let (user_ns, system_ns) = times(group);
        Self { cpus: sets.next(), quota, user_ns, system_ns }
    }

    /// Which processors of the machine's are shown, of those that it lists: as many as the quota fills, rounded up, and at least one.
    fn shown(&self, listed: &[u32]) -> Vec<u32> {
        let allowed = |number: &u32| self.cpus.as_ref().is_none_or(|cpus| cpus.contains(number));
        let mut shown: Vec<u32> = listed.iter().copied().filter(allowed).collect();
        if let Some((quota, period)) = self.quota {
            let most = usize::try_from(quota.div_ceil(period.max(1))).unwrap_or(usize::MAX);
            shown.truncate(most.max(1));
        }
        shown
    }

    /// User, system and idle time of all that is shown, in ticks. Idle is what so many processors could have run since the container's
    /// start and have not: nobody measures it.
    fn ticks(&self, count: usize, uptime: Duration) -> [u64; 3] {
        let (user, system) = (self.user_ns / TICK_NS, self.system_ns / TICK_NS);
        let all = u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX) * TICKS / 1000;
        let all = all.saturating_mul(count as u64);
        [user, system, all.saturating_sub(user + system)]
    }
}

/// v1 counts user and system time in nanoseconds since Linux 4.8, v2 in microseconds.
fn times(group: &Group) -> (u64, u64) {
    let unified = group.place(Controller::Cpu).filter(|(_, is_unified)| *is_unified);
    if let Some((place, _)) = unified {
        let stat = read(&place.path().join("cpu.stat")).unwrap_or_default();
        let value = |key| field(&stat, key).unwrap_or(0).saturating_mul(1000);
        return (value("user_usec"), value("system_usec"));
    }
    let number = |file| {
        let text = group.read(Controller::Cpuacct, [file, ""]);
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    (number("cpuacct.usage_user"), number("cpuacct.usage_sys"))
}

/// Quota and period of a directory, in microseconds; nothing where it has no limit.
fn quota(directory: &Path, is_unified: bool) -> Option<(u64, u64)> {
    let both = if is_unified {
        read(&directory.join("cpu.max"))?
    } else {
        let quota = read(&directory.join("cpu.cfs_quota_us"))?;
        format!("{} {}", quota.trim(), read(&directory.join("cpu.cfs_period_us"))?.trim())
    };
    let (quota, period) = both.trim().split_once(' ')?;
    // "max" or -1.
    Some((quota.parse().ok()?, period.parse().ok().filter(|period| *period > 0)?))
}

/// Numbers of a list such as `0-3,7`.
fn numbers(list: &str) -> Vec<u32> {
    let range = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?.min(65_536))
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// The number of a line `cpuN …` of stat.
fn number_of_line(line: &str) -> Option<u32> {
    line.strip_prefix("cpu")?.split(' ').next()?.parse().ok()
}

/// The processors that the machine's stat lists.
fn listed(stat: &str) -> Vec<u32> {
    stat.lines().filter_map(number_of_line).collect()
}

/// The machine's descriptions of as many processors as are shown, numbered from 0.
pub(super) fn cpuinfo(processing: &Processing, machine: &str) -> Vec<u8> {
    let number = |block: &str| {
        let (name, value) = block.lines().next()?.split_once(':')?;
        (name.trim() == "processor").then(|| value.trim().parse::<u32>().ok()).flatten()
    };
    let blocks: Vec<&str> = machine.split_inclusive("\n\n").collect();
    let shown =
        processing.shown(&blocks.iter().filter_map(|block| number(block)).collect::<Vec<_>>());
    let mut text = String::new();
    for block in blocks {
        match number(block) {
            // What is behind the processors is about all of them.
            None => text.push_str(block),
            Some(number) => {
                let place = shown.iter().position(|shown| *shown == number);
                if let (Some(place), Some((_, rest))) = (place, block.split_once('\n')) {
                    let _written = write!(text, "processor\t: {place}\n{rest}");
                }
            }
        }
    }
    text.into_bytes()
}

/// Time of all and of each; neither version says how much of it each processor has run once there are groups of several, so each
/// has the same share. What a group does not count is 0, among it interrupts and switches. When the machine began stays the machine's:
/// by that and the times of /proc/PID/stat, which are the machine's too, ps(1) tells when a process began.
pub(super) fn stat(
    processing: &Processing,
    machine: &str,
    uptime: Duration,
    [running, blocked]: [u64; 2],
) -> Vec<u8> {
    let count = processing.shown(&listed(machine)).len().max(1);
    let ticks = processing.ticks(count, uptime);
    let row = |[user, system, idle]: [u64; 3]| format!("{user} 0 {system} {idle} 0 0 0 0 0 0");
    let mut text = format!("cpu  {}\n", row(ticks));
    let share = |number: usize| {
        ticks.map(|all| {
            let (count, number) = (count as u64, number as u64);
            all / count + u64::from(number < all % count)
        })
    };
    for number in 0..count {
        let _written = writeln!(text, "cpu{number} {}", row(share(number)));
    }
    let began = field(machine, "btime").unwrap_or(0);
    let _written = write!(
        text,
        "intr 0\nctxt 0\nbtime {began}\nprocesses 0\nprocs_running {running}\nprocs_blocked {blocked}\n\
         softirq 0 0 0 0 0 0 0 0 0 0 0\n"
    );
    text.into_bytes()
}

/// How long ago the container began, and the idle time of its processors in [`stat`].
pub(super) fn uptime(processing: &Processing, machine_stat: &str, uptime: Duration) -> Vec<u8> {
    let count = processing.shown(&listed(machine_stat)).len().max(1);
    let [.., idle] = processing.ticks(count, uptime);
    let (seconds, hundredths) = (uptime.as_secs(), uptime.subsec_millis() / 10);
    format!("{seconds}.{hundredths:02} {}.{:02}\n", idle / TICKS, idle % TICKS).into_bytes()
}

/// Numbers from 0, as a list.
pub(super) fn online(processing: &Processing, machine_stat: &str) -> Vec<u8> {
    match processing.shown(&listed(machine_stat)).len() {
        0 | 1 => b"0\n".to_vec(),
        count => format!("0-{}\n", count - 1).into_bytes(),
    }
}

#[cfg(test)]
mod tests;
