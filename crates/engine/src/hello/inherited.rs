//! What a process has of the one that made it, unless somebody takes it away: rows of the table that show whether something of the caller has
//! come along. Sources: proc_pid_status(5), proc_pid_stat(5), proc_pid_limits(5), prctl(2), ioprio_set(2), sched(7).

use std::fs;

use rustix::process::{DumpableBehavior, dumpable_behavior, parent_process_death_signal};
use rustix::thread::{capabilities_secure_bits, current_timer_slack};

use super::{field, read};

/// Policies as sched(7) numbers them.
const POLICIES: [&str; 8] = ["other", "fifo", "rr", "batch", "4", "idle", "deadline", "ext"];
/// Rust's own start ignores it, whoever calls: library/std/src/rt.rs.
const PIPE: u64 = 1 << 12;

/// Names and values, in the order of the table. `status` is `/proc/self/status`.
pub(super) fn rows(status: &str) -> Vec<(&'static str, String)> {
    let stat = read("/proc/self/stat");
    // The name before them may have spaces and brackets.
    let stat: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    // Numbers as proc_pid_stat(5) has them; the first that is left is 3.
    let stat = |number: usize| stat.get(number - 3).copied().unwrap_or("?");
    let link = |path| fs::read_link(path).map_or("?".to_owned(), |to| to.display().to_string());
    vec![
        ("groups", or_none(field(status, "Groups"))),
        (
            "session",
            format!("{}, terminal {}", stat(6), if stat(7) == "0" { "none" } else { stat(7) }),
        ),
        ("directory", link("/proc/self/cwd")),
        ("environment", names("/proc/self/environ")),
        ("umask", field(status, "Umask").to_owned()),
        ("signals blocked", signals(field(status, "SigBlk"), 0)),
        ("signals ignored", signals(field(status, "SigIgn"), PIPE)),
        ("scheduling", format!("{}, nice {}", policy(stat(41)), stat(19))),
        (
            "i/o priority",
            sys::io_priority().map_or("?".to_owned(), |value| match value {
                0 => "none".to_owned(),
                value => format!("class {}, level {}", value >> 13, value & 0x1fff),
            }),
        ),
        ("processors", field(status, "Cpus_allowed_list").to_owned()),
        (
            "timer slack",
            current_timer_slack().map_or("?".to_owned(), |slack| format!("{slack} ns")),
        ),
        ("oom score", read("/proc/self/oom_score_adj").trim().to_owned()),
        ("personality", read("/proc/self/personality").trim().to_owned()),
        (
            "secure bits",
            capabilities_secure_bits().map_or("?".to_owned(), |bits| match bits.bits() {
                0 => "none".to_owned(),
                bits => format!("{bits:#x}"),
            }),
        ),
        ("dumpable", dumpable().to_owned()),
        (
            "parent's death",
            parent_process_death_signal().map_or("?".to_owned(), |signal| {
                signal
                    .map_or("no signal".to_owned(), |signal| format!("signal {}", signal.as_raw()))
            }),
        ),
        ("limits", limits(&read("/proc/self/limits"))),
    ]
}

fn or_none(list: &str) -> String {
    if list.is_empty() { "none".to_owned() } else { list.to_owned() }
}

/// Of variables the names alone.
fn names(path: &str) -> String {
    let text = read(path);
    let mut names: Vec<&str> = text
        .split('\0')
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    or_none(&names.join(" "))
}

/// Numbers of a set as `/proc` has it, without those of `own`.
fn signals(hexadecimal: &str, own: u64) -> String {
    let set = u64::from_str_radix(hexadecimal, 16).unwrap_or(0) & !own;
    let numbers = (0..64).filter(|bit| set >> bit & 1 == 1).map(|bit| (bit + 1).to_string());
    or_none(&numbers.collect::<Vec<_>>().join(" "))
}

fn policy(number: &str) -> &str {
    number.parse().ok().and_then(|number: usize| POLICIES.get(number)).copied().unwrap_or(number)
}

fn dumpable() -> &'static str {
    match dumpable_behavior() {
        Ok(DumpableBehavior::Dumpable) => "yes",
        Ok(DumpableBehavior::NotDumpable) => "no",
        Ok(DumpableBehavior::DumpableReadableOnlyByRoot) => "to root",
        Err(_) => "?",
    }
}

/// Those that are not without end: `open files 1048576, stack size 8388608 of unlimited`.
fn limits(table: &str) -> String {
    let of_line = |line: &str| {
        let words: Vec<&str> = line.strip_prefix("Max ")?.split_whitespace().collect();
        let numbers = words.iter().position(|word| {
            *word == "unlimited" || word.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        let (name, rest) = words.split_at(numbers);
        match rest {
            ["unlimited", "unlimited", ..] => None,
            [soft, hard, ..] if soft == hard => Some(format!("{} {soft}", name.join(" "))),
            [soft, hard, ..] => Some(format!("{} {soft} of {hard}", name.join(" "))),
            _ => None,
        }
    };
    table.lines().filter_map(of_line).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{limits, signals};

    #[test]
    fn only_limits_that_limit_are_shown() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max cpu time              unlimited            unlimited            seconds   \n\
            Max stack size            8388608              unlimited            bytes     \n\
            Max open files            20000                20000                files     \n\
            Max nice priority         0                    0                    \n";
        assert_eq!(
            limits(table),
            "stack size 8388608 of unlimited, open files 20000, nice priority 0"
        );
    }

    #[test]
    fn signals_have_numbers() {
        assert_eq!(signals("8000000000001003", 1 << 12), "1 2 64");
        assert_eq!(signals("0000000000001000", 1 << 12), "none");
    }
}
