//! Containers as units: names, places, properties.

use spec::runtime::{Cpu, Memory, Pids, Resources};

use super::super::super::{Bus, Layout, Manager, Request, Systemd, WhenMissing};
use super::super::tests::{ALL, cpu, limits, memory, v1, v2};
use super::super::{CgroupPlan, PresentLimits, plan, plan_update};

fn systemd(version: u32, user: bool) -> Manager {
    let control_group = if user { "user.slice/user@1.service" } else { "" };
    let control_group = control_group.to_owned();
    Manager::Systemd(Systemd { bus: Bus::system(), version, control_group, user })
}

fn unit(
    resources: &Resources,
    path: &str,
    layout: &Layout,
    manager: &Manager,
) -> Result<CgroupPlan, String> {
    let annotations = [
        ("org.systemd.property.TimeoutStopSec".to_owned(), "1.5".to_owned()),
        ("org.systemd.property.CollectMode".to_owned(), "'inactive'".to_owned()),
        ("other".to_owned(), "'".to_owned()),
    ];
    let annotations = annotations.into();
    let request = Request {
        manager,
        default_devices: false,
        annotations: Some(&annotations),
        ..Request::new(path, layout)
    };
    plan(resources, &request).map_err(|error| error.to_string())
}

#[test]
fn a_container_as_a_unit_of_systemd() {
    let cpu = Cpu {
        shares: Some(1024),
        quota: Some(500_000),
        period: Some(900_000),
        cpus: Some("0-3,9".to_owned()),
        ..Cpu::default()
    };
    let device = spec::runtime::DeviceRule {
        allow: true,
        kind: Some("c".to_owned()),
        major: Some(1),
        ..spec::runtime::DeviceRule::default()
    };
    let unified = [("memory.high".to_owned(), "7".to_owned())].into();
    let resources = Resources {
        cpu: Some(cpu),
        pids: Some(Pids { limit: Some(0) }),
        devices: vec![device],
        unified,
        ..limits(100, 300)
    };
    let whole = unit(&resources, "machine-pod.slice:libpod:x", &v2(&ALL), &systemd(257, false));
    insta::assert_snapshot!(whole.unwrap(), @"
    start systemd unit libpod-x.scope: Description = container x, Slice = machine-pod.slice, Delegate = true, MemoryAccounting = true, CPUAccounting = true, IOAccounting = true, TasksAccounting = true, DefaultDependencies = false, CollectMode = inactive, TimeoutStopUSec = 1500000, MemoryMax = 100, MemorySwapMax = 200, CPUWeight = 100, CPUQuotaPeriodUSec = 900000, CPUQuotaPerSecUSec = 560000, AllowedCPUs = 0f02, TasksMax = 1, MemoryHigh = 7, DevicePolicy = strict, DeviceAllow = [char-1 rwm]
    make cgroup /cg/machine.slice/machine-pod.slice/libpod-x.scope
    set devices.deny = a
    set devices.allow = c 1:* rwm
    set memory.swap.max = 200
    set memory.max = 100
    set cpu.weight = 100
    set cpu.max = 504000 900000
    set cpuset.cpus = 0-3,9
    set pids.max = 1
    set memory.high = 7
    ");
    let resources = Resources { unified: [].into(), ..resources };
    let old = unit(&resources, "x", &v1(&ALL), &systemd(219, false)).unwrap();
    insta::assert_snapshot!(old, @"
    start systemd unit runc-x.scope: Description = container x, Slice = system.slice, Delegate = true, MemoryAccounting = true, CPUAccounting = true, BlockIOAccounting = true, TasksAccounting = true, DefaultDependencies = false, CollectMode = inactive, TimeoutStopUSec = 1500000, MemoryLimit = 100, CPUShares = 1024, CPUQuotaPerSecUSec = 560000, TasksMax = 1, DevicePolicy = strict, DeviceAllow = [char-1 rwm]
    make cgroup /cg/all/system.slice/runc-x.scope
    set devices.deny = a
    set devices.allow = c 1:* rwm
    set memory.limit_in_bytes = 100
    set memory.memsw.limit_in_bytes = 300
    set cpu.shares = 1024
    set cpu.cfs_period_us = 900000
    set cpu.cfs_quota_us = 504000
    set cpuset.cpus = 0-3,9
    set pids.max = 1
    ");
}

#[test]
fn places_of_units() {
    let place = |path: &str, user| {
        unit(&Resources::default(), path, &v2(&ALL), &systemd(257, user))
            .map(|plan| plan.places[0].path().display().to_string())
    };
    let ok = |path: &str| Ok(path.to_owned());
    assert_eq!(place("x", false), ok("/cg/system.slice/runc-x.scope"));
    assert_eq!(place("x", true), ok("/cg/user.slice/user@1.service/user.slice/runc-x.scope"));
    assert_eq!(place("a-b-c.slice:p:n", false), ok("/cg/a.slice/a-b.slice/a-b-c.slice/p-n.scope"));
    assert_eq!(place("-.slice:p:n", false), ok("/cg/p-n.scope"));
    assert_eq!(place("a.slice::b.slice", false), ok("/cg/a.slice/b.slice"));
    assert_eq!(place("memory.slice:p:n", false), ok("/cg/_memory.slice/p-n.scope"));
    for odd in ["/a/b", "a:b", "a:b:c:d", "x.slice:p:../y", "a--b.slice:p:n", "a.scope:p:n", "../a"]
    {
        assert!(place(odd, false).is_err(), "{odd}");
    }
    let error = unit(&Resources::default(), "x", &v1(&ALL), &systemd(257, true)).unwrap_err();
    assert!(error.ends_with("an ordinary user's systemd has groups on v2 only"), "{error}");
}

#[test]
fn a_change_of_a_unit() {
    let made = unit(&Resources::default(), "x", &v2(&ALL), &systemd(257, false)).unwrap();
    let present = PresentLimits {
        cpu_quota_us: Some(500_000),
        cpu_period_us: Some(1_000_000),
        memory_bytes: Some(100),
    };
    let show = |resources: Resources| {
        plan_update(&resources, &made, present, WhenMissing::Refuse).unwrap().to_string()
    };
    let period = cpu(Cpu { period: Some(900_000), ..Cpu::default() });
    insta::assert_snapshot!(show(period), @"
    start systemd unit runc-x.scope: CPUQuotaPeriodUSec = 900000, CPUQuotaPerSecUSec = 560000
    make cgroup /cg/system.slice/runc-x.scope
    set cpu.max = 504000 900000
    ");
    let lifted = cpu(Cpu { quota: Some(-1), ..Cpu::default() });
    insta::assert_snapshot!(show(lifted), @"
    start systemd unit runc-x.scope: CPUQuotaPeriodUSec = 1000000, CPUQuotaPerSecUSec = infinity
    make cgroup /cg/system.slice/runc-x.scope
    set cpu.max = max 1000000
    ");
    insta::assert_snapshot!(show(memory(Memory { swap: Some(300), ..Memory::default() })), @"
    start systemd unit runc-x.scope: MemorySwapMax = 200
    make cgroup /cg/system.slice/runc-x.scope
    set memory.swap.max = 200
    ");
    let idle = cpu(Cpu { shares: Some(200), idle: Some(1), ..Cpu::default() });
    insta::assert_snapshot!(show(idle), @"
    start systemd unit runc-x.scope: CPUWeight = 0
    make cgroup /cg/system.slice/runc-x.scope
    set cpu.idle = 1
    warning: cpu.shares discarded: unable to apply both it and cpu.idle by systemd
    ");
    let files = [("cpu.idle", "1"), ("cpu.weight", "8")];
    let files = files.map(|(file, value)| (file.to_owned(), value.to_owned()));
    insta::assert_snapshot!(show(Resources { unified: files.into(), ..Resources::default() }), @"
    start systemd unit runc-x.scope: CPUWeight = 0
    make cgroup /cg/system.slice/runc-x.scope
    set cpu.idle = 1
    warning: cpu.weight discarded: unable to apply both it and cpu.idle by systemd
    ");
}

/// Found by fuzzing: the product of quota and period does not fit into 64 bits.
#[test]
fn a_quota_beyond_every_number_is_left_to_the_kernel() {
    for (quota, period, per_second, written) in [
        (i64::MAX, 1, "infinity", "9223372036854775807 1"),
        (i64::MAX, 100_000, "infinity", "9223372036854775807 100000"),
        (i64::MAX, u64::MAX, "500000", "9223372036854775807 18446744073709551615"),
        (1, 1_000_000, "10000", "10000 1000000"),
    ] {
        let limits = cpu(Cpu { quota: Some(quota), period: Some(period), ..Cpu::default() });
        let whole = unit(&limits, "x", &v2(&ALL), &systemd(257, false)).unwrap().to_string();
        assert!(whole.contains(&format!("CPUQuotaPerSecUSec = {per_second}, ")), "{whole}");
        assert!(whole.contains(&format!("set cpu.max = {written}\n")), "{whole}");
    }
}

#[test]
fn more_tasks_than_a_kernel_has_are_not_bounded() {
    let unit_of = |limit| {
        let resources =
            Resources { pids: Some(Pids { limit: Some(limit) }), ..Resources::default() };
        unit(&resources, "x", &v2(&ALL), &systemd(257, false)).unwrap().to_string()
    };
    assert!(unit_of(4_194_304).contains("TasksMax = 4194304,"), "{}", unit_of(4_194_304));
    assert_eq!(unit_of(4_194_305), unit_of(-1));
}
