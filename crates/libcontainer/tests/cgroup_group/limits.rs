//! Limits: what the files say, and what happens at them.

use libcontainer::cgroup::{
    Cgroup, CgroupError, CgroupPlan, Controller, OomEvents, OomNews, WhenMissing, plan_update,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
        pids: Some(Pids { limit: Some(50) }),
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
    let mut events = group.oom_events().unwrap();
    let child = shell(&group, "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
    assert_eq!(wait(&child).terminating_signal(), Some(9));
    let OomNews { killed, ended } = told(&mut events);
    assert!(killed);
    assert!(group.oom_killed().unwrap());
    assert!(group.stats().unwrap().memory.unwrap().oom_kills >= 1);
    group.remove(PATIENCE).unwrap();
    // v2 tells of the last process, v1 of the group's removal.
    assert!(ended || told(&mut events).ended);
}

/// Waits for the descriptor, then reads.
fn told(events: &mut OomEvents) -> OomNews {
    let timeout = Timespec::try_from(PATIENCE).unwrap();
    let mut waiting = [PollFd::new(events, PollFlags::IN)];
    assert_eq!(poll(&mut waiting, Some(&timeout)).unwrap(), 1, "news come in time");
    events.read().unwrap()
}

#[test]
fn figures_are_the_kernels() {
    let ground = Ground::new();
    let (group, _) = ground.create(&memory_limit(64 << 20));
    let child = shell(&group, "x=aaaaaaaaaaaaaaaa; while [ ${#x} -lt 1000000 ]; do x=$x$x; done");
    wait(&child);
    let stats = group.stats().unwrap();
    let memory = stats.memory.unwrap();
    assert!(memory.raw.len() > 10 && memory.raw.contains_key("pgfault"), "{memory:?}");
    let cpu = stats.cpu.unwrap();
    // Not that the user's part is within the whole: version 1 counts it in ticks, which may round it above.
    assert!(cpu.total_ns > 0, "{cpu:?}");
    if !ground.is_v2() {
        assert_eq!(cpu.per_cpu_ns.len(), cpu.per_cpu_user_ns.len());
        assert!(cpu.per_cpu_ns.iter().sum::<u64>() >= cpu.total_ns, "{cpu:?}");
        assert_eq!(memory.with_swap.unwrap().limit_bytes, Some(64 << 20));
        assert!(!stats.cpuset["cpus"].is_empty());
    }
    group.remove(PATIENCE).unwrap();
}

#[test]
fn any_pids_limit_is_taken() {
    for (limit, text) in [(4_194_304, "4194304"), (4_194_305, "max"), (i64::MAX, "max")] {
        let ground = Ground::new();
        let (group, plan) = ground
            .create(&Resources { pids: Some(Pids { limit: Some(limit) }), ..Resources::default() });
        assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), text);
        group.remove(PATIENCE).unwrap();
    }
}

#[test]
fn the_pids_limit_refuses_a_fork() {
    let ground = Ground::new();
    let (group, _) =
        ground.create(&Resources { pids: Some(Pids { limit: Some(1) }), ..Resources::default() });
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

/// The group above is made on the way, and a v1 cpuset begins with no CPU: nothing below it could have one.
#[test]
fn a_list_of_cpus_is_set_below_a_group_that_had_none() {
    let ground = Ground::new();
    let cpu = Cpu { cpus: Some("0".to_owned()), mems: Some("0".to_owned()), ..Cpu::default() };
    let resources = Resources { cpu: Some(cpu), ..Resources::default() };
    let (group, _) = ground.create(&resources);
    assert_eq!(wait(&shell(&group, "exit 7")).exit_status(), Some(7));
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_refused_setting_leaves_nothing_behind() {
    let ground = Ground::new();
    let cpu = Cpu { cpus: Some("4000".to_owned()), ..Cpu::default() };
    let plan = ground.plan("group", &Resources { cpu: Some(cpu), ..Resources::default() });
    let error = Cgroup::create(&plan).unwrap_err();
    let there_are = error.to_string();
    let there_are = there_are.strip_prefix(r#"set cpuset.cpus to "4000": there are "#).unwrap();
    assert!(there_are.starts_with('0'), "{there_are}");
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
    for bytes in [256_i64 << 20, 16 << 20, 64 << 20] {
        // Up crosses the old memory + swap limit on v1, which the kernel refuses in the plan's order.
        change(&mut group, &plan, &memory_limit(bytes)).unwrap();
        assert_eq!(group.stats().unwrap().memory.unwrap().limit_bytes, u64::try_from(bytes).ok());
    }
    let bandwidth = |quota, period| {
        let cpu = Cpu { quota: Some(quota), period: Some(period), ..Cpu::default() };
        Resources { cpu: Some(cpu), ..Resources::default() }
    };
    change(&mut group, &plan, &bandwidth(20_000, 50_000)).unwrap();
    change(&mut group, &plan, &bandwidth(-1, 100_000)).unwrap();
    let place = place(&plan, Controller::Cpu);
    let quota =
        if ground.is_v2() { read(place, "cpu.max") } else { read(place, "cpu.cfs_quota_us") };
    assert_eq!(quota, if ground.is_v2() { "max 100000" } else { "-1" });
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_limit_below_the_use_is_refused_when_asked_for() {
    let ground = Ground::new();
    let (mut group, plan) = ground.create(&memory_limit(64 << 20));
    let child = shell(
        &group,
        "x=aaaaaaaaaaaaaaaa; while [ ${#x} -lt 8000000 ]; do x=$x$x; done; sleep 1000",
    );
    let used = || group.stats().unwrap().memory.unwrap().current_bytes;
    until("it has grown", || used() > 8 << 20);
    let mut resources = memory_limit(1 << 20);
    resources.memory.as_mut().unwrap().check_before_update = Some(true);
    // v1 cannot take anonymous memory away without swap: the kernel refuses by itself.
    let error = change(&mut group, &plan, &resources).unwrap_err();
    let expected = if ground.is_v2() { "BelowUse" } else { "Set" };
    assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    assert!(!group.oom_killed().unwrap());
    group.kill().unwrap();
    wait(&child);
    group.remove(PATIENCE).unwrap();
}

fn change(group: &mut Cgroup, plan: &CgroupPlan, resources: &Resources) -> Result<(), CgroupError> {
    let present = group.present_limits()?;
    let update = plan_update(resources, plan, present, WhenMissing::Warn).unwrap();
    group.update(&update)
}

#[test]
fn what_a_change_does_not_name_stays() {
    let ground = Ground::new();
    let cpu = Cpu { quota: Some(50_000), period: Some(100_000), ..Cpu::default() };
    let pids = Some(Pids { limit: Some(20) });
    let resources = Resources { cpu: Some(cpu), pids, ..memory_limit(32 << 20) };
    let (mut group, plan) = ground.create(&resources);
    let file = |v1: &str, v2: &str| {
        let controller = if v1.starts_with("cpu") { Controller::Cpu } else { Controller::Memory };
        read(place(&plan, controller), if ground.is_v2() { v2 } else { v1 })
    };
    let mut cpu = |cpu: Cpu| {
        change(&mut group, &plan, &Resources { cpu: Some(cpu), ..Resources::default() }).unwrap();
    };
    let bandwidth = || {
        let [quota, period] =
            ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map(|name| file(name, "cpu.max"));
        if ground.is_v2() { quota } else { format!("{quota} {period}") }
    };
    cpu(Cpu { period: Some(90_000), ..Cpu::default() });
    assert_eq!(bandwidth(), "50000 90000");
    cpu(Cpu { quota: Some(60_000), period: Some(0), ..Cpu::default() });
    assert_eq!(bandwidth(), "60000 90000");
    cpu(Cpu { quota: Some(-1), ..Cpu::default() });
    assert_eq!(bandwidth().replace("max", "-1"), "-1 90000");
    let limit = file("memory.limit_in_bytes", "memory.max");
    let memory = Memory { limit: Some(0), swap: Some(64 << 20), ..Memory::default() };
    change(&mut group, &plan, &Resources { memory: Some(memory), ..Resources::default() }).unwrap();
    assert_eq!(file("memory.limit_in_bytes", "memory.max"), limit);
    let swap = if ground.is_v2() { 32 << 20 } else { 64 << 20 };
    assert_eq!(file("memory.memsw.limit_in_bytes", "memory.swap.max"), swap.to_string());
    assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), "20");
    for (limit, text) in [(0, "1"), (-1, "max"), (7, "7")] {
        let pids = Some(Pids { limit: Some(limit) });
        change(&mut group, &plan, &Resources { pids, ..Resources::default() }).unwrap();
        assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), text);
    }
    group.remove(PATIENCE).unwrap();
}
