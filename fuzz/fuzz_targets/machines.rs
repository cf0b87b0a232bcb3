//! Machines to plan for, as data: control groups of both versions, with every controller, and systemd.

use libcontainer::Context;
use libcontainer::cgroup::{
    Bus, Choices, Controller, Existing, Hierarchy, Layout, LayoutKind, Manager, Systemd,
};

const ALL: [Controller; 15] = [
    Controller::Cpu,
    Controller::Cpuacct,
    Controller::Cpuset,
    Controller::Memory,
    Controller::Devices,
    Controller::Freezer,
    Controller::Blkio,
    Controller::Pids,
    Controller::Hugetlb,
    Controller::Rdma,
    Controller::NetCls,
    Controller::NetPrio,
    Controller::PerfEvent,
    Controller::Misc,
    Controller::Dmem,
];

/// v1 hierarchies, and the v2 tree without controllers.
pub fn hybrid() -> Layout {
    let v1 = Hierarchy {
        mount: "/sys/fs/cgroup/all".into(),
        unified: false,
        controllers: ALL.to_vec(),
        own: String::new(),
    };
    let unified = Hierarchy { unified: true, controllers: Vec::new(), ..v1.clone() };
    Layout { kind: LayoutKind::Hybrid, hierarchies: vec![v1, unified] }
}

/// The v2 tree alone.
pub fn unified() -> Layout {
    let tree = Hierarchy {
        mount: "/sys/fs/cgroup".into(),
        unified: true,
        controllers: ALL.to_vec(),
        own: "user.slice/session".to_owned(),
    };
    Layout { kind: LayoutKind::Unified, hierarchies: vec![tree] }
}

pub fn systemd() -> Manager {
    Manager::Systemd(Systemd {
        bus: Bus::system(),
        version: 257,
        control_group: String::new(),
        user: false,
    })
}

#[allow(dead_code, reason = "not every target plans a container")]
pub fn contexts() -> [Context; 3] {
    let direct = |layout| Context::new("web", "/bundle", layout);
    let cgroups = Choices { manager: systemd(), existing: Existing::Join, unprivileged: false, gives_v1: false };
    [direct(hybrid()), direct(unified()), Context { cgroups, ..direct(unified()) }]
}
