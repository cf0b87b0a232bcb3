//! Every translation, with what is expected beside it.

use spec::runtime::{
    BlockIo, Cpu, HugepageLimit, InterfacePriority, Memory, Network, Pids, Rdma, Resources,
    ThrottleDevice, WeightDevice,
};

use super::super::{Controller as C, Hierarchy, Layout, LayoutKind};
use super::*;

pub(super) const ALL: [C; 13] = [
    C::Cpu,
    C::Cpuacct,
    C::Cpuset,
    C::Memory,
    C::Devices,
    C::Freezer,
    C::Blkio,
    C::Pids,
    C::Hugetlb,
    C::Rdma,
    C::NetCls,
    C::NetPrio,
    C::PerfEvent,
];

fn hierarchy(mount: &str, unified: bool, controllers: &[C]) -> Hierarchy {
    Hierarchy {
        mount: mount.into(),
        unified,
        controllers: controllers.to_vec(),
        own: "me".to_owned(),
    }
}

pub(super) fn v1(controllers: &[C]) -> Layout {
    Layout { kind: LayoutKind::Legacy, hierarchies: vec![hierarchy("/cg/all", false, controllers)] }
}

pub(super) fn v2(controllers: &[C]) -> Layout {
    Layout { kind: LayoutKind::Unified, hierarchies: vec![hierarchy("/cg", true, controllers)] }
}

fn request(layout: &Layout, when_missing: WhenMissing) -> Request<'_> {
    Request { when_missing, ..Request::new("/corten/x", layout) }
}

fn show(resources: &Resources, layout: &Layout) -> Result<Vec<String>, String> {
    update(resources, layout, WhenMissing::Refuse)
        .map(|plan| plan.settings.iter().map(ToString::to_string).collect())
        .map_err(|error| error.to_string())
}

/// A plan without devices.
fn update(
    resources: &Resources,
    layout: &Layout,
    when_missing: WhenMissing,
) -> Result<CgroupPlan, PlanError> {
    let everything =
        spec::runtime::DeviceRule { allow: true, ..spec::runtime::DeviceRule::default() };
    let resources = Resources { devices: vec![everything], ..resources.clone() };
    let request = Request { default_devices: false, ..request(layout, when_missing) };
    plan(&resources, &request)
}

/// What `resources` become on v1 and on v2.
fn both(resources: &Resources) -> [Result<Vec<String>, String>; 2] {
    [show(resources, &v1(&ALL)), show(resources, &v2(&ALL))]
}

fn lines(lines: &[&str]) -> Result<Vec<String>, String> {
    Ok(lines.iter().map(|line| (*line).to_owned()).collect())
}

pub(super) fn memory(memory: Memory) -> Resources {
    Resources { memory: Some(memory), ..Resources::default() }
}

pub(super) fn limits(limit: i64, swap: i64) -> Resources {
    memory(Memory { limit: Some(limit), swap: Some(swap), ..Memory::default() })
}

pub(super) fn cpu(cpu: Cpu) -> Resources {
    Resources { cpu: Some(cpu), ..Resources::default() }
}

fn block(block: BlockIo) -> Resources {
    Resources { block_io: Some(block), ..Resources::default() }
}

#[test]
fn memory_and_swap() {
    let table: [(i64, i64, &[&str], &[&str]); 6] = [
        (100, 0, &["memory.limit_in_bytes = 100"], &["memory.max = 100"]),
        (
            100,
            300,
            &["memory.limit_in_bytes = 100", "memory.memsw.limit_in_bytes = 300"],
            &["memory.swap.max = 200", "memory.max = 100"],
        ),
        (
            100,
            100,
            &["memory.limit_in_bytes = 100", "memory.memsw.limit_in_bytes = 100"],
            &["memory.swap.max = 0", "memory.max = 100"],
        ),
        (
            100,
            -1,
            &["memory.limit_in_bytes = 100", "memory.memsw.limit_in_bytes = -1"],
            &["memory.swap.max = max", "memory.max = 100"],
        ),
        (
            -1,
            0,
            &["memory.limit_in_bytes = -1", "memory.memsw.limit_in_bytes = -1"],
            &["memory.swap.max = max", "memory.max = max"],
        ),
        (
            -1,
            300,
            &["memory.limit_in_bytes = -1", "memory.memsw.limit_in_bytes = 300"],
            &["memory.swap.max = 300", "memory.max = max"],
        ),
    ];
    for (limit, swap, first, second) in table {
        assert_eq!(both(&limits(limit, swap)), [lines(first), lines(second)], "{limit} {swap}");
    }
    let refused = |resources| both(&resources).map(Result::unwrap_err);
    let less = r#"set memory.swap to "99": it counts memory and swap, so it cannot be less than memory.limit"#;
    assert_eq!(refused(limits(100, 99)), [less; 2]);
    let alone = r#"set memory.swap to "5": there is no memory.limit to count it from"#;
    assert_eq!(refused(limits(0, 5)), [alone; 2]);
    assert_eq!(refused(limits(-2, 0)), [r#"set memory.limit to "-2": less than -1"#; 2]);
}

#[test]
fn other_memory_settings() {
    let all = Memory {
        reservation: Some(50),
        swappiness: Some(60),
        disable_oom_killer: Some(true),
        kernel: Some(1),
        kernel_tcp: Some(7),
        ..Memory::default()
    };
    assert_eq!(
        show(&memory(all.clone()), &v1(&ALL)),
        lines(&[
            "memory.soft_limit_in_bytes = 50",
            "memory.swappiness = 60",
            "memory.oom_control = 1",
            "memory.kmem.tcp.limit_in_bytes = 7"
        ])
    );
    let refused = "set memory.swappiness: control groups of this version have no such setting";
    assert_eq!(show(&memory(all.clone()), &v2(&ALL)), Err(refused.to_owned()));
    let layout = v2(&ALL);
    let lenient = update(&memory(all), &layout, WhenMissing::Warn).unwrap();
    assert_eq!(
        lenient.settings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["memory.low = 50"]
    );
    let warned: Vec<_> = lenient.warnings.iter().map(|warning| warning.setting.as_str()).collect();
    assert_eq!(
        warned,
        ["memory.swappiness", "memory.disableOOMKiller", "memory.kernel", "memory.kernelTCP"]
    );
    let too_much = Memory { swappiness: Some(101), ..Memory::default() };
    assert!(show(&memory(too_much), &v1(&ALL)).unwrap_err().contains("between 0 and 100"));
    // Explicit defaults, as generated configurations have them, ask for nothing.
    let harmless =
        Memory { disable_oom_killer: Some(false), kernel: Some(-1), ..Memory::default() };
    assert_eq!(both(&memory(harmless)), [lines(&[]), lines(&[])]);
}

#[test]
fn cpu_time() {
    let table: [(Cpu, &[&str], &[&str]); 7] = [
        (
            Cpu { shares: Some(1024), ..Cpu::default() },
            &["cpu.shares = 1024"],
            &["cpu.weight = 100"],
        ),
        (Cpu { shares: Some(0), quota: Some(0), period: Some(0), ..Cpu::default() }, &[], &[]),
        (
            Cpu { quota: Some(50_000), ..Cpu::default() },
            &["cpu.cfs_quota_us = 50000"],
            &["cpu.max = 50000"],
        ),
        (
            Cpu { quota: Some(50_000), period: Some(20_000), burst: Some(10), ..Cpu::default() },
            &["cpu.cfs_period_us = 20000", "cpu.cfs_quota_us = 50000", "cpu.cfs_burst_us = 10"],
            &["cpu.max = 50000 20000", "cpu.max.burst = 10"],
        ),
        (
            Cpu { quota: Some(-1), period: Some(20_000), ..Cpu::default() },
            &["cpu.cfs_period_us = 20000", "cpu.cfs_quota_us = -1"],
            &["cpu.max = max 20000"],
        ),
        (
            Cpu { shares: Some(2), idle: Some(1), ..Cpu::default() },
            &["cpu.shares = 2", "cpu.idle = 1"],
            &["cpu.weight = 1", "cpu.idle = 1"],
        ),
        (
            Cpu { cpus: Some("0-3,7".to_owned()), mems: Some("0".to_owned()), ..Cpu::default() },
            &["cpuset.cpus = 0-3,7", "cpuset.mems = 0"],
            &["cpuset.cpus = 0-3,7", "cpuset.mems = 0"],
        ),
    ];
    for (settings, first, second) in table {
        assert_eq!(both(&cpu(settings)), [lines(first), lines(second)]);
    }
    let realtime =
        Cpu { realtime_period: Some(1_000_000), realtime_runtime: Some(5), ..Cpu::default() };
    let [first, second] = both(&cpu(realtime));
    assert_eq!(first, lines(&["cpu.rt_period_us = 1000000", "cpu.rt_runtime_us = 5"]));
    assert!(second.unwrap_err().starts_with("set cpu.realtimePeriod"));
    for odd in ["0-", "3-1", "a", "0,,1", "1\n2", " 0", "+1", "0-3:1/2"] {
        let [first, second] = both(&cpu(Cpu { cpus: Some(odd.to_owned()), ..Cpu::default() }));
        assert!(first.unwrap_err().ends_with("it is no list like 0-3,7"), "{odd}");
        assert!(second.is_err(), "{odd}");
    }
}

#[test]
fn pids() {
    for (limit, text) in [
        (5, "pids.max = 5"),
        (0, "pids.max = 1"),
        (-1, "pids.max = max"),
        (4_194_304, "pids.max = 4194304"),
        (4_194_305, "pids.max = max"),
        (i64::MAX, "pids.max = max"),
    ] {
        let resources =
            Resources { pids: Some(Pids { limit: Some(limit) }), ..Resources::default() };
        assert_eq!(both(&resources), [lines(&[text]), lines(&[text])]);
    }
}

#[test]
fn block_devices() {
    let weight = WeightDevice { major: 8, minor: 0, weight: Some(1000), leaf_weight: None };
    let weights = BlockIo { weight: Some(10), weight_device: vec![weight], ..BlockIo::default() };
    assert_eq!(
        both(&block(weights)),
        [
            lines(&[
                "blkio.bfq.weight = 10 (or blkio.weight = 10)",
                "blkio.bfq.weight_device = 8:0 1000 (or blkio.weight_device = 8:0 1000)"
            ]),
            lines(&[
                "io.bfq.weight = default 10 (or io.weight = default 1)",
                "io.bfq.weight = 8:0 1000 (or io.weight = 8:0 10000)"
            ])
        ]
    );
    let throttle = |rate| vec![ThrottleDevice { major: 8, minor: 16, rate }];
    let throttles = BlockIo {
        throttle_read_bps_device: throttle(1),
        throttle_write_bps_device: throttle(2),
        throttle_read_iops_device: throttle(3),
        throttle_write_iops_device: throttle(0),
        ..BlockIo::default()
    };
    assert_eq!(
        both(&block(throttles)),
        [
            lines(&[
                "blkio.throttle.read_bps_device = 8:16 1",
                "blkio.throttle.write_bps_device = 8:16 2",
                "blkio.throttle.read_iops_device = 8:16 3",
                "blkio.throttle.write_iops_device = 8:16 0"
            ]),
            lines(&[
                "io.max = 8:16 rbps=1",
                "io.max = 8:16 wbps=2",
                "io.max = 8:16 riops=3",
                "io.max = 8:16 wiops=max"
            ])
        ]
    );
    let [first, second] = both(&block(BlockIo { leaf_weight: Some(100), ..BlockIo::default() }));
    assert_eq!(first, lines(&["blkio.leaf_weight = 100"]));
    assert!(second.unwrap_err().starts_with("set blockIO.leafWeight"));
    for weight in [1, 9, 1001] {
        let refused = both(&block(BlockIo { weight: Some(weight), ..BlockIo::default() }));
        assert!(
            refused.iter().all(|side| side.as_ref().unwrap_err().ends_with("between 10 and 1000"))
        );
    }
}

#[test]
fn hugepages_rdma_and_network() {
    let huge = HugepageLimit { page_size: "2MB".to_owned(), limit: 42 };
    assert_eq!(
        both(&Resources { hugepage_limits: vec![huge], ..Resources::default() }),
        [
            lines(&["hugetlb.2MB.limit_in_bytes = 42", "hugetlb.2MB.rsvd.limit_in_bytes = 42"]),
            lines(&["hugetlb.2MB.max = 42", "hugetlb.2MB.rsvd.max = 42"])
        ]
    );
    for odd in ["2mb", "MB", "0MB", "2MB/../x", "2 MB", ""] {
        let huge = HugepageLimit { page_size: odd.to_owned(), limit: 42 };
        assert!(
            both(&Resources { hugepage_limits: vec![huge], ..Resources::default() })
                .iter()
                .all(Result::is_err),
            "{odd}"
        );
    }
    let rdma = [("mlx5_1".to_owned(), Rdma { hca_handles: Some(3), hca_objects: None })].into();
    let text = "rdma.max = mlx5_1 hca_handle=3 hca_object=max";
    assert_eq!(both(&Resources { rdma, ..Resources::default() }), [lines(&[text]), lines(&[text])]);
    let priorities = vec![InterfacePriority { name: "eth0".to_owned(), priority: 5 }];
    let network = Some(Network { class_id: Some(1_048_577), priorities });
    let [first, second] = both(&Resources { network, ..Resources::default() });
    assert_eq!(first, lines(&["net_cls.classid = 1048577", "net_prio.ifpriomap = eth0 5"]));
    assert!(second.unwrap_err().starts_with("set network.classID"));
}

#[test]
fn files_by_name() {
    let named = |file: &str, value: &str| Resources {
        unified: [(file.to_owned(), value.to_owned())].into(),
        memory: Some(Memory { limit: Some(9), ..Memory::default() }),
        ..Resources::default()
    };
    assert_eq!(
        show(&named("io.max", "8:0 rbps=1\n8:1 rbps=2\n"), &v2(&ALL)),
        lines(&["memory.max = 9", "io.max = 8:0 rbps=1", "io.max = 8:1 rbps=2"]),
        "after the others, a write per line"
    );
    assert_eq!(
        show(&named("cgroup.max.depth", "3"), &v2(&ALL)),
        lines(&["memory.max = 9", "cgroup.max.depth = 3"])
    );
    for odd in ["memory", ".high", "../memory.max", "a/memory.max", "blkio.weight", "nothing.max"] {
        assert!(show(&named(odd, "1"), &v2(&ALL)).is_err(), "{odd}");
    }
    let refused =
        r#"set unified to "memory.high=1": invalid configuration: only v2 has such files"#;
    assert_eq!(show(&named("memory.high", "1"), &v1(&ALL)), Err(refused.to_owned()));
}

#[test]
fn a_missing_controller_is_named_or_warned_of() {
    let resources = Resources { pids: Some(Pids { limit: Some(5) }), ..limits(100, 200) };
    for layout in [v1(&[C::Devices]), v2(&[])] {
        let error = show(&resources, &layout).unwrap_err();
        let (first, second) = ("set memory.limit: ", "set memory.swap: ");
        let rest = "the memory controller is not available";
        assert!(error == format!("{first}{rest}") || error == format!("{second}{rest}"), "{error}");
        let lenient = update(&resources, &layout, WhenMissing::Warn).unwrap();
        assert_eq!(lenient.settings, []);
        let mut warned: Vec<_> = lenient.warnings.iter().map(ToString::to_string).collect();
        warned.sort();
        assert_eq!(
            warned,
            [
                "memory.limit discarded: the memory controller is not available",
                "memory.swap discarded: the memory controller is not available",
                "pids.limit discarded: the pids controller is not available"
            ]
        );
    }
}

#[test]
fn what_a_kernel_has_no_file_for_is_told_if_somebody_wanted_it() {
    let told = |resources: &Resources| {
        let layout = v1(&ALL);
        let plan = update(resources, &layout, WhenMissing::Warn).unwrap();
        assert!(plan.settings.iter().all(|setting| setting.optional));
        plan.told(&plan.settings)
    };
    let missing = |what, file| format!("{what} discarded: this kernel has no {file}");
    let memory = missing("memory.limit", "memory.limit_in_bytes");
    let swap = missing("memory.swap", "memory.memsw.limit_in_bytes");
    assert_eq!(told(&limits(100, 200)), [memory.clone(), swap]);
    // Without swap accounting nothing limits swap: that is what was wanted.
    assert_eq!(told(&limits(100, -1)), [memory]);
}

#[test]
fn devices_are_never_only_warned_of() {
    let layout = v1(&[C::Memory]);
    let error = plan(&Resources::default(), &request(&layout, WhenMissing::Warn)).unwrap_err();
    assert_eq!(error.to_string(), "set devices: the devices controller is not available");
    let mut hybrid = v1(&[C::Memory]);
    hybrid.hierarchies.push(hierarchy("/cg/unified", true, &[]));
    let plan_ = plan(&Resources::default(), &request(&hybrid, WhenMissing::Refuse)).unwrap();
    assert!(plan_.devices.is_some(), "the tree's program takes over");
    let everything =
        spec::runtime::DeviceRule { allow: true, ..spec::runtime::DeviceRule::default() };
    let privileged = Resources { devices: vec![everything], ..Resources::default() };
    let plan_ = plan(&privileged, &request(&layout, WhenMissing::Refuse)).unwrap();
    assert_eq!((plan_.settings, plan_.devices), (vec![], None));
}

#[test]
fn the_default_plan_of_a_container() {
    let layout = Layout {
        kind: LayoutKind::Hybrid,
        hierarchies: vec![
            hierarchy("/cg/devices", false, &[C::Devices]),
            hierarchy("/cg/unified", true, &[]),
        ],
    };
    let whole = plan(&Resources::default(), &request(&layout, WhenMissing::Refuse)).unwrap();
    insta::assert_snapshot!(whole, @"
    make cgroup /cg/devices/corten/x
    make cgroup /cg/unified/corten/x
    set devices.deny = a
    set devices.allow = c *:* m
    set devices.allow = b *:* m
    set devices.allow = c 1:3 rwm
    set devices.allow = c 1:5 rwm
    set devices.allow = c 1:7 rwm
    set devices.allow = c 1:8 rwm
    set devices.allow = c 1:9 rwm
    set devices.allow = c 5:0 rwm
    set devices.allow = c 5:2 rwm
    set devices.allow = c 10:200 rwm
    set devices.allow = c 136:* rwm
    ");
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<CgroupPlan>(&text).unwrap(), whole);
    let layout = v2(&[C::Memory, C::Pids]);
    let whole = plan(&limits(100, 100), &request(&layout, WhenMissing::Refuse)).unwrap();
    insta::assert_snapshot!(whole, @"
    make cgroup /cg/corten/x
    set memory.swap.max = 0
    set memory.max = 100
    filter devices: deny all but c *:* m, b *:* m, c 1:3 rwm, c 1:5 rwm, c 1:7 rwm, c 1:8 rwm, c 1:9 rwm, c 5:0 rwm, c 5:2 rwm, c 10:200 rwm, c 136:* rwm
    ");
}

#[test]
fn where_the_group_is() {
    let layout = v2(&ALL);
    let at = |path| {
        plan(&Resources::default(), &Request::new(path, &layout)).map(|plan| plan.places[0].path())
    };
    assert_eq!(at("/corten/web").unwrap(), std::path::Path::new("/cg/corten/web"));
    assert_eq!(at("web").unwrap(), std::path::Path::new("/cg/web"));
    assert!(matches!(at("/a/../../b"), Err(PlanError::Path { .. })));
}
