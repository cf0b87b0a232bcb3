//! The truth after something was killed.

use std::time::Instant;

use monitor::{ConnectError, Life, connect};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::Test;
use crate::bed::{Bed, hear, kill, wait_until};

pub(crate) const TESTS: &[Test] = &[
    ("truth::a_container_outlives_its_monitor", a_container_outlives_its_monitor),
    ("truth::a_new_container_is_starting_then_running", starting_then_running),
    ("truth::another_boot_is_another_life", another_boot_is_another_life),
    ("truth::looking_is_cheap", looking_is_cheap),
];

fn a_container_outlives_its_monitor() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let (container, monitor) = bed.pids();
    kill(monitor);
    // A zombie until it is waited for, which must fool nobody.
    bed.wait_until(|life| matches!(life, Life::Running { monitored: false, .. }));
    assert!(matches!(connect(&bed.handoff.state_dir), Err(ConnectError::NotRunning)));
    waitpid(Pid::from_raw(monitor), WaitOptions::empty()).unwrap();
    assert!(matches!(bed.life(), Life::Running { monitored: false, .. }));
    kill(container);
    bed.wait_until(|life| matches!(life, Life::Lost { started_at, .. } if !started_at.is_empty()));
    // It starts again, over what was left.
    let mut again = bed.start();
    assert!(matches!(bed.life(), Life::Running { monitored: true, .. }));
    again.signal(9).unwrap();
    assert_eq!(hear(&mut again).code, Some(137));
    bed.wait_for_groups();
}

fn starting_then_running() {
    let bed = Bed::new("exit 0");
    assert!(matches!(bed.life(), Life::Lost { .. }));
    for _ in 0..20 {
        let mut connection = bed.spawn();
        // Whatever moment it is, nothing is ever lost.
        wait_until("the end", || match bed.life() {
            Life::Lost { .. } => panic!("lost"),
            Life::Exited(exit) => exit.code == 0,
            Life::Starting | Life::Running { .. } | Life::Restarting { .. } => false,
        });
        hear(&mut connection);
    }
}

fn another_boot_is_another_life() {
    let bed = Bed::new("sleep 1000");
    let mut first = bed.start();
    let path = bed.handoff.state_dir.join("state.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let other = text.replace(boot.trim(), "00000000-0000-0000-0000-000000000000");
    #[expect(clippy::disallowed_methods, reason = "nobody reads it meanwhile")]
    std::fs::write(&path, other).unwrap();
    assert!(matches!(bed.life(), Life::Lost { .. }));
    first.signal(9).unwrap();
    hear(&mut first);
}

fn looking_is_cheap() {
    let running = Bed::new("sleep 1000");
    let _first = running.start();
    let ended = Bed::new("exit 0");
    hear(&mut ended.start());
    for (what, bed) in [("running", &running), ("ended", &ended)] {
        let begin = Instant::now();
        for _ in 0..500 {
            bed.life();
        }
        println!("observe one that is {what}: {:?}", begin.elapsed() / 500);
    }
}
