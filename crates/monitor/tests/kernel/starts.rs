//! Starts and ends: exit codes, failures, what kind of process a monitor is, and the container's removal.

use std::fs;
use std::time::Instant;

use monitor::{LIMIT_FILES, Life};

use crate::Test;
use crate::bed::{Bed, hear, wait_until};

pub(crate) const TESTS: &[Test] = &[
    ("starts::exit_codes_pass_through", exit_codes_pass_through),
    ("starts::a_failed_start_says_why", a_failed_start_says_why),
    ("starts::a_monitor_is_a_daemon", a_monitor_is_a_daemon),
    ("starts::a_long_state_path_works", a_long_state_path_works),
    ("starts::the_container_is_removed_when_nobody_does", removed_when_nobody_does),
    ("starts::a_container_starts_again", a_container_starts_again),
    ("starts::how_long_a_start_takes", how_long_a_start_takes),
];

fn exit_codes_pass_through() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("exit 255", 255)] {
        let bed = Bed::new(script);
        assert_eq!(hear(&mut bed.start()).code, Some(code));
        assert!(matches!(bed.life(), Life::Exited(exit) if exit.code == code));
        bed.wait_for_groups();
    }
    let bed = Bed::new("sleep 1000");
    let mut connection = bed.start();
    connection.signal(9).unwrap();
    assert_eq!(hear(&mut connection).code, Some(137));
}

fn a_failed_start_says_why() {
    for (program, code, words) in [
        ("/no/such", 127, "exec /no/such: no such program"),
        ("nosuch", 127, "exec nosuch: no such program in $PATH"),
        ("/etc/passwd", 126, "exec /etc/passwd: EACCES"),
    ] {
        let bed = Bed::with(&[program], None);
        let failure = hear(&mut bed.spawn()).failure.unwrap();
        assert_eq!(failure, (code, words.to_owned()));
        let Life::Exited(exit) = bed.life() else { panic!("{:?}", bed.life()) };
        assert_eq!((exit.code, exit.error.as_str()), (code.into(), words));
        bed.wait_for_groups();
    }
}

fn a_monitor_is_a_daemon() {
    let bed = Bed::new("sleep 1000");
    let _connection = bed.start();
    let (_, pid) = bed.pids();
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, pid.to_string());
    let terminal = stat.rsplit(')').next().unwrap().split_whitespace().nth(4).unwrap();
    assert_eq!(terminal, "0");
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(command.starts_with(&format!("corten\0monitor\0{}\0", bed.handoff.id)), "{command}");
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default(), "");
    for (number, target) in bed.descriptors() {
        let target = target.to_string_lossy().into_owned();
        let expected = match number {
            0..3 => target == "/dev/null",
            _ => {
                ["socket:", "pipe:", "anon_inode:[pidfd]", "pidfd:"]
                    .iter()
                    .any(|kind| target.starts_with(kind))
                    || target.ends_with("handoff.json")
                    || target.ends_with("/state.json")
                    || target.ends_with("container.log")
                    || target.starts_with("/sys/fs/cgroup")
            }
        };
        assert!(expected, "{number} is {target}");
    }
}

fn a_long_state_path_works() {
    let mut bed = Bed::new("read line; echo got $line").with_input();
    let long = bed.path("state").join("x".repeat(200));
    fs::create_dir(&long).unwrap();
    bed.handoff.state_dir = long;
    let first = bed.start();
    let mut second = bed.attach();
    second.write_stdin(b"it\n").unwrap();
    assert_eq!(hear(&mut second).stdout, b"got it\n");
    drop(first);
}

fn removed_when_nobody_does() {
    let mut bed = Bed::new("read line").with_input();
    let container = bed.handoff.container_dir.clone();
    let words = ["corten", "removes", container.to_str().unwrap()];
    bed.handoff.auto_remove = Some(words.map(str::to_owned).into());
    let mut connection = bed.start();
    connection.end_stdin().unwrap();
    assert_eq!(hear(&mut connection).code, Some(1));
    // While its client is there, the removal is the client's.
    assert!(container.exists());
    drop(connection);
    wait_until("the removal", || !container.exists());
}

fn a_container_starts_again() {
    let bed = Bed::new("exit 3");
    for _ in 0..5 {
        let mut connection = bed.start();
        assert_eq!(hear(&mut connection).code, Some(3));
        assert!(matches!(bed.life(), Life::Exited(exit) if exit.code == 3));
    }
}

fn how_long_a_start_takes() {
    let plain = Bed::new("exit 0");
    let mut shown = Bed::new("exit 0");
    shown.handoff.plan.show(LIMIT_FILES).unwrap();
    for (bed, what) in [(plain, "a container"), (shown, "one that sees its limits")] {
        measure(&bed, what);
    }
}

fn measure(bed: &Bed, what: &str) {
    let mut started = Vec::new();
    let mut ended = Vec::new();
    for _ in 0..40 {
        let begin = Instant::now();
        let mut connection = bed.start();
        started.push(begin.elapsed());
        hear(&mut connection);
        ended.push(begin.elapsed());
    }
    started.sort_unstable();
    ended.sort_unstable();
    println!("{what}, spawn to Started: median {:?}, to Exited: {:?}", started[20], ended[20]);
}
