//! How busy the container is: loadavg, and what sysinfo(2) says of it.
//!
//! The kernel counts tasks that run or wait for a device every five seconds and lets the averages follow; it counts for the whole machine.
//! Here the container's tasks are counted when somebody asks, at most once in five seconds, and between two counts the averages follow
//! the later one: what was going on while nobody asked is not known. A program that asks regularly sees what the kernel would show; the
//! first who asks after a long silence sees how many tasks run by then. Threads count, too, and the states of at most [`MOST_TASKS`] are
//! looked at: of more, the share is taken for all. Sources: proc_loadavg(5), kernel/sched/loadavg.c.

use std::path::Path;
use std::time::{Duration, Instant};

use libcontainer::cgroup::Controller;

use super::group::{Group, read};

/// As often as the kernel: `LOAD_FREQ`.
const PERIOD: Duration = Duration::from_secs(5);
const MOST_TASKS: usize = 1024;
/// The averages' times in seconds.
const TIMES: [f64; 3] = [60.0, 300.0, 900.0];
/// sysinfo(2): `SI_LOAD_SHIFT`.
const ONE: f64 = 65_536.0;

/// Tasks of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tasks {
    pub(super) running: u64,
    /// Waiting for a device, uninterruptibly.
    pub(super) blocked: u64,
    pub(super) all: u64,
    /// The youngest process, as the container numbers it.
    last: u64,
}

/// The averages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loads {
    averages: [f64; 3],
    counted: Instant,
    tasks: Tasks,
}

impl Loads {
    pub(super) fn new(now: Instant) -> Self {
        let long_ago = now.checked_sub(PERIOD).unwrap_or(now);
        Self { averages: [0.0; 3], counted: long_ago, tasks: Tasks::default() }
    }

    /// As they are now; nothing is kept of it.
    pub(super) fn at(mut self, now: Instant, count: impl FnOnce() -> Tasks) -> Self {
        let passed = now.saturating_duration_since(self.counted);
        if passed >= PERIOD {
            self.tasks = count();
            self.counted = now;
            #[expect(clippy::cast_precision_loss, reason = "tasks are no more than 2^22")]
            let active = (self.tasks.running + self.tasks.blocked) as f64;
            for (average, time) in self.averages.iter_mut().zip(TIMES) {
                let kept = (-passed.as_secs_f64() / time).exp();
                *average = *average * kept + active * (1.0 - kept);
            }
        }
        self
    }

    pub(super) const fn tasks(&self) -> Tasks {
        self.tasks
    }

    /// As sysinfo(2) has them.
    pub(crate) fn fixed(&self) -> [u64; 3] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "averages of counts are neither negative nor large"
        )]
        self.averages.map(|average| (average * ONE) as u64)
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let [one, five, fifteen] = self.averages;
        let Tasks { running, all, last, .. } = self.tasks;
        format!("{one:.2} {five:.2} {fifteen:.2} {running}/{all} {last}\n").into_bytes()
    }
}

/// Counts a group's tasks by the machine's procfs.
pub(super) fn count(group: &Group, machine: &Path) -> Tasks {
    let (directories, is_unified) = group.inside(Controller::Pids);
    let file = if is_unified { "cgroup.threads" } else { "tasks" };
    let mut tasks = Tasks::default();
    let (mut looked_at, mut youngest) = (0_u64, 0_u32);
    for directory in directories {
        let list = read(&directory.join(file)).unwrap_or_default();
        for task in list.lines().filter_map(|line| line.trim().parse::<u32>().ok()) {
            tasks.all += 1;
            youngest = youngest.max(task);
            if looked_at < MOST_TASKS as u64 {
                looked_at += 1;
                let stat = read(&machine.join(format!("{task}/stat"))).unwrap_or_default();
                match state(&stat) {
                    Some('R') => tasks.running += 1,
                    Some('D') => tasks.blocked += 1,
                    _ => {}
                }
            }
        }
    }
    if let Some(times) = tasks.all.checked_div(looked_at) {
        (tasks.running, tasks.blocked) = (tasks.running * times, tasks.blocked * times);
    }
    let status = read(&machine.join(format!("{youngest}/status"))).unwrap_or_default();
    tasks.last = number_inside(&status).unwrap_or(tasks.all);
    tasks
}

/// The letter behind the name, which may hold anything: proc_pid_stat(5).
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// The last number of the line `NSpid`: that of the innermost namespace. proc_pid_status(5).
fn number_inside(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(running: u64) -> Tasks {
        Tasks { running, blocked: 0, all: 9, last: 7 }
    }

    #[test]
    fn averages_follow_what_is_counted() {
        let begin = Instant::now();
        let first = Loads::new(begin).at(begin, || tasks(2));
        assert!(first.averages[0] > first.averages[1] && first.averages[1] > first.averages[2]);
        let soon = first.at(begin + Duration::from_secs(1), || unreachable!("counted too soon"));
        assert_eq!(soon.text(), first.text());
        let minute = first.at(begin + Duration::from_secs(60), || tasks(2));
        // 1 - e^-(65/60), twice.
        assert_eq!(minute.text(), b"1.32 0.39 0.14 2/9 7\n");
        let hours = minute.at(begin + Duration::from_secs(10_000), || tasks(0));
        assert_eq!(hours.text(), b"0.00 0.00 0.00 0/9 7\n");
        let fixed = minute.fixed();
        assert_eq!((fixed[0] * 100) >> 16, 132);
    }

    #[test]
    fn a_name_does_not_hide_a_state() {
        assert_eq!(state("12 (a) R (b)) D 1 12"), Some('D'));
        assert_eq!(state("12 (sh) R 1"), Some('R'));
        assert_eq!(state(""), None);
        assert_eq!(number_inside("Name:\tx\nNSpid:\t4711\t12\n"), Some(12));
        assert_eq!(number_inside(""), None);
    }
}
