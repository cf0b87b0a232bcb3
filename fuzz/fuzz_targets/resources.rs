//! Arbitrary limits: of a new group, and as `update --resources` changes one, on both versions of control groups, by hand and by
//! systemd. Every write is one line to one file of the group.
#![no_main]

use std::sync::LazyLock;

use libcontainer::cgroup::{
    CgroupPlan, Layout, Manager, PresentLimits, Request, WhenMissing, plan, plan_update,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use spec::runtime::Resources;

mod machines;
mod places;

static WHOLE: LazyLock<Value> = LazyLock::new(|| {
    let full: Value = serde_json::from_str(places::FULL).expect("it is JSON");
    let mut resources = full["linux"]["resources"].clone();
    let rate = json!([{ "major": 8, "minor": 0, "rate": 1000 }]);
    for list in ["throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"] {
        resources["blockIO"][list] = rate.clone();
    }
    resources["network"] = json!({ "classID": 1, "priorities": [{ "name": "lo", "priority": 3 }] });
    resources["rdma"] = json!({ "mlx5_1": { "hcaHandles": 3, "hcaObjects": 10000 } });
    resources["unified"] = json!({ "memory.high": "1048576", "io.max": "8:0 rbps=1" });
    resources
});

struct Machine {
    layout: Layout,
    manager: Manager,
    path: &'static str,
}

static MACHINES: LazyLock<[Machine; 4]> = LazyLock::new(|| {
    let machine = |layout, manager, path| Machine { layout, manager, path };
    [
        machine(machines::hybrid(), Manager::Direct, "/a/b"),
        machine(machines::unified(), Manager::Direct, "a/b"),
        machine(machines::hybrid(), machines::systemd(), "a.slice:b:c"),
        machine(machines::unified(), machines::systemd(), "a-b.slice:c:d"),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let text = places::document(bytes, &WHOLE);
    let Ok(resources) = Resources::from_json(&text) else { return };
    for machine in &*MACHINES {
        for when_missing in [WhenMissing::Refuse, WhenMissing::Warn] {
            let request = Request {
                manager: &machine.manager,
                when_missing,
                ..Request::new(machine.path, &machine.layout)
            };
            if let Ok(made) = plan(&resources, &request) {
                check(&made);
            }
            let made = plan(&Resources::default(), &request).expect("no limit at all");
            let some = PresentLimits {
                cpu_quota_us: Some(i64::MAX),
                cpu_period_us: Some(1),
                memory_bytes: Some(-1),
            };
            for present in [PresentLimits::default(), some] {
                if let Ok(changed) = plan_update(&resources, &made, present, when_missing) {
                    check(&changed);
                }
            }
        }
    }
});

fn check(plan: &CgroupPlan) {
    assert!(!plan.to_string().is_empty());
    for setting in &plan.settings {
        assert!(!setting.file.is_empty() && !setting.file.contains(['/', '\0']), "{setting}");
        assert!(!setting.file.contains(".."), "{setting}");
    }
    let written = serde_json::to_string(plan).expect("a plan can be written");
    assert!(serde_json::from_str::<CgroupPlan>(&written).expect("and read") == *plan, "{written}");
}
