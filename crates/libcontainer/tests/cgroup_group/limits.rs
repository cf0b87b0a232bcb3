//! Limits: what the files say, and what happens at them.

use libcontainer::cgroup::{Cgroup, Controller, Request, WhenMissing, plan_update};
use spec::runtime::{Cpu, Memory, Pids, Resources};

use crate::ground::{Ground, PATIENCE, memory_limit, place, read, shell, until, wait};

#[test]
fn limits_are_what_the_files_say() {
    let ground = Ground::new();
    let cpu = Cpu {
        shares: Some(512),
        quota: Some(50_000),
        period: Some(100_000),
        cpus: Some("0".to_owned()),
        ..Cpu::default()
    };
    let memory = Memory { limit: Some(64 << 20), reservation: Some(32 << 20), ..Memory::default() };
    let resources = Resources {
        cpu: Some(cpu),
        memory: Some(memory),
        pids: Some(Pids { limit: 50 }),
        ..Resources::default()
    };
    let (group, plan) = ground.create(&resources);
    let expected: &[(Controller, &str, &str)] = if ground.is_v2() {
        &[
            (Controller::Cpu, "cpu.weight", "59"),
            (Controller::Cpu, "cpu.max", "50000 100000"),
            (Controller::Cpuset, "cpuset.cpus", "0"),
            (Controller::Memory, "memory.max", "67108864"),
            (Controller::Memory, "memory.low", "33554432"),
            (Controller::Pids, "pids.max", "50"),
        ]
    } else {
        &[
            (Controller::Cpu, "cpu.shares", "512"),
            (Controller::Cpu, "cpu.cfs_quota_us", "50000"),
            (Controller::Cpu, "cpu.cfs_period_us", "100000"),
            (Controller::Cpuset, "cpuset.cpus", "0"),
            (Controller::Memory, "memory.limit_in_bytes", "67108864"),
            (Controller::Memory, "memory.soft_limit_in_bytes", "33554432"),
            (Controller::Pids, "pids.max", "50"),
        ]
    };
    for (controller, file, value) in expected {
        assert_eq!(read(place(&plan, *controller), file), *value, "{file}");
    }
    let stats = group.stats().unwrap();
    assert_eq!(stats.memory.unwrap().limit_bytes, Some(64 << 20));
    assert_eq!(stats.pids.unwrap().limit, Some(50));
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_memory_hog_is_killed_and_told() {
    let ground = Ground::new();
    let (group, _) = ground.create(&memory_limit(24 << 20));
    let child = shell(&group, "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
    assert_eq!(wait(&child).terminating_signal(), Some(9));
    assert!(group.oom_killed().unwrap());
    assert!(group.stats().unwrap().memory.unwrap().oom_kills >= 1);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn the_pids_limit_refuses_a_fork() {
    let ground = Ground::new();
    let (group, _) =
        ground.create(&Resources { pids: Some(Pids { limit: 1 }), ..Resources::default() });
    // dash says "Cannot fork" with status 2, bash retries and says 254.
    let child = shell(&group, "exec 2>/dev/null; (exit 0); exit 7");
    let status = wait(&child).exit_status();
    assert!(
        status.is_some_and(|code| code != 0 && code != 7 && code < 98 || code == 254),
        "{status:?}"
    );
    group.remove(PATIENCE).unwrap();
}

#[test]
fn devices_are_denied_by_default() {
    let ground = Ground::new();
    let directory = tempfile::tempdir().unwrap();
    let node = directory.path().join("kmsg");
    // 1:11 is /dev/kmsg: making it is allowed, opening it is not. 1:3 is null.
    let script = format!(
        "mknod {node} c 1 11 && true < /dev/null && echo x > /dev/null && true < {node} 2>/dev/null",
        node = node.display()
    );
    let (group, plan) = ground.create(&Resources::default());
    assert!(!plan.settings.is_empty() || plan.devices.is_some());
    let denied = wait(&shell(&group, &script)).exit_status();
    assert!(node.exists(), "mknod is allowed");
    assert!(denied.is_some_and(|code| code == 1 || code == 2), "{denied:?}");
    group.remove(PATIENCE).unwrap();

    let rule = spec::runtime::DeviceRule {
        allow: true,
        kind: Some("c".to_owned()),
        major: Some(1),
        minor: Some(11),
        access: Some("r".to_owned()),
    };
    let (group, _) = ground.create(&Resources { devices: vec![rule], ..Resources::default() });
    let node = node.display();
    assert_eq!(
        wait(&shell(&group, &format!("true < {node}"))).exit_status(),
        Some(0),
        "r is given"
    );
    let writing = wait(&shell(&group, &format!("true > {node} 2>/dev/null"))).exit_status();
    assert!(writing.is_some_and(|code| code == 1 || code == 2), "w is not: {writing:?}");
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_refused_setting_leaves_nothing_behind() {
    let ground = Ground::new();
    let cpu = Cpu { cpus: Some("4000".to_owned()), ..Cpu::default() };
    let plan = ground.plan("group", &Resources { cpu: Some(cpu), ..Resources::default() });
    let error = Cgroup::create(&plan).unwrap_err();
    assert_eq!(error.to_string(), r#"set cpuset.cpus to "4000""#);
    for hierarchy in &ground.layout.hierarchies {
        assert!(
            !hierarchy.mount.join(ground.parent.trim_start_matches('/')).exists(),
            "groups above are gone too"
        );
    }
}

#[test]
fn limits_change_in_both_directions() {
    let ground = Ground::new();
    let (mut group, plan) = ground.create(&memory_limit(32 << 20));
    let path = ground.path("group");
    let request =
        Request { when_missing: WhenMissing::Warn, ..Request::new(&path, &ground.layout) };
    for bytes in [256_i64 << 20, 16 << 20, 64 << 20] {
        // Up crosses the old memory + swap limit on v1, which the kernel refuses in the plan's order.
        group.update(&plan_update(&memory_limit(bytes), &request).unwrap()).unwrap();
        assert_eq!(group.stats().unwrap().memory.unwrap().limit_bytes, u64::try_from(bytes).ok());
    }
    let bandwidth = |quota, period| {
        let cpu = Cpu { quota: Some(quota), period: Some(period), ..Cpu::default() };
        plan_update(&Resources { cpu: Some(cpu), ..Resources::default() }, &request).unwrap()
    };
    group.update(&bandwidth(20_000, 50_000)).unwrap();
    group.update(&bandwidth(-1, 100_000)).unwrap();
    let place = place(&plan, Controller::Cpu);
    let quota =
        if ground.is_v2() { read(place, "cpu.max") } else { read(place, "cpu.cfs_quota_us") };
    assert_eq!(quota, if ground.is_v2() { "max 100000" } else { "-1" });
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_limit_below_the_use_is_refused_when_asked_for() {
    let ground = Ground::new();
    let (mut group, _) = ground.create(&memory_limit(64 << 20));
    let child = shell(
        &group,
        "x=aaaaaaaaaaaaaaaa; while [ ${#x} -lt 8000000 ]; do x=$x$x; done; sleep 1000",
    );
    let used = || group.stats().unwrap().memory.unwrap().current_bytes;
    until("it has grown", || used() > 8 << 20);
    let mut resources = memory_limit(1 << 20);
    resources.memory.as_mut().unwrap().check_before_update = Some(true);
    let path = ground.path("group");
    let update = plan_update(
        &resources,
        &Request { when_missing: WhenMissing::Warn, ..Request::new(&path, &ground.layout) },
    )
    .unwrap();
    // v1 cannot take anonymous memory away without swap: the kernel refuses by itself.
    let error = group.update(&update).unwrap_err();
    let expected = if ground.is_v2() { "BelowUse" } else { "Set" };
    assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    assert!(!group.oom_killed().unwrap());
    group.kill().unwrap();
    wait(&child);
    group.remove(PATIENCE).unwrap();
}
