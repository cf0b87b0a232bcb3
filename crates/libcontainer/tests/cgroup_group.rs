//! Groups on the real kernel, whatever version it has mounted: limits bite, groups freeze, die and leave nothing behind.
//!
//! Needs root and control groups; adapts to the layout that it finds (v1, hybrid or v2).
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one")]

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libcontainer::cgroup::{
    Cgroup, CgroupError, CgroupPath, CgroupPlan, Controller, Layout, LayoutKind, Place, Request,
    WhenMissing, plan, plan_update,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use spec::runtime::{Cpu, Memory, Pids, Resources};

const PATIENCE: Duration = Duration::from_secs(20);

/// A private group above the tested ones; removed with all that is left in it, which fails the test if anything is.
struct Ground {
    layout: Layout,
    parent: String,
}

impl Ground {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            layout: Layout::detect().unwrap(),
            parent: format!("/corten-test-{}-{number}", std::process::id()),
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.parent)
    }

    fn plan(&self, name: &str, resources: &Resources) -> CgroupPlan {
        let path = self.path(name);
        plan(
            resources,
            &Request { when_missing: WhenMissing::Warn, ..Request::new(&path, &self.layout) },
        )
        .unwrap()
    }

    fn create(&self, resources: &Resources) -> (Cgroup, CgroupPlan) {
        let plan = self.plan("group", resources);
        (Cgroup::create(&plan).unwrap(), plan)
    }

    fn is_v2(&self) -> bool {
        self.layout.kind == LayoutKind::Unified
    }

    fn has(&self, controller: Controller) -> bool {
        self.layout.carrier(controller).is_some()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let path: CgroupPath = self.parent.parse().unwrap();
        let Ok(parent) = Cgroup::open(&path, &self.layout) else { return };
        let left: Vec<PathBuf> = self
            .layout
            .hierarchies
            .iter()
            .flat_map(|hierarchy| inside(&hierarchy.mount.join(path.relative())))
            .collect();
        let done = parent.kill().and_then(|()| parent.remove(PATIENCE));
        if !std::thread::panicking() {
            done.unwrap();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

fn inside(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(group) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.path())
        .collect()
}

/// A shell in the group, entered as a container's first process does; returns once it runs.
fn shell(group: &Cgroup, script: &str) -> sys::Cloned {
    let args = [c"sh".to_owned(), c"-c".to_owned(), CString::new(script).unwrap()];
    let args = sys::CStringArray::new(args.to_vec());
    let environment = vec![c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
    let environment = sys::CStringArray::new(environment);
    let entry = group.entry().unwrap();
    let clone = sys::CloneArgs { into_cgroup: entry.into_cgroup(), ..sys::CloneArgs::default() };
    // Closed by execve.
    let (started, starting) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let child = sys::clone3(clone, || {
        if entry.enter().is_err() {
            sys::exit_now(99);
        }
        sys::execve(c"/bin/sh", &args, &environment);
        sys::exit_now(98);
    });
    drop(starting);
    rustix::io::read(&started, &mut [0_u8; 1]).unwrap();
    child.unwrap()
}

fn wait(child: &sys::Cloned) -> WaitStatus {
    let timeout = Timespec::try_from(PATIENCE).unwrap();
    assert_eq!(
        poll(&mut [PollFd::new(&child.pidfd, PollFlags::IN)], Some(&timeout)).unwrap(),
        1,
        "the process ends in time"
    );
    waitpid(Pid::from_raw(child.pid), WaitOptions::empty()).unwrap().unwrap().1
}

/// Waits for a state that no event announces.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        let moment = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        poll(&mut [], Some(&moment)).unwrap();
    }
}

fn read(place: &Place, file: &str) -> String {
    fs::read_to_string(place.path().join(file)).unwrap().trim().to_owned()
}

fn place(plan: &CgroupPlan, controller: Controller) -> &Place {
    plan.places.iter().find(|place| place.controllers.contains(&controller)).unwrap()
}

fn memory_limit(bytes: i64) -> Resources {
    let memory = Memory { limit: Some(bytes), swap: Some(bytes), ..Memory::default() };
    Resources { memory: Some(memory), ..Resources::default() }
}

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
fn the_first_process_is_in_every_hierarchy() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let child = shell(&group, "exec sleep 1000");
    let membership = fs::read_to_string(format!("/proc/{}/cgroup", child.pid)).unwrap();
    let inside = membership.lines().filter(|line| line.ends_with(&ground.path("group"))).count();
    // The row of the v2 tree is there on v1-only machines too, at its invisible root.
    assert_eq!(inside, plan.places.len(), "{membership}");
    assert_eq!(group.processes().unwrap(), [child.pid]);
    assert_eq!(group.stats().unwrap().pids.unwrap().current, 1);
    group.kill().unwrap();
    assert_eq!(wait(&child).terminating_signal(), Some(9));
    assert!(!group.oom_killed().unwrap());
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_process_that_exists_can_be_added() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    group.add_process(pid).unwrap();
    let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert_eq!(
        membership.matches(&ground.path("group")).count(),
        plan.places.len(),
        "{membership}"
    );
    group.kill().unwrap();
    child.wait().unwrap();
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
fn a_frozen_group_stands_still_and_can_be_killed() {
    let ground = Ground::new();
    let (group, _) = ground.create(&Resources::default());
    let child = shell(&group, "while :; do :; done");
    let used = || group.stats().unwrap().cpu.unwrap().total_ns;
    until("it runs", || used() > 5_000_000);
    group.freeze(PATIENCE).unwrap();
    assert!(group.is_frozen().unwrap());
    let frozen_at = used();
    let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    poll(&mut [], Some(&moment)).unwrap();
    assert!(used() - frozen_at < 5_000_000, "no time is used while frozen");
    group.thaw().unwrap();
    assert!(!group.is_frozen().unwrap());
    until("it goes on", || used() > frozen_at + 10_000_000);
    group.freeze(PATIENCE).unwrap();
    group.kill().unwrap();
    assert_eq!(wait(&child).terminating_signal(), Some(9));
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
fn kill_reaches_groups_inside_and_remove_takes_them_along() {
    let ground = Ground::new();
    let (group, plan) = ground.create(&Resources::default());
    let parent = shell(&group, "sleep 1000 & sleep 1000 & sleep 1000 & wait");
    until("all have started", || group.processes().unwrap().len() == 4);
    for place in &plan.places {
        fs::create_dir_all(place.path().join("inner/most")).unwrap();
    }
    let inner = format!("{}/inner/most", ground.path("group"));
    let inner = Cgroup::open(&inner.parse().unwrap(), &ground.layout).unwrap();
    let victim = *group.processes().unwrap().iter().find(|pid| **pid != parent.pid).unwrap();
    // A cpuset inside is empty until somebody fills it, unless the group above hands its own on.
    if let Some(place) = plan
        .places
        .iter()
        .find(|place| !place.unified && place.controllers.contains(&Controller::Cpuset))
    {
        for group in ["inner", "inner/most"] {
            for file in ["cpuset.cpus", "cpuset.mems"] {
                rustix_write(&place.path().join(group).join(file), &read(place, file));
            }
        }
    }
    inner.add_process(victim).unwrap();
    assert_eq!(inner.processes().unwrap(), [victim]);
    assert_eq!(group.processes().unwrap().len(), 4, "groups inside are listed too");
    assert!(matches!(Cgroup::create(&plan), Err(CgroupError::InUse { .. })));
    assert_eq!(group.processes().unwrap().len(), 4, "refusing to replace it changed nothing");
    group.kill().unwrap();
    // At once, while they are still dying.
    group.remove(PATIENCE).unwrap();
    assert_eq!(wait(&parent).terminating_signal(), Some(9));
    for place in &plan.places {
        assert!(!place.path().exists(), "{}", place.path().display());
    }
    group.remove(PATIENCE).unwrap();
}

fn rustix_write(path: &Path, text: &str) {
    use std::io::Write;
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn remove_does_not_wait_for_ever() {
    let ground = Ground::new();
    let (group, _) = ground.create(&Resources::default());
    let child = shell(&group, "sleep 1000");
    let error = group.remove(Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, CgroupError::Remove { .. }), "{error:?}");
    group.kill().unwrap();
    wait(&child);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn an_empty_group_left_by_a_crash_is_replaced() {
    let ground = Ground::new();
    let (old, plan) =
        ground.create(&Resources { pids: Some(Pids { limit: 5 }), ..Resources::default() });
    fs::create_dir(plan.places[0].path().join("inner")).unwrap();
    drop(old);
    let (group, plan) = ground.create(&Resources::default());
    assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), "max", "old limits are gone");
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

#[test]
fn a_missing_group_is_not_found() {
    let ground = Ground::new();
    let path: CgroupPath = ground.path("nobody").parse().unwrap();
    let error = Cgroup::open(&path, &ground.layout).unwrap_err();
    assert_eq!(error.to_string(), format!("open cgroup {path}: it does not exist"));
}

#[test]
fn an_escaping_path_is_refused() {
    let ground = Ground::new();
    for path in ["/../../etc", "/corten/../../x", "..", "/"] {
        let error = plan(&Resources::default(), &Request::new(path, &ground.layout)).unwrap_err();
        assert!(error.to_string().starts_with("cgroup path"), "{error}");
    }
}

#[test]
fn a_relative_path_is_below_the_own_group() {
    let ground = Ground::new();
    let plan = plan(&Resources::default(), &Request::new("inside/web", &ground.layout)).unwrap();
    for (place, hierarchy) in plan.places.iter().zip(&ground.layout.hierarchies) {
        assert_eq!(place.path(), hierarchy.mount.join(&hierarchy.own).join("inside/web"));
    }
}

#[test]
fn twenty_at_once_share_the_group_above() {
    let ground = Ground::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let ground = &ground;
            scope.spawn(move || {
                for round in 0..5 {
                    let plan =
                        ground.plan(&format!("group-{thread}-{round}"), &Resources::default());
                    let group = Cgroup::create(&plan).unwrap();
                    let child = shell(&group, "exit 3");
                    assert_eq!(wait(&child).exit_status(), Some(3));
                    group.remove(PATIENCE).unwrap();
                }
            });
        }
    });
    assert!(ground.has(Controller::Memory));
}
