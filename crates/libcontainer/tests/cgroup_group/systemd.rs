//! Groups that systemd makes. Where it does not run, these tests say so and are done.

use std::collections::BTreeMap;
use std::process::{Child, Command};

use libcontainer::cgroup::{
    Bus, Cgroup, CgroupError, CgroupPlan, Controller, Existing, Layout, Manager, Request, Systemd,
    WhenMissing, plan, plan_update,
};
use spec::runtime::{Cpu, Memory, Pids, Resources};

use crate::ground::{PATIENCE, inside, place, read};

/// A manager that answers, if systemd runs this machine: sd_booted(3).
fn manager() -> Option<Manager> {
    if !std::path::Path::new("/run/systemd/system").is_dir() {
        eprintln!("skipped: systemd does not run this machine");
        return None;
    }
    Some(Manager::Systemd(Systemd::detect(Bus::system(), false).unwrap()))
}

fn plan_of(manager: &Manager, name: &str, resources: &Resources) -> CgroupPlan {
    annotated(manager, name, resources, &BTreeMap::new())
}

fn annotated(
    manager: &Manager,
    name: &str,
    resources: &Resources,
    annotations: &BTreeMap<String, String>,
) -> CgroupPlan {
    let layout = Layout::detect().unwrap();
    let path = format!("corten-test.slice:corten:{name}-{}", std::process::id());
    let (existing, annotations) = (Existing::Join, Some(annotations));
    let request = Request { manager, existing, annotations, ..Request::new(&path, &layout) };
    plan(resources, &request).unwrap()
}

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

fn around(plan: &CgroupPlan, child: &Child) -> Result<Cgroup, CgroupError> {
    Cgroup::create_around(plan, i32::try_from(child.id()).unwrap())
}

fn property(plan: &CgroupPlan, name: &str) -> String {
    let unit = &plan.unit.as_ref().unwrap().name;
    let mut show = Command::new("systemctl");
    let shown = show.args(["show", "--property", name, "--value", unit]).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_unit_lives_as_long_as_its_container() {
    let Some(manager) = manager() else { return };
    let memory = Memory { limit: Some(64 << 20), reservation: Some(32 << 20), ..Memory::default() };
    let cpu = Cpu {
        shares: Some(200),
        quota: Some(50_000),
        period: Some(100_000),
        cpus: Some("0".to_owned()),
        ..Cpu::default()
    };
    let resources = Resources {
        memory: Some(memory),
        cpu: Some(cpu),
        pids: Some(Pids { limit: Some(20) }),
        ..Resources::default()
    };
    let plan = plan_of(&manager, "life", &resources);
    let v2 = plan.places[0].unified;
    let mut child = sleeper();
    let mut group = around(&plan, &child).unwrap();
    assert_eq!(group.processes().unwrap(), [i32::try_from(child.id()).unwrap()]);
    let limit = if v2 { "MemoryMax" } else { "MemoryLimit" };
    assert_eq!(property(&plan, limit), (64 << 20).to_string());
    assert_eq!(property(&plan, "TasksMax"), "20");
    assert_eq!(property(&plan, "CPUQuotaPerSecUSec"), "500ms");
    assert_eq!(property(&plan, "Delegate"), "yes");
    assert_eq!(property(&plan, "DevicePolicy"), "strict");
    assert_eq!(property(&plan, "NeedDaemonReload"), "no");
    assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), "20");

    let present = group.present_limits().unwrap();
    assert_eq!((present.cpu_quota_us, present.cpu_period_us), (Some(50_000), Some(100_000)));
    let cpu = Some(Cpu { period: Some(200_000), ..Cpu::default() });
    let pids = Some(Pids { limit: Some(-1) });
    let change = Resources { cpu, pids, ..Resources::default() };
    let update = plan_update(&change, &plan, present, WhenMissing::Refuse).unwrap();
    group.update(&update).unwrap();
    assert_eq!(property(&plan, "TasksMax"), "infinity");
    assert_eq!(property(&plan, "CPUQuotaPerSecUSec"), "250ms");
    assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), "max");
    let quota = place(&plan, Controller::Cpu);
    match v2 {
        true => assert_eq!(read(quota, "cpu.max"), "50000 200000"),
        false => assert_eq!(read(quota, "cpu.cfs_quota_us"), "50000"),
    }
    // What systemd does by itself changes nothing.
    assert!(Command::new("systemctl").arg("daemon-reload").status().unwrap().success());
    assert_eq!(read(place(&plan, Controller::Pids), "pids.max"), "max");

    let opened = Cgroup::reopen(&plan).unwrap();
    opened.freeze(PATIENCE).unwrap();
    opened.thaw().unwrap();
    opened.kill().unwrap();
    child.wait().unwrap();
    opened.remove(PATIENCE).unwrap();
    assert_eq!(property(&plan, "LoadState"), "not-found");
    for place in &plan.places {
        assert!(!place.path().exists(), "{}", place.path().display());
    }
}

#[test]
fn a_unit_with_processes_is_nobody_elses() {
    let Some(manager) = manager() else { return };
    let plan = plan_of(&manager, "taken", &Resources::default());
    let (mut first, mut second) = (sleeper(), sleeper());
    let group = around(&plan, &first).unwrap();
    let error = around(&plan, &second).unwrap_err();
    assert!(error.to_string().contains("container's cgroup is not empty"), "{error}");
    group.kill().unwrap();
    first.wait().unwrap();
    group.remove(PATIENCE).unwrap();
    second.kill().unwrap();
    second.wait().unwrap();
}

#[test]
fn a_unit_that_failed_is_forgotten() {
    let Some(manager) = manager() else { return };
    let annotations = [("org.systemd.property.RuntimeMaxSec".to_owned(), "1".to_owned())].into();
    let plan = annotated(&manager, "failed", &Resources::default(), &annotations);
    let mut child = sleeper();
    around(&plan, &child).unwrap();
    child.wait().unwrap();
    crate::ground::until("it has failed", || property(&plan, "ActiveState") == "failed");
    // Another container of the name may start …
    let mut child = sleeper();
    around(&plan, &child).unwrap();
    child.wait().unwrap();
    crate::ground::until("it has failed", || property(&plan, "ActiveState") == "failed");
    // … and deleting it leaves nothing, though its groups are gone.
    Cgroup::forget(&plan).unwrap();
    assert_eq!(property(&plan, "LoadState"), "not-found");
}

#[test]
fn a_refused_limit_leaves_no_unit() {
    let Some(manager) = manager() else { return };
    let cpu = Cpu { cpus: Some("4000".to_owned()), ..Cpu::default() };
    let plan = plan_of(&manager, "refused", &Resources { cpu: Some(cpu), ..Resources::default() });
    let mut child = sleeper();
    around(&plan, &child).unwrap_err();
    child.kill().unwrap();
    child.wait().unwrap();
    crate::ground::until("the unit is gone", || property(&plan, "LoadState") == "not-found");
    assert!(plan.places.iter().all(|place| inside(&place.path()).is_empty()));
}
