//! The truth after something was killed.

use std::fs::{File, TryLockError};
use std::time::Instant;

use monitor::{ConnectError, Connection, FromMonitor, Life, Received, connect};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::Test;
use crate::bed::{Bed, hear, kill, wait_until};

pub(crate) const TESTS: &[Test] = &[
    ("truth::a_container_outlives_its_monitor", a_container_outlives_its_monitor),
    ("truth::a_new_container_is_starting_then_running", starting_then_running),
    ("truth::another_boot_is_another_life", another_boot_is_another_life),
    ("truth::looking_is_cheap", looking_is_cheap),
    ("truth::one_file_tells_of_one_that_runs", one_file_tells_of_one_that_runs),
    ("truth::a_claim_ends_with_whoever_made_it", a_claim_ends_with_whoever_made_it),
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

/// Whether the monitor claims what it wrote.
fn is_claimed(bed: &Bed) -> bool {
    let file = File::open(bed.handoff.state_dir.join("state.json")).unwrap();
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Asks the monitor, and returns once it has answered.
fn ask(connection: &mut Connection, pause: bool) {
    if pause { connection.pause() } else { connection.resume() }.unwrap();
    loop {
        if let Received::Message(FromMonitor::Frozen | FromMonitor::Thawed) =
            connection.receive().unwrap()
        {
            return;
        }
    }
}

fn one_file_tells_of_one_that_runs() {
    let bed = Bed::new("sleep 1000");
    let mut connection = bed.start();
    let is = |paused| {
        let life = bed.life();
        let Life::Running { monitored: true, paused: found, .. } = life else { panic!("{life:?}") };
        assert_eq!(found, paused);
    };
    assert!(is_claimed(&bed));
    is(false);
    ask(&mut connection, true);
    let (claimed, life) = (is_claimed(&bed), bed.life());
    // Before anything can fail: what stands still cannot be ended.
    ask(&mut connection, false);
    assert!(!claimed);
    assert!(matches!(life, Life::Running { monitored: true, paused: true, .. }), "{life:?}");
    assert!(is_claimed(&bed));
    is(false);
    // Where nothing is claimed, as by an earlier release, the other files tell: whoever looks may keep the lock.
    ask(&mut connection, true);
    let looker = File::open(bed.handoff.state_dir.join("state.json")).unwrap();
    let looks = looker.try_lock_shared();
    ask(&mut connection, false);
    looks.unwrap();
    assert!(!is_claimed(&bed));
    is(false);
    connection.signal(9).unwrap();
    assert_eq!(hear(&mut connection).code, Some(137));
    assert!(matches!(bed.life(), Life::Exited(exit) if exit.code == 137));
}

fn a_claim_ends_with_whoever_made_it() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let (container, monitor) = bed.pids();
    assert!(is_claimed(&bed));
    kill(monitor);
    bed.wait_until(|life| matches!(life, Life::Running { monitored: false, paused: false, .. }));
    assert!(!is_claimed(&bed));
    waitpid(Pid::from_raw(monitor), WaitOptions::empty()).unwrap();
    kill(container);
    bed.wait_until(|life| matches!(life, Life::Lost { .. }));
    let mut again = bed.start();
    assert!(is_claimed(&bed));
    again.signal(9).unwrap();
    assert_eq!(hear(&mut again).code, Some(137));
    // An end is told when nobody claims the run any more.
    let ended = Bed::new("exit 3");
    assert_eq!(hear(&mut ended.start()).code, Some(3));
    assert!(!is_claimed(&ended));
    assert!(matches!(ended.life(), Life::Exited(exit) if exit.code == 3));
    bed.wait_for_groups();
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
