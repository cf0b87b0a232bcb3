//! Processors of groups of both versions, from their files.

use super::*;
use crate::limits::view::tests::{CPUINFO, STAT, Trees};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn lists_and_quotas_are_read() {
    assert_eq!(numbers("0-2,5\n"), [0, 1, 2, 5]);
    assert_eq!(numbers("\n"), [0; 0]);
    assert_eq!(numbers("9-1,x,3"), [3]);
    for (quota, expected) in [
        (None, 3),
        (Some((150, 100)), 2),
        (Some((100, 100)), 1),
        (Some((1, 100)), 1),
        (Some((900, 100)), 3),
    ] {
        let processing = Processing { cpus: Some(vec![1, 2, 3]), quota, ..Processing::default() };
        assert_eq!(processing.shown(&[0, 1, 2, 3]).len(), expected, "{quota:?}");
    }
}

#[test]
fn v2_shows_what_the_smallest_quota_fills() {
    let processing = Processing::of(&Trees::v2().group);
    // 150 ms of 100 above 300 of 100.
    assert_eq!(processing.quota, Some((150_000, 100_000)));
    assert_eq!(processing.cpus, Some(vec![1, 2, 3]));
    let shown = text(cpuinfo(&processing, CPUINFO));
    assert_eq!(
        shown,
        "processor\t: 0\nmodel name\t: second\n\nprocessor\t: 1\nmodel name\t: third\n\n"
    );
    assert_eq!(online(&processing, STAT), b"0-1\n");
    let uptime_of = Duration::from_millis(10_050);
    // 3 s user and 1 s system of twice 10.05 s.
    let stat = text(stat(&processing, STAT, uptime_of, [2, 1]));
    let lines: Vec<&str> = stat.lines().collect();
    assert_eq!(lines[0], "cpu  300 0 100 1610 0 0 0 0 0 0");
    assert_eq!(lines[1], "cpu0 150 0 50 805 0 0 0 0 0 0");
    assert_eq!(lines[2], "cpu1 150 0 50 805 0 0 0 0 0 0");
    assert_eq!(lines[5], "btime 1795996365");
    assert_eq!(lines[7..9], ["procs_running 2", "procs_blocked 1"]);
    assert_eq!(uptime(&processing, STAT, uptime_of), b"10.05 16.10\n");
}

#[test]
fn v1_has_files_of_other_names() {
    let processing = Processing::of(&Trees::v1().group);
    assert_eq!(processing.quota, Some((50_000, 100_000)));
    assert_eq!(processing.cpus, Some(vec![0, 1]));
    assert_eq!((processing.user_ns, processing.system_ns), (2_000_000_000, 500_000_000));
    assert_eq!(online(&processing, STAT), b"0\n");
    let shown = text(cpuinfo(&processing, CPUINFO));
    assert_eq!(shown, "processor\t: 0\nmodel name\t: first\n\n");
}

#[test]
fn without_limits_all_processors_are_there() {
    let all = Processing::default();
    assert_eq!(text(cpuinfo(&all, CPUINFO)), CPUINFO);
    assert_eq!(online(&all, STAT), b"0-3\n");
    // More was used than there was: the clock that began first is not the one that counts.
    let busy = Processing { user_ns: u64::MAX / 2, ..all };
    assert!(text(stat(&busy, STAT, Duration::ZERO, [0, 0])).contains(" 0 0 0 0 0 0 0\n"));
}

#[test]
fn what_is_about_all_processors_stays() {
    let arm =
        "processor\t: 0\nBogoMIPS\t: 1\n\nprocessor\t: 1\nBogoMIPS\t: 2\n\nHardware\t: Board\n";
    let one = Processing { cpus: Some(vec![1]), ..Processing::default() };
    assert_eq!(text(cpuinfo(&one, arm)), "processor\t: 0\nBogoMIPS\t: 2\n\nHardware\t: Board\n");
}
