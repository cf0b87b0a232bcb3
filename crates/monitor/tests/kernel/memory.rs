//! What a monitor costs.

use std::fs;

use crate::Test;
use crate::bed::{Bed, hear, wait_until};

pub(crate) const TESTS: &[Test] = &[
    ("memory::fifty_monitors_are_small", fifty_monitors_are_small),
    ("memory::what_nobody_needs_is_given_back", what_nobody_needs_is_given_back),
];

const COUNT: u64 = 50;
/// The promise, per monitor.
const MOST_PSS_KIB: u64 = 300;

/// A figure of `/proc/PID/smaps_rollup`, in KiB.
fn rollup(pid: i32, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

pub(crate) fn anonymous_kib(pid: i32) -> Option<u64> {
    rollup(pid, "Anonymous:")
}

/// Its start alone reaches for five megabytes of the program and more.
fn has_given_back(monitor: i32) -> bool {
    const MOST_KIB: u64 = 2048;
    rollup(monitor, "Rss:").is_some_and(|held| held < MOST_KIB)
}

fn fifty_monitors_are_small() {
    let beds: Vec<Bed> = (0..COUNT).map(|_| Bed::with(&["/bin/sleep", "1000"], None)).collect();
    let connections: Vec<_> = beds.iter().map(Bed::start).collect();
    // Most run without a client.
    drop(connections);
    let monitors: Vec<i32> = beds.iter().map(|bed| bed.pids().1).collect();
    for bed in &beds {
        wait_until("the client to be forgotten", || bed.descriptors().len() <= 40);
    }
    for monitor in &monitors {
        wait_until("memory to be given back", || has_given_back(*monitor));
    }
    let sum = |field| monitors.iter().filter_map(|pid| rollup(*pid, field)).sum::<u64>() / COUNT;
    println!(
        "average of {COUNT}: Pss {} KiB, of it anonymous {} KiB, private dirty {} KiB; Rss {} KiB",
        sum("Pss:"),
        sum("Pss_Anon:"),
        sum("Private_Dirty:"),
        sum("Rss:")
    );
    assert!(sum("Pss:") < MOST_PSS_KIB);
    for bed in &beds {
        let mut connection = bed.attach();
        connection.signal(9).unwrap();
        hear(&mut connection);
    }
}

/// It serves as before.
fn what_nobody_needs_is_given_back() {
    let bed = Bed::with(&["/bin/sleep", "1000"], None);
    drop(bed.start());
    let monitor = bed.pids().1;
    wait_until("memory to be given back", || has_given_back(monitor));
    let mut connection = bed.attach();
    connection.signal(9).unwrap();
    assert_eq!(hear(&mut connection).code, Some(137));
}
